"""Everything one run holds while it trains, and what all of its stages do with it: answer, save, agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from ham_mrc.config import TrainingSettings
from ham_mrc.progress import Bar, Progress
from ham_mrc.training.average import Average
from ham_mrc.training.checkpoint import Progressed, save_state
from ham_mrc.training.device import Device
from ham_mrc.training.distributed import ALONE, Group
from ham_mrc.training.interrupt import StoppableBar
from ham_mrc.training.optimizer import rate_at
from ham_mrc.training.predict import Candidates, predict
from ham_mrc.training.reading import READING
from ham_mrc.training.task import Run, Task


@dataclass(slots=True)
class Training:
    """One run under way.

    `reader` is what is trained, `objective` what an update minimises, as a module around it, and `parts` is what `task`
    makes batches and scores of. `stop` says whether the user asked to stop; `saved` is the update that the last save
    knows; `threshold` that of "no answer" in the epoch that was scored last.
    """

    run: Run
    reader: nn.Module
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    average: Average
    device: Device
    parts: Any
    progressed: Progressed
    progress: Progress
    stop: Callable[[], bool]
    saved: int | None = None
    group: Group = ALONE
    threshold: float | None = None
    task: Task = READING

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

    def score(self, bar: Bar) -> Any:
        """What the task finds of the network at present."""
        return self.task.score(self, bar)

    def answer(self, part: str, bar: Bar) -> list[Candidates]:
        """What a reader at present finds in a part of questions, one a question in the order of its columns.

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
