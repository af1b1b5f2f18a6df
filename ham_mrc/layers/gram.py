"""A GRU that attends at every step by hierarchical attention in its Gram form: all steps, and their gradient, at once.

Letters for shapes: `B` lines, `M` steps, `S` slots of the memory, `D` width of a slot, `H` width of the state, `d`
levels. All that has steps is (M, B, ..), so that a step lies together. With memory K and G = K K^T / sqrt(D):

    q   = W_q s_{t-1} / sqrt(D)                                       query, of the slots' width
    a_1 = softmax(q K^T),  a_l = softmax(a_{l-1} G)                   l = 2..d: no slot is read, S x S numbers are
    c_t = (sum_l w_l a_l) K                                           = the levels' own outputs c_l = a_l K, mixed
    s_t = GRU(x_t + W_c c_t, s_{t-1})                                 x_t: what else adds to the gates

a_{l-1} G = c_{l-1} K^T / sqrt(D), so this is Ham (layers/ham.py) with score "scaled_dot", exactly; that one is the
reference, and has the variants, masks and traces. Here the gradient is written out: what autograd would add up over the
steps (of the memory, of G, of every weight) is one product after the last step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ham_mrc.layers.masks import at_least_float32
from ham_mrc.layers.product import linear


class GramWeights(NamedTuple):
    """The weights of the recurrence, and of its levels. The GRU's gates are reset, update, new, as in torch.nn.GRU."""

    state: Tensor  # (3H + D, H): W_hh, and below it W_q / sqrt(D)
    bias: Tensor  # (3H + D,): b_hh, and zeros
    context: Tensor  # (3H, D): W_c
    levels: Tensor  # (d,): w


