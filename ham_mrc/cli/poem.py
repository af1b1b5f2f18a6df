"""`ham-mrc poem ...`: the commands of the second experiment, four-line Chinese poems."""

from __future__ import annotations

from importlib import import_module

import typer

POEM_COMMANDS = {
    "prepare": "prepare",
    "train": "train",
    "eval": "evaluate",
    "compare": "compare",
    "generate": "generate",
    "check": "check",
    "show": "show",
}
"""By command the function in ham_mrc.cli.poem_COMMAND; in the order in which one meets them."""


def poem() -> None:
    """Four-line Chinese poems: prepare a collection, train a system, score it, let it write.

    `ham-mrc poem check` looks at the tones, the rhyme and the repeats of any poem and needs no trained system.
    """


def group(only: str | None = None) -> typer.Typer:
    """The commands as one group, all of them or `only` one, whose module alone is then imported."""
    app = typer.Typer(name="poem", context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(poem)
    for name in [only] if only else POEM_COMMANDS:
        app.command(name)(getattr(import_module(f"ham_mrc.cli.poem_{name}"), POEM_COMMANDS[name]))
    return app
