"""`ham-mrc poem show`: what the levels of a trained system's attention do, and where it looks while it reads a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_mrc.cli import options, output
from ham_mrc.errors import HamError
from ham_mrc.tables import Table, make_table

if TYPE_CHECKING:
    from ham_mrc.data_prep.poem_vocab import Characters
    from ham_mrc.quatrains.looks import Looks
    from ham_mrc.training.poem_run import PoemRun

SCHEMA = 1

ATTENTIVE = "ppg"
"""The one system that attends."""

FIGURES = {
    "weight": "how much of the context each level gives; they sum to 1",
    "entropy": "1: the plain mean of keyword and lines before; 0: one place alone (fourth lines of seven)",
}
"""Of a level, as the log has them: a table each."""


def show(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run of PPG.")],
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="LINES",
            help="One to four lines of a poem, with marks between them: where it looks while it reads the last. "
            "May be repeated.",
        ),
    ] = None,
    keyword: Annotated[
        str | None, typer.Option("--keyword", help="What --line is read for; chosen from the line itself if not given.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The prepared folder, where it is not at the place RUN names."),
    ] = None,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Show what each level of attention weighs, epoch by epoch, and how evenly it spreads over keyword and lines.

    Entropy 1 is the plain mean of all that there is to look at, 0 a single place. With --line also the places that
    the system looked at for each character. Lines and keyword may be in Traditional or Simplified characters.
    """
    if keyword is not None and not line:
        raise HamError("--keyword is for --line", remedy="give both, or neither")
    lines = read_some(line) if line else None
    keyword = None if keyword is None else read_keyword(keyword)
    options.need_training()
    from ham_mrc.training.poem_run import open_poem_run

    run = open_poem_run(run_folder)
    epochs = _epochs(run)
    if lines is not None:
        check_characters(lines, keyword, run.characters(), quiet=quiet)
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "run": str(run_folder),
        "settings": run.config.settings,
        "epochs": epochs,
    }
    tables = [_table(epochs, "weight", "w of each level"), _table(epochs, "entropy", "entropy of each level")]
    if lines is not None:
        looks, chosen = _looks(run, lines, keyword, data)
        if keyword is None:
            output.notice(f"keyword: {chosen} (--keyword for another)", quiet=quiet)
        tables.append(_looks_table(looks, chosen))
        content["line"] = _looks_json(looks, chosen, lines)
    output.show(output.Document(content, tables), format, json=json, write=write)


def read_some(texts: Sequence[str]) -> tuple[str, ...]:
    """One to four lines of one length, in one text or several, in Simplified characters.

    Raises HamError for other numbers, or letters.
    """
    from ham_mrc.quatrains.examine import read_lines
    from ham_mrc.quatrains.patterns import LENGTHS
    from ham_mrc.quatrains.spelling import simplified

    lines = tuple(simplified(line) for text in texts for line in read_lines(text, "--line"))
    if not 1 <= len(lines) <= 4:
        raise HamError(f"has {len(lines)} lines; a quatrain has four", place="--line", remedy="give one to four")
    for number, one in enumerate(lines, 1):
        if len(one) not in LENGTHS or len(one) != len(lines[0]):
            raise HamError(
                f"line {number} has {len(one)} characters", place="--line", remedy="give lines of 5, or of 7 each"
            )
    return lines


def read_keyword(text: str) -> str:
    """One keyword in Simplified characters. Raises HamError where it is none, or several, or letters."""
    from ham_mrc.quatrains.examine import read_lines
    from ham_mrc.quatrains.spelling import simplified

    keywords = read_lines(text, "--keyword")
    if len(keywords) > 1:
        raise HamError(f"has {len(keywords)} keywords; a line has one", place="--keyword", remedy="give one")
    return simplified(keywords[0])


def check_characters(lines: Sequence[str], keyword: str | None, characters: Characters, *, quiet: bool) -> None:
    """Raise HamError for a keyword that the run cannot know; tell of characters of the lines that it does not."""
    from ham_mrc.quatrains.spelling import read_as_unknown, refuse_unknown

    refuse_unknown(keyword or "", "--keyword", characters)
    for text in read_as_unknown("".join(lines), characters):
        output.notice(text, quiet=quiet)


