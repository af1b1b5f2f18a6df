"""From passage representations to a span: the answer pointer, its loss, and the search for the best span.

Letters for shapes: `B` batch, `P` passage tokens, `R` width of a passage row, `H` hidden.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ham_mrc.layers.masks import masked_log_softmax, masked_softmax


class Spans(NamedTuple):
    """The best spans of each row, best first: (B, K) token positions, both inclusive, and ln p_start + ln p_end."""

    start: Tensor
    end: Tensor
    score: Tensor


class AnswerPointer(nn.Module):
    """Wang & Jiang 2017, equations 7 to 9: a cell that points at the start, reads it, and points at the end.

        F_k    = tanh(V R + W_a h_{k-1} + b_a)
        beta_k = softmax(v . F_k)                  over real tokens
        h_k    = LSTM(beta_k R, h_{k-1})           k = 1 (start), 2 (end)

    h_0 is zero and h_1 is the only state read, so the LSTM's recurrent weights have nothing to act on. With `two_way`
    a second pointer goes from end to start, and each boundary's logits are the mean of the two.
    """

    def __init__(self, size: int, hidden: int, *, two_way: bool = False) -> None:
        super().__init__()
        self.hidden = hidden
        self.ways = nn.ModuleList(_OneWay(size, hidden) for _ in range(2 if two_way else 1))

    def forward(self, passage: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, P, R), (B, P) -> start and end logits, (B, P) each. Logits of padding mean nothing: mask them."""
        first, second = self.ways[0](passage, mask)
        if len(self.ways) == 1:
            return first, second
        backward_end, backward_start = self.ways[1](passage, mask)
        return (first + backward_start) / 2, (second + backward_end) / 2


class _OneWay(nn.Module):
    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.passage_map = nn.Linear(size, hidden)  # V and b_a
        self.state_map = nn.Linear(hidden, hidden, bias=False)  # W_a
        self.vector = nn.Linear(hidden, 1, bias=False)  # v
        self.cell = nn.LSTMCell(size, hidden)

    def forward(self, passage: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        projected = self.passage_map(passage)  # (B, P, H)
        state = passage.new_zeros(passage.shape[0], self.cell.hidden_size)
        first = self.vector(torch.tanh(projected + self.state_map(state)[:, None])).squeeze(-1)  # (B, P)
        beta = masked_softmax(first, mask).to(passage.dtype)
        state, _ = self.cell((beta[:, None] @ passage).squeeze(1), (state, state))
        second = self.vector(torch.tanh(projected + self.state_map(state)[:, None])).squeeze(-1)
        return first, second


def span_loss(start_logits: Tensor, end_logits: Tensor, mask: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Mean over the batch of -ln p_start[start] - ln p_end[end], padding masked, float32 at least.

    Every label must be a real token; batches are checked before they come here.
    """
    start_logp = masked_log_softmax(start_logits, mask).gather(1, start[:, None])
    end_logp = masked_log_softmax(end_logits, mask).gather(1, end[:, None])
    return -(start_logp + end_logp).mean()


def best_spans(start_logits: Tensor, end_logits: Tensor, mask: Tensor, max_tokens: int, k: int = 1) -> Spans:
    """The `k` best spans of each row: ln p_start[s] + ln p_end[e], s <= e < s + `max_tokens`, both real.

    Ties go to the smallest s, then e. Where a row has fewer legal spans than `k`, the rest score -inf and mean
    nothing; K is below `k` only where P tokens times `max_tokens` make fewer pairs.
    """
    start_logp = masked_log_softmax(start_logits, mask).masked_fill(~mask, -torch.inf)
    end_logp = masked_log_softmax(end_logits, mask).masked_fill(~mask, -torch.inf)
    size, width = mask.shape[1], min(max_tokens, mask.shape[1])
    padded = nn.functional.pad(end_logp, (0, width - 1), value=-torch.inf)
    scores = start_logp[:, :, None] + padded.unfold(1, width, 1)  # (B, P, width): start s, end s + j
    flat = scores.flatten(1)
    # Both keep the first of equal scores, which is the smallest s and then e.
    best, index = flat.sort(dim=1, descending=True, stable=True) if k > 1 else flat.max(1, keepdim=True)
    best, index = best[:, :k], index[:, :k]
    start = index // width
    return Spans(start, (start + index % width).clamp(max=size - 1), best)
