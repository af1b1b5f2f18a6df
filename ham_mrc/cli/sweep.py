"""`ham-mrc sweep`: every run of a grid over readers, depths and seeds, and the paper's table from them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, emit, notice, show
from ham_mrc.cli.progress import reporter
from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ham_mrc.sweep.folder import Sweep
    from ham_mrc.sweep.grid import Cell
    from ham_mrc.sweep.jobs import Failure
    from ham_mrc.sweep.result import SweepResult

SCHEMA = 1

CHILD = (sys.executable, "-m", "ham_mrc.cli.child")
"""How a child process of the sweep is begun, before the words of its command."""


class RunsFailed(HamError):
    """Runs of a sweep that did not come through, when all others have. `exit_code` is theirs."""


def sweep(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A folder made by prepare.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the sweep; each run has one in it.")],
    readers: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Which readers; the paper's for the dataset if not given.")
    ] = None,
    depths: Annotated[
        str | None, typer.Option(metavar="N,...", help="Levels of attention.", show_default="1,2,5,10,20")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N|S,S,...", help="How many seeds, or which.", show_default="3")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Settings that ship with ham-mrc: small, strong or original, or one by its name.")
    ] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="Word vectors: a GloVe or word2vec text file, or glove-6b-50d."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="A sweep as a file: its grid and settings.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of every run, as section.key=value. Repeatable."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side; they divide the processor's threads.")] = 1,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Print the grid and, from a short timing, its time; run nothing."),
    ] = False,
    paper: Annotated[
        bool, typer.Option("--paper", help="Add the published rows of Table 1, which are on other data.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The first seed, where --seeds is a number.", show_default="13")
    ] = None,
    force: options.Force = False,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Train every reader at every depth from several seeds, and show what depth does: the table of the paper.

    What is finished is never trained again: the same command, or just DATA and --out, goes on with a sweep that was
    stopped. Settings come from the preset, then --config, then --set. Every run is listed in DIR/runs.json.
    """
    from ham_mrc.sweep.folder import TABLES
    from ham_mrc.sweep.run import How, run_sweep

    options.need_training()
    asked = _sweep(data, out, readers, depths, seeds, seed, preset, embeddings, config, set_ or [])
    if paper:
        _check_paper(data)
    if plan:
        show(_plan(asked, jobs, quiet), format, json=json, write=write)
        return
    how = How(CHILD, jobs, reporter(quiet), lambda text: notice(text, quiet=quiet))
    failures = run_sweep(asked, how, force=force)
    result = _result(asked, paper)
    if result is not None:
        document = _document(asked, result, failures)
        show(document, format, json=json, write=[*(out / name for name in TABLES), *(write or [])])
        _curves(asked, result, shown=format == "table" and not json, quiet=quiet)
    if failures:
        raise _failed(asked, failures)


def _sweep(
    data: Path,
    out: Path,
    readers: str | None,
    depths: str | None,
    seeds: str | None,
    seed: int | None,
    preset: str | None,
    embeddings: str | None,
    config: Path | None,
    assignments: list[str],
) -> Sweep:
    """The sweep that is asked for, with all settings of every run checked. DIR/sweep.toml stands for a missing FILE."""
    from ham_mrc.cli.train import DEFAULT_READERS, settings_of
    from ham_mrc.data_prep.manifest import Manifest
    from ham_mrc.sweep.folder import SWEEP, Sweep
    from ham_mrc.sweep.grid import names, numbers
    from ham_mrc.sweep.request import make_request, read_request
    from ham_mrc.training.begin import with_absolute_source

    file = config if config is not None else out / SWEEP if (out / SWEEP).is_file() else None
    counted = None if seeds is None else numbers(seeds, "--seeds")
    request = make_request(
        {} if file is None else read_request(file),
        reader=DEFAULT_READERS[Manifest.load(data).dataset],
        readers=None if readers is None else names(readers),
        depths=None if depths is None else numbers(depths, "--depths"),
        seeds=counted[0] if counted is not None and len(counted) == 1 else counted,
        first_seed=seed,
        preset=preset,
        embeddings=embeddings,
        assignments=assignments,
    )
    configs = {}
    for cell in request.grid:
        own = {"reader": {"depth": cell.depth}, "training": {"seed": cell.seed}}
        wanted = request.settings(cell.reader)
        wanted.pop("run", None)
        layered = {name: {**wanted.get(name, {}), **own.get(name, {})} for name in {**wanted, **own}}
        configs[cell] = with_absolute_source(
            settings_of(data, cell.reader, request.preset_of(cell.reader), None, [], layered)
        )
    return Sweep(out, data, request, configs)


