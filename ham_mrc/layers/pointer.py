"""From passage representations to the logits of a span's ends: the answer pointer.

A question has one row of passage tokens or several, and the pointer's attention runs over the tokens of all of them.
Letters for shapes: `B` questions, `R` rows, `P` passage tokens a row, `D` width of a passage token, `H` hidden, `A`
width inside the score.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.encoders import Cell
from ham_mrc.layers.product import Linear
from ham_mrc.layers.union import per_question, per_row, union_softmax


class Rows(Protocol):
    """What pointers ask of a batch: (R, P) real tokens, (R,) the question of each row, B, and (B, Q) real tokens."""

    @property
    def passage_mask(self) -> Tensor: ...
    @property
    def owner(self) -> Tensor: ...
    @property
    def questions(self) -> int: ...
    @property
    def question_mask(self) -> Tensor: ...


class AnswerPointer(nn.Module):
    """Wang & Jiang 2017, equations 7 to 9: a cell that points at the start, reads it, and points at the end.

        F_k    = tanh(V R + W_a h_{k-1} + b_a)
        beta_k = softmax(v . F_k)                  over the real tokens of all rows of a question
        h_k    = LSTM(beta_k R, h_{k-1})           k = 1 (start), 2 (end)

    h_0 is zero, or what the question gives (R-NET, Wang et al. 2017, equations 9 to 11, with a GRU); an LSTM begins
    with it for its cell as well. h_1 is the only state read after it. From zero, then, a cell's recurrent weights
    have nothing to act on. `score_size` is A, `hidden` unless given. With `two_way` a second pointer goes from end to
    start, and each boundary's logits are the mean of the two.
    """

    def __init__(
        self, size: int, hidden: int, *, two_way: bool = False, cell: Cell = "lstm", score_size: int | None = None
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.ways = nn.ModuleList(
            OneWay(size, hidden, cell, hidden if score_size is None else score_size) for _ in range(1 + two_way)
        )

    def forward(self, passage: Tensor, batch: Rows, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(R, P, D) and h_0 (B, H) -> start and end logits, (R, P) each. Logits of padding mean nothing: mask them."""
        if state is None:
            state = passage.new_zeros(batch.questions, self.hidden)
        first, second = self.ways[0](passage, batch, state)
        if len(self.ways) == 1:
            return first, second
        backward_end, backward_start = self.ways[1](passage, batch, state)
        return (first + backward_start) / 2, (second + backward_end) / 2


class OneWay(nn.Module):
    """Two steps of a pointer: the logits of the boundary that it begins with, and of the other."""

    def __init__(self, size: int, hidden: int, cell: Cell, score_size: int) -> None:
        super().__init__()
        self.passage_map = Linear(size, score_size)  # V and b_a
        self.state_map = Linear(hidden, score_size, bias=False)  # W_a
        self.vector = Linear(score_size, 1, bias=False)  # v
        cells: dict[str, type[nn.LSTMCell] | type[nn.GRUCell]] = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}
        if cell not in cells:
            raise ShapeError(f'no recurrent cell "{cell}"', remedy=f"cells: {', '.join(cells)}")
        self.cell = cells[cell](size, hidden)

    def forward(self, passage: Tensor, batch: Rows, state: Tensor) -> tuple[Tensor, Tensor]:
        """(R, P, D), (B, H) -> (R, P), (R, P)."""
        projected = self.passage_map(passage)  # (R, P, A)
        first = self._logits(projected, state, batch)
        beta = union_softmax(first, batch.passage_mask, batch.owner, batch.questions).to(passage.dtype)
        pointed = per_question((beta[:, None] @ passage).squeeze(1), batch.owner, batch.questions)  # (B, D)
        return first, self._logits(projected, self._step(pointed, state), batch)

    def _logits(self, projected: Tensor, state: Tensor, batch: Rows) -> Tensor:
        """v . tanh(V R + b_a + W_a h), (R, P)."""
        asked = per_row(self.state_map(state), batch.owner)[:, None]  # (R, 1, A)
        return dot_tanh(projected, asked, self.vector.weight[0])

    def _step(self, pointed: Tensor, state: Tensor) -> Tensor:
        """(B, H), the cell's next state."""
        lstm = isinstance(self.cell, nn.LSTMCell)
        following: Tensor = self.cell(pointed, (state, state))[0] if lstm else self.cell(pointed, state)
        return following


def dot_tanh(x: Tensor, y: Tensor, vector: Tensor) -> Tensor:
    """tanh(x + y) . v: (..., A), (..., A) that broadcast, (A,) -> (...).

    As 2 sigmoid(2x + 2y) . v less the sum of v, on CPUs: torch takes a tenth of its tanh's time for that. Not of half
    precision, which loses too much of a sigmoid near its middle.
    """
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return torch.tanh(x + y) @ vector
    return torch.sigmoid(2 * x + 2 * y) @ (2 * vector) - vector.sum()
