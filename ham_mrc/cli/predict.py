"""`ham-mrc predict`: a run's answers to a raw file or a prepared part, in the dataset's official format."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show, warning
from ham_mrc.cli.progress import reporter
from ham_mrc.errors import HamError
from ham_mrc.tables import make_table

if TYPE_CHECKING:
    from ham_mrc.records import Prediction
    from ham_mrc.training.answer import Answered


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by train.")],
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help='A raw dataset file ("-" is standard input), or a prepared folder.')
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The predictions, in the official format.")],
    split: Annotated[
        str | None, typer.Option(metavar="PART", help="Which part of a prepared folder: dev if not given.")
    ] = None,
    n_best: Annotated[
        int | None,
        typer.Option(min=1, metavar="K", help="Also write the K best spans with scores to FILE.nbest.jsonl."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the attention of every level; packed where FILE ends with .gz."),
    ] = None,
    trace_ids: Annotated[
        str | None, typer.Option(metavar="ID,ID", help="Which questions to trace, by their ids.")
    ] = None,
    trace_first: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Trace the first N questions.", show_default="10")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Questions at once.")] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to run.")] = "auto",
    precision: Annotated[Literal["auto", "float32", "bfloat16"], typer.Option(help="Of matrix products.")] = "auto",
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Answer every question of INPUT. An answer is always a slice of its untouched passage.

    A run with a null position also says how probable it is that there is no answer, in FILE.na_prob.json.
    """
    ids = _trace_ids(trace, trace_ids, trace_first)
    options.need_training()
    options.keep_memory()
    from ham_mrc.files import write_json, write_jsonl
    from ham_mrc.training.answer import Answerer, Tracing
    from ham_mrc.training.official import write_official

    prepared = source.is_dir()
    if split is not None and not prepared:
        raise HamError("--split names a part of a prepared folder, but INPUT is a file", file=source)
    answerer = Answerer(run, device=device, precision=precision, batch_size=batch_size)
    tracing = None if trace is None else Tracing(trace, ids, trace_first or 10)
    k, progress = n_best or 1, reporter(quiet)
    if prepared:
        answered = answerer.answer_part(source, split or "dev", k=k, progress=progress, tracing=tracing)
    else:
        answered = answerer.answer_file(source, k=k, progress=progress, tracing=tracing)
    if answered.no_vectors:
        warning(without_vectors(answered))
    write_official(out, answered.official)
    if answered.no_answer is not None:
        write_json(beside(out, "na_prob.json"), answered.no_answer)
    if n_best is not None:
        spans = ({"id": found[0].id, "spans": list(map(_span, found))} for found in answered.candidates)
        write_jsonl(beside(out, "nbest.jsonl"), spans)
    show(_document(answered, out, answerer.device.precision), format, json=json, write=write)
    notice(f"next: ham-mrc eval {shlex.quote(str(out))} REFERENCES", quiet=quiet)


def without_vectors(answered: Answered) -> str:
    """What to warn of where new words have no vectors because none could be read."""
    words = "1 word" if answered.new_words == 1 else f"{answered.new_words:,} words"
    return f"{words} new to the run can only be matched, for want of vectors ({answered.no_vectors})"


def beside(out: Path, ending: str) -> Path:
    """Where what belongs to a prediction file goes: `predictions.json` -> `predictions.nbest.jsonl`."""
    return out.with_name(f"{out.name.removesuffix('.jsonl').removesuffix('.json')}.{ending}")


def _trace_ids(trace: Path | None, ids: str | None, first: int | None) -> tuple[str, ...]:
    """The ids to trace. Raises HamError for options that contradict each other."""
    if trace is None and (ids is not None or first is not None):
        raise HamError("--trace-ids and --trace-first say what to trace", remedy="name a file with --trace FILE")
    if ids is not None and first is not None:
        raise HamError("--trace-ids and --trace-first both say what to trace", remedy="leave one of them out")
    found = tuple(name.strip() for name in (ids or "").split(",") if name.strip())
    if ids is not None and not found:
        raise HamError("names no question", place="--trace-ids", remedy="give ids with commas between them")
    return found


def _span(prediction: Prediction) -> dict[str, Any]:
    fields = ("text", "score", "passage", "char_start", "char_end", "start", "end")
    return {name: getattr(prediction, name) for name in fields}


def _document(answered: Answered, out: Path, precision: str) -> Document:
    questions = len(answered.candidates)
    rate = questions / answered.seconds if answered.seconds else 0.0
    facts = {
        "questions": questions,
        **({} if answered.no_answer is None else {"no_answer": answered.silent}),
        "without_text": answered.without_text,
        "cut_passages": answered.cut_passages,
        "new_words": answered.new_words,
        "new_words_with_vectors": answered.with_vectors,
        "seconds": answered.seconds,
        "questions_per_second": rate,
        "precision": precision,
    }
    rows = [
        ("questions answered", f"{questions:,}"),
        *([] if answered.no_answer is None else [("of them by: there is no answer", f"{answered.silent:,}")]),
        ("of them with an empty answer, for want of a passage", f"{answered.without_text:,}"),
        ("passages read in part only", f"{answered.cut_passages:,}"),
        ("words new to the run", f"{answered.new_words:,}"),
        ("of them with a vector", f"{answered.with_vectors:,}"),
        ("questions a second", f"{rate:,.1f}"),
    ]
    table = make_table(("predictions", "count"), rows, right=("count",), title=str(out))
    return Document({"schema": 1, "out": str(out), **facts}, [table])
