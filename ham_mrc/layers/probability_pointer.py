"""The pointer of baidu/DuReader's BiDAF: two ways to the answer's ends, whose probabilities are averaged.

Letters for shapes: `B` questions, `R` rows, `P` passage tokens a row, `Q` question tokens, `D` width of a passage
token, `U` width of a question token, `H` hidden.
"""

from __future__ import annotations

from torch import Tensor, nn

from ham_mrc.layers.pointer import OneWay, Rows
from ham_mrc.layers.pooling import AttentivePooling
from ham_mrc.layers.product import Linear
from ham_mrc.layers.union import union_softmax

FLOOR = 1e-9
"""Added to a probability before its logarithm, as in Baidu's loss: no token costs more than 20.7."""


class ProbabilityPointer(nn.Module):
    """Passage (R, P, D) and question (B, Q, U) -> ln of the probabilities of a span's ends, (R, P) each.

        r = W pool(U),  both LSTMs begin with state and cell r
        forward way: start, then end    backward way: end, then start, with weights of its own
        p_start = (forward_1 + backward_2) / 2,  p_end = (forward_2 + backward_1) / 2

    Each step is one of AnswerPointer's, over the real tokens of all rows of a question; the program is
    tensorflow/layers/pointer_net.py there. Its further biases, which add to a sum what another bias of it can, or the
    same to all that a softmax compares, are left out.
    """

    def __init__(self, size: int, hidden: int, *, question_size: int) -> None:
        super().__init__()
        self.pool = AttentivePooling(question_size, hidden)
        self.start_map = Linear(question_size, hidden)  # W
        self.ways = nn.ModuleList(OneWay(size, hidden, "lstm", hidden) for _ in range(2))

    def forward(self, passage: Tensor, batch: Rows, question: Tensor) -> tuple[Tensor, Tensor]:
        """Serve as logits, since their softmax over a question's tokens is p again. Those of padding mean nothing."""
        state = self.start_map(self.pool(question, batch.question_mask))  # (B, H)
        (start, end), (second_end, second_start) = (self._read(way, passage, batch, state) for way in self.ways)
        return ((start + second_start) / 2 + FLOOR).log(), ((end + second_end) / 2 + FLOOR).log()

    @staticmethod
    def _read(way: nn.Module, passage: Tensor, batch: Rows, state: Tensor) -> list[Tensor]:
        """The probabilities (R, P) of both boundaries that one way points at."""
        logits = way(passage, batch, state)
        return [union_softmax(one, batch.passage_mask, batch.owner, batch.questions) for one in logits]
