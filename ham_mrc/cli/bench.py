"""`ham-mrc bench`: how fast readers train and predict on this machine, and how fast metrics are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, show
from ham_mrc.cli.progress import reporter
from ham_mrc.cli.train import DEFAULT_PRESETS
from ham_mrc.errors import HamError
from ham_mrc.tables import Table, make_table

if TYPE_CHECKING:
    from ham_mrc.training.bench import Bench, ReaderCell

DEPTHS = "1,5,20"
REPEATS = 5

MIB = 2**20


def bench(
    reader: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A reader; all if none is named. May be repeated.")
    ] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A reader's settings by name; its small ones if not given. May be repeated."),
    ] = None,
    depths: Annotated[str, typer.Option(metavar="N,N,...", help="Levels of attention.")] = DEPTHS,
    passage: Annotated[int, typer.Option(min=1, help="Tokens of a passage.")] = 300,
    question: Annotated[int, typer.Option(min=1, help="Tokens of a question.")] = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions in an update.")] = 32,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="torch's own choice")] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to measure.")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="Of matrix products; auto is bfloat16 on a GPU.")
    ] = "auto",
    native: Annotated[
        bool | None,
        typer.Option("--native/--no-native", help="Compiled layers, or torch alone.", show_default="as train has it"),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Runs of everything; the fastest counts.", show_default=str(REPEATS))
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Instead of --repeats: the time for all of it, shared out evenly.")
    ] = None,
    set_: options.Set = None,
    metrics: Annotated[bool, typer.Option("--metrics/--no-metrics", help="Whether to measure metrics as well.")] = True,
    seed: options.Seed = options.DEFAULT_SEED,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Measure how fast readers train and predict at several depths, their memory, and how fast metrics are.

    Needs no data: batches are made up, of 50-wide frozen word vectors.

    Every figure is also given in yards, which carry over to other machines.

    A yard is a one-layer bidirectional LSTM (input 50, hidden 150, batch 32, the same length), forward and backward.

    It is measured beside every figure, in the same process.
    """
    if repeats is not None and minutes is not None:
        raise HamError("--minutes and --repeats exclude each other", remedy="give one of them")
    wanted = _depths(depths)
    presets = _presets(reader or [], preset or [])
    options.need_training()
    from ham_mrc.training.bench import Cell, Conditions, MetricCell, run_bench
    from ham_mrc.training.bench_metric import KINDS
    from ham_mrc.training.bench_reader import Sizes

    conditions = Conditions(
        Sizes(passage, question, batch_size), threads, device, precision, repeats or REPEATS, minutes, native, seed
    )
    cells: list[Cell] = [*reader_cells(presets, wanted, set_ or [])]
    cells += [MetricCell(name) for name in KINDS] if metrics else []
    found = run_bench(cells, conditions, progress=reporter(quiet))
    show(bench_document(found), format, json=json, write=write)


def _depths(text: str) -> list[int]:
    """`1,5,20` as numbers, each once. Raises HamError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not (part.isascii() and part.isdigit() and int(part))), None)
    if wrong is not None:
        raise HamError(f"--depths {text}: {wrong!r} is not a depth", remedy=f"write whole numbers, as in {DEPTHS}")
    return list(dict.fromkeys(map(int, parts)))


def _presets(readers: list[str], presets: list[str]) -> list[str]:
    """The presets that are named, and the small one of each reader that is named without any; all small ones else."""
    from ham_mrc.config import read_preset

    for name in readers:
        if name not in DEFAULT_PRESETS:
            raise HamError(f"--reader {name}: no such reader", remedy=f"there are {', '.join(sorted(DEFAULT_PRESETS))}")
    covered = {read_preset(name)["reader"]["name"] for name in presets}
    small = readers or ([] if presets else sorted(DEFAULT_PRESETS))
    return list(dict.fromkeys([*presets, *(DEFAULT_PRESETS[name] for name in small if name not in covered)]))


def reader_cells(
    presets: list[str], depths: list[int], assignments: list[str], forms: tuple[bool, ...] = (False,)
) -> list[ReaderCell]:
    """A cell for each preset and depth, with settings as `--set` has them; `forms` are those of `readable`."""
    from ham_mrc.config import merge, parse_assignment, read_preset
    from ham_mrc.training.bench import ReaderCell

    own = list(map(parse_assignment, assignments))
    return [
        ReaderCell(name, merge(read_preset(name), *own), depth, readable)
        for name in presets
        for depth in depths
        for readable in forms
    ]


def bench_document(found: Bench) -> Document:
    """What was found as one JSON object, a table of readers and one of metrics, where there are any."""
    content = found.to_json()
    tables = [_readers(content)] if content["readers"] else []
    return Document(content, [*tables, _metrics(content)] if content["metrics"] else tables, name="ham-mrc.bench")


def _readers(content: dict[str, Any]) -> Table:
    rows, failing = content["readers"], any(row["failed"] for row in content["readers"])
    both = any(row["readable"] for row in rows)
    names = ["preset", *(["form"] if both else []), "depth"]
    figures = ["trains, questions/s", "step, yards", "step to depth 1"]
    figures += ["predicts, questions/s", "prediction, yards", "prediction to depth 1", "peak, MB"]
    cells = []
    for row in rows:
        form = ["readable" if row["readable"] else "fast"] if both else []
        speeds = [text for name in ("train", "predict") for text in _speed(row[name])]
        peak = "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / MIB:,.0f}"
        cells.append([row["preset"], *form, str(row["depth"]), *speeds, peak, *([row["failed"] or ""] * failing)])
    title = (
        f"readers: passage {content['passage']}, question {content['question']}, batch {content['batch_size']}, "
        f"{content['device']}, {content['precision']}, {_count(content['threads'], 'thread')}"
    )
    headers = [*names, *figures, *(["why not"] * failing)]
    return make_table(headers, cells, right=["depth", *figures], title=title, notes=_notes(content))


def _speed(speed: dict[str, float | None] | None) -> list[str]:
    if speed is None:
        return ["", "", ""]
    per_second, yards, ratio = speed["examples_per_second"], speed["yards"], speed["to_depth_1"]
    assert per_second is not None
    return [_rate(per_second), f"{yards:.2f}", "" if ratio is None else f"{ratio:.2f}"]


def _rate(number: float) -> str:
    return f"{number:,.{0 if number >= 100 else 1}f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _notes(content: dict[str, Any]) -> list[str]:
    yard, measured = content["yard"], [row for row in content["readers"] if not row["failed"]]
    notes = [
        f"yard: a one-layer bidirectional LSTM (input {yard['input']}, hidden {yard['hidden']}, batch "
        f"{yard['batch_size']}, length {yard['length']}), forward and backward, float32, in the same process"
        + _range([row["yard_seconds"] for row in measured], ": ")
        + _range([row["settled_yard_seconds"] for row in measured], "; with memory kept as train keeps it ")
    ]
    where = "tensors on the GPU" if content["readers"] and content["device"] != "cpu" else "the whole process"
    how = _count(content["repeats"], "run") if content["repeats"] else "as many runs as there was time for"
    notes.append(f"step: forward, backward, clipping, optimiser; the fastest of {how} counts; peak: of {where}")
    if content["clock"] == "processor":
        notes.append("seconds are the processor's, so that other programs do not count")
    return [*notes, *_forms(measured)] if measured else notes


def _forms(rows: list[dict[str, Any]]) -> list[str]:
    """Which layers were compiled, and why others could not be."""
    used = {row["preset"]: row["compiled"] for row in rows if row["compiled"]}
    compiled = "; ".join(f"{preset} {', '.join(names)}" for preset, names in used.items())
    forms = f"forms: compiled ({compiled}), all else torch" if used else "forms: torch"
    reasons = dict.fromkeys(f"{name}: {why}" for row in rows for name, why in row["not_compiled"].items())
    return [forms, *([f"not compiled: {'; '.join(reasons)}"] if reasons else [])]


def _range(seconds: list[float], before: str) -> str:
    """How long the yards were, for whoever wants seconds."""
    if not seconds:
        return ""
    least, most = f"{min(seconds):.3f}", f"{max(seconds):.3f}"
    return before + (f"{least} s" if least == most else f"{least} to {most} s")


def _metrics(content: dict[str, Any]) -> Table:
    rows, failing = content["metrics"], any(row["failed"] for row in content["metrics"])
    figures = ["questions", "questions/s", "yards a thousand"]
    cells = []
    for row in rows:
        speed = ["", ""] if row["failed"] else [_rate(row["questions_per_second"]), f"{row['yards_per_1000']:.2f}"]
        cells.append([row["dataset"], f"{row['questions']:,}", *speed, *([row["failed"] or ""] * failing)])
    title = "metrics: the official figures of made-up answers"
    return make_table(["dataset", *figures, *(["why not"] * failing)], cells, right=figures, title=title)
