"""Optimisers and their rates. The level weights c are a group of their own: never decayed, at their own rate."""

from __future__ import annotations

import torch
from torch import nn

from ham_mrc.config import TrainingSettings

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "adadelta": torch.optim.Adadelta,
}
"""Every optimiser by its name in [training]."""


def build_optimizer(reader: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimiser of `settings` over the trained parameters. Frozen vectors are buffers and never come here."""
    levels = [p for name, p in reader.named_parameters() if name.rpartition(".")[2] == "c"]
    others = [p for name, p in reader.named_parameters() if name.rpartition(".")[2] != "c"]
    groups = [{"params": others, "weight_decay": settings.weight_decay, "scale": 1.0}]
    if levels:
        groups.append({"params": levels, "weight_decay": 0.0, "scale": settings.c_lr_scale})
    return OPTIMIZERS[settings.optimizer](groups, lr=settings.lr)  # type: ignore[call-arg]


def rate_at(settings: TrainingSettings, update: int, updates: int) -> float:
    """The rate of update number `update` (from 0) of `updates` in all."""
    return settings.lr * (1 - update / updates if settings.schedule == "linear" else 1.0)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group of parameters the rate times its own scale."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
