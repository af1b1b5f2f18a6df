"""`ham-mrc prepare`: raw files to a folder that `train` reads, and what was kept, dropped, and why."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show, warning
from ham_mrc.cli.progress import reporter
from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.dataset import Layout, Match, Paragraphs, References, Segment
from ham_mrc.data_prep.request import (
    DEFAULT_SPLIT,
    EVALUATION_PASSAGE_TOKENS,
    EVALUATION_QUESTION_TOKENS,
    Request,
    parse_shard,
)
from ham_mrc.errors import HamError
from ham_mrc.tables import make_table

SplitBy = Literal["question", "passage", "article"]

HOW = "How records become examples"

POEMS = "poems"
"""What stands for a dataset where the command prepares poems, as `ham-mrc poem prepare` does."""

KINDS = ", ".join([*DATASETS, POEMS])


def _usual(field: str) -> str:
    """What each dataset takes for `field`: "400 squad, 500 dureader"."""
    return ", ".join(f"{getattr(dataset, field)} {name}" for name, dataset in DATASETS.items())


def prepare(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help=f"What INPUT holds: {KINDS}.")],
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Raw files, plain or .gz, read together as one corpus."),
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
        int | None,
        typer.Option(
            metavar="N",
            help=f"Cut training passages after N tokens; others after {EVALUATION_PASSAGE_TOKENS} or N. "
            f"If not given: {_usual('passage_tokens')}.",
        ),
    ] = None,
    max_question_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Cut training questions after N tokens; others after {EVALUATION_QUESTION_TOKENS} or N. "
            f"If not given: {_usual('question_tokens')}.",
        ),
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(metavar="N", help="Words to train at most, the most frequent first. All if not given.")
    ] = None,
    min_count: Annotated[
        int, typer.Option(help="How often a word must stand in train to be trained.")
    ] = Request.min_count,
    lowercase: Annotated[bool, typer.Option(help="Whether words are known by their lower-cased form.")] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first question whose label is faulty, naming it.")
    ] = False,
    layout: Annotated[
        Layout | None,
        typer.Option(help="Several passages a question: read as one sequence, or each by itself.", rich_help_panel=HOW),
    ] = None,
    passages: Annotated[
        int | None, typer.Option(metavar="N", help="At most N passages a question, 0 for all.", rich_help_panel=HOW)
    ] = None,
    selected_only: Annotated[
        bool | None,
        typer.Option(help="Train on passages alone that a person used for the answers.", rich_help_panel=HOW),
    ] = None,
    null_position: Annotated[
        bool | None,
        typer.Option(help='Whether "no answer" is a position. For squad: if the file is 2.0.', rich_help_panel=HOW),
    ] = None,
    yes_no: Annotated[
        bool | None, typer.Option(help='Whether "yes" and "no" can be pointed at.', rich_help_panel=HOW)
    ] = None,
    segment: Annotated[
        Segment | None,
        typer.Option(help="Chinese words: the file's own, those of rjieba, or characters.", rich_help_panel=HOW),
    ] = None,
    paragraphs: Annotated[
        Paragraphs | None,
        typer.Option(help="Of a document, the best paragraph, or as many as fit.", rich_help_panel=HOW),
    ] = None,
    match: Annotated[
        Match | None, typer.Option(help="How a span is held against a free answer.", rich_help_panel=HOW)
    ] = None,
    min_match: Annotated[
        float | None,
        typer.Option(metavar="X", help="A best span below X, 0 to 1, trains nothing.", rich_help_panel=HOW),
    ] = None,
    references: Annotated[
        References | None, typer.Option(help="Which answers of MS MARCO 2.1 score.", rich_help_panel=HOW)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Processes. One a processor if not given, fewer for little input."),
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="dask://HOST:PORT", help="A dask cluster that does the work.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Do part I of N only, from 0; join them with --merge.")
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Join shards: all arguments are folders that --shard wrote.")
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
    from ham_mrc.cli.prepared import as_json, as_tables
    from ham_mrc.data_prep.prepare import prepare as run
    from ham_mrc.data_prep.shard_jobs import merge_shards, prepare_shard

    how = {
        "layout": layout,
        "passages": passages,
        "selected_only": selected_only,
        "null_position": null_position,
        "yes_no": yes_no,
        "segment": segment,
        "paragraphs": paragraphs,
        "match": match,
        "min_match": min_match,
        "references": references,
    }
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
        options={name: value for name, value in how.items() if value is not None},
        workers=workers,
        executor=executor,
        shard=None if shard is None else parse_shard(shard),
    )
    if dataset == POEMS:
        _prepare_poems(request, format, merge=merge, json=json, write=write, quiet=quiet)
        return
    if merge:
        _refuse_settings(request)
        manifest = merge_shards([Path(dataset), *inputs], out, force=force)
    elif shard is not None:
        about = prepare_shard(request, reporter(quiet))
        _show_shard(about, out, format, json=json, write=write, quiet=quiet)
        return
    else:
        manifest = run(request, reporter(quiet))
    for part, counts in manifest.parts.items():
        if counts.ids_in_train:
            warning(f"{counts.ids_in_train} questions of {part} have ids that are also in train")
    show(Document(as_json(manifest, out), as_tables(manifest)), format, json=json, write=write)
    notice(f"next: ham-mrc train {shlex.quote(str(out))} --out RUN", quiet=quiet)


def _refuse_settings(request: Request) -> None:
    """Raise HamError for an option that --merge would pass over: shards were made with settings of their own."""
    plain = Request(dataset=request.dataset, inputs=request.inputs, out=request.out, force=request.force)
    if listed := _given(request, plain):
        raise HamError(f"--merge takes all settings from the shards, not {listed}", remedy="leave that out")


def _given(request: Request, plain: Request) -> str:
    """The options that set something in `request` otherwise than in `plain`: "--limit, --min-match"."""
    given = [item.name for item in fields(plain) if getattr(request, item.name) != getattr(plain, item.name)]
    names = [name for name in given if name != "options"] + list(request.options)
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _prepare_poems(
    request: Request,
    format: options.FormatName,
    *,
    merge: bool,
    json: bool,
    write: list[Path] | None,
    quiet: bool,
) -> None:
    """`ham-mrc prepare poems POEMS [TAXONOMY]`: a short way to `ham-mrc poem prepare` with the options both have."""
    from ham_mrc.cli.poem_prepare import run
    from ham_mrc.data_prep.prepare_poems import PoemRequest

    seed, strict, force = request.seed, request.strict, request.force
    plain = Request(dataset=POEMS, inputs=request.inputs, out=request.out, seed=seed, strict=strict, force=force)
    if listed := ", ".join(filter(None, (_given(request, plain), "--merge" if merge else ""))):
        raise HamError(f"poems are prepared without {listed}", remedy="see ham-mrc poem prepare --help")
    if len(request.inputs) > 2:
        what = f"poems take one collection and one taxonomy, not {len(request.inputs)} files"
        raise HamError(what, remedy="put collections into one file")
    poems, *others = map(Path, request.inputs)
    taxonomy = others[0] if others else None
    own = PoemRequest(poems, Path(request.out), taxonomy, seed=seed, strict=strict, force=force)
    run(own, format, json=json, write=write, quiet=quiet)


def _show_shard(
    about: dict[str, Any], out: Path, format: options.FormatName, *, json: bool, write: list[Path] | None, quiet: bool
) -> None:
    index, count = about["shard"]
    table = make_table(("shard", "chunks of all"), [[f"{index}/{count}", str(about["chunks"])]], title=str(out))
    show(Document({**about, "out": str(out)}, [table]), format, json=json, write=write)
    notice("next, with the folders of all shards: ham-mrc prepare --merge SHARD... --out DIR", quiet=quiet)
