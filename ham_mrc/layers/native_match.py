"""The match-LSTM's scan of both directions in compiled code (cpp/match_scan.cpp), for float32 on a CPU.

scan.py holds the same in torch operations and is the reference. Here both directions read the passage where it stands,
so nothing is copied or reversed, and padding costs nothing; and what the context adds to the gates is mixed from what
the keys would, of which there are fewer than tokens. Letters for shapes: `B` questions, `P` passage tokens, `Q` keys,
`A` width inside the score, `D` width of a key, `H` hidden, `L` levels, `S` = 4H + A; the axis of 2 is the direction.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from ham_mrc.layers.native import Native, load_native, pointers
from ham_mrc.layers.product import across_rows, linear

LANES = 16
"""The score's width is filled up to a multiple of this with zeros, which change nothing."""


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


class _Given(NamedTuple):
    """`Given` of the C++."""

    queries: Tensor  # (B, P, A)
    inputs: Tensor  # (B, P, 2, 4H)
    first: Tensor  # (B, Q, A)
    again: Tensor  # (B, Q, A)
    keys: Tensor  # (B, Q, 2, 4H) what each key adds to the gates
    vector: Tensor  # (A,)
    of_state: Tensor  # (2, H, S) what the state adds to the gates, and to the queries
    levels: Tensor  # (L,)
    mask: Tensor  # (B, Q)
    lengths: Tensor  # (B,)


class Kept(NamedTuple):
    """What the forward pass leaves for the backward one. `states` and `before` are zeros on padding, others nothing."""

    states: Tensor  # (B, P, 2, H)
    before: Tensor  # (B, P, 2, H) the state before
    asked: Tensor  # (B, P, 2, A) what it added to the query
    cells: Tensor  # (B, P, 2, H)
    activations: Tensor  # (B, P, 2, 4H) the gates after their sigmoid or tanh
    weights: Tensor  # (L, B, P, 2, Q)


class _Sizes(ctypes.Structure):
    """`Sizes` of the C++."""

    _fields_ = [(name, ctypes.c_int64) for name in ("B", "P", "Q", "A", "H", "L", "threads")]


def compiled() -> Native:
    """The library, or why there is none. Built at the first call."""
    return load_native("match_scan")


def usable(tensor: Tensor) -> bool:
    """Whether the compiled scan can compute on tensors like this one: float32, on a CPU, and a compiler is there."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and compiled().library is not None


def native_match(given: MatchInputs) -> Tensor:
    """The states of both directions, (B, P, 2, H), zeros on padding; in float32 whatever autocast says."""
    with torch.autocast("cpu", enabled=False):
        given = MatchInputs(*(tensor.float() if tensor.is_floating_point() else tensor for tensor in given))
        states: Tensor = _NativeMatch.apply(*_prepared(given))  # type: ignore[no-untyped-call]
    return states


def _prepared(given: MatchInputs) -> _Given:
    """What the C++ reads, by operations that autograd follows; A filled up."""
    more, size = -given.queries.shape[2] % LANES, given.keys.shape[2]
    of_context, of_state = given.gates[:, :size], given.gates[:, size:]  # (2, D, 4H), (2, H, 4H)
    products = linear(given.keys, of_context.transpose(1, 2).flatten(0, 1))  # (B, Q, 2 * 4H)
    batch, keys, _ = products.shape
    state_map = pad(given.state_map, (0, 0, 0, more)).t()  # (H, A)
    return _Given(
        queries=pad(given.queries, (0, more)),
        inputs=given.inputs,
        first=pad(given.first, (0, more)),
        again=pad(given.again, (0, more)),
        keys=products.view(batch, keys, 2, -1),
        vector=pad(given.vector, (0, more)),
        of_state=torch.cat([of_state, state_map.expand(2, -1, -1)], 2),
        levels=given.levels,
        mask=given.mask.bool(),
        lengths=given.lengths.long(),
    )


class _NativeMatch(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        given = _Given(*(tensor.contiguous() for tensor in tensors))
        states, kept = _run(given, keep=any(ctx.needs_input_grad))
        if kept is not None:
            ctx.save_for_backward(*given, *kept)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        count = len(_Given._fields)
        given, kept = _Given(*ctx.saved_tensors[:count]), Kept(*ctx.saved_tensors[count:])
        with torch.autocast("cpu", enabled=False):  # autograd does not bring back the forward pass's
            return _run_back(given, kept, gradient.contiguous())


def _sizes(given: _Given) -> _Sizes:
    batch, passage, width = given.queries.shape
    _, hidden, _ = given.of_state.shape
    return _Sizes(
        batch, passage, given.keys.shape[1], width, hidden, len(given.levels), max(1, torch.get_num_threads())
    )


def _run(given: _Given, *, keep: bool) -> tuple[Tensor, Kept | None]:
    """The states, and what a gradient needs where one is wanted."""
    z, library = _sizes(given), compiled().library
    assert library is not None
    new = given.keys.new_empty
    states, kept = new(z.B, z.P, 2, z.H), None
    if keep:
        before, asked, cells, gates = (new(z.B, z.P, 2, width) for width in (z.H, z.A, z.H, 4 * z.H))
        kept = Kept(states, before, asked, cells, gates, new(z.L, z.B, z.P, 2, z.Q))
    nothing = [None] * (len(Kept._fields) - 1)
    library.match_scan(ctypes.byref(z), pointers(*given), pointers(*(kept or (states, *nothing))))
    return states, kept


def _run_back(given: _Given, kept: Kept, gradient: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of all that is in `given`, in its order."""
    z, library = _sizes(given), compiled().library
    assert library is not None
    widths = (4 * z.H, z.A, z.A, z.Q)
    inputs, query, query_sum, mixed = (given.keys.new_empty(z.B, z.P, 2, width) for width in widths)
    new = given.keys.new_zeros
    first, again = new(2, z.B, z.Q, z.A), new(2, z.B, z.Q if z.L > 1 else 0, z.A)
    vector, levels = new(2, z.B, z.A), new(2, z.B, z.L)
    of_state_t = given.of_state.mT.contiguous()
    outputs = (inputs, query, query_sum, mixed, first, again, vector, levels)
    library.match_scan_back(
        ctypes.byref(z), pointers(*given), pointers(*kept), pointers(gradient, of_state_t, *outputs)
    )
    return (
        query.sum(2),
        inputs,
        first.sum(0) * given.vector * 4,
        again.sum(0) if z.L > 1 else None,
        torch.stack([mixed[:, :, i].mT @ inputs[:, :, i] for i in range(2)], 2),  # keys
        vector.sum((0, 1)),
        _of_state(kept.before, inputs, query_sum),
        levels.sum((0, 1)),
        None,
        None,
    )


def _of_state(before: Tensor, inputs: Tensor, query_sum: Tensor) -> Tensor:
    """(2, H, S): the gradient of what the state adds."""
    by_direction = ([x[:, :, i].flatten(0, 1) for x in (before, inputs, query_sum)] for i in range(2))
    return torch.stack([torch.cat([across_rows(x, gates), across_rows(x, u)], 1) for x, gates, u in by_direction])
