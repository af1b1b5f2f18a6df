"""`ham-mrc poem train`: prepared poems to a run folder."""

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
    from ham_mrc.training.poem_config import PoemConfig

DEFAULT_PRESET = "small"
"""What two cores can train."""

System = Literal["ppg", "rnnpg", "smt"]
Attention = Literal["additive", "dot", "multilevel", "ham"]


def train(
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The run folder to write, or to go on with.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Prepared poems. With --resume only where they have moved."),
    ] = None,
    system: Annotated[System | None, typer.Option(help="What writes the lines.", show_default="ppg")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Settings that ship with ham-mrc: small, paper (ppg), original (rnnpg).")
    ] = None,
    attention: Annotated[Attention | None, typer.Option(help="PPG's; additive is as published, ham ours.")] = None,
    depth: Annotated[int | None, typer.Option(help="Levels of PPG's attention.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Lines in an update; poems for rnnpg.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the start.")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without a better perplexity before it ends.")] = None,
    max_minutes: options.MaxMinutes = None,
    config: options.Config = None,
    set_: options.Set = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, which was stopped, by its own settings.")
    ] = False,
    seed: options.SettingsSeed = None,
    force: options.Force = False,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Train PPG, RNNPG or SMT, and what plans the keywords of its lines; keep the epoch of the best perplexity.

    Settings come from the preset, then --config, then --set, then the options, later ones over earlier ones. With
    --resume the same command goes on where it was stopped, and another --max-minutes may then be given. A run that has
    finished, by its time limit too, stays as it is; only a planner that has gone is trained again.
    """
    given: dict[str, dict[str, Any]] = {
        "system": {"name": system, "attention": attention, "depth": depth},
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
    chosen = {name: {key: v for key, v in values.items() if v is not None} for name, values in given.items()}
    options.need_training()
    options.keep_memory()
    from ham_mrc.training.distributed import together
    from ham_mrc.training.poem_training import resume_poems, train_poems

    with together() as group:  # one process, unless torchrun has started several
        progress = reporter(quiet or not group.leader)
        if resume:
            _check_resume(out, chosen, preset, config, set_ or [], force)
            _say_finished(out, quiet=quiet or not group.leader)
            run = resume_poems(out, data=data, max_minutes=max_minutes, progress=progress, group=group)
        else:
            if data is None:
                raise HamError("--data DIR is needed", remedy="or --resume; try ham-mrc poem train --help")
            settings = settings_of(preset, config, set_ or [], chosen)
            run = train_poems(data, out, settings, force=force, progress=progress, group=group)
        if not group.leader:
            return
        show(_document(run), format, json=json, write=write)
    notice(f"next: ham-mrc poem eval {shlex.quote(str(run))}", quiet=quiet)


def settings_of(
    preset: str | None, file: Path | None, assignments: list[str], chosen: dict[str, dict[str, Any]]
) -> PoemConfig:
    """The settings of a new run, later layers over earlier ones."""
    from ham_mrc.config import merge, parse_assignment, preset_names, read_preset, read_toml
    from ham_mrc.training.poem_config import PRESETS, build_poem_config
    from ham_mrc.training.poem_systems import settings_of_systems

    own = {} if file is None else read_toml(file)
    chosen = merge(own, *map(parse_assignment, assignments), chosen)
    preset = preset or own.get("run", {}).get("preset") or DEFAULT_PRESET
    name = f"{chosen.get('system', {}).get('name', 'ppg')}-{preset}"
    basis = read_preset(preset if preset in preset_names(PRESETS) else name, PRESETS)
    systems = settings_of_systems()
    if file is not None:
        build_poem_config(merge(basis, own), systems, file=file)  # what is wrong with the file names the file
    return build_poem_config(merge(basis, _fitting(chosen), {"run": {"preset": preset}}), systems)


def _fitting(chosen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Attention that has one level takes the preset's depth away, unless a depth is named."""
    own = chosen.get("system", {})
    single = own.get("attention") in ("additive", "dot")
    return {**chosen, "system": {**own, "depth": 1}} if single and "depth" not in own else chosen


