"""Training: epochs over the training part, the best epoch by the model-choice part, the reported part last.

A run can be killed at any moment. What decides the weights is the seed and the number of the update, never the clock
(unless `max_minutes` ends it), so a resumed run ends with the weights of an unbroken one.
"""

from __future__ import annotations

import time
from pathlib import Path

from ham_mrc.config import Config
from ham_mrc.files import write_jsonl
from ham_mrc.progress import Bar, Progress, silent
from ham_mrc.training.average import Average
from ham_mrc.training.batches import Rows, training_order
from ham_mrc.training.begin import Begun, begin, check_same_data, go_on
from ham_mrc.training.checkpoint import Progressed, fingerprint, load_state, save_weights
from ham_mrc.training.device import choose_device
from ham_mrc.training.distributed import ALONE, Group
from ham_mrc.training.finish import finish
from ham_mrc.training.grow import Grown
from ham_mrc.training.interrupt import stop_requested
from ham_mrc.training.log import epoch_line, log_entry
from ham_mrc.training.optimizer import build_optimizer
from ham_mrc.training.run_folder import LOG, STATE, WEIGHTS, check_free, open_run, remove_leftovers, resume_command
from ham_mrc.training.training import Training
from ham_mrc.training.update import Objective, make_update


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
    return _go(begin(data, out, config, group, None if grow is None else Grown.open(grow)), progress, group)


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
    if not (out / STATE).exists():  # killed before its first save
        return _go(begin(data, out, run.config, group, Grown.recorded_in(run)), progress, group)
    return _go(go_on(run, data, group), progress, group, going_on=True)


def _go(begun: Begun, progress: Progress, group: Group, *, going_on: bool = False) -> Path:
    run, reader, parts = begun
    settings = run.config.training
    device = choose_device(settings.device, settings.precision, group.local_rank)
    reader.to(device.torch)
    optimizer, average = build_optimizer(reader, settings), Average(reader, settings.average)
    done = Progressed(fingerprint=fingerprint(run.config))
    if going_on:
        done = load_state(run.path, run.config, reader, optimizer, average)
    objective = group.joined(Objective(reader, device))
    if group.leader:
        remove_leftovers(run.path)
    with stop_requested(once=group.size > 1) as stop:
        saved = done.update if going_on else None
        training = Training(
            run, reader, objective, optimizer, average, device, parts, done, progress, stop, saved, group
        )
        try:
            _train_to_the_end(training)
        except KeyboardInterrupt:
            place = "" if training.saved is None else f"saved after update {training.saved:,}; "
            raise KeyboardInterrupt(f"{place}go on with: {resume_command(run.path)}") from None
    return run.path


def _train_to_the_end(training: Training) -> None:
    settings, parts = training.settings, training.parts
    if training.saved is None:
        training.save()
    size = settings.batch_size * settings.accumulate
    while not (done := training.progressed).finished:
        batches = training_order(parts.train, parts.form, size, seed=settings.seed, epoch=done.epoch)
        examples = sum(map(len, batches))
        with training.progress(f"epoch {done.epoch}/{settings.epochs}", total=examples, unit="examples") as bar:
            bar.advance(sum(map(len, batches[: done.position])))
            _run_epoch(training, batches, bar)
        training.save()
        if training.group.leader:
            questions = sum(len(parts.columns[part]) for part in parts.watched)
            with training.progress(f"scoring epoch {done.epoch}", total=questions, unit="questions") as bar:
                _close_epoch(training, batches, bar)
        training.agree()
    if training.group.leader:
        finish(training)


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
    done, settings, parts = training.progressed, training.settings, training.parts
    with training.average.in_place():
        scores = training.score(bar)
        chosen_by = scores[parts.chooser].metrics[parts.metric]
        better = chosen_by > done.best_score
        if better:
            save_weights(training.run.path / WEIGHTS, training.reader)
        entry = log_entry(training, batches, scores, better)
    done.count_epoch(entry, chosen_by if better else None, settings.halve_patience)
    patience_is_over = 0 < settings.patience <= done.flat_epochs
    done.finished = training.time_is_over or patience_is_over or done.epoch > settings.epochs
    training.save()
    write_jsonl(training.run.path / LOG, done.log)
    bar.say(epoch_line(entry, parts))
