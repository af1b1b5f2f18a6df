"""What the levels of every Ham in a reader do on one fixed batch: logged each epoch and shown with every result."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from ham_mrc.data_prep.shards import Columns
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.trace import Trace
from ham_mrc.training.batches import Form, make_batch, passage_lengths
from ham_mrc.training.device import Device

QUESTIONS = 64
"""How many questions the figures are taken over: the first of the part whose passages have a token."""


def diagnose(reader: nn.Module, columns: Columns, form: Form, device: Device) -> dict[str, list[dict[str, Any]]]:
    """For every site of attention and every level: `weight`, `change`, `entropy`, `spread` (see LevelFigures).

    `change` is None at level 1. The reader is left in the mode it came in.
    """
    rows = np.flatnonzero(passage_lengths(columns) > 0)[:QUESTIONS]
    if not len(rows):
        return {}
    batch = make_batch(columns, rows, form).to(device.torch)
    was_training = reader.training
    reader.eval()
    try:
        traces = trace(reader, batch, device)
    finally:
        reader.train(was_training)
    sites: dict[str, Ham] = reader.ham_sites()  # type: ignore[operator]
    masks = reader.site_masks(batch)  # type: ignore[operator]
    return {name: site_figures(sites[name], traces[name], masks[name]) for name in sites}


def trace(reader: nn.Module, batch: Any, device: Device) -> dict[str, Trace]:
    """The recorded levels of every site for one batch, without gradient, in the network's present mode."""
    sites: dict[str, Ham] = reader.ham_sites()  # type: ignore[operator]
    with contextlib.ExitStack() as stack, torch.inference_mode(), device.autocast():
        traces = {name: stack.enter_context(ham.trace()) for name, ham in sites.items()}
        reader(batch)
    return traces


def site_figures(ham: Ham, traced: Trace, query_mask: torch.Tensor | None = None) -> list[dict[str, Any]]:
    """One row a level for the log; `query_mask` is True on real queries, None: all are."""
    weights = ham.level_weights().tolist()
    figures = traced.figures(query_mask)
    return [
        {
            "weight": weight,
            "change": None if math.isnan(level.change) else level.change,
            "entropy": level.entropy,
            "spread": level.spread,
        }
        for weight, level in zip(weights, figures, strict=True)
    ]
