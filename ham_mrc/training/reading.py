"""The training of readers: epochs over questions, chosen by the answers to the model-choice part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ham_mrc.progress import Bar
from ham_mrc.readers.batch import Batch
from ham_mrc.records import Scores
from ham_mrc.training.batches import Rows, padding_share, training_order
from ham_mrc.training.device import Device
from ham_mrc.training.diagnose import diagnose
from ham_mrc.training.finish import finish
from ham_mrc.training.log import epoch_line
from ham_mrc.training.parts import Parts
from ham_mrc.training.predict import texts_of
from ham_mrc.training.run_folder import resume_command
from ham_mrc.training.update import Objective, batch_of

if TYPE_CHECKING:
    from ham_mrc.training.training import Training


class Reading:
    """The task of a reader; `training.parts` are Parts."""

    larger_is_better = True
    unit = "questions"

    def objective(self, network: nn.Module, device: Device) -> nn.Module:
        """Cross-entropy of start and end, and a policy's own loss where a site chooses by chance."""
        return Objective(network, device)

    def order(self, training: Training, epoch: int) -> list[Rows]:
        """Questions of similar passage length together; an update's worth each."""
        parts: Parts = training.parts
        settings = training.settings
        size = settings.batch_size * settings.accumulate
        return training_order(parts.train, parts.form, size, seed=settings.seed, epoch=epoch)

    def batch(self, training: Training, rows: Rows) -> Batch:
        """Questions of the training part."""
        return batch_of(training.parts, rows)

    def watched(self, training: Training) -> int:
        """The questions of the parts that are scored after every epoch."""
        parts: Parts = training.parts
        return sum(len(parts.columns[part]) for part in parts.watched)

    def score(self, training: Training, bar: Bar) -> dict[str, Scores]:
        """The scores on the parts that are watched; `training.threshold` is chosen anew."""
        parts: Parts = training.parts
        found = {part: training.answer(part, bar) for part in parts.watched}
        training.threshold = parts.threshold(found[parts.chooser])
        return {part: parts.score(part, texts_of(found[part], training.threshold)) for part in found}

    def chosen_by(self, training: Training, scores: dict[str, Scores]) -> float:
        """The metric of the model-choice part, in per cent."""
        parts: Parts = training.parts
        return scores[parts.chooser].metrics[parts.metric]

    def figures(self, training: Training, scores: dict[str, Scores]) -> dict[str, dict[str, float]]:
        """Every metric of every part."""
        return {name: dict(score.metrics) for name, score in scores.items()}

    def levels(self, training: Training) -> dict[str, list[dict[str, Any]]]:
        """On the first questions of the model-choice part."""
        parts: Parts = training.parts
        return diagnose(training.reader, parts.columns[parts.chooser], parts.form, training.device)

    def details(self, training: Training, batches: Sequence[Rows]) -> dict[str, Any]:
        """The share of padding, and the threshold of "no answer" where there is one."""
        parts: Parts = training.parts
        threshold = {} if training.threshold is None else {"threshold": training.threshold}
        return {"padding": padding_share(parts.train, parts.form, batches), **threshold}

    def epoch_line(self, training: Training, entry: dict[str, Any]) -> str:
        """With the main figures of every part."""
        return epoch_line(entry, training.parts)

    def finish(self, training: Training) -> None:
        """Answer and score the reported parts with the best weights."""
        finish(training)

    def resume_command(self, run: Path) -> str:
        """`ham-mrc train --resume RUN`."""
        return resume_command(run)


READING = Reading()
"""The task of every reader."""
