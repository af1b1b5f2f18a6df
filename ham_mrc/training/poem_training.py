"""A run of a poem system from its beginning to its end: networks by the one loop, SMT in one pass."""

from __future__ import annotations

import time
from pathlib import Path

from ham_mrc.data_prep.poem_folder import PoemFolder, open_poems
from ham_mrc.errors import HamError
from ham_mrc.files import write_json, write_jsonl
from ham_mrc.progress import Progress, silent
from ham_mrc.training.device import choose_device
from ham_mrc.training.distributed import ALONE, Group
from ham_mrc.training.interrupt import resumable
from ham_mrc.training.loop import to_the_end
from ham_mrc.training.poem_config import IN_ONE_PASS, PoemConfig
from ham_mrc.training.poem_networks import build_network, start_vectors
from ham_mrc.training.poem_run import PoemRun, create_poem_run, open_poem_run
from ham_mrc.training.poem_task import PoemParts, PoemTask, add_planner, outcome
from ham_mrc.training.run_folder import FINISHED, LOG, PLANNER, STATE, resume_poem_command
from ham_mrc.training.run_place import check_free, remove_leftovers


def train_poems(
    data: Path,
    out: Path,
    config: PoemConfig,
    *,
    force: bool = False,
    progress: Progress = silent,
    group: Group = ALONE,
) -> Path:
    """Train a new run on the prepared poems at `data` and return its folder `out`.

    `force` replaces a run that stands there, finished or not. `group` are the processes that train together; all of
    them call this function. Raises HamError for input that cannot train, and KeyboardInterrupt, whose message says how
    to resume, when stopped.
    """
    check_free(out, force=force)
    folder = open_poems(data)
    folder.check()
    _check_alone(config.system, group)
    return _from_the_start(out, config, folder, progress, group)


def resume_poems(
    out: Path,
    *,
    data: Path | None = None,
    max_minutes: float | None = None,
    progress: Progress = silent,
    group: Group = ALONE,
) -> Path:
    """Go on with a run that was stopped, and return its folder. A finished run is left as it is.

    Only a planner that has gone is trained again: the run's seed and the data give the same one.

    `data` names the prepared folder where it has moved, `max_minutes` another limit of time; the run remembers both.
    Raises HamError where the folder is not the one that the run began with, or is damaged.
    """
    run = open_poem_run(out)
    if run.finished and (out / PLANNER).exists():
        return out
    _check_alone(run.config.system, group)
    with resumable(out, resume_poem_command(out)):
        folder = run.folder(data)
        folder.check()
        if not run.finished:
            return _go_on(run, folder, data, max_minutes, progress, group)
        if group.leader:
            add_planner(out, folder, run.config.training.seed, progress)
        group.wait()
    return out


def _go_on(
    opened: PoemRun, folder: PoemFolder, data: Path | None, max_minutes: float | None, progress: Progress, group: Group
) -> Path:
    run, system = opened, opened.config.system
    run = run if data is None else run.moved(data)
    run = run if max_minutes is None or system in IN_ONE_PASS else run.within(max_minutes)
    if not (run.path / STATE).exists():  # one pass, or killed before its first save
        return _from_the_start(run.path, run.config, folder, progress, group)
    if run != opened and group.leader:
        run.write_config()
    network = build_network(run.config, run.characters())
    task = PoemTask(system, run.config.training.loss)
    return to_the_end((run, network, PoemParts.open(folder, system)), task, progress, group, going_on=True)


def _from_the_start(out: Path, config: PoemConfig, folder: PoemFolder, progress: Progress, group: Group) -> Path:
    if config.system in IN_ONE_PASS:
        with resumable(out, resume_poem_command(out)):
            return _in_one_pass(create_poem_run(out, config, folder), folder, progress)
    choose_device(config.training.device, config.training.precision, group.local_rank)  # fails now, and not later
    parts, network = PoemParts.open(folder, config.system), build_network(config, folder.characters)
    group.wait()  # all have looked at `out` before the leader puts the first file there
    with resumable(out, resume_poem_command(out)):
        if group.leader:
            create_poem_run(out, config, folder)
        group.wait()
        start_vectors(network, folder, config.training.seed, progress)
        task = PoemTask(config.system, config.training.loss)
        return to_the_end((open_poem_run(out), network, parts), task, progress, group)


def _in_one_pass(run: PoemRun, folder: PoemFolder, progress: Progress) -> Path:
    """SMT: when it was stopped, all of it is done again."""
    from ham_mrc.quatrains.smt import SMTSettings
    from ham_mrc.quatrains.smt_build import build_smt

    config, seed, began = run.config, run.config.training.seed, time.perf_counter()
    remove_leftovers(run.path)
    smt = build_smt(folder, run.path, SMTSettings(**config.settings), progress, seed=seed)
    write_jsonl(run.path / LOG, [{"training_seconds": time.perf_counter() - began}])
    add_planner(run.path, folder, seed, progress)
    write_json(run.path / FINISHED, outcome(run.path, config, folder, tuning=smt.tuning))
    return run.path


def _check_alone(system: str, group: Group) -> None:
    if system in IN_ONE_PASS and group.size > 1:
        raise HamError(f"{system} is trained by one process, not {group.size}", remedy="start it without torchrun")
