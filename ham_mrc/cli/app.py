"""The list of commands. Of their modules only that of the command at hand is imported; help needs them all."""

from __future__ import annotations

from collections.abc import Sequence
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
    "poem": "group",
    "bench": "bench",
    "info": "info",
}
"""By module of ham_mrc.cli the function; in the order in which one meets them. A command has its module's name."""

GROUPS = {"poem": "POEM_COMMANDS"}
"""Commands with commands of their own, and where their module lists them; its function makes the group."""


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


def words_of_command(arguments: Sequence[str]) -> tuple[str, ...]:
    """The words that name the command at the beginning of `arguments`: ("train",), ("poem", "eval"), none."""
    if not arguments or arguments[0] not in COMMANDS:
        return ()
    first, *others = arguments[:2]
    own = getattr(import_module(f"ham_mrc.cli.{first}"), GROUPS[first]) if first in GROUPS else ()
    return (first, *(word for word in others if word in own))


def command(only: str | None = None, own: str | None = None) -> Any:
    """The command line as one command of Typer's own make, with all of COMMANDS or with `only` one of them.

    Of a group there are all commands, or its `own` one. `--debug` may stand before or after a command.
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
        function = getattr(import_module(f"ham_mrc.cli.{name}"), COMMANDS[name])
        if name in GROUPS:
            app.add_typer(function(own), name=name)
        else:
            app.command(name)(function)
    group: Any = get_command(app)
    group.commands = {name: group.commands[name] for name in COMMANDS if name in group.commands}  # Typer: groups first
    debug = next(parameter for parameter in group.params if parameter.name == "debug")
    debug.expose_value = False  # read from the arguments by main.run, which sees it in faulty ones as well
    for one in group.commands.values():
        for each in (one, *getattr(one, "commands", {}).values()):
            each.params.append(debug)
    return group
