"""Training: epochs over the training part, the best epoch by the model-choice part, the reported part last.

A run can be killed at any moment. What decides the weights is the seed and the number of the update, never the clock
(unless `max_minutes` ends it), so a resumed run ends with the weights of an unbroken one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ham_mrc.config import Config
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vectors import read_vectors
from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.results import save_result
from ham_mrc.eval.score import score_predictions
from ham_mrc.files import refuse_overwrite, sha256, write_json, write_jsonl
from ham_mrc.layers.pointer import span_loss
from ham_mrc.progress import Bar, Progress, silent
from ham_mrc.records import Scores
from ham_mrc.training.batches import Rows, make_batch, padding_share, training_order
from ham_mrc.training.checkpoint import STATE, Progressed, load_state, load_weights, save_state, save_weights
from ham_mrc.training.device import Device, choose_device
from ham_mrc.training.diagnose import diagnose
from ham_mrc.training.interrupt import stop_requested
from ham_mrc.training.optimizer import build_optimizer, set_rate
from ham_mrc.training.predict import predict
from ham_mrc.training.run_folder import CONFIG, FINISHED, VOCABULARY, WEIGHTS, RunFolder, build_reader, create_run, open_run

SEEDS = 1_000_003
"""Update u of a run with seed s draws its random numbers from seed s * SEEDS + u."""


@dataclass(slots=True)
class Training:
    """Everything one run holds while it trains."""

    run: RunFolder
    reader: nn.Module
    optimizer: torch.optim.Optimizer
    device: Device
    parts: dict[str, Columns]
    references: dict[str, References]
    progressed: Progressed
    progress: Progress
    stop: Callable[[], bool]

    @property
    def chooser(self) -> str:
        """The part that chooses the epoch: `choice`, or `dev` where there is a test part to report."""
        return "choice" if "choice" in self.parts else "dev"

    @property
    def reported(self) -> str:
        """The part whose scores the run reports; it never chooses."""
        return "test" if "test" in self.parts else "dev"


def train(data: Path, out: Path, config: Config, *, force: bool = False, progress: Progress = silent) -> Path:
    """Train a new run on the prepared folder `data` and return its folder `out`.

    Raises HamError for input that cannot train, and KeyboardInterrupt, whose message says how to resume, when stopped.
    """
    _refuse(out, force)
    manifest = Manifest.load(data)
    vocabulary = manifest.load_vocabulary(data / VOCABULARY)
    device = choose_device(config.training.device, config.training.precision)
    parts, references = _open_parts(data)
    vectors = read_vectors(config.embeddings.source, vocabulary.words) if config.embeddings.source else None
    reader = build_reader(config, vocabulary, None if vectors is None else torch.from_numpy(vectors.rows))
    _clear(out)
    run = create_run(out, config, data, manifest, vocabulary, vectors)
    with stop_requested() as stop:
        training = _assemble(run, reader, device, parts, references, progress, stop)
        return _go(training)


def resume(out: Path, *, data: Path | None = None, progress: Progress = silent) -> Path:
    """Go on with a run that was stopped, and return its folder. A finished run is left as it is.

    `data` names the prepared folder where it has moved. Raises HamError where it is not the one that the run began
    with, or where nothing was saved.
    """
    run = open_run(out)
    data = run.data if data is None else data
    if (out / FINISHED).exists():
        return out
    if sha256(data / MANIFEST) != run.facts["manifest_sha256"]:
        raise HamError("is not the prepared data that the run began with", file=data, remedy="train a new run on it")
    device = choose_device(run.config.training.device, run.config.training.precision)
    parts, references = _open_parts(data)
    vocabulary = run.vocabulary()
    width = run.facts["vector_width"]
    reader = build_reader(run.config, vocabulary, torch.zeros(len(vocabulary), width) if width else None)
    with stop_requested() as stop:
        training = _assemble(run, reader, device, parts, references, progress, stop)
        training.progressed = load_state(out, reader, training.optimizer)
        return _go(training)


def _refuse(out: Path, force: bool) -> None:
    """Raise HamError where `out` holds a finished run, one under way, or files that are no run's."""
    if (out / CONFIG).exists() and not (out / FINISHED).exists():
        if not force:
            remedy = f"go on with: ham-mrc train --resume {out}; or add --force to begin anew"
            raise HamError("holds a run that was stopped", file=out, remedy=remedy)
        return
    refuse_overwrite(out, finished=FINISHED, force=force)


