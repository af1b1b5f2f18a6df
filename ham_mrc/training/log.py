"""What a run tells of each epoch: one object in log.jsonl, one line beside the progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ham_mrc.eval.datasets import MAIN, metrics_of
from ham_mrc.training.batches import Rows
from ham_mrc.training.parts import Parts

if TYPE_CHECKING:
    from ham_mrc.training.training import Training

TIMINGS = ("examples_per_second", "training_seconds")
"""The keys of an entry that the clock decides; all others are the same in a run that was interrupted."""


def log_entry(training: Training, batches: list[Rows], scores: Any, better: bool) -> dict[str, Any]:
    """The epoch that has just been scored; docs/training.md says what each key means."""
    done, settings, task = training.progressed, training.settings, training.task
    return {
        "epoch": done.epoch,
        "updates": done.update,
        "cut_short": done.position < len(batches),
        "loss": done.loss_sum / max(1, done.examples),
        "gradient_norm": done.norm_sum / max(1, done.position),
        "scores": task.figures(training, scores),
        "best": better,
        "levels": task.levels(training),
        "lr": training.rate(done.update - 1, settings.epochs * len(batches)),
        "examples": done.examples,
        "examples_per_second": done.examples / done.epoch_seconds if done.epoch_seconds else 0.0,
        "training_seconds": done.seconds,
        **task.details(training, batches),
    }


def epoch_line(entry: dict[str, Any], parts: Parts) -> str:
    """`epoch 2: loss 3.214, choice EM 40.12 F1 52.30, dev EM 39.00 F1 51.00 (best by choice f1), 85 examples/s`."""
    version = parts.references[parts.chooser].version
    labels = {name: metric.label for name, metric in metrics_of(parts.dataset, version).items()}
    shown = dict.fromkeys((*MAIN[parts.dataset], parts.metric))
    told = ", ".join(
        " ".join([part, *(f"{labels[name]} {figures[name]:.2f}" for name in shown if name in figures)])
        for part, figures in entry["scores"].items()
    )
    best = f" (best by {parts.chooser} {parts.metric})" if entry["best"] else ""
    cut = ", cut short by max_minutes" if entry["cut_short"] else ""
    rate = f"{entry['examples_per_second']:.0f} examples/s"
    return f"epoch {entry['epoch']}: loss {entry['loss']:.3f}, {told}{best}, {rate}{cut}"
