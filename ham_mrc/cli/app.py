"""The list of commands. Their modules import what is heavy inside their functions, so that help is quick."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.main import get_command

from ham_mrc import __version__
from ham_mrc.cli.ask import ask
from ham_mrc.cli.compare import compare
from ham_mrc.cli.demo import demo
from ham_mrc.cli.download import download
from ham_mrc.cli.eval import evaluate
from ham_mrc.cli.info import info
from ham_mrc.cli.predict import predict
from ham_mrc.cli.prepare import prepare
from ham_mrc.cli.train import train

app = typer.Typer(
    name="ham-mrc",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"ham-mrc {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Machine reading comprehension with hierarchical attention, measured honestly.

    Prepare a dataset, train a reader, predict, score and compare. `ham-mrc demo` shows all of it in two minutes.
    """


# In the order in which one meets them.
app.command()(demo)
app.command()(download)
app.command()(prepare)
app.command()(train)
app.command()(predict)
app.command()(ask)
app.command("eval")(evaluate)
app.command()(compare)
app.command()(info)


def command() -> Any:
    """The whole command line as one command of Typer's own make. `--debug` may stand before or after a command."""
    group: Any = get_command(app)
    debug = next(parameter for parameter in group.params if parameter.name == "debug")
    debug.expose_value = False  # read from the arguments by main.run, which sees it in faulty ones as well
    for one in group.commands.values():
        one.params.append(debug)
    return group