def _open_parts(data: Path) -> tuple[dict[str, Columns], dict[str, References]]:
    parts = {name: Columns.open(data / name) for name in ("train", "choice", "dev", "test") if (data / name).is_dir()}
    for name in ("train", "dev"):
        if name not in parts:
            raise HamError(f"holds no {name} part", file=data, remedy="prepare it with --split or --dev")
    references = {name: load_references(data / name / "references.json") for name in parts if name != "train"}
    return parts, references


def _clear(out: Path) -> None:
    """Take away what an earlier run of the same folder left, so that nothing of it is taken for the new one's."""
    for name in (FINISHED, WEIGHTS, "log.jsonl", STATE):
        (out / name).unlink(missing_ok=True)


def _assemble(
    run: RunFolder,
    reader: nn.Module,
    device: Device,
    parts: dict[str, Columns],
    references: dict[str, References],
    progress: Progress,
    stop: Callable[[], bool],
) -> Training:
    reader.to(device.torch)
    optimizer = build_optimizer(reader, run.config.training)
    return Training(run, reader, optimizer, device, parts, references, Progressed(), progress, stop)


def _go(training: Training) -> Path:
    done, settings = training.progressed, training.run.config.training
    if not (training.run.path / STATE).exists():
        _save(training)
    while not done.finished:
        batches = training_order(training.parts["train"], settings.batch_size, seed=settings.seed, epoch=done.epoch)
        with training.progress(
            f"epoch {done.epoch}/{settings.epochs}", total=sum(map(len, batches)), unit="examples"
        ) as bar:
            bar.advance(sum(map(len, batches[: done.position])))
            cut = _run_epoch(training, batches, bar)
            _close_epoch(training, batches, bar, cut)
    _finish(training)
    return training.run.path


def _run_epoch(training: Training, batches: list[Rows], bar: Bar) -> bool:
    """Train on the rest of the epoch's batches. True where the time allowed for training ended it early."""
    done, settings = training.progressed, training.run.config.training
    updates = settings.epochs * len(batches)
    saved = time.monotonic()
    while done.position < len(batches):
        if training.stop():
            _interrupt(training)
        begun = time.perf_counter()
        loss = _update(training, batches[done.position], updates)
        count = len(batches[done.position])
        spent = time.perf_counter() - begun
        done.position, done.update, done.examples = done.position + 1, done.update + 1, done.examples + count
        done.loss_sum += loss * count
        done.seconds, done.epoch_seconds = done.seconds + spent, done.epoch_seconds + spent
        bar.advance(count, f"loss {done.loss_sum / done.examples:.3f}")
        if settings.max_minutes and done.seconds >= 60 * settings.max_minutes:
            return True
        if time.monotonic() - saved >= 60 * settings.checkpoint_minutes:
            _save(training)
            saved = time.monotonic()
    return False


def _update(training: Training, rows: Rows, updates: int) -> float:
    """One update on one batch; returns its mean loss. All its random numbers come from the number of the update."""
    settings, reader, done = training.run.config.training, training.reader, training.progressed
    torch.manual_seed(settings.seed * SEEDS + done.update)
    set_rate(training.optimizer, settings, done.update, updates)
    batch = make_batch(training.parts["train"], rows).to(training.device.torch)
    reader.train()
    with training.device.autocast():
        start_logits, end_logits = reader(batch)
    loss = span_loss(start_logits, end_logits, batch.passage_mask, batch.start, batch.end)
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(reader.parameters(), settings.clip or float("inf"))
    if not torch.isfinite(norm):
        raise HamError(
            f"the gradient of update {done.update + 1} is not finite (loss {loss.item()})",
            file=training.run.path,
            remedy="lower the learning rate with --lr, or train in --precision float32",
        )
    training.optimizer.step()
    done.norm_sum += norm.item()
    return loss.item()


