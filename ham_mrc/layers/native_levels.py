"""All levels of a Ham in compiled code (cpp/levels.cpp), for float32 on a CPU: softmax, mixture and the next scores.

`Ham.attend` computes the same level by level and is the reference. What a level's weights a say of the next scores is,
for every score but the additive one, one of two maps of the keys:

    a again                              the Gram form of affine scores
    bend(a again) first^T + offset       bend is max(0, .) or nothing

A term that is the same for all keys may be left out of them, for a softmax does not see it. Letters for shapes: `B`
batch, `M` queries, `N` keys, `A` width of the map, `L` levels.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ham_mrc.layers.native import Native, load_native, pointers

QUERIES = 32
"""Queries that go through all levels together: they share each reading of the map, and stay in the cache."""


class LevelMap(NamedTuple):
    """From the weights of a level to the scores of the next one."""

    again: Tensor  # (B, N, A), or (B, N, N) without `first`
    first: Tensor | None = None  # (B, N, A)
    offset: Tensor | None = None  # (B, N)
    bend: bool = False


class _Sizes(ctypes.Structure):
    """`Sizes` of the C++."""

    _fields_ = [(name, ctypes.c_int64) for name in ("B", "M", "N", "A", "L", "bend", "given", "together", "threads")]


def compiled() -> Native:
    """The library, or why there is none. Built at the first call."""
    return load_native("levels")


def usable(tensor: Tensor) -> bool:
    """Whether compiled levels can read tensors like this one: float32, on a CPU, and a compiler is there."""
    on_cpu = tensor.device.type == "cpu" and tensor.dtype == torch.float32
    return on_cpu and not torch.is_autocast_enabled("cpu") and compiled().library is not None


def native_levels(scores: Tensor, levels: Tensor, how: LevelMap, mask: Tensor | None, *, given: bool = False) -> Tensor:
    """sum_i w_i a_i (B,M,N), from the scores of level 1 (B,M,N), or with `given` a_1 itself, and w (L,).

    `mask` (B,N) is True on real keys; a row without one gives zeros.
    """
    found: Tensor = _Levels.apply(scores, levels, *how[:3], how.bend, mask, given)  # type: ignore[no-untyped-call]
    return found


class _Levels(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        levels: Tensor,
        again: Tensor,
        first: Tensor | None,
        offset: Tensor | None,
        bend: bool,
        mask: Tensor | None,
        given: bool,
    ) -> Tensor:
        scores, levels, again = scores.contiguous(), levels.contiguous(), again.contiguous()
        first_t = None if first is None else first.mT.contiguous()
        offset = None if offset is None else offset.contiguous()
        real = None if mask is None else mask.to(torch.uint8).contiguous()
        batch, queries, keys = scores.shape
        mixed, weights = torch.empty_like(scores), None
        if any(ctx.needs_input_grad):
            weights = scores.new_empty(batch, -(-queries // QUERIES), len(levels), QUERIES, keys)
        inside = (scores, again, first_t, offset, levels, real)
        threads = max(1, torch.get_num_threads())
        ctx.sizes = _Sizes(batch, queries, keys, again.shape[2], len(levels), bend, given, QUERIES, threads)
        library = compiled().library
        assert library is not None
        library.levels(ctypes.byref(ctx.sizes), pointers(*inside), pointers(mixed, weights))
        ctx.save_for_backward(*inside, first, weights)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *inside, first, weights = ctx.saved_tensors
        scores, again, _, offset, levels, _ = inside
        incoming, again_t = gradient.contiguous(), again.mT.contiguous()
        first = None if first is None else first.contiguous()
        d_scores, d_levels = torch.empty_like(scores), levels.new_empty(len(scores), len(levels))
        d_again, d_first, d_offset = (None if t is None else torch.zeros_like(t) for t in (again, first, offset))
        library = compiled().library
        assert library is not None
        library.levels_back(
            ctypes.byref(ctx.sizes),
            pointers(*inside),
            pointers(None, weights),
            pointers(incoming, again_t, first, d_scores, d_again, d_first, d_offset, d_levels),
        )
        return d_scores, d_levels.sum(0), d_again, d_first, d_offset, None, None, None
