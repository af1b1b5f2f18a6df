"""Training: epochs over the training part, the best epoch by the part that chooses, the reported part last.

`train` and `resume` are for readers; `to_the_end` trains whatever has a Task.

A run can be killed at any moment. What decides the weights is the seed and the number of the update, never the clock
(unless `max_minutes` ends it), so a resumed run ends with the weights of an unbroken one.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from torch import nn

from ham_mrc.config import Config
from ham_mrc.files import write_jsonl
from ham_mrc.progress import Bar, Progress, silent
from ham_mrc.training.average import Average
from ham_mrc.training.batches import Rows
from ham_mrc.training.begin import begin, check_same_data, go_on
from ham_mrc.training.checkpoint import Progressed, fingerprint, load_state, save_weights
from ham_mrc.training.device import choose_device
from ham_mrc.training.distributed import ALONE, Group
from ham_mrc.training.grow import Grown
from ham_mrc.training.interrupt import resumable, stop_requested
from ham_mrc.training.log import log_entry
from ham_mrc.training.optimizer import build_optimizer
from ham_mrc.training.reading import READING
from ham_mrc.training.run_folder import LOG, STATE, WEIGHTS, open_run
from ham_mrc.training.run_place import check_free, remove_leftovers
from ham_mrc.training.task import Run, Task
from ham_mrc.training.training import Training
from ham_mrc.training.update import make_update

Begun = tuple[Run, nn.Module, Any]
"""A run folder, its network, and the parts that the task makes batches and scores of."""


def train(
    data: Path,
    out: Path,
    config: Config,
    *,
    grow: Path | None = None,
    force: bool = False,
    progress: Progress = silent,
    group: Group = ALONE,
) -> Path:
    """Train a new run on the prepared folder `data` and return its folder `out`.

    `grow` names a finished run whose weights it starts with, at more levels of attention. `force` replaces a run that
    stands there, finished or not. `group` are the processes that train together; all of them call this function. Raises
    HamError for input that cannot train, and KeyboardInterrupt, whose message says how to resume, when stopped.
    """
    check_free(out, force=force)
    with resumable(out, READING.resume_command(out)):
        begun = begin(data, out, config, group, None if grow is None else Grown.open(grow))
        return to_the_end(begun, READING, progress, group)


def resume(out: Path, *, data: Path | None = None, progress: Progress = silent, group: Group = ALONE) -> Path:
    """Go on with a run that was stopped, and return its folder. A finished run is left as it is.

    `data` names the prepared folder where it has moved; the run remembers the new place. Raises HamError where it is
    not the one that the run began with.
    """
    run = open_run(out)
    if run.finished:
        return out
    data = run.data if data is None else data
    check_same_data(run, data)
    with resumable(out, READING.resume_command(out)):
        if not (out / STATE).exists():  # killed before its first save
            return to_the_end(begin(data, out, run.config, group, Grown.recorded_in(run)), READING, progress, group)
        return to_the_end(go_on(run, data, group), READING, progress, group, going_on=True)


def to_the_end(begun: Begun, task: Task, progress: Progress, group: Group = ALONE, *, going_on: bool = False) -> Path:
    """Train what has begun, or go on from the run's last save, to its end; return its folder.

    Raises KeyboardInterrupt, whose message says how to resume, when stopped.
    """
    run, reader, parts = begun
    settings = run.config.training
    device = choose_device(settings.device, settings.precision, group.local_rank)
    reader.to(device.torch)
    optimizer, average = build_optimizer(reader, settings), Average(reader, settings.average)
    done = Progressed(fingerprint=fingerprint(run.config))
    if going_on:
        done = load_state(run.path, run.config, reader, optimizer, average)
    objective = group.joined(task.objective(reader, device))
    if group.leader:
        remove_leftovers(run.path)
    with stop_requested(once=group.size > 1) as stop:
        saved = done.update if going_on else None
        training = Training(
            run, reader, objective, optimizer, average, device, parts, done, progress, stop, saved, group, task=task
        )
        try:
            _train_to_the_end(training)
        except KeyboardInterrupt:
            place = "" if training.saved is None else f"saved after update {training.saved:,}; "
            raise KeyboardInterrupt(f"{place}go on with: {task.resume_command(run.path)}") from None
    return run.path


def _train_to_the_end(training: Training) -> None:
    settings, task = training.settings, training.task
    if training.saved is None:
        training.save()
    while not (done := training.progressed).finished:
        batches = task.order(training, done.epoch)
        examples = sum(map(len, batches))
        with training.progress(f"epoch {done.epoch}/{settings.epochs}", total=examples, unit="examples") as bar:
            bar.advance(sum(map(len, batches[: done.position])))
            _run_epoch(training, batches, bar)
        training.save()
        if training.group.leader:
            with training.progress(f"scoring epoch {done.epoch}", total=task.watched(training), unit=task.unit) as bar:
                _close_epoch(training, batches, bar)
        training.agree()
    if training.group.leader:
        task.finish(training)


def _run_epoch(training: Training, batches: list[Rows], bar: Bar) -> None:
    """Train on the rest of the epoch's batches, or as many of them as the time allows."""
    done, settings, group = training.progressed, training.settings, training.group
    updates = settings.epochs * len(batches)
    saved = time.monotonic()
    while done.position < len(batches):
        time_is_over, stopped = group.total(group.leader and training.time_is_over, training.stop())
        if time_is_over:
            return
        if stopped:
            training.save()
            group.wait()  # none says that all is saved before the leader has done it
            raise KeyboardInterrupt
        rows, begun = batches[done.position], time.perf_counter()
        loss, norm = make_update(training, rows, training.rate(done.update, updates))
        done.count_update(len(rows), loss, norm, time.perf_counter() - begun)
        bar.advance(len(rows), f"loss {done.loss_sum / done.examples:.3f}")
        if time.monotonic() - saved >= 60 * settings.checkpoint_minutes:
            training.save()
            saved = time.monotonic()


def _close_epoch(training: Training, batches: list[Rows], bar: Bar) -> None:
    """Score the epoch, keep its weights if they are the best, log it, and decide whether it was the last.

    Killed anywhere in here, a run comes back to its beginning and finds the same.
    """
    done, settings, task = training.progressed, training.settings, training.task
    with training.average.in_place():
        scores = training.score(bar)
        chosen_by = task.chosen_by(training, scores)
        better = done.best_epoch == 0 or _is_better(chosen_by, done.best_score, task)
        if better:
            save_weights(training.run.path / WEIGHTS, training.reader)
        entry = log_entry(training, batches, scores, better)
    done.count_epoch(entry, chosen_by if better else None, settings.halve_patience)
    patience_is_over = 0 < settings.patience <= done.flat_epochs
    done.finished = training.time_is_over or patience_is_over or done.epoch > settings.epochs
    training.save()
    write_jsonl(training.run.path / LOG, done.log)
    bar.say(task.epoch_line(training, entry))


def _is_better(figure: float, best: float, task: Task) -> bool:
    return figure > best if task.larger_is_better else figure < best
