"""Everything one run holds while it trains, and what all of its stages do with it: answer, save, agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import nn

from ham_mrc.config import TrainingSettings
from ham_mrc.progress import Bar, Progress
from ham_mrc.records import Scores
from ham_mrc.training.average import Average
from ham_mrc.training.checkpoint import Progressed, save_state
from ham_mrc.training.device import Device
from ham_mrc.training.distributed import ALONE, Group
from ham_mrc.training.interrupt import StoppableBar
from ham_mrc.training.optimizer import rate_at
from ham_mrc.training.parts import Parts
from ham_mrc.training.predict import Candidates, predict, texts_of
from ham_mrc.training.run_folder import RunFolder


@dataclass(slots=True)
class Training:
    """One run under way.

    `objective` is what an update minimises, as a module around `reader`. `stop` says whether the user asked to stop;
    `saved` is the update that the last save knows; `threshold` that of "no answer" in the epoch that was scored last.
    """

    run: RunFolder
    reader: nn.Module
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    average: Average
    device: Device
    parts: Parts
    progressed: Progressed
    progress: Progress
    stop: Callable[[], bool]
    saved: int | None = None
    group: Group = ALONE
    threshold: float | None = None

    @property
    def settings(self) -> TrainingSettings:
        """The section [training] of the run."""
        return self.run.config.training

    @property
    def time_is_over(self) -> bool:
        """Whether updates have taken `max_minutes`."""
        return 0 < 60 * self.settings.max_minutes <= self.progressed.seconds

    def rate(self, update: int, updates: int) -> float:
        """The learning rate of update number `update`, from 0, of `updates` in an undisturbed run."""
        return rate_at(self.settings, update, updates, self.progressed.halvings)

    def save(self) -> None:
        """Write all that resuming needs."""
        if self.group.leader:
            save_state(self.run.path, self.reader, self.optimizer, self.average, self.progressed)
        self.saved = self.progressed.update

    def agree(self) -> None:
        """How far the run is becomes in all processes what it is in the leader."""
        if self.group.size > 1:
            self.progressed = Progressed(**json.loads(self.group.told(json.dumps(asdict(self.progressed)))))

    def score(self, bar: Bar) -> dict[str, Scores]:
        """The scores of the reader at present on the parts that are watched; `threshold` is chosen anew."""
        found = {part: self.answer(part, bar) for part in self.parts.watched}
        self.threshold = self.parts.threshold(found[self.parts.chooser])
        return {part: self.parts.score(part, texts_of(found[part], self.threshold)) for part in found}

    def answer(self, part: str, bar: Bar) -> list[Candidates]:
        """What the reader at present finds in a part, one a question in the order of its columns.

        Raises KeyboardInterrupt between batches if asked to stop.
        """
        return predict(
            self.reader,
            self.parts.columns[part],
            self.parts.form,
            self.device,
            batch_size=self.settings.eval_batch_size,
            max_answer_tokens=self.settings.max_answer_tokens,
            bar=StoppableBar(bar, self.stop),
        )
