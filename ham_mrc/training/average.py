"""A running average of a reader's weights, which is scored and kept in place of the weights that training moves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class Average:
    """After update t (from 1) every trained parameter p: shadow = b shadow + (1 - b) p, b = min(decay, (1+t)/(10+t)).

    The shadow begins as the starting weights; early updates move it fast, so that it soon forgets them. Buffers, and
    so frozen vectors, are no part of it. `decay` 0 is no average: nothing is held and nothing done. Seo et al. 2017
    (BiDAF) average with 0.999; the ramp is that of TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, reader: nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = dict(reader.named_parameters()) if decay else {}
        self.shadow = {name: p.detach().clone() for name, p in self._parameters.items()}

    @torch.no_grad()
    def follow(self, update: int) -> None:
        """Take in the weights after update number `update`, counted from 1."""
        decay = min(self.decay, (1 + update) / (10 + update))
        for name, parameter in self._parameters.items():
            self.shadow[name].lerp_(parameter, 1 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the reader's parameters are the shadow; after it they are, bit for bit, what they were."""
        raw = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._copy(self.shadow)
        try:
            yield
        finally:
            self._copy(raw)

    def load(self, shadow: Mapping[str, Tensor]) -> None:
        """Go on from a shadow that was saved; it must have the names and shapes of this one."""
        for name, tensor in self.shadow.items():
            tensor.copy_(shadow[name])

    @torch.no_grad()
    def _copy(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])
