"""What the loop must know of what it trains: questions for a reader, or the lines of poems for a network.

A task holds nothing itself. What a run holds is in its Training, whose `parts` are of the task's own kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from ham_mrc.config import TrainingSettings
from ham_mrc.progress import Bar
from ham_mrc.training.batches import Rows

if TYPE_CHECKING:
    from ham_mrc.training.device import Device
    from ham_mrc.training.training import Training


class Settings(Protocol):
    """All settings of a run."""

    @property
    def training(self) -> TrainingSettings:
        """The section [training]."""

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights beside it, as JSON values."""


class Run(Protocol):
    """A run folder."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def config(self) -> Settings:
        """The settings in its config.toml."""


class Movable(Protocol):
    """A batch."""

    def to(self, device: torch.device) -> Any:
        """The same batch on another device."""


class Task(Protocol):
    """One kind of training. `scores` is whatever its `score` gives back; the loop only hands it on."""

    larger_is_better: bool
    """Whether `chosen_by` rises as the network gets better."""

    unit: str
    """What is counted while an epoch is scored: "questions"."""

    def objective(self, network: nn.Module, device: Device) -> nn.Module:
        """A module: batch -> what is minimised, and the examples' losses (detached); sums over the batch, both."""

    def order(self, training: Training, epoch: int) -> list[Rows]:
        """The batches of an epoch, which the seed and its number decide."""

    def batch(self, training: Training, rows: Rows) -> Movable:
        """Some examples of the training part as tensors."""

    def watched(self, training: Training) -> int:
        """How many units are scored after every epoch."""

    def score(self, training: Training, bar: Bar) -> Any:
        """What the network at present is worth. Raises KeyboardInterrupt between batches if asked to stop."""

    def chosen_by(self, training: Training, scores: Any) -> float:
        """The figure that chooses the best epoch."""

    def figures(self, training: Training, scores: Any) -> dict[str, dict[str, float]]:
        """By part, what the log tells of the scores."""

    def levels(self, training: Training) -> dict[str, list[dict[str, Any]]]:
        """What every level of every site of attention does; see diagnose.py."""

    def details(self, training: Training, batches: Sequence[Rows]) -> dict[str, Any]:
        """What else the log tells of an epoch with these batches."""

    def epoch_line(self, training: Training, entry: dict[str, Any]) -> str:
        """One line for people about an entry of the log."""

    def finish(self, training: Training) -> None:
        """All that follows the last epoch; ends with the file that marks the run as finished."""

    def resume_command(self, run: Path) -> str:
        """What the user types to go on with a run."""
