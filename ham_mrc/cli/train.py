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

DEFAULT_READERS = {"squad": "match-lstm", "dureader": "bidaf", "cmrc": "bidaf", "msmarco": "r-net"}
"""The paper's reader for each dataset."""

DEFAULT_PRESETS = {"match-lstm": "match-lstm-small", "bidaf": "bidaf-small", "r-net": "r-net-small"}
"""What runs where no preset is named: the one that two cores can train."""

CHINESE_PRESETS = {"bidaf": "bidaf-small-dureader"}
"""What runs instead on DuReader and CMRC: Baidu's form of the reader, for words without pretrained vectors."""

ANSWER_TOKENS = {"squad": 15, "cmrc": 50, "dureader": 200, "msmarco": 75}
"""How long an answer may be where the settings say nothing: 99 % of the labels keep to it, 95 % on DuReader."""

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
    device: options.Device = None,
    precision: options.Precision = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without a better score before it ends; 0: all.")] = None,
    max_minutes: options.MaxMinutes = None,
    config: options.Config = None,
    set_: options.Set = None,
    grow: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Begin with the weights of a finished run, at more levels of attention."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run that was stopped, by its own settings.")
    ] = None,
    seed: options.SettingsSeed = None,
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
    _check_resume(resume, out, given, [reader, preset, config, set_, grow, force])
    options.need_training()
    options.keep_memory()
    from ham_mrc.training import loop
    from ham_mrc.training.distributed import together

    with together() as group:  # one process, unless torchrun has started several
        progress = reporter(quiet or not group.leader)
        if resume is not None:
            _say_finished(resume, quiet=quiet or not group.leader)
            run = loop.resume(resume, data=data, progress=progress, group=group)
        else:
            if data is None or out is None:
                raise HamError("DATA and --out RUN are needed", remedy="or --resume RUN; try ham-mrc train --help")
            if grow is not None and preset is None and config is None:
                config = grow / "config.toml"
            settings = settings_of(data, reader, preset, config, set_ or [], given)
            run = loop.train(data, out, settings, grow=grow, force=force, progress=progress, group=group)
        if not group.leader:
            return
        show(_document(run), format, json=json, write=write)
    notice(f"next: ham-mrc predict {shlex.quote(str(run))} FILE --out predictions{_suffix(run)}", quiet=quiet)


def _suffix(run: Path) -> str:
    from ham_mrc.training.official import suffix
    from ham_mrc.training.run_folder import open_run

    return suffix(open_run(run).facts["dataset"])


def _check_resume(resume: Path | None, out: Path | None, given: dict[str, Any], others: list[Any]) -> None:
    if resume is None:
        return
    if out is not None and out.resolve() != resume.resolve():
        raise HamError(f"--out {out} and --resume {resume} name two runs", remedy="leave out --out")
    if any(others) or any(given.values()):
        raise HamError("--resume goes on with the settings that the run began with", remedy="leave out the others")


def _say_finished(run: Path, *, quiet: bool) -> None:
    """Say of a run that has finished that it stays as it is, before its old table is taken for a new one."""
    from ham_mrc.files import read_jsonl
    from ham_mrc.training.run_folder import LOG, open_run

    if open_run(run).finished:
        entries = [entry for _, entry in read_jsonl(run / LOG)]
        how = ", the last cut short by its time limit" if entries and entries[-1]["cut_short"] else ""
        epochs = f"{len(entries)} {'epoch' if len(entries) == 1 else 'epochs'}"
        notice(f"{run}: the run is finished ({epochs}{how}) and stays as it is; a new one needs --out", quiet=quiet)


def settings_of(
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
    dataset = Manifest.load(data).dataset
    if preset is None:
        name = str(chosen.get("reader", {}).get("name") or DEFAULT_READERS[dataset])
        preset = CHINESE_PRESETS.get(name) if dataset in ("dureader", "cmrc") else None
        preset = preset or DEFAULT_PRESETS.get(name, "")
    basis = merge({"training": {"max_answer_tokens": ANSWER_TOKENS[dataset]}}, read_preset(preset) if preset else {})
    if file is not None:
        build_config(merge(basis, own), READERS, file=file)  # what is wrong with the file names the file
    return build_config(merge(basis, chosen, {"run": {"preset": str(preset)}}), READERS)


def _document(run: Path) -> Document:
    from ham_mrc.eval.datasets import MAIN, metrics_of
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
    if "threshold" in best:
        content["no_answer_threshold"] = best["threshold"]
    known = metrics_of(result.scores.dataset, result.scores.version)
    shown = {name: known[name].label for name in MAIN[result.scores.dataset]}
    levels = levels_tables(best["levels"], best["epoch"])
    return Document(content, [_epochs(log, shown, result.scores.signature), *levels])


def _epochs(log: list[dict[str, Any]], metrics: dict[str, str], signature: str) -> Table:
    """A row for each epoch; `metrics` are the figures that are shown, each with its label."""
    parts = list(log[0]["scores"])
    labels = [f"{part} {label}" for part in parts for label in metrics.values()]
    headers = ["epoch", "loss", *labels, "examples/s", "best"]
    rows = []
    for entry in log:
        figures = [_figure(entry["scores"][part], key) for part in parts for key in metrics]
        mark = "*" if entry["best"] else ""
        rows.append(
            [str(entry["epoch"]), f"{entry['loss']:.3f}", *figures, f"{entry['examples_per_second']:.0f}", mark]
        )
    notes = ["* better than all epochs before, by the model-choice part"]
    if log[-1]["cut_short"]:
        notes.append("the last epoch was cut short by max_minutes")
    if signature.endswith("|punkt:absent-least"):
        notes.append("F1 is a lower bound: without NLTK's Punkt model an answer that hangs on it counts least")
    return make_table(headers, rows, right=headers[:-1], title="epochs", notes=notes)


def _figure(scores: dict[str, float], name: str) -> str:
    return f"{scores[name]:.2f}" if name in scores else ""


def levels_tables(sites: dict[str, list[dict[str, Any]]], epoch: int) -> list[Table]:
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
