"""The match-LSTM's scan of both directions in compiled code (cpp/match_scan.cpp), for float32 on a CPU.

scan.py holds the same in torch operations and is the reference. Here both directions read the passage where it stands,
so nothing is copied or reversed, and padding costs nothing. Letters for shapes: `B` questions, `P` passage tokens, `Q`
keys, `A` width inside the score, `D` width of a key, `H` hidden, `L` levels; the axis of 2 is the direction.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from ham_mrc.layers.native import Native, load_native, pointers

LANES = 16
"""The score's width and the keys' are filled up to a multiple of this with zeros, which change nothing."""


class MatchInputs(NamedTuple):
    """Everything the recurrence reads, float32; each tensor but the last two gets a gradient."""

    queries: Tensor  # (B, P, A) projected passage
    inputs: Tensor  # (B, P, 2, 4H) the passage's part of the gates, with the bias; order in, forget, new, out
    first: Tensor  # (B, Q, A) projected keys, with the score's bias
    again: Tensor  # (B, Q, A) keys as the levels after the first read them; not used at one level
    keys: Tensor  # (B, Q, D)
    vector: Tensor  # (A,) v
    state_map: Tensor  # (A, H) W_r
    gates: Tensor  # (2, D + H, 4H)
    levels: Tensor  # (L,) w, which sum to 1
    mask: Tensor  # (B, Q), True on real keys
    lengths: Tensor  # (B,) passage tokens


class Kept(NamedTuple):
    """What the forward pass leaves for the backward one. States and `read` are zeros on padding, the others nothing."""

    states: Tensor  # (B, P, 2, H)
    read: Tensor  # (B, P, 2, D + H) the context, and the state before
    cells: Tensor  # (B, P, 2, H)
    activations: Tensor  # (B, P, 2, 4H) the gates after their sigmoid or tanh
    weights: Tensor  # (L, B, P, 2, Q)


class _Sizes(ctypes.Structure):
    """`Sizes` of the C++."""

    _fields_ = [(name, ctypes.c_int64) for name in ("B", "P", "Q", "A", "D", "H", "L", "threads")]


def compiled() -> Native:
    """The library, or why there is none. Built at the first call."""
    return load_native("match_scan")


def usable(tensor: Tensor) -> bool:
    """Whether the compiled scan can compute on tensors like this one: float32, on a CPU, and a compiler is there."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and compiled().library is not None


def native_match(given: MatchInputs) -> Tensor:
    """The states of both directions, (B, P, 2, H), zeros on padding; in float32 whatever autocast says."""
    with torch.autocast("cpu", enabled=False):
        tensors = (tensor.float() if tensor.is_floating_point() else tensor for tensor in given)
        states: Tensor = _NativeMatch.apply(*tensors)  # type: ignore[no-untyped-call]
    return states