def _close_epoch(training: Training, batches: list[Rows], bar: Bar, cut: bool) -> None:
    """Score the epoch, keep its weights if they are the best, log it, and decide whether it was the last."""
    done, settings = training.progressed, training.run.config.training
    _save(training)
    scores = {name: _score(training, name) for name in training.references if name in (training.chooser, "dev")}
    chosen_by = scores[training.chooser].metrics[settings.choose_by]
    better = chosen_by > done.best_score
    if better:
        done.best_score, done.best_epoch, done.flat_epochs = chosen_by, done.epoch, 0
        save_weights(training.run.path / WEIGHTS, training.reader, {"epoch": str(done.epoch)})
    else:
        done.flat_epochs += 1
    entry = _log_entry(training, batches, scores, better, cut)
    done.log.append(entry)
    patience_over = settings.patience > 0 and done.flat_epochs >= settings.patience
    done.finished = cut or patience_over or done.epoch >= settings.epochs
    done.epoch, done.position, done.examples = done.epoch + 1, 0, 0
    done.loss_sum = done.norm_sum = done.epoch_seconds = 0.0
    _save(training)
    write_jsonl(training.run.path / "log.jsonl", done.log)
    bar.say(_line(entry, training.chooser, settings.choose_by))


def _score(training: Training, part: str) -> Scores:
    predictions = _predict(training, part)
    return score_predictions(predictions, training.references[part])


def _predict(training: Training, part: str, bar: Bar | None = None) -> dict[str, str]:
    settings = training.run.config.training
    found = predict(
        training.reader,
        training.parts[part],
        training.device,
        batch_size=settings.eval_batch_size,
        max_answer_tokens=settings.max_answer_tokens,
        bar=bar,
    )
    return {prediction.id: prediction.text for prediction in found}


def _log_entry(
    training: Training, batches: list[Rows], scores: dict[str, Scores], better: bool, cut: bool
) -> dict[str, Any]:
    done = training.progressed
    return {
        "epoch": done.epoch,
        "updates": done.update,
        "cut_short": cut,
        "loss": done.loss_sum / max(1, done.examples),
        "gradient_norm": done.norm_sum / max(1, done.position),
        "scores": {name: dict(score.metrics) for name, score in scores.items()},
        "best": better,
        "levels": diagnose(training.reader, training.parts[training.chooser], training.device),
        "lr": training.optimizer.param_groups[0]["lr"],
        "examples": done.examples,
        "examples_per_second": done.examples / done.epoch_seconds if done.epoch_seconds else 0.0,
        "training_seconds": done.seconds,
        "padding": padding_share(training.parts["train"], batches),
    }


def _line(entry: dict[str, Any], chooser: str, metric: str) -> str:
    parts = ", ".join(
        f"{name} EM {figures['exact_match']:.2f} F1 {figures['f1']:.2f}" for name, figures in entry["scores"].items()
    )
    best = f" (best by {chooser} {metric})" if entry["best"] else ""
    return f"epoch {entry['epoch']}: loss {entry['loss']:.3f}, {parts}{best}, {entry['examples_per_second']:.0f} examples/s"


def _save(training: Training) -> None:
    save_state(training.run.path, training.reader, training.optimizer, training.progressed)


def _interrupt(training: Training) -> None:
    _save(training)
    folder = training.run.path
    raise KeyboardInterrupt(
        f"saved after update {training.progressed.update}; go on with: ham-mrc train --resume {folder}"
    )


def _finish(training: Training) -> None:
    """Predict and score with the best weights; scores.json comes last and marks the run as finished."""
    run, done = training.run, training.progressed
    load_weights(run.path / WEIGHTS, training.reader)
    scores: dict[str, Scores] = {}
    for part in [name for name in ("dev", "test") if name in training.parts]:
        with training.progress(f"predicting {part}", total=len(training.parts[part]), unit="questions") as bar:
            predictions = _predict(training, part, bar)
        write_json(run.path / "predictions" / f"{part}.json", predictions)
        scores[part] = score_predictions(predictions, training.references[part])
    save_result(run.path / FINISHED, scores[training.reported], name=run.path.name, run=_settings(training))


def _settings(training: Training) -> dict[str, Any]:
    """What `compare` shows of a run and groups runs by: settings alone, nothing measured."""
    config = training.run.config
    main = {"reader": config.reader, "preset": config.preset, "part": training.reported}
    return {**main, **config.reader_settings, **asdict(config.embeddings), **asdict(config.training)}
