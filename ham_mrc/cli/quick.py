"""`ham-mrc eval` read without Typer, whose start takes longer than scoring ten thousand answers.

Only command lines that leave no doubt are read here. Anything else is Typer's: help, faults, what is not listed
below, "--option=value", an option that takes one value given twice. Both come to the same `Wanted`, as a test shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ham_mrc.cli.scoring import Wanted

FLAGS = {
    "--json": "json",
    "--quiet": "quiet",
    "-q": "quiet",
    "--strict": "strict",
    "--tokenised": "tokenised",
    "--intervals": "intervals",
    "--significant": "significant",
    "--update-baseline": "update_baseline",
}
FILES = {
    "--baseline": "baseline",
    "--na-prob": "na_prob",
    "--per-question": "per_question",
    "--save": "save",
}
REPEATED = {"--max-drop": "max_drop", "--min": "minimum"}
CHOICES = {
    "--dataset": ("dataset", ("squad", "cmrc", "msmarco", "dureader")),
    "--task": ("task", ("main", "all", "description", "entity", "yesno")),
    "--format": ("format", ("table", "json", "markdown", "latex", "csv", "junit", "github")),
}


def read(arguments: Sequence[str]) -> Wanted | None:
    """What `arguments`, from "eval" on, ask for; None where that is for Typer to say."""
    rest = iter(arguments[1:])
    files: list[Path] = []
    given: dict[str, Any] = {}
    for argument in rest:
        if argument in FLAGS:
            given[FLAGS[argument]] = True
        elif argument and not argument.startswith("-"):
            files.append(Path(argument))
        elif not _with_value(argument, next(rest, ""), given):
            return None
    if arguments[:1] != ["eval"] or not 1 <= len(files) <= 2:
        return None
    predictions, references = [*files, None][:2]
    assert predictions is not None
    return Wanted(predictions, references, **given)


def _with_value(option: str, value: str, given: dict[str, Any]) -> bool:
    """Whether `option` and its value leave no doubt; then they stand in `given`."""
    if not value or value.startswith("-"):
        return False
    if option in REPEATED:
        name = REPEATED[option]
        given[name] = (*given.get(name, ()), value)
        return True
    name, choices = (FILES[option], None) if option in FILES else CHOICES.get(option, ("", ()))
    if name in given or (choices is not None and value not in choices):
        return False
    given[name] = Path(value) if choices is None else value
    return True
