"""Training: epochs over the training part, the best epoch by the model-choice part, the reported part last.

A run can be killed at any moment. What decides the weights is the seed and the number of the update, never the clock
(unless `max_minutes` ends it), so a resumed run ends with the weights of an unbroken one.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ham_mrc.config import Config
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.vectors import GLOVE, read_vectors
from ham_mrc.errors import HamError
from ham_mrc.files import sha256, write_jsonl
from ham_mrc.layers.pointer import span_loss
from ham_mrc.progress import Bar, Progress, silent
from ham_mrc.text import TOKENIZER
from ham_mrc.training.batches import Rows, make_batch, training_order
from ham_mrc.training.checkpoint import Progressed, fingerprint, load_state, save_weights
from ham_mrc.training.device import choose_device
from ham_mrc.training.finish import finish
from ham_mrc.training.interrupt import stop_requested
from ham_mrc.training.log import epoch_line, log_entry
from ham_mrc.training.optimizer import build_optimizer, rate_at, set_rate
from ham_mrc.training.parts import Parts, open_parts
from ham_mrc.training.run_folder import (
    LOG,
    STATE,
    VOCABULARY,
    WEIGHTS,
    RunFolder,
    check_free,
    create_run,
    open_run,
    remove_leftovers,
    resume_command,
)
from ham_mrc.training.run_reader import blank_reader, build_reader
from ham_mrc.training.training import Training

UPDATE_SEEDS = 1_000_003
"""Update u of a run with seed s draws its random numbers from seed s * UPDATE_SEEDS + u."""


def train(data: Path, out: Path, config: Config, *, force: bool = False, progress: Progress = silent) -> Path:
    """Train a new run on the prepared folder `data` and return its folder `out`.

    `force` replaces a run that stands there, finished or not. Raises HamError for input that cannot train, and
    KeyboardInterrupt, whose message says how to resume, when stopped.
    """
    check_free(out, force=force)
    return _begin(data, out, config, progress)


def resume(out: Path, *, data: Path | None = None, progress: Progress = silent) -> Path:
    """Go on with a run that was stopped, and return its folder. A finished run is left as it is.

    `data` names the prepared folder where it has moved; the run remembers the new place. Raises HamError where it is
    not the one that the run began with.
    """
    run = open_run(out)
    if run.finished:
        return out
    data = run.data if data is None else data
    _check_same_data(run, data)
    if not (out / STATE).exists():  # killed before its first save
        return _begin(data, out, run.config, progress)
    parts, vocabulary = open_parts(data), run.vocabulary()
    reader = blank_reader(run, vocabulary)
    if data.resolve() != run.data:
        run = run.moved(data)
    return _go(run, reader, parts, progress, going_on=True)


def _begin(data: Path, out: Path, config: Config, progress: Progress) -> Path:
    """Everything is opened and checked before the first file is touched."""
    manifest = Manifest.load(data)
    if (manifest.dataset, manifest.version, manifest.reading["null_position"]) != ("squad", "1.1", False):
        what = f"was prepared from {manifest.dataset} {manifest.version}".rstrip()
        what += " with a null position" if manifest.reading["null_position"] else ""
        remedy = "this version of ham-mrc trains on SQuAD 1.1 alone, and prepares the others"
        raise HamError(what, file=data, remedy=remedy)
    if manifest.tokenizer != TOKENIZER:
        what = f"holds tokens of {manifest.tokenizer}, and this version of ham-mrc cuts {TOKENIZER}"
        raise HamError(what, file=data, remedy="prepare again")
    vocabulary = manifest.load_vocabulary(data / VOCABULARY)
    choose_device(config.training.device, config.training.precision)  # fails now where it would fail later
    parts = open_parts(data)
    config = _with_absolute_source(config)
    vectors = read_vectors(config.embeddings.source, vocabulary.words) if config.embeddings.source else None
    reader = build_reader(config, vocabulary, None if vectors is None else torch.from_numpy(vectors.rows))
    run = create_run(out, config, data, manifest, vocabulary, vectors)
    return _go(run, reader, parts, progress, going_on=False)


def _with_absolute_source(config: Config) -> Config:
    """So that `predict` finds the vectors from whatever folder it is called."""
    source = config.embeddings.source
    if source in ("", GLOVE):
        return config
    return replace(config, embeddings=replace(config.embeddings, source=str(Path(source).resolve())))


def _check_same_data(run: RunFolder, data: Path) -> None:
    if not (data / MANIFEST).is_file():
        remedy = f"where has it moved? {resume_command(run.path, 'DATA')}"
        raise HamError(f"is no prepared folder (it holds no {MANIFEST})", file=data, remedy=remedy)
    if sha256(data / MANIFEST) != run.facts["manifest_sha256"]:
        raise HamError("is not the prepared data that the run began with", file=data, remedy="train a new run on it")


def _go(run: RunFolder, reader: nn.Module, parts: Parts, progress: Progress, *, going_on: bool) -> Path:
    settings = run.config.training
    device = choose_device(settings.device, settings.precision)
    reader.to(device.torch)
    optimizer = build_optimizer(reader, settings)
    done = Progressed(fingerprint=fingerprint(run.config))
    if going_on:
        done = load_state(run.path, run.config, reader, optimizer)
    remove_leftovers(run.path)
    with stop_requested() as stop:
        saved = done.update if going_on else None
        training = Training(run, reader, optimizer, device, parts, done, progress, stop, saved)
        try:
            _train_to_the_end(training)
        except KeyboardInterrupt:
            place = "" if training.saved is None else f"saved after update {training.saved:,}; "
            raise KeyboardInterrupt(f"{place}go on with: {resume_command(run.path)}") from None
    return run.path


def _train_to_the_end(training: Training) -> None:
    done, settings, train = training.progressed, training.settings, training.parts.train
    if training.saved is None:
        training.save()
    while not done.finished:
        batches = training_order(train, settings.batch_size, seed=settings.seed, epoch=done.epoch)
        examples = sum(map(len, batches))
        with training.progress(f"epoch {done.epoch}/{settings.epochs}", total=examples, unit="examples") as bar:
            bar.advance(sum(map(len, batches[: done.position])))
            _run_epoch(training, batches, bar)
        questions = sum(len(training.parts.columns[part]) for part in training.parts.watched)
        with training.progress(f"scoring epoch {done.epoch}", total=questions, unit="questions") as bar:
            _close_epoch(training, batches, bar)
    finish(training)


def _run_epoch(training: Training, batches: list[Rows], bar: Bar) -> None:
    """Train on the rest of the epoch's batches, or as many of them as the time allows."""
    done, settings = training.progressed, training.settings
    updates = settings.epochs * len(batches)
    saved = time.monotonic()
    while done.position < len(batches) and not _time_is_over(training):
        if training.stop():
            training.save()
            raise KeyboardInterrupt
        rows, begun = batches[done.position], time.perf_counter()
        loss, norm = _update(training, rows, rate_at(settings, done.update, updates))
        done.count_update(len(rows), loss, norm, time.perf_counter() - begun)
        bar.advance(len(rows), f"loss {done.loss_sum / done.examples:.3f}")
        if time.monotonic() - saved >= 60 * settings.checkpoint_minutes:
            training.save()
            saved = time.monotonic()