class _NativeMatch(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        given = _padded(MatchInputs(*tensors))
        ctx.widths = tensors[0].shape[-1], tensors[4].shape[-1]
        states, kept = _run(given, keep=any(ctx.needs_input_grad))
        if kept is not None:
            ctx.save_for_backward(*given, *kept)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        count = len(MatchInputs._fields)
        given, kept = MatchInputs(*ctx.saved_tensors[:count]), Kept(*ctx.saved_tensors[count:])
        with torch.autocast("cpu", enabled=False):  # autograd does not bring back the forward pass's
            found = _run_back(given, kept, gradient.contiguous())
        a, d = ctx.widths
        width = given.keys.shape[2]
        gates = torch.cat([found.gates[:, :d], found.gates[:, width:]], 1) if width != d else found.gates
        return (
            found.queries[..., :a],
            found.inputs,
            found.first[..., :a],
            found.again[..., :a] if len(given.levels) > 1 else None,
            found.keys[..., :d],
            found.vector[:a],
            found.state_map[:a],
            gates,
            found.levels,
            None,
            None,
        )


def _padded(given: MatchInputs) -> MatchInputs:
    """The same, dense, with A and D filled up."""
    more_a, more_d = -given.queries.shape[2] % LANES, -given.keys.shape[2] % LANES
    size = given.keys.shape[2]
    gates = given.gates
    if more_d:
        gates = torch.cat([pad(gates[:, :size], (0, 0, 0, more_d)), gates[:, size:]], 1)
    return MatchInputs(
        pad(given.queries, (0, more_a)).contiguous(),
        given.inputs.contiguous(),
        pad(given.first, (0, more_a)).contiguous(),
        pad(given.again, (0, more_a)).contiguous(),
        pad(given.keys, (0, more_d)).contiguous(),
        pad(given.vector, (0, more_a)).contiguous(),
        pad(given.state_map, (0, 0, 0, more_a)).contiguous(),
        gates.contiguous(),
        given.levels.contiguous(),
        given.mask.bool().contiguous(),
        given.lengths.long().contiguous(),
    )


def _sizes(given: MatchInputs) -> _Sizes:
    batch, passage, width = given.queries.shape
    _, keys, size = given.keys.shape
    hidden, threads = given.state_map.shape[1], max(1, torch.get_num_threads())
    return _Sizes(batch, passage, keys, width, size, hidden, len(given.levels), threads)


def _run(given: MatchInputs, *, keep: bool) -> tuple[Tensor, Kept | None]:
    """The states, and what a gradient needs where one is wanted."""
    z, library = _sizes(given), compiled().library
    assert library is not None
    new = given.keys.new_empty
    states, kept = new(z.B, z.P, 2, z.H), None
    if keep:
        read, cells, gates = (new(z.B, z.P, 2, width) for width in (z.D + z.H, z.H, 4 * z.H))
        kept = Kept(states, read, cells, gates, new(z.L, z.B, z.P, 2, z.Q))
    state_map = given.state_map.t().contiguous()
    library.match_scan(
        ctypes.byref(z), pointers(*_given(given, state_map)), pointers(*(kept or (states, None, None, None, None)))
    )
    return states, kept


def _run_back(given: MatchInputs, kept: Kept, gradient: Tensor) -> MatchInputs:
    """The gradients, in the place of what they are of; the last two fields mean nothing."""
    z, library = _sizes(given), compiled().library
    assert library is not None
    inputs, query, query_sum = (given.keys.new_empty(z.B, z.P, 2, width) for width in (4 * z.H, z.A, z.A))
    new = given.keys.new_zeros
    first, again, keys = (new(2, z.B, z.Q, width) for width in (z.A, z.A, z.D))
    vector, levels = new(2, z.B, z.A), new(2, z.B, z.L)
    gates_t, state_map_t = given.gates.mT.contiguous(), given.state_map.t().contiguous()
    outputs = (inputs, query, query_sum, first, again, keys, vector, levels)
    library.match_scan_back(
        ctypes.byref(z),
        pointers(*_given(given, state_map_t)),
        pointers(*kept),
        pointers(gradient, given.state_map, gates_t, *outputs),
    )
    read = kept.read.view(-1, 2, z.D + z.H)
    by_direction = inputs.view(-1, 2, 4 * z.H)
    return MatchInputs(
        queries=query.sum(2),
        inputs=inputs,
        first=first.sum(0) * given.vector * 4,
        again=again.sum(0),
        keys=keys.sum(0),
        vector=vector.sum((0, 1)),
        state_map=query_sum.view(-1, z.A).t() @ read.reshape(-1, z.D + z.H)[:, z.D :],
        gates=torch.stack([read[:, i].t() @ by_direction[:, i] for i in range(2)]),
        levels=levels.sum((0, 1)),
        mask=given.mask,
        lengths=given.lengths,
    )


def _given(given: MatchInputs, state_map_t: Tensor) -> MatchInputs:
    return given._replace(state_map=state_map_t)
