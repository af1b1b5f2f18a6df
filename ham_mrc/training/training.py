"""Everything one run holds while it trains, and the three things that all of its stages do: answer, score, save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from ham_mrc.config import TrainingSettings
from ham_mrc.eval.score import score_predictions
from ham_mrc.progress import Bar, Progress
from ham_mrc.records import Scores
from ham_mrc.training.checkpoint import Progressed, save_state
from ham_mrc.training.device import Device
from ham_mrc.training.interrupt import StoppableBar
from ham_mrc.training.parts import Parts
from ham_mrc.training.predict import predict
from ham_mrc.training.run_folder import RunFolder


@dataclass(slots=True)
class Training:
    """One run under way. `stop` says whether the user asked to stop; `saved` is the update that the last save knows."""

    run: RunFolder
    reader: nn.Module
    optimizer: torch.optim.Optimizer
    device: Device
    parts: Parts
    progressed: Progressed
    progress: Progress
    stop: Callable[[], bool]
    saved: int | None = None

    @property
    def settings(self) -> TrainingSettings:
        """The section [training] of the run."""
        return self.run.config.training

    def save(self) -> None:
        """Write all that resuming needs."""
        save_state(self.run.path, self.reader, self.optimizer, self.progressed)
        self.saved = self.progressed.update

    def answer(self, part: str, bar: Bar) -> dict[str, str]:
        """The reader's present answers to a part, by id. Raises KeyboardInterrupt between batches if asked to stop."""
        found = predict(
            self.reader,
            self.parts.columns[part],
            self.device,
            batch_size=self.settings.eval_batch_size,
            max_answer_tokens=self.settings.max_answer_tokens,
            bar=StoppableBar(bar, self.stop),
        )
        return {prediction.id: prediction.text for prediction in found}

    def score(self, part: str, bar: Bar) -> Scores:
        """The scores of `answer`."""
        return self.mark(part, self.answer(part, bar))

    def mark(self, part: str, answers: dict[str, str]) -> Scores:
        """The scores of answers to a part."""
        return score_predictions(answers, self.parts.references[part])
