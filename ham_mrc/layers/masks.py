"""Softmax over real positions only. Masks are True on real tokens, everywhere in this package."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_softmax(scores: Tensor, mask: Tensor | None, dim: int = -1) -> Tensor:
    """Softmax of `scores` over `dim` among the positions where `mask` is True; exactly 0 elsewhere.

    `mask` must broadcast to `scores`; None means that every position is real. A row without a real position is
    all zeros, and so is its gradient. Half precision is raised to float32 first. The filling value is the smallest
    finite one: a row of -inf would be NaN, forward and backward, and a product with the mask before the softmax
    would let a masked position compete with score 0.
    """
    scores = at_least_float32(scores)
    if mask is None:
        return scores.softmax(dim)
    return scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim) * mask


def masked_log_softmax(logits: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    """Log-softmax over the real positions, in float32 at least; the smallest finite number elsewhere."""
    logits = at_least_float32(logits)
    lowest = torch.finfo(logits.dtype).min
    return logits.masked_fill(~mask, lowest).log_softmax(dim).masked_fill(~mask, lowest)


def at_least_float32(x: Tensor) -> Tensor:
    """`x`, raised to float32 where it is of half precision: sums over many positions lose too much there."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def lengths_to_mask(lengths: Tensor, size: int) -> Tensor:
    """(B, size), True at positions before each length. `lengths` is (B,)."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def reverse_within_length(sequence: Tensor, lengths: Tensor) -> Tensor:
    """`sequence` (B, T, ...) with the first `lengths[b]` rows of each b in reverse order, padding left in its place.

    Its own inverse. Reversing over the padding instead is the classical fault of recurrent readers.
    """
    steps = torch.arange(sequence.shape[1], device=sequence.device)
    index = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)  # (B, T)
    return sequence.gather(1, index.reshape(*index.shape, *[1] * (sequence.dim() - 2)).expand_as(sequence))
