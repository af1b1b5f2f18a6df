"""The match-LSTM's recurrence with its backward pass written out: what autograd finds, in a fraction of its time.

`MatchLayer.scan` in readers/match_lstm.py is the readable form and the reference; tests hold the two together,
outputs and gradients, at every depth. What makes this one quick: nothing is recorded step by step but the weights of
the levels and the LSTM's state; the (S, Q, A) tensors of the additive score are computed again in the backward pass
instead of kept (at depth 20 they would be gigabytes); every gradient that no later step needs is one large product
after the loop; and tanh, the costliest single operation, is taken through the logistic function, which torch computes
about nine times faster on CPUs: tanh(x) = 2 s(2x) - 1, and the constant drops out of a softmax over the keys.

Letters for shapes: `P` steps, `S` rows (both directions), `B` = S / 2, `Q` keys, `A` width inside the score, `D` width
of a key, `H` hidden, `L` levels. Step t, from the state r_{t-1} and cell e_{t-1}:

    u     = r_{t-1} W_r^T                              (S, A)
    x_1   = queries_t + u,  x_l = a_{l-1} again + u    (S, A)
    a_l   = softmax(v . tanh(first + x_l))             (S, Q)
    c     = (sum_l w_l a_l) keys                       (S, D)
    r_t, e_t = LSTM(inputs_t + [c ; r_{t-1}] W)        (S, H)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class ScanInputs(NamedTuple):
    """Everything the recurrence reads; each tensor but the mask gets a gradient."""

    queries: Tensor  # (P, S, A) projected passage
    inputs: Tensor  # (P, S, 4H) the passage's part of the gates, with the bias; order in, forget, new, out
    first: Tensor  # (S, Q, A) projected keys, with the score's bias
    again: Tensor  # (S, Q, A) keys as the levels after the first read them; not used at one level
    keys: Tensor  # (S, Q, D)
    vector: Tensor  # (A,) v
    state_map: Tensor  # (A, H) W_r
    gates: Tensor  # (2, D + H, 4H) W, one for each direction
    levels: Tensor  # (L,) w, which sum to 1
    mask: Tensor  # (S, Q), True on real keys


def match_scan(given: ScanInputs) -> Tensor:
    """The states r (P, S, H) of all steps, in float32 at least, whatever autocast says."""
    with torch.autocast(given.keys.device.type, enabled=False):
        tensors = (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t for t in given)
        states: Tensor = _MatchScan.apply(*tensors)  # type: ignore[no-untyped-call]
    return states


class _MatchScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        given = ScanInputs(*tensors)
        kept = _run(given)
        ctx.save_for_backward(*given, *kept)
        return kept.states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        count = len(ScanInputs._fields)
        with torch.autocast(gradient.device.type, enabled=False):  # autograd does not bring back the forward pass's
            return _run_back(ScanInputs(*saved[:count]), _Kept(*saved[count:]), gradient.contiguous())


class _Kept(NamedTuple):
    """What the forward pass leaves for the backward one."""

    states: Tensor  # (P + 1, S, H) r, beginning with zeros
    cells: Tensor  # (P + 1, S, H) e
    activations: Tensor  # (P, S, 4H) the gates after their sigmoid or tanh
    weights: Tensor  # (L, P, S, Q) a_l


def _run(given: ScanInputs) -> _Kept:
    steps, rows, _ = given.queries.shape
    hidden, depth = given.state_map.shape[1], len(given.levels)
    new = given.keys.new_empty
    kept = _Kept(
        given.keys.new_zeros(steps + 1, rows, hidden),
        given.keys.new_zeros(steps + 1, rows, hidden),
        new(steps, rows, 4 * hidden),
        new(depth, steps, rows, given.keys.shape[1]),
    )
    first, again, vector = given.first * 2, given.again * 2, given.vector * 2
    padding, real = ~given.mask, given.mask if bool((~given.mask.any(1)).any()) else None
    w, w_r = _numbers(given.levels), given.state_map.t() * 2
    for t in range(steps):
        state = kept.states[t]
        u = state @ w_r
        x, mixed = torch.add(u, given.queries[t], alpha=2), None
        for level in range(depth):
            a = kept.weights[level, t]
            a.copy_(_weights((first + x[:, None]).sigmoid_() @ vector, padding, real))
            mixed = a * w[0] if mixed is None else mixed.add_(a * w[level])
            if level + 1 < depth:
                x = torch.baddbmm(u[:, None], a[:, None], again)[:, 0]
        assert mixed is not None
        context = torch.bmm(mixed[:, None], given.keys)[:, 0]
        read = torch.cat([context, state], 1).view(2, rows // 2, -1)
        gates = torch.baddbmm(given.inputs[t].view(2, rows // 2, -1), read, given.gates).view(rows, -1)
        _cell(gates, kept, t, hidden)
    return kept


def _numbers(levels: Tensor) -> Any:
    """Plain numbers on a CPU, where that saves an operation each; elsewhere reading them would stop the device."""
    return levels.tolist() if levels.device.type == "cpu" else levels


def _weights(scores: Tensor, padding: Tensor, real: Tensor | None) -> Tensor:
    """The softmax of fresh scores (S, Q) over real keys, as `masked_softmax` has it."""
    a = scores.masked_fill_(padding, torch.finfo(scores.dtype).min).softmax(1)
    return a if real is None else a * real  # with a real key in every row, padding is exactly 0 already


def _cell(gates: Tensor, kept: _Kept, t: int, hidden: int) -> None:
    active = kept.activations[t]
    torch.sigmoid(gates, out=active)
    torch.tanh(gates[:, 2 * hidden : 3 * hidden], out=active[:, 2 * hidden : 3 * hidden])
    into, forget, new, out = active.chunk(4, 1)
    torch.addcmul(forget * kept.cells[t], into, new, out=kept.cells[t + 1])
    torch.mul(out, kept.cells[t + 1].tanh(), out=kept.states[t + 1])


def _run_back(given: ScanInputs, kept: _Kept, gradient: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of every ScanInputs, from that of the states (P, S, H)."""
    steps, rows, width = given.queries.shape
    depth, size = len(given.levels), given.keys.shape[2]
    new = given.keys.new_empty
    d_gates, d_context = new(steps, rows, 4 * gradient.shape[2]), new(steps, rows, size)
    d_mixed, d_x = new(steps, rows, given.keys.shape[1]), new(depth, steps, rows, width)
    d_first = torch.zeros_like(given.first)  # without its factor 4 v, which is the same everywhere
    d_vector = torch.zeros_like(given.vector)
    first, x, four_v = given.first * 2, _all_queries(given, kept).mul_(2), given.vector * 4
    d_state, d_cell = (torch.zeros_like(gradient[0]) for _ in range(2))
    keys_t, again_t, gates_t = given.keys.mT, given.again.mT, given.gates.mT
    w = _numbers(given.levels)
    for t in reversed(range(steps)):
        d_cell = _cell_back(kept, t, gradient[t] + d_state, d_cell, d_gates[t])
        d_read = torch.bmm(d_gates[t].view(2, rows // 2, -1), gates_t).view(rows, -1)
        d_context[t], d_state = d_read[:, :size], d_read[:, size:]
        d_mixed[t] = torch.bmm(d_context[t][:, None], keys_t)[:, 0]
        d_a, d_u = d_mixed[t] * w[depth - 1], None
        for level in reversed(range(depth)):
            a = kept.weights[level, t]
            d_scores = a * (d_a - (a * d_a).sum(1, keepdim=True))
            s = (first + x[level, t][:, None]).sigmoid_()  # tanh is 2 s - 1, its slope 4 s (1 - s)
            d_vector.addmv_(s.view(-1, width).t(), d_scores.view(-1))
            slope = torch.addcmul(s, s, s, value=-1).mul_(d_scores[:, :, None])
            d_first += slope
            torch.mul(slope.sum(1), four_v, out=d_x[level, t])
            d_u = d_x[level, t] if d_u is None else d_u + d_x[level, t]
            if level > 0:
                d_a = torch.bmm(d_x[level, t][:, None], again_t)[:, 0].add_(d_mixed[t] * w[level - 1])
        assert d_u is not None
        d_state = d_state + d_u @ given.state_map
    return _after_loop(given, kept, d_gates, d_context, d_mixed, d_x, d_first, d_vector)


def _all_queries(given: ScanInputs, kept: _Kept) -> Tensor:
    """x (L, P, S, A) of every level and step at once."""
    u = kept.states[:-1] @ given.state_map.t()
    if len(kept.weights) == 1:
        return (given.queries + u)[None]
    later = torch.einsum("lpsq,sqa->lpsa", kept.weights[:-1], given.again)
    return torch.cat([given.queries[None], later]).add_(u)


def _cell_back(kept: _Kept, t: int, d_state: Tensor, d_cell: Tensor, d_gates: Tensor) -> Tensor:
    """Write the gradient of step t's gates to `d_gates`, and return that of the cell before it."""
    into, forget, new, out = kept.activations[t].chunk(4, 1)
    bent = kept.cells[t + 1].tanh()
    d_cell = torch.addcmul(d_cell, d_state * out, 1 - bent * bent)
    d_into, d_forget, d_new, d_out = d_gates.chunk(4, 1)
    torch.mul(d_cell * new, into * (1 - into), out=d_into)
    torch.mul(d_cell * kept.cells[t], forget * (1 - forget), out=d_forget)
    torch.mul(d_cell * into, 1 - new * new, out=d_new)
    torch.mul(d_state * bent, out * (1 - out), out=d_out)
    return d_cell * forget


def _after_loop(
    given: ScanInputs,
    kept: _Kept,
    d_gates: Tensor,
    d_context: Tensor,
    d_mixed: Tensor,
    d_x: Tensor,
    d_first: Tensor,
    d_vector: Tensor,
) -> tuple[Tensor | None, ...]:
    """The gradients that no step waited for, each one product over all steps."""
    mixed = torch.einsum("l,lpsq->psq", given.levels, kept.weights)
    context = torch.einsum("psq,sqd->psd", mixed, given.keys)
    d_again = torch.einsum("lpsq,lpsa->sqa", kept.weights[:-1], d_x[1:]) if len(d_x) > 1 else None
    return (
        d_x[0],
        d_gates,
        d_first * given.vector * 4,
        d_again,
        torch.einsum("psq,psd->sqd", mixed, d_context),
        d_vector * 2,  # the scores' gradients of a row sum to 0, so the -1 of tanh = 2 s - 1 adds nothing
        torch.einsum("psa,psh->ah", d_x.sum(0), kept.states[:-1]),
        _by_direction(torch.cat([context, kept.states[:-1]], 2), d_gates),
        torch.einsum("psq,lpsq->l", d_mixed, kept.weights),
        None,
    )


def _by_direction(read: Tensor, d_gates: Tensor) -> Tensor:
    """(2, D + H, 4H): the gradient of both directions' weights from what they read and the gates' gradients."""
    steps, rows, _ = read.shape
    halves = (tensor.view(steps, 2, rows // 2, -1) for tensor in (read, d_gates))
    return torch.einsum("pdbi,pdbo->dio", *halves)
