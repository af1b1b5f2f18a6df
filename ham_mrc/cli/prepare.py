"""`ham-mrc prepare`: raw files to a folder that `train` reads, and what was kept, dropped, and why."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show, warning
from ham_mrc.cli.progress import reporter
from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.request import DEFAULT_SPLIT, EVALUATION_PASSAGE_TOKENS, EVALUATION_QUESTION_TOKENS, Request
from ham_mrc.data_prep.spans import EXPLANATIONS, Reason
from ham_mrc.tables import Table, make_table

if TYPE_CHECKING:
    from ham_mrc.data_prep.manifest import Manifest, PartCounts

SplitBy = Literal["question", "passage", "article"]


def prepare(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help=f"What INPUT holds: {', '.join(DATASETS)}.")],
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Raw files, plain or .gz, read together as one corpus.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write, whole or not at all.")],
    split: Annotated[
        str | None,
        typer.Option(help=f"Train/dev, or train/dev/test, in percent. {DEFAULT_SPLIT} unless --dev is given."),
    ] = None,
    split_by: Annotated[
        SplitBy, typer.Option(help="What is kept whole; question is the paper's, and lets parts share passages.")
    ] = "question",
    dev: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An official file that becomes dev, instead of a random split.")
    ] = None,
    test: Annotated[Path | None, typer.Option(metavar="FILE", help="An official file that becomes test.")] = None,
    limit: Annotated[int | None, typer.Option(help="Read the first N questions of INPUT only.", metavar="N")] = None,
    max_passage_tokens: Annotated[
        int, typer.Option(help=f"Cut training passages after N tokens; others after {EVALUATION_PASSAGE_TOKENS} or N.")
    ] = Request.max_passage_tokens,
    max_question_tokens: Annotated[
        int,
        typer.Option(help=f"Cut training questions after N tokens; others after {EVALUATION_QUESTION_TOKENS} or N."),
    ] = Request.max_question_tokens,
    vocab_size: Annotated[
        int | None, typer.Option(help="Words to train at most, the most frequent first. All if not given.")
    ] = None,
    min_count: Annotated[
        int, typer.Option(help="How often a word must stand in train to be trained.")
    ] = Request.min_count,
    lowercase: Annotated[bool, typer.Option(help="Whether words are known by their lower-cased form.")] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first question whose label is faulty, naming it.")
    ] = False,
    seed: options.Seed = options.DEFAULT_SEED,
    force: options.Force = False,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Turn raw files into a folder of columns, vocabulary and references, and say what was dropped and why.

    Without a test part, a tenth of train becomes the part `choice`: the part that is reported never chooses the epoch.
    """
    from ham_mrc.data_prep.prepare import prepare as run

    request = Request(
        dataset=dataset,
        inputs=tuple(inputs),
        out=out,
        split=split,
        split_by=split_by,
        dev=dev,
        test=test,
        limit=limit,
        max_passage_tokens=max_passage_tokens,
        max_question_tokens=max_question_tokens,
        vocab_size=vocab_size,
        min_count=min_count,
        lowercase=lowercase,
        seed=seed,
        strict=strict,
        force=force,
    )
    manifest = run(request, reporter(quiet))
    for part, counts in manifest.parts.items():
        if counts.ids_in_train:
            warning(f"{counts.ids_in_train} questions of {part} have ids that are also in train")
    show(Document(as_json(manifest, out), as_tables(manifest)), format, json=json, write=write)
    notice(f"next: ham-mrc train {shlex.quote(str(out))} --out RUN", quiet=quiet)


def as_json(manifest: Manifest, out: Path) -> dict[str, Any]:
    """The manifest, with where it stands and each part's share of labels on token borders."""
    content = manifest.to_json()
    for part, counts in manifest.parts.items():
        content["parts"][part] |= {"labelled": counts.labelled, "on_token_borders": on_token_borders(counts)}
    return {**content, "out": str(out)}


def on_token_borders(counts: PartCounts) -> float | None:
    """The percentage of gold spans whose edges are the answer's own; None where nothing is labelled."""
    return 100 * (1 - counts.moved / counts.labelled) if counts.labelled else None


def as_tables(manifest: Manifest) -> list[Table]:
    """What each part holds and shares with train; and, where something was dropped or has no label, why."""
    headers = ("part", "read", "kept", "dropped", "on token borders", "passages", "also in train", "questions on those")
    rows = [_row(part, counts) for part, counts in manifest.parts.items()]
    by = "official" if manifest.split["rule"] == "official" else f"{manifest.split['rule']} by {manifest.split['by']}"
    title = f"{manifest.dataset} {manifest.version}, {by}, seed {manifest.seed}"
    words = f"{manifest.vocabulary['words']} words, {manifest.vocabulary['trained']} of them trained"
    counted = make_table(headers, rows, right=headers[1:], title=title, notes=[words, *_shared(manifest)])
    why = [row for part, counts in manifest.parts.items() for row in _reasons(part, counts)]
    if not why:
        return [counted]
    return [counted, make_table(("part", "questions", "became", "because"), why, right=("questions",))]


def _row(part: str, counts: PartCounts) -> list[str]:
    share = on_token_borders(counts)
    own = [counts.read, counts.kept, counts.read - counts.kept]
    shared = ["", ""]
    if part != "train":
        shared = [str(counts.passages_in_train), str(counts.questions_on_train_passages)]
    borders = "" if share is None else f"{share:.2f}%"
    return [part, *map(str, own), borders, str(counts.passages), *shared]


def _shared(manifest: Manifest) -> list[str]:
    """A sentence for each part that is reported and shares passages with train, and what could be done about it."""
    own_file = {item["part"] for item in manifest.inputs}
    return [
        f"{counts.passages_in_train} of {counts.passages} passages of {part} are also training passages"
        + ("" if part in own_file else "; --split-by passage or article keeps them apart")
        for part, counts in manifest.parts.items()
        if part != "choice" and counts.passages_in_train
    ]


def _reasons(part: str, counts: PartCounts) -> list[list[str]]:
    fates = (("dropped", counts.dropped), ("kept without a label", counts.unlabelled))
    return [
        [part, str(number), fate, EXPLANATIONS[Reason(reason)]]
        for fate, reasons in fates
        for reason, number in reasons.items()
    ]