def _check_resume(
    out: Path,
    chosen: dict[str, dict[str, Any]],
    preset: str | None,
    config: Path | None,
    assignments: list[str],
    force: bool,
) -> None:
    """Raise HamError where an option says other than the run's own settings. Options that repeat them may stay."""
    from ham_mrc.config import merge, parse_assignment
    from ham_mrc.training.poem_run import open_poem_run

    if force or config is not None:
        raise HamError("--resume goes on with the settings that the run began with", remedy="leave out the others")
    run = open_poem_run(out).config
    has: dict[str, dict[str, Any]] = {
        "system": {"name": run.system, **run.settings},
        "training": {key: getattr(run.training, key) for key in run.training.__dataclass_fields__},
    }
    wanted = merge(*map(parse_assignment, assignments), chosen)
    if preset is not None and preset not in (run.preset, f"{run.system}-{run.preset}"):
        raise HamError(f"--resume: the run began with preset {run.preset}, not {preset}", remedy="leave it out")
    for section, values in wanted.items():
        for key, value in values.items():
            if key != "max_minutes" and has.get(section, {}).get(key) != value:
                began = has.get(section, {}).get(key)
                raise HamError(f"--resume: the run began with {key} = {began}, not {value}", remedy="leave it out")


def _say_finished(out: Path, *, quiet: bool) -> None:
    """Say of a run that has finished that it stays as it is, before its old table is taken for a new one."""
    from ham_mrc.files import read_json
    from ham_mrc.training.poem_run import open_poem_run
    from ham_mrc.training.run_folder import FINISHED, PLANNER

    if not open_poem_run(out).finished:
        return
    told, text = read_json(out / FINISHED), f"{out}: the run is finished"
    if "epochs" in told:
        epochs = f"{told['epochs']:.3g} {'epoch' if told['epochs'] == 1 else 'epochs'}"
        text += f" ({'ended by its time limit after ' if told['cut_short'] else ''}{epochs})"
    if not (out / PLANNER).exists():
        notice(f"{text}; only its planner of keywords, which has gone, is trained again", quiet=quiet)
    else:
        notice(f"{text} and stays as it is; to train anew give --force in place of --resume", quiet=quiet)


def _document(run: Path) -> Document:
    from ham_mrc.cli.train import levels_tables
    from ham_mrc.files import read_json, read_jsonl

    outcome = read_json(run / "scores.json")
    log = [entry for _, entry in read_jsonl(run / "log.jsonl")]
    content = {**outcome, "run": str(run)}
    if "tuning" in outcome:
        return Document(content, [_tuning(outcome["tuning"], log[-1]["training_seconds"])])
    best = next(entry for entry in log if entry["epoch"] == outcome["best_epoch"])
    content["levels"] = best["levels"]
    return Document(content, [_epochs(log, outcome["system"]), *levels_tables(best["levels"], best["epoch"])])


def _tuning(tuning: dict[str, dict[str, Any]], seconds: float) -> Table:
    headers = ["length", "lines", "references", "rounds", "BLEU-2 before", "BLEU-2 after"]
    rows = [
        [
            length,
            str(told["lines"]),
            told["references"],
            str(len(told["rounds"])),
            f"{told['before']:.2f}",
            f"{told['after']:.2f}",
        ]
        for length, told in tuning.items()
    ]
    notes = [f"counted and tuned in {seconds / 60:.1f} minutes; the figures are of the lines that were tuned on"]
    return make_table(headers, rows, right=[headers[0], headers[1], *headers[3:]], title="weights", notes=notes)


def _epochs(log: list[dict[str, Any]], system: str) -> Table:
    headers = ["epoch", "loss", "valid perplexity", "examples/s", "minutes", "best"]
    rows = [
        [
            str(entry["epoch"]),
            f"{entry['loss']:.3f}",
            f"{entry['scores']['valid']['perplexity']:.2f}",
            f"{entry['examples_per_second']:,.0f}",
            f"{entry['training_seconds'] / 60:.1f}",
            "*" if entry["best"] else "",
        ]
        for entry in log
    ]
    keyword = ", of lines whose keyword is taken from themselves" if system == "ppg" else ""
    notes = [f"* better than all epochs before; perplexity by character, the end of a line counted as one{keyword}"]
    if log[-1]["cut_short"]:
        notes.append("the last epoch was cut short by max_minutes")
    return make_table(headers, rows, right=headers[:-1], title="epochs", notes=notes)
