"""Match-LSTM with answer pointer: Wang & Jiang, "Machine Comprehension Using Match-LSTM and Answer Pointer", 2017.

Its attention, one query a step, is hierarchical attention (Ham). Letters for shapes: `B` batch, `P` passage tokens,
`Q` question tokens, `D` width of an encoding, `H` hidden, `A` width inside the scorer (here A = H), `S` = 2B: the rows
read left to right, then the same rows read right to left.

    H = LSTM(passage)   U = LSTM(question)                                      section 2.2.1
    a_t = softmax(v . tanh(W_k U + W_p H_t + W_r r_{t-1} + b))                  equation 2; levels of Ham
    r_t = LSTM([H_t ; a_t U], r_{t-1}), backward the same, R = [r> ; r<]        equations 3 to 5
    start and end logits from the answer pointer over R                         equations 7 to 9
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.attention import Additive
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.encoders import Encoder, SequenceDropout
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.masks import reverse_within_length
from ham_mrc.layers.pointer import AnswerPointer
from ham_mrc.layers.scan import ScanInputs, match_scan
from ham_mrc.readers.batch import Batch, word_match


class MatchLSTM(nn.Module):
    """Batch -> start and end logits, (B, P) each; logits of padding mean nothing.

    Every keyword argument is a setting of the section [reader]:

    - `depth`: levels of the attention; 1 is the ordinary reader.
    - `score`, `requery`, `init_levels`: see Ham and Additive; `requery` is a matter of the additive score alone.
    - `hidden`: width of every LSTM in each direction, and inside the scorer.
    - `bidirectional`: whether passage and question are encoded in both directions.
    - `share_encoder`: one encoder for both sides, needed at depth > 1 wherever W_p must also read mixtures of
      question vectors, as with `requery = "word"`; the original programs keep two.
    - `word_match`: adds to each word's vector whether it also stands on the other side.
    - `two_way_pointer`: a second pointer from end to start.
    - `dropout`: on word vectors, encodings and match outputs, one mask a sequence.
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        *,
        depth: int = 1,
        score: str = "additive",
        requery: str = "word",
        init_levels: str = "uniform",
        hidden: int = 150,
        bidirectional: bool = False,
        share_encoder: bool = True,
        word_match: bool = False,
        two_way_pointer: bool = False,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        _check_together(depth, score, requery, share_encoder)
        self.embedding, self.word_match = embedding, word_match
        self.dropout = SequenceDropout(dropout)
        width = embedding.width + (1 if word_match else 0)
        self.passage_encoder = Encoder(width, hidden, bidirectional=bidirectional)
        self.question_encoder = (
            self.passage_encoder if share_encoder else Encoder(width, hidden, bidirectional=bidirectional)
        )
        size = self.passage_encoder.output_size
        self.match = MatchLayer(size, hidden, depth=depth, score=score, requery=requery, init_levels=init_levels)
        self.pointer = AnswerPointer(2 * hidden, hidden, two_way=two_way_pointer)

    def ham_sites(self) -> dict[str, Ham]:
        """Every place where attention is replaced, by the name that logs and `--trace` use."""
        return {"match": self.match.ham}

    def site_masks(self, batch: Batch) -> dict[str, Tensor]:
        """For every site (rows, queries), True on real queries; here both directions' rows and all passage tokens."""
        return {"match": torch.cat([batch.passage_mask, batch.passage_mask])}

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, P) start and end logits."""
        passage, question = self._words(batch)
        encoded = self.dropout(self.passage_encoder(passage, batch.passage_lengths))  # (B, P, D)
        asked = self.dropout(self.question_encoder(question, batch.question_lengths))  # (B, Q, D)
        matched = self.match(encoded, asked, batch.passage_lengths, batch.question_mask)  # (B, P, 2H)
        start, end = self.pointer(self.dropout(matched), batch.passage_mask)  # (B, P) each
        return start, end

    def _words(self, batch: Batch) -> tuple[Tensor, Tensor]:
        passage = self.dropout(self.embedding(batch.passage))
        question = self.dropout(self.embedding(batch.question))
        if not self.word_match:
            return passage, question
        in_question, in_passage = word_match(batch)
        return torch.cat([passage, in_question], -1), torch.cat([question, in_passage], -1)


def _check_together(depth: int, score: str, requery: str, share_encoder: bool) -> None:
    """Raise ShapeError for settings that are right one by one and not together."""
    if requery != "word" and score != "additive":
        raise ShapeError(
            f'requery = "{requery}" is for score = "additive" alone, not "{score}"', remedy="leave it away"
        )
    by_word = score == "projected_dot" or (score == "additive" and requery not in ("key", "own"))
    if depth > 1 and by_word and not share_encoder:
        raise ShapeError(
            f'at depth {depth} question vectors are read as passage words (score = "{score}", requery = "{requery}")',
            remedy="set share_encoder = true",
        )


class MatchLayer(nn.Module):
    """Both directions of the match-LSTM, in one loop: the attention is shared, the LSTMs are apart.

    (B, P, D) passage and (B, Q, D) question -> (B, P, 2H). The backward direction reads each passage reversed within
    its own length, never over its padding.
    """

    def __init__(self, size: int, hidden: int, *, depth: int, score: str, requery: str, init_levels: str) -> None:
        super().__init__()
        self.hidden = hidden
        self.fast = True  # False: always the readable form
        inner = score in ("additive", "projected_dot")
        options: dict[str, Any] = {"requery": requery} if score == "additive" else {}
        self.ham = Ham(
            size, depth=depth, score=score, hidden=hidden if inner else None, init_levels=init_levels, **options
        )
        # Scores without an inner map get the query W_p H_t + W_r r_{t-1} + b, of the keys' width.
        self.query_map: nn.Module = nn.Identity() if inner else nn.Linear(size, size)
        self.state_map = nn.Linear(hidden, hidden if inner else size, bias=False)  # W_r
        bound = 1 / math.sqrt(hidden)  # torch.nn.LSTM's own rule
        self.passage_gates, self.context_gates, self.state_gates, self.gate_bias = (
            nn.Parameter(torch.empty(2, rows, 4 * hidden).uniform_(-bound, bound)) for rows in (size, size, hidden, 1)
        )

    def forward(self, passage: Tensor, question: Tensor, lengths: Tensor, question_mask: Tensor) -> Tensor:
        """(B, P, 2H): the states of both directions at every passage token; those on padding mean nothing."""
        both = torch.cat([passage, reverse_within_length(passage, lengths)])  # (S, P, D)
        scan = self.fast_scan if self.fast and not self.ham.tracing and has_fast_form(self.ham) else self.scan
        outputs = scan(both, torch.cat([question, question]), torch.cat([question_mask, question_mask]))  # (S, P, H)
        forward, backward = outputs.chunk(2)  # (B, P, H)
        return torch.cat([forward, reverse_within_length(backward, lengths)], -1)

    def scan(self, passage: Tensor, question: Tensor, question_mask: Tensor) -> Tensor:
        """(S, P, D), (S, Q, D), (S, Q) -> (S, P, H): the recurrence as the paper writes it, step by step.

        All that does not depend on r_{t-1} is computed before the loop.
        """
        rows, steps, _ = passage.shape
        prepared = self.ham.prepare(question)
        queries = self.ham.score.project(self.query_map(passage)).unbind(1)  # P times (S, A)
        inputs = self._passage_inputs(passage).unbind(1)  # P times (S, 4H)
        weights = torch.cat([self.context_gates, self.state_gates], 1)  # (2, D + H, 4H)
        state = cell = passage.new_zeros(rows, self.hidden)
        outputs = []
        for t in range(steps):
            context, _ = self.ham.attend(
                queries[t][:, None], prepared, question_mask, state=self.state_map(state)[:, None]
            )
            read = torch.cat([context[:, 0], state], -1).view(2, rows // 2, -1)
            gates = inputs[t] + (read @ weights).view(rows, -1)
            state, cell = lstm_cell(gates, cell)
            outputs.append(state)
        return torch.stack(outputs, 1)

    def _passage_inputs(self, passage: Tensor) -> Tensor:
        """(S, P, D) -> (S, P, 4H): what the passage adds to the gates at every step, each direction by its own."""
        by_direction = passage.reshape(2, -1, passage.shape[-1]) @ self.passage_gates + self.gate_bias
        return by_direction.view(*passage.shape[:2], -1)

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
            levels=self.ham.level_weights().to(question.device),
            mask=question_mask,
        )
        return match_scan(given).transpose(0, 1)


def has_fast_form(ham: Ham) -> bool:
    """Whether layers/scan.py computes this attention: additive, the state added at every level and no word twice."""
    return isinstance(ham.score, Additive) and ham.score.requery in ("word", "key", "own")


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The new state and cell, (S, H) each, from the four gates' inputs (S, 4H) in the order in, forget, new, out."""
    into, forget, new, out = gates.chunk(4, -1)
    cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell
