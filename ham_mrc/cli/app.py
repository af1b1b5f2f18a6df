"""The list of commands. Of their modules only that of the command at hand is imported; help needs them all."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from ham_mrc import __version__

COMMANDS = {
    "demo": "demo",
    "download": "download",
    "prepare": "prepare",
    "train": "train",
    "predict": "predict",
    "ask": "ask",
    "eval": "evaluate",
    "compare": "compare",
    "sweep": "sweep",
    "report": "report",
    "bench": "bench",
    "info": "info",
}
"""By module of ham_mrc.cli the function; in the order in which one meets them. A command has its module's name."""


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"ham-mrc {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Machine reading comprehension with hierarchical attention, measured honestly.

    Prepare a dataset, train a reader, predict, score and compare. `ham-mrc demo` shows all of it in two minutes.
    """


def command(only: str | None = None) -> Any:
    """The command line as one command of Typer's own make, with all of COMMANDS or with `only` one of them.

    `--debug` may stand before or after a command.
    """
    app = typer.Typer(
        name="ham-mrc",
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in [only] if only else COMMANDS:
        app.command(name)(getattr(import_module(f"ham_mrc.cli.{name}"), COMMANDS[name]))
    group: Any = get_command(app)
    debug = next(parameter for parameter in group.params if parameter.name == "debug")
    debug.expose_value = False  # read from the arguments by main.run, which sees it in faulty ones as well
    for one in group.commands.values():
        one.params.append(debug)
    return group
