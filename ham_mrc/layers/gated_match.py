"""Matching with a gate, as R-NET has it: a word and what it attends to, weighed against each other, then read by a GRU.

Wang et al., "R-NET: Machine Reading Comprehension with Self-matching Networks" (Microsoft Research Asia, 2017). Letters
for shapes: `R` rows, `P` passage tokens, `N` keys, `D` width of a token or key, `H` hidden in each direction, `A` width
inside the score, `S` = 2R: the rows read left to right, then the same rows read right to left.

    c_t = att(keys, query_t)                  levels of Ham
    x_t = g * [u_t ; c_t],  g = sigmoid(W_g [u_t ; c_t])
    v_t = GRU(x_t, v_{t-1}), in both directions
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ham_mrc.layers.encoders import Encoder
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.masks import reverse_within_length
from ham_mrc.layers.match_layer import has_inner_width
from ham_mrc.layers.parts import Part, Parts
from ham_mrc.layers.site import context_part


class GatedMatch(nn.Module):
    """Attention for all tokens at once, then the gate, then a BiGRU: (R, P, D) -> (R, P, 2H).

    The self-matching of section 3.3, where no score reads a recurrent state; and the match of section 3.2 as
    HKUST-KnowComp/R-Net simplifies it, with question tokens for keys. `gate = False` reads [u_t ; c_t] as it is.
    """

    def __init__(self, size: int, hidden: int, ham: Ham, *, gate: bool = True) -> None:
        super().__init__()
        self.ham = ham
        self.fast = True  # False: the gate reads [u_t ; c_t] as it is
        self.gate = nn.Linear(2 * size, 2 * size, bias=False) if gate else None  # W_g
        self.reader = Encoder(2 * size, hidden, cell="gru", bidirectional=True)

    def forward(self, passage: Tensor, keys: Tensor, lengths: Tensor, key_mask: Tensor) -> Tensor:
        """(R, P, D), (R, N, D), (R,), (R, N) -> (R, P, 2H), zeros on padding. For self attention keys are `passage`."""
        context, weights = self.ham(passage, keys, key_mask)  # (R, P, D), (R, P, N)
        parts = Parts([Part(passage), context_part(self.ham.score, context, weights, keys)])
        read = parts.whole()  # (R, P, 2D)
        if self.gate is not None:
            opened = parts.product([self.gate.weight], None, [None]) if self.fast else self.gate(read)
            read = read * opened.sigmoid()
        matched: Tensor = self.reader(read, lengths)
        return matched

    def site_rows(self, rows: Tensor) -> Tensor:
        """(R, ...) unchanged: the attention is asked about each row once."""
        return rows


class RecurrentGatedMatch(nn.Module):
    """Section 3.2: attention asked by the word and by the GRU's own state. (R, P, D), (R, N, D) -> (R, P, 2H).

    Both directions run in one loop: attention and gate are shared, the GRUs are apart. The backward direction reads
    each passage reversed within its own length, never over its padding.
    """

    def __init__(self, size: int, hidden: int, ham: Ham, *, gate: bool = True) -> None:
        super().__init__()
        self.hidden, self.ham = hidden, ham
        inner = has_inner_width(ham)
        # Scores without an inner map get the query W_p u_t + W_v v_{t-1} + b, of the keys' width.
        self.query_map: nn.Module = nn.Identity() if inner else nn.Linear(size, size)
        self.state_map = nn.Linear(hidden, hidden if inner else size, bias=False)  # W_v
        self.gate = nn.Linear(2 * size, 2 * size, bias=False) if gate else None  # W_g
        bound = 1 / math.sqrt(hidden)  # torch.nn.GRU's own rule
        self.input_gates, self.state_gates, self.input_bias, self.state_bias = (
            nn.Parameter(torch.empty(2, rows, 3 * hidden).uniform_(-bound, bound)) for rows in (2 * size, hidden, 1, 1)
        )

    def forward(self, passage: Tensor, keys: Tensor, lengths: Tensor, key_mask: Tensor) -> Tensor:
        """(R, P, D), (R, N, D), (R,), (R, N) -> (R, P, 2H); states on padding mean nothing."""
        both = torch.cat([passage, reverse_within_length(passage, lengths)])  # (S, P, D)
        outputs = self.scan(both, torch.cat([keys, keys]), torch.cat([key_mask, key_mask]))  # (S, P, H)
        forward, backward = outputs.chunk(2)  # (R, P, H)
        return torch.cat([forward, reverse_within_length(backward, lengths)], -1)

    def site_rows(self, rows: Tensor) -> Tensor:
        """(R, ...) -> (S, ...): what a row has, for every row that the attention is asked about."""
        return torch.cat([rows, rows])

    def scan(self, passage: Tensor, keys: Tensor, key_mask: Tensor) -> Tensor:
        """(S, P, D), (S, N, D), (S, N) -> (S, P, H): the recurrence, step by step.

        All that does not depend on v_{t-1} is computed before the loop.
        """
        rows, steps, size = passage.shape
        prepared = self.ham.prepare(keys)
        queries = self.ham.project(self.query_map(passage)).unbind(1)  # P times (S, A)
        opened = self._passage_gates(passage)
        words = passage.unbind(1)  # P times (S, D)
        weights, bias = self._state_maps()
        state = passage.new_zeros(2, rows // 2, self.hidden)
        outputs = []
        for t in range(steps):
            remembered = torch.baddbmm(bias, state, weights)  # (2, R, 3H + A)
            asked = remembered[..., 3 * self.hidden :].reshape(rows, 1, -1)  # (S, 1, A)
            context, _ = self.ham.attend(queries[t][:, None], prepared, key_mask, state=asked, query=words[t][:, None])
            read = torch.cat([words[t], context[:, 0]], -1)  # (S, 2D)
            if self.gate is not None:
                read = read * (opened[t] + context[:, 0] @ self.gate.weight[:, size:].T).sigmoid()
            gates = torch.baddbmm(self.input_bias, read.view(2, rows // 2, -1), self.input_gates)  # (2, R, 3H)
            state = gru_cell(gates, remembered[..., : 3 * self.hidden], state)
            outputs.append(state)
        return torch.stack(outputs, 2).view(rows, steps, self.hidden)

    def _passage_gates(self, passage: Tensor) -> tuple[Tensor, ...]:
        """P times (S, 2D): what the word alone adds to the gate."""
        if self.gate is None:
            return ()
        return (passage @ self.gate.weight[:, : passage.shape[-1]].T).unbind(1)

    def _state_maps(self) -> tuple[Tensor, Tensor]:
        """(2, H, 3H + A) and (2, 1, 3H + A): what reads the state, W_v last, as one product a step."""
        asked = self.state_map.weight.T.expand(2, -1, -1)  # (2, H, A)
        bias = nn.functional.pad(self.state_bias, (0, asked.shape[-1]))
        return torch.cat([self.state_gates, asked], -1), bias


def gru_cell(given: Tensor, remembered: Tensor, state: Tensor) -> Tensor:
    """The new state (.., H) from what input and state add to the gates, (.., 3H) each in the order reset, update, new.

    The reset gate acts behind the state's map, as in torch.nn.GRU and cuDNN.
    """
    hidden = state.shape[-1]
    reset, update = (given[..., : 2 * hidden] + remembered[..., : 2 * hidden]).sigmoid().chunk(2, -1)
    new = torch.tanh(given[..., 2 * hidden :] + reset * remembered[..., 2 * hidden :])
    return new + update * (state - new)