def _check_paper(data: Path) -> None:
    from ham_mrc.data_prep.manifest import Manifest
    from ham_mrc.sweep.result import check_published

    check_published(Manifest.load(data).dataset)


def _plan(asked: Sweep, jobs: int, quiet: bool) -> Document:
    from ham_mrc.sweep.jobs import threads_each
    from ham_mrc.sweep.plan import make_plan, plan_json, plan_table
    from ham_mrc.sweep.timing import Timer

    timer = Timer(asked.data, threads_each(jobs))
    found = make_plan(asked, timer.measure, jobs=jobs, progress=reporter(quiet))
    return Document(plan_json(found), [plan_table(found)])


def _result(asked: Sweep, paper: bool) -> SweepResult | None:
    """What the finished runs show; None where there is none."""
    from ham_mrc.eval.results import load_result
    from ham_mrc.sweep.folder import state
    from ham_mrc.sweep.result import sweep_result

    results = {cell: load_result(asked.run(cell)) for cell in asked.grid if state(asked, cell) == "finished"}
    return sweep_result(results, asked.grid, paper=paper) if results else None


def _document(asked: Sweep, result: SweepResult, failures: Mapping[Cell, Failure]) -> Document:
    from dataclasses import asdict

    from ham_mrc.sweep.folder import earlier_grids
    from ham_mrc.sweep.levels import sentence, sweep_levels
    from ham_mrc.sweep.result import result_json
    from ham_mrc.sweep.runs import RUNS, best_epoch, list_runs, log_of
    from ham_mrc.sweep.table import sweep_tables

    levels = sweep_levels({cell: best_epoch(log_of(asked.run(cell)))["levels"] for cell in result.runs})
    notes = [f"Every run, and the command that repeats it: {asked.out / RUNS}."]
    if earlier := earlier_grids(asked.out):
        notes.append(f"The grid grew while results were known; before, it was: {'; then: '.join(earlier)}.")
    tables = sweep_tables(result, levels, notes)
    content: dict[str, Any] = {"schema": SCHEMA, "data": str(asked.data), "out": str(asked.out), **result_json(result)}
    content["runs"] = list_runs(asked, failures)
    content["levels"] = [{**asdict(site), "sentence": sentence(site)} for site in levels]
    content["notes"] = list(tables[-1].notes)
    return Document(content, tables)


def _curves(asked: Sweep, result: SweepResult, *, shown: bool, quiet: bool) -> None:
    """The curve of score against depth: in the terminal below a table, and as pictures in the folder."""
    from ham_mrc.sweep.curve import curve_text
    from ham_mrc.sweep.folder import CURVES
    from ham_mrc.sweep.picture import can_draw, save_curve
    from ham_mrc.sweep.table import main_metrics

    for name, metric in main_metrics(result).items() if shown else ():
        emit("\n" + curve_text(result, name, metric))
    if can_draw():
        save_curve(result, *(asked.out / name for name in CURVES))
    else:
        notice(f"for {' and '.join(CURVES)}: pip install 'ham-mrc[plot]', and the same command again", quiet=quiet)


def _failed(asked: Sweep, failures: Mapping[Cell, Failure]) -> HamError:
    from ham_mrc.sweep.jobs import exit_code

    first = next(iter(failures.values()))
    what = f"{len(failures)} of {len(asked.grid)} runs failed, the first: {first.cell}: {first.message}"
    fault = RunsFailed(what, remedy=f"see {asked.out / first.cell.log}; the same command tries again")
    fault.exit_code = exit_code(list(failures.values()))
    return fault
