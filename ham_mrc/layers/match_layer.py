"""The match layers of Match-LSTM: every passage token reads the question, and an LSTM in each direction reads on.

`MatchLayer` is the paper's: what the LSTM has read so far takes part in the attention. `StaticMatchLayer` attends
before the LSTM, at all tokens at once. Letters for shapes: `R` rows, `P` passage tokens, `Q` question tokens, `D` width
of an encoding, `H` hidden, `A` width inside the scorer (here A = H), `S` = 2R: the rows read left to right, then the
same rows read right to left, `F` width of what fusion makes of word and context.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ham_mrc.layers import native_match
from ham_mrc.layers.attention import Additive
from ham_mrc.layers.encoders import Encoder
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.masks import reverse_within_length
from ham_mrc.layers.product import Linear, linear
from ham_mrc.layers.scan import ScanInputs, match_scan

Fusion = Literal["plain", "extended"]
"""What the LSTM reads of a passage word H_t and its context c: [H_t ; c], or [H_t ; c ; H_t - c ; H_t * c]."""


def beside_word(word: Tensor, context: Tensor, fusion: Fusion) -> Tensor:
    """(..., D), (..., D) -> (..., D) or (..., 3D): all that the LSTM reads beside the word itself."""
    if fusion == "plain":
        return context
    return torch.cat([context, word - context, word * context], -1)


class MatchLayer(nn.Module):
    """Both directions of the match-LSTM, in one loop: the attention is shared, the LSTMs are apart.

        a_t = softmax(f(H_t, U; state W_r r_{t-1}))          every level of `ham` adds the state
        r_t = LSTM([H_t ; a_t U], r_{t-1})                   or the extended fusion

    (R, P, D) passage and (R, Q, D) question -> (R, P, 2H). The backward direction reads each passage reversed within
    its own length, never over its padding. `ham` compares vectors of width D; its inner width, where its score has one,
    is H.
    """

    def __init__(self, ham: Ham, size: int, hidden: int, *, fusion: Fusion = "plain") -> None:
        super().__init__()
        self.ham, self.hidden, self.fusion = ham, hidden, fusion
        self.fast = True  # False: always the readable form
        inner = has_inner_width(ham)
        # Scores without an inner map get the query W_p H_t + W_r r_{t-1} + b, of the keys' width.
        self.query_map: nn.Module = nn.Identity() if inner else Linear(size, size)
        self.state_map = Linear(hidden, hidden if inner else size, bias=False)  # W_r
        beside = size if fusion == "plain" else 3 * size
        bound = 1 / math.sqrt(hidden)  # torch.nn.LSTM's own rule
        self.passage_gates, self.context_gates, self.state_gates, self.gate_bias = (
            nn.Parameter(torch.empty(2, rows, 4 * hidden).uniform_(-bound, bound)) for rows in (size, beside, hidden, 1)
        )

    def forward(self, passage: Tensor, question: Tensor, lengths: Tensor, question_mask: Tensor) -> Tensor:
        """(R, P, 2H): the states of both directions at every passage token; those on padding mean nothing."""
        fast = self.fast and not self.ham.tracing and self.fusion == "plain" and has_fast_form(self.ham)
        if fast and native_match.usable(passage):
            return self.native_scan(passage, question, lengths, question_mask)
        both = torch.cat([passage, reverse_within_length(passage, lengths)])  # (S, P, D)
        scan = self.fast_scan if fast else self.scan
        outputs = scan(both, torch.cat([question, question]), torch.cat([question_mask, question_mask]))  # (S, P, H)
        forward, backward = outputs.chunk(2)  # (R, P, H)
        return torch.cat([forward, reverse_within_length(backward, lengths)], -1)

    def site_rows(self, rows: Tensor) -> Tensor:
        """(R, ...) -> (S, ...): what a row has, for every row that the attention is asked about."""
        return torch.cat([rows, rows])

    def scan(self, passage: Tensor, question: Tensor, question_mask: Tensor) -> Tensor:
        """(S, P, D), (S, Q, D), (S, Q) -> (S, P, H): the recurrence as the paper writes it, step by step.

        All that does not depend on r_{t-1} is computed before the loop.
        """
        rows, steps, _ = passage.shape
        prepared = self.ham.prepare(question)
        words = passage.unbind(1)  # P times (S, D)
        queries = self.ham.project(self.query_map(passage)).unbind(1)  # P times (S, A)
        inputs = self._passage_inputs(passage).unbind(1)  # P times (S, 4H)
        weights = torch.cat([self.context_gates, self.state_gates], 1)  # (2, F - D + H, 4H)
        state = cell = passage.new_zeros(rows, self.hidden)
        outputs = []
        for t in range(steps):
            context, _ = self.ham.attend(
                queries[t][:, None],
                prepared,
                question_mask,
                state=self.state_map(state)[:, None],
                query=words[t][:, None],
            )
            beside = beside_word(words[t], context[:, 0], self.fusion)
            read = torch.cat([beside, state], -1).view(2, rows // 2, -1)
            gates = inputs[t] + (read @ weights).view(rows, -1)
            state, cell = lstm_cell(gates, cell)
            outputs.append(state)
        return torch.stack(outputs, 1)

    def _passage_inputs(self, passage: Tensor) -> Tensor:
        """(S, P, D) -> (S, P, 4H): what the passage adds to the gates at every step, each direction by its own."""
        by_direction = passage.reshape(2, -1, passage.shape[-1]) @ self.passage_gates + self.gate_bias
        return by_direction.view(*passage.shape[:2], -1)

    def native_scan(self, passage: Tensor, question: Tensor, lengths: Tensor, question_mask: Tensor) -> Tensor:
        """`forward` for the additive score in compiled code: the same states, zeros on padding."""
        score = self.ham.score
        assert isinstance(score, Additive)
        prepared = self.ham.prepare(question)
        size = passage.shape[-1]
        weights = self.passage_gates.transpose(0, 1).reshape(size, -1)  # (D, 2 * 4H)
        inputs = linear(passage, weights.t(), self.gate_bias.view(-1))  # (R, P, 2 * 4H)
        given = native_match.MatchInputs(
            queries=score.project(passage),
            inputs=inputs.view(*passage.shape[:2], 2, 4 * self.hidden),
            first=prepared.first,
            again=prepared.first if prepared.again is None else prepared.again,
            keys=question,
            vector=score.vector,
            state_map=self.state_map.weight,
            gates=torch.cat([self.context_gates, self.state_gates], 1),
            levels=self.ham.level_weights().to(question),
            mask=question_mask,
            lengths=lengths,
        )
        return native_match.native_match(given).flatten(2)

    def fast_scan(self, passage: Tensor, question: Tensor, question_mask: Tensor) -> Tensor:
        """`scan` for the additive score, by layers/scan.py: the same states and gradients, several times faster."""
        score = self.ham.score
        assert isinstance(score, Additive)
        prepared = self.ham.prepare(question)
        steps_first = passage.transpose(0, 1)  # (P, S, D)
        inputs = self._passage_inputs(passage).transpose(0, 1).contiguous()
        given = ScanInputs(
            queries=score.project(steps_first),
            inputs=inputs,
            first=prepared.first,
            again=prepared.first if prepared.again is None else prepared.again,
            keys=question,
            vector=score.vector,
            state_map=self.state_map.weight,
            gates=torch.cat([self.context_gates, self.state_gates], 1),
            levels=self.ham.level_weights().to(question),
            mask=question_mask,
        )
        return match_scan(given).transpose(0, 1)


class StaticMatchLayer(nn.Module):
    """The attention without r_{t-1}, at all passage tokens at once; then an LSTM in each direction.

        c = Ham(H, U)                       (R, P, D)
        R = BiLSTM([H ; c])                 (R, P, 2H); or the extended fusion

    Same call as `MatchLayer`. Nothing in it waits for the step before but the LSTM, so a level costs one product:
    with scaled dot products depth is nearly free.
    """

    def __init__(self, ham: Ham, size: int, hidden: int, *, fusion: Fusion = "plain") -> None:
        super().__init__()
        self.ham, self.fusion = ham, fusion
        self.query_map: nn.Module = nn.Identity() if has_inner_width(ham) else Linear(size, size)
        self.encoder = Encoder(size * (2 if fusion == "plain" else 4), hidden, bidirectional=True)

    def forward(self, passage: Tensor, question: Tensor, lengths: Tensor, question_mask: Tensor) -> Tensor:
        """(R, P, 2H): the states of both directions at every passage token, zeros on padding."""
        context, _ = self.ham(self.query_map(passage), question, question_mask)  # (R, P, D)
        fused = torch.cat([passage, beside_word(passage, context, self.fusion)], -1)  # (R, P, F)
        states: Tensor = self.encoder(fused, lengths)
        return states

    def site_rows(self, rows: Tensor) -> Tensor:
        """(R, ...) unchanged: the attention is asked about each row once."""
        return rows


def has_inner_width(ham: Ham) -> bool:
    """Whether the score maps query and keys to a width of its own, where a recurrent state can join them."""
    return getattr(ham.score, "hidden", None) is not None


def has_fast_form(ham: Ham) -> bool:
    """Whether layers/scan.py computes this attention: additive, the state added at every level and no word twice.

    The last level alone ("multilevel") is a mixture like any other there, one-hot on that level.
    """
    return isinstance(ham.score, Additive) and ham.score.requery in ("word", "key", "own") and ham.plain_levels


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The new state and cell, (S, H) each, from the four gates' inputs (S, 4H) in the order in, forget, new, out."""
    into, forget, new, out = gates.chunk(4, -1)
    cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell
