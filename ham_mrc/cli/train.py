"""`ham-mrc train`: a prepared folder to a run folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show
from ham_mrc.cli.progress import reporter
from ham_mrc.errors import HamError
from ham_mrc.tables import Table, make_table

if TYPE_CHECKING:
    from ham_mrc.config import Config

DEFAULT_READERS = {"squad": "match-lstm"}
"""The paper's reader for each dataset."""

DEFAULT_PRESETS = {"match-lstm": "match-lstm-small"}
"""What runs where no preset is named: the one that two cores can train."""

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]
InitLevels = Literal["uniform", "first"]
Data = Annotated[
    Path | None, typer.Argument(metavar="DATA", help="A folder made by prepare. With --resume only if it has moved.")
]


def train(
    data: Data = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="RUN", help="The run folder to write.")] = None,
    reader: Annotated[str | None, typer.Option(help="Which reader; the paper's for the dataset if not given.")] = None,
    preset: Annotated[str | None, typer.Option(help="Settings that ship with ham-mrc, by name.")] = None,
    depth: Annotated[int | None, typer.Option(help="Levels of attention; 1 is ordinary attention.")] = None,
    score: Annotated[str | None, typer.Option(help="Compatibility function; the reader's own if not given.")] = None,
    init_levels: Annotated[InitLevels | None, typer.Option(help="Starting weights of the levels.")] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="Word vectors: a GloVe or word2vec text file, or glove-6b-50d."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Questions in an update.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the start.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of features dropped, 0 to 1.")] = None,
    hidden: Annotated[int | None, typer.Option(help="Width of the reader's layers.")] = None,
    device: Annotated[Device | None, typer.Option(help="Where to train.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="Of matrix products; auto is bfloat16 on a GPU.")] = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without a better score before it ends; 0: all.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="End cleanly after so much training; 0: no limit.")] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings in sections; a run's config.toml is one.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any one setting, as section.key=value. May be repeated."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run that was stopped, by its own settings.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Start of everything random.", show_default="13")] = None,
    force: options.Force = False,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Train a reader, keep the best epoch by the model-choice part, and predict and score the reported part.

    Settings come from the preset, then --config, then --set, then the options, later ones over earlier ones.
    """
    chosen: dict[str, Any] = {
        "reader": {"depth": depth, "score": score, "init_levels": init_levels, "dropout": dropout, "hidden": hidden},
        "embeddings": {"source": embeddings},
        "training": {
            "epochs": epochs,
            "batch_size": batch_size,
            "lr": lr,
            "device": device,
            "precision": precision,
            "patience": patience,
            "max_minutes": max_minutes,
            "seed": seed,
        },
    }
    given = {name: {key: v for key, v in values.items() if v is not None} for name, values in chosen.items()}
    _check_resume(resume, out, given, [reader, preset, config, set_, force])
    options.need_training()
    from ham_mrc.training import loop

    if resume is not None:
        run = loop.resume(resume, data=data, progress=reporter(quiet))
    else:
        if data is None or out is None:
            raise HamError("DATA and --out RUN are needed", remedy="or --resume RUN; try ham-mrc train --help")
        settings = _settings(data, reader, preset, config, set_ or [], given)
        run = loop.train(data, out, settings, force=force, progress=reporter(quiet))
    show(_document(run), format, json=json, write=write)
    notice(f"next: ham-mrc predict {shlex.quote(str(run))} FILE --out predictions.json", quiet=quiet)


def _check_resume(resume: Path | None, out: Path | None, given: dict[str, Any], others: list[Any]) -> None:
    if resume is None:
        return
    if out is not None and out.resolve() != resume.resolve():
        raise HamError(f"--out {out} and --resume {resume} name two runs", remedy="leave out --out")
    if any(others) or any(given.values()):
        raise HamError("--resume goes on with the settings that the run began with", remedy="leave out the others")


def _settings(
    data: Path, reader: str | None, preset: str | None, file: Path | None, assignments: list[str], given: dict[str, Any]
) -> Config:
    """The settings of a new run, later layers over earlier ones."""
    from ham_mrc.config import build_config, merge, parse_assignment, read_preset, read_toml
    from ham_mrc.data_prep.manifest import Manifest
    from ham_mrc.readers import READERS

    own = {} if file is None else read_toml(file)
    named = {} if reader is None else {"reader": {"name": reader}}
    chosen = merge(own, *map(parse_assignment, assignments), given, named)
    if preset is None:
        preset = own.get("run", {}).get("preset")  # FILE is a run's config.toml
    if preset is None:
        name = chosen.get("reader", {}).get("name") or DEFAULT_READERS.get(Manifest.load(data).dataset)
        preset = DEFAULT_PRESETS.get(str(name), "")
    basis = read_preset(str(preset)) if preset else {}
    if file is not None:
        build_config(merge(basis, own), READERS, file=file)  # what is wrong with the file names the file
    return build_config(merge(basis, chosen, {"run": {"preset": str(preset)}}), READERS)


def _document(run: Path) -> Document:
    from ham_mrc.eval.results import load_result
    from ham_mrc.files import read_jsonl

    log = [entry for _, entry in read_jsonl(run / "log.jsonl")]
    result = load_result(run)
    best = max((entry for entry in log if entry["best"]), key=lambda entry: int(entry["epoch"]))
    content = {
        "schema": 1,
        "run": str(run),
        "epochs": len(log),
        "best_epoch": best["epoch"],
        "part": (result.run or {}).get("part"),
        "metrics": dict(result.scores.metrics),
        "levels": best["levels"],
    }
    return Document(content, [_epochs(log), *_levels(best["levels"], best["epoch"])])


def _epochs(log: list[dict[str, Any]]) -> Table:
    parts = list(log[0]["scores"])
    headers = ["epoch", "loss", *(f"{part} {label}" for part in parts for label in ("EM", "F1")), "examples/s", "best"]
    rows = []
    for entry in log:
        figures = [f"{entry['scores'][part][key]:.2f}" for part in parts for key in ("exact_match", "f1")]
        mark = "*" if entry["best"] else ""
        rows.append(
            [str(entry["epoch"]), f"{entry['loss']:.3f}", *figures, f"{entry['examples_per_second']:.0f}", mark]
        )
    notes = ["* better than all epochs before, by the model-choice part"]
    if log[-1]["cut_short"]:
        notes.append("the last epoch was cut short by max_minutes")
    return make_table(headers, rows, right=headers[:-1], title="epochs", notes=notes)


def _levels(sites: dict[str, list[dict[str, Any]]], epoch: int) -> list[Table]:
    """A table for each site of attention: what every level weighs and does."""
    headers = ("level", "weight", "change", "entropy", "spread")
    tables = []
    for site, levels in sites.items():
        rows = [
            [str(number), *("" if level[key] is None else f"{level[key]:.4f}" for key in headers[1:])]
            for number, level in enumerate(levels, 1)
        ]
        notes = [
            "change: how far an output moved from the level before; entropy: 1 is the plain mean of the keys; "
            "spread: how much outputs differ between queries"
        ]
        tables.append(
            make_table(headers, rows, right=headers, title=f"levels of attention: {site}, epoch {epoch}", notes=notes)
        )
    return tables