def gram_scan(
    given: Tensor, start: Tensor, memory: Tensor, gram: Tensor | None, weights: GramWeights
) -> tuple[Tensor, Tensor]:
    """The states (M, B, H) and contexts (M, B, D) of all steps.

    `given` (M, B, 3H) are the x_t, `start` (B, H) is s_0, `memory` (B, S, D) is K, and `gram` (B, S, S) is G, which is
    not read at one level: None will do. In float32 at least, whatever autocast says.
    """
    gram = memory.new_empty(0) if gram is None else gram
    with torch.autocast(memory.device.type, enabled=False):
        tensors = map(at_least_float32, (given, start, memory, gram, *weights))
        states, contexts = _Scan.apply(*tensors)  # type: ignore[no-untyped-call]
    return states, contexts


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        given: Tensor,
        start: Tensor,
        memory: Tensor,
        gram: Tensor,
        of_state: Tensor,
        bias: Tensor,
        of_context: Tensor,
        w: Tensor,
    ) -> tuple[Tensor, Tensor]:
        hidden, state = start.shape[1], start
        before, gates, queries, levels, contexts = [], [], [], [], []
        for x in given:
            before.append(state)
            remembered = linear(state, of_state, bias)  # (B, 3H + D)
            query = remembered[:, 3 * hidden :]
            a = torch.bmm(query[:, None], memory.mT).softmax(-1)  # (B, 1, S)
            alphas = [a]
            for _ in range(1, len(w)):
                a = torch.bmm(a, gram).softmax(-1)
                alphas.append(a)
            level = torch.stack(alphas)  # (d, B, 1, S)
            context = torch.bmm(_mixed(level, w), memory)[:, 0]  # (B, D)
            added = x + linear(context, of_context)  # (B, 3H)
            two = (added[:, : 2 * hidden] + remembered[:, : 2 * hidden]).sigmoid_()
            own = remembered[:, 2 * hidden : 3 * hidden]
            new = torch.addcmul(added[:, 2 * hidden :], two[:, :hidden], own).tanh_()
            state = torch.lerp(new, state, two[:, hidden:])
            gates.append(torch.cat([two, new, own], 1))  # (B, 4H)
            queries.append(query)
            levels.append(level[:, :, 0])
            contexts.append(context)
        states, kept = torch.stack([*before[1:], state]), [torch.stack(one) for one in (gates, queries, levels)]
        found = torch.stack(contexts)
        ctx.save_for_backward(start, memory, gram, of_state, of_context, w, states, found, *kept)
        return states, found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor, d_contexts: Tensor) -> tuple[Tensor, ...]:
        start, memory, gram, of_state, of_context, w, states, contexts, gates, queries, levels = ctx.saved_tensors
        hidden, steps = start.shape[1], len(states)
        before = torch.cat([start[None], states[:-1]])
        d_given, d_remembered, d_context, d_mixed, d_scores = [], [], [], [], []
        d_state = torch.zeros_like(start)
        for t in reversed(range(steps)):
            reset, update, new, own = gates[t].split(hidden, 1)
            d_state = d_state + d_states[t]
            kept = d_state * update
            d_new = (d_state - kept) * (1 - new * new)
            d_update = d_state * (before[t] - new) * update * (1 - update)
            d_reset = d_new * own * reset * (1 - reset)
            d_given.append(torch.cat([d_reset, d_update, d_new], 1))  # (B, 3H)
            d_context.append(d_contexts[t] + linear(d_given[-1], of_context.t()))  # (B, D)
            d_a = torch.bmm(d_context[-1][:, None], memory.mT)  # (B, 1, S)
            d_mixed.append(d_a)
            d_scores.append(_levels_back(d_a, levels[t][:, :, None], gram, w))  # (d, B, 1, S)
            d_query = torch.bmm(d_scores[-1][0], memory)[:, 0]  # (B, D)
            d_remembered.append(torch.cat([d_reset, d_update, d_new * reset, d_query], 1))  # (B, 3H + D)
            d_state = kept + linear(d_remembered[-1], of_state.t())
        found = [torch.stack(one[::-1]) for one in (d_given, d_remembered, d_context, d_mixed, d_scores)]
        of_given, of_remembered, of_contexts, of_mixed, of_scores = found
        d_w = (levels * of_mixed[:, None, :, 0]).sum((0, 2, 3))
        mixed = torch.einsum("l,mlbs->mbs", w, levels)
        d_memory = _over_steps(mixed, of_contexts) + _over_steps(of_scores[:, 0, :, 0], queries)
        earlier, later = levels[:, :-1], of_scores[:, 1:, :, 0]  # (M, d - 1, B, S)
        d_gram = _over_steps(earlier.flatten(0, 1), later.flatten(0, 1))
        flat = of_remembered.flatten(0, 1)
        return (
            of_given,
            d_state,
            d_memory,
            d_gram,
            linear(before.flatten(0, 1).t(), flat.t()).t(),
            flat.sum(0),
            linear(contexts.flatten(0, 1).t(), of_given.flatten(0, 1).t()).t(),
            d_w,
        )


def _mixed(levels: Tensor, w: Tensor) -> Tensor:
    """sum_l w_l a_l: (d, B, 1, S) -> (B, 1, S)."""
    return torch.mv(levels.flatten(1).t(), w).view(levels.shape[1:])


def _levels_back(d_mixed: Tensor, levels: Tensor, gram: Tensor, w: Tensor) -> Tensor:
    """The gradients (d, B, 1, S) of each level's scores from that of the mixture (B, 1, S)."""
    given = w[:, None, None, None] * d_mixed  # (d, B, 1, S)
    found, d_a = [], given[-1]
    for level in reversed(range(len(w))):
        part = d_a * levels[level]
        found.append(part - levels[level] * part.sum(-1, keepdim=True))  # softmax's own gradient
        if level:
            d_a = torch.baddbmm(given[level - 1], found[-1], gram.mT)
    return torch.stack(found[::-1])


def _over_steps(x: Tensor, y: Tensor) -> Tensor:
    """sum_t x_t y_t^T of each line: (M, B, X), (M, B, Y) -> (B, X, Y)."""
    return torch.bmm(x.permute(1, 2, 0), y.transpose(0, 1))