def _epochs(run: PoemRun) -> list[dict[str, Any]]:
    """What the run's log says of the levels, epoch by epoch. Raises HamError where it says nothing."""
    from ham_mrc.files import read_jsonl

    if run.config.system != ATTENTIVE:
        raise HamError(f"{run.config.system} has no attention", file=run.path, remedy=f"show a run of {ATTENTIVE}")
    file, depth = run.path / "log.jsonl", run.config.settings["depth"]
    entries = list(read_jsonl(file)) if file.exists() else []
    if not entries and not run.finished:
        raise HamError("has not finished an epoch", file=run.path, remedy="train on with --resume")
    if not entries:
        raise HamError("the finished run has no epoch in it", file=file, remedy="train the run again")
    return [one for number, entry in entries for one in _levels(entry, depth, file, number)]


def _levels(entry: Any, depth: int, file: Path, number: int) -> list[dict[str, Any]]:
    """What one entry of the log says of the levels. Raises HamError where it lacks what training writes there."""
    try:
        epoch, best, sites = int(entry["epoch"]), bool(entry["best"]), list(entry["levels"].values())
        whole = sites and all(len(levels) == depth for levels in sites)
        figures = [one[name] for levels in sites for one in levels for name in FIGURES]
        if not whole or not all(isinstance(figure, float | None) for figure in figures):  # None: not a number
            raise ValueError(f"weight and entropy of {depth} levels")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is damaged: the epoch lacks {error}"
        raise HamError(what, file=file, place=f"line {number}", remedy="train the run again") from error
    return [{"epoch": epoch, "best": best, "levels": levels} for levels in sites]


def _table(epochs: Sequence[dict[str, Any]], figure: str, title: str) -> Table:
    """A row an epoch, a column a level."""
    headers = ["epoch", *(str(level) for level, _ in enumerate(epochs[0]["levels"], 1)), "best"]
    rows = [
        [str(one["epoch"]), *(_shown(level[figure]) for level in one["levels"]), "*" if one["best"] else ""]
        for one in epochs
    ]
    return make_table(headers, rows, right=headers[:-1], title=title, notes=[FIGURES[figure]])


def _shown(figure: float | None) -> str:
    return "nan" if figure is None else f"{figure:.3f}"


def _looks(run: PoemRun, lines: Sequence[str], keyword: str | None, data: Path | None) -> tuple[Looks, str]:
    from ham_mrc.data_prep.textrank import keyword as choose
    from ham_mrc.quatrains.looks import look
    from ham_mrc.quatrains.text_words import Words
    from ham_mrc.training.poem_opening import open_network

    *before, last = lines
    if keyword is None:
        folder = run.folder(data)
        keyword = choose(Words(folder.segments, folder.taxonomy).cut(last), folder.segments, folder.taxonomy)
    run.need_finished()
    return look(open_network(run), keyword, before, last), keyword


def _looks_table(looks: Looks, keyword: str) -> Table:
    deep = len(looks.levels) > 1
    headers = ["character", "P", "looked at", *(["level 1 alone"] if deep else [])]
    rows = []
    for place, symbol in enumerate(looks.symbols):
        columns = [looks.mixture[place], *([looks.levels[0][place]] if deep else [])]
        rows.append(
            [
                symbol,
                f"{looks.chances[place]:.3f}",
                *(" ".join(f"{slot} {weight:.2f}" for slot, weight in looks.most(column)) for column in columns),
            ]
        )
    notes = [f"the three heaviest of {len(looks.slots)} places: the keyword {keyword}, and each character before"]
    return make_table(headers, rows, right=["P"], title="where it looked", notes=notes)


def _looks_json(looks: Looks, keyword: str, lines: Sequence[str]) -> dict[str, Any]:
    return {
        "keyword": keyword,
        "lines": list(lines),
        "slots": list(looks.slots),
        "symbols": list(looks.symbols),
        "chances": list(looks.chances),
        "mixture": looks.mixture,
        "levels": looks.levels,
    }