def _time_is_over(training: Training) -> bool:
    limit = training.settings.max_minutes
    return limit > 0 and training.progressed.seconds >= 60 * limit


def _update(training: Training, rows: Rows, rate: float) -> tuple[float, float]:
    """One update on one batch; returns its mean loss and the norm of its gradient.

    All its random numbers come from the number of the update.
    """
    settings, reader, done = training.settings, training.reader, training.progressed
    torch.manual_seed(settings.seed * UPDATE_SEEDS + done.update)
    set_rate(training.optimizer, rate)
    batch = make_batch(training.parts.train, rows).to(training.device.torch)
    reader.train()
    with training.device.autocast():
        start_logits, end_logits = reader(batch)
    loss = span_loss(start_logits, end_logits, batch.passage_mask, batch.start, batch.end)
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(reader.parameters(), settings.clip or float("inf"))
    if not torch.isfinite(norm):
        raise HamError(
            f"the gradient of update {done.update + 1:,} is not finite (loss {loss.item()})",
            file=training.run.path,
            remedy="lower the learning rate with --lr, or train in --precision float32",
        )
    training.optimizer.step()
    return loss.item(), norm.item()


def _close_epoch(training: Training, batches: list[Rows], bar: Bar) -> None:
    """Score the epoch, keep its weights if they are the best, log it, and decide whether it was the last.

    Killed anywhere in here, a run comes back to its beginning and finds the same.
    """
    done, settings, parts = training.progressed, training.settings, training.parts
    training.save()
    scores = {part: training.score(part, bar) for part in parts.watched}
    chosen_by = scores[parts.chooser].metrics[settings.choose_by]
    better = chosen_by > done.best_score
    if better:
        save_weights(training.run.path / WEIGHTS, training.reader)
    entry = log_entry(training, batches, scores, better)
    done.count_epoch(entry, chosen_by if better else None)
    patience_is_over = 0 < settings.patience <= done.flat_epochs
    done.finished = _time_is_over(training) or patience_is_over or done.epoch > settings.epochs
    training.save()
    write_jsonl(training.run.path / LOG, done.log)
    bar.say(epoch_line(entry, parts.chooser, settings.choose_by))
