"""Optimisers and their rates. The level weights c are a group of their own: never decayed, at their own rate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from ham_mrc.config import TrainingSettings

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "adadelta": torch.optim.Adadelta,
}
"""Every optimiser of readers by its name in [training]."""

OF_POEMS: dict[str, type[torch.optim.Optimizer]] = {**OPTIMIZERS, "sgd": torch.optim.SGD}
"""Those of networks that write poems: RNNPG was trained by plain SGD."""


def build_optimizer(reader: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimiser of `settings` over the trained parameters. Frozen vectors are buffers and never come here."""
    levels = [p for name, p in reader.named_parameters() if name.rpartition(".")[2] == "c"]
    others = [p for name, p in reader.named_parameters() if name.rpartition(".")[2] != "c"]
    groups = [{"params": others, "weight_decay": settings.weight_decay, "scale": 1.0}]
    if levels:
        groups.append({"params": levels, "weight_decay": 0.0, "scale": settings.c_lr_scale})
    options: dict[str, Any] = {"eps": settings.eps} if settings.eps else {}
    if settings.optimizer == "adadelta":
        options["rho"] = settings.rho
    return OF_POEMS[settings.optimizer](groups, lr=settings.lr, **options)  # type: ignore[call-arg]


def rate_at(settings: TrainingSettings, update: int, updates: int, halvings: int = 0) -> float:
    """The rate of update number `update` (from 0) of `updates` in all, after so many `halvings`."""
    if settings.schedule == "halving":
        return math.ldexp(settings.lr, -halvings)
    return settings.lr * (1 - update / updates if settings.schedule == "linear" else 1.0)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group of parameters the rate times its own scale."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def clip_gradients(reader: nn.Module, clip: float) -> torch.Tensor:
    """The norm of the whole gradient, which is cut down to `clip` where it is longer; 0: never."""
    return nn.utils.clip_grad_norm_(reader.parameters(), clip or math.inf)
