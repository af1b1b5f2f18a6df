"""What the levels of a Ham did: how far each moved, how sharp it is, and whether it still tells queries apart.

A rising score at depth 20 whose levels 5 to 20 agree to 1e-3 has another cause than depth; these figures show it.
Letters for shapes as in `ham.py`: `B` batch, `M` queries, `N` keys, `D` width of a key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.errors import ShapeError
from ham_mrc.layers.masks import at_least_float32


@dataclass(frozen=True, slots=True)
class LevelFigures:
    """Means over real queries, for one level.

    `change` is ||q_i - q_{i-1}|| / ||q_i|| between the outputs of this level and the one before (NaN at level 1,
    whose query may live in another space). `entropy` is that of the weights over the log of the number of real
    keys: 1 is the plain mean of the keys, 0 a single key. `spread` is the distance of an output from the mean output
    over the queries of its example, relative to its norm: 0 means that every query gets the same answer.
    """

    change: float
    entropy: float
    spread: float


class Call(NamedTuple):
    """One call of a Ham, detached."""

    levels: Tensor  # (depth, B, M, N): the weights of each level
    keys: Tensor  # (B, N, D)
    mask: Tensor | None  # (B, 1 or M, N), True on real keys; None: all are
    outputs: Tensor | None = None  # (depth, B, M, D): q_i of each level, where it is not the mixture of the keys


class Trace:
    """The weights of every level at each call of a Ham, detached. A recurrent cell makes one call a step.

    To be read together, all calls must be over one tensor of keys: the queries of all calls are then the queries of
    one batch of examples. Trace another batch in a block of its own.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def record(
        self, levels: list[Tensor], keys: Tensor, mask: Tensor | None, outputs: list[Tensor] | None = None
    ) -> None:
        """Keep one call: `levels` are (B,M,N) each, `keys` (B,N,D), `mask` (B,1 or M,N) or None.

        `outputs` (B,M,D) each are the levels' own, where they are not `levels @ keys`: with several heads, whose mean
        weights `levels` then are.
        """
        given = None if outputs is None else torch.stack([q.detach() for q in outputs])
        self.calls.append(Call(torch.stack([a.detach() for a in levels]), keys.detach(), mask, given))

    def weights(self) -> Tensor:
        """(depth, B, M, N): the queries of all calls one after the other.

        Raises ShapeError where nothing was recorded, or calls over different keys.
        """
        if not self.calls:
            raise ShapeError("the trace holds no call; call the Ham within the block")
        first = self.calls[0].keys
        if any(call.keys.data_ptr() != first.data_ptr() or call.keys.shape != first.shape for call in self.calls):
            raise ShapeError("the trace holds calls over different keys; trace one batch in one block")
        return torch.cat([call.levels for call in self.calls], 2)

    def figures(self, query_mask: Tensor | None = None) -> list[LevelFigures]:
        """One LevelFigures a level, over the queries of all recorded calls.

        `query_mask` (B, all M) is True on real queries; a query without a real key is never counted.
        """
        weights = at_least_float32(self.weights())
        key_counts = torch.cat([_key_counts(call) for call in self.calls], 1)  # (B, all M)
        real = key_counts > 0 if query_mask is None else query_mask & (key_counts > 0)
        return _level_figures(weights, self._outputs(weights), real, key_counts)

    def _outputs(self, weights: Tensor) -> Iterator[Tensor]:
        """q_i (B, all M, D) of each level in turn; all at once are too much for long passages."""
        first = self.calls[0]
        for i, a in enumerate(weights):
            if first.outputs is None:
                yield a @ at_least_float32(first.keys).to(a.dtype)
            else:
                outputs = [call.outputs[i] for call in self.calls if call.outputs is not None]
                yield at_least_float32(torch.cat(outputs, 1)).to(a.dtype)


def _key_counts(call: Call) -> Tensor:
    _, batch, queries, count = call.levels.shape
    if call.mask is None:
        return torch.full((batch, queries), count, device=call.levels.device)
    return call.mask.sum(-1).expand(batch, queries)


def _level_figures(weights: Tensor, outputs: Iterator[Tensor], real: Tensor, key_counts: Tensor) -> list[LevelFigures]:
    log_n = key_counts.clamp(min=2).to(weights.dtype).log()  # (B,M)
    queries = real.sum(1).clamp(min=1)[:, None, None]  # (B,1,1)
    figures: list[LevelFigures] = []
    last: Tensor | None = None
    for a, q in zip(weights, outputs, strict=True):
        norm = q.norm(dim=-1).clamp(min=1e-12)
        mean = (q * real[..., None]).sum(1, keepdim=True) / queries
        spread = _mean((q - mean).norm(dim=-1) / norm, real)
        entropy = _mean(torch.special.entr(a).sum(-1) / log_n, real)
        change = math.nan if last is None else _mean((q - last).norm(dim=-1) / norm, real)
        figures.append(LevelFigures(change, entropy, spread))
        last = q
    return figures


def _mean(values: Tensor, real: Tensor) -> float:
    return float((values * real).sum() / real.sum().clamp(min=1))
