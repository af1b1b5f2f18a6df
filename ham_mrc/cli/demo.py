"""`ham-mrc demo`: the whole street on the sample corpus, in two minutes and without a network."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show
from ham_mrc.cli.progress import reporter
from ham_mrc.tables import Table, make_table

if TYPE_CHECKING:
    from ham_mrc.training.demo import Demo

OUT = Path("ham-mrc-demo")

SAMPLE_NOTE = (
    "This is a sample, not a benchmark: its sentences come from a few hundred phrasings. Scores on it show that "
    "training works, and say nothing about other data."
)

COMMANDS = (
    "ham-mrc prepare squad YOURS.json --out data",
    "ham-mrc train data --depth 1 --out runs/depth-1",
    "ham-mrc train data --depth 5 --out runs/depth-5",
    "ham-mrc predict runs/depth-5 NEW.json --out predictions.json",
    "ham-mrc eval predictions.json NEW.json",
    "ham-mrc compare runs/depth-1 runs/depth-5",
)
"""The same on data of one's own, in the order of the street."""


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder that keeps the data, both runs and the comparison.")
    ] = OUT,
    language: Annotated[
        Literal["english", "chinese"], typer.Option(help="Which sample: 2,400 English or 1,200 Chinese questions.")
    ] = "english",
    seed: options.Seed = options.DEFAULT_SEED,
    force: options.Force = False,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Prepare, train, predict, score and compare on a sample that ships with ham-mrc, in about two minutes.

    Needs no network and no GPU. A Match-LSTM is trained with one level of attention and with five. The sample is there
    to see everything work; it is not a benchmark. If the demo is stopped, the same command goes on with it.
    """
    options.need_training()
    options.keep_memory()
    from ham_mrc.training.demo import run_demo

    try:
        found = run_demo(
            out,
            language=language,
            seed=seed,
            force=force,
            progress=reporter(quiet),
            tell=lambda text: notice(text, quiet=quiet),
        )
    except KeyboardInterrupt:
        again = ["ham-mrc", "demo", "--out", str(out), "--language", language, "--seed", str(seed)]
        raise KeyboardInterrupt(f"go on with: {shlex.join(again)}") from None
    show(demo_document(found), format, json=json, write=write)
    for line in _next(found.out):
        notice(line, quiet=quiet)


def demo_document(found: Demo) -> Document:
    """Some answers, then the comparison, and below it what these figures are and are not."""
    from ham_mrc.eval.comparison_tables import comparison_tables
    from ham_mrc.eval.datasets import metrics_of

    metrics = metrics_of(found.comparison.dataset, found.comparison.version)
    *tables, last = comparison_tables(found.comparison)
    untrained = ", ".join(f"{metrics[name].label} {value:.2f}" for name, value in found.untrained.items())
    before = f"Before its first update the reader of depth 1 scored {untrained}."
    notes = (*last.notes, before, SAMPLE_NOTE, *_language_notes(found.language))
    content = {**found.to_json(), "note": SAMPLE_NOTE, "next": list(COMMANDS)}
    return Document(content, [_answers(found), *tables, replace(last, notes=notes)])


def _language_notes(language: str) -> tuple[str, ...]:
    if language != "chinese":
        return ()
    return ("SQuAD's F1 counts words between spaces; Chinese has none, so that F1 is exact match here.",)


def _answers(found: Demo) -> Table:
    names = [row.name for row in found.comparison.rows]
    rows = [(one.question, one.reference, *one.answers) for one in found.shown]
    title = "some questions on passages that no reader was trained on"
    return make_table(("question", "right answer", *names), rows, title=title)


def _next(out: Path) -> list[str]:
    return [
        f"everything is kept in {out}; ask a question of your own: ham-mrc ask {shlex.quote(str(out / 'depth-5'))}",
        "the same on data of your own:",
        *COMMANDS,
    ]
