"""Scores over all rows of a question together: the softmax of a span's ends, its loss, and the search for the best.

A question has one row of passage tokens or several, and exactly one of all their tokens is its start. So logits come by
row, and are normalised by question. Letters for shapes: `B` questions, `R` rows, `P` tokens a row, `K` spans wanted.
`owner` (R,) is the question of each row, rising; where every question has one row it says nothing and is not read.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers.masks import at_least_float32, masked_log_softmax, masked_softmax

_CHUNK = 1 << 24  # pairs of positions that the search holds at once: 64 MB in float32


class Spans(NamedTuple):
    """The best spans of each question, best first, (B, K) each: row, token positions in it, ln p_start + ln p_end."""

    row: Tensor
    start: Tensor
    end: Tensor
    score: Tensor


def per_row(x: Tensor, owner: Tensor) -> Tensor:
    """(B, ...) -> (R, ...): what a question has, for each of its rows."""
    return x if len(x) == len(owner) else x[owner]


def per_question(x: Tensor, owner: Tensor, questions: int) -> Tensor:
    """(R, ...) -> (B, ...): the sum over a question's rows, always in the same order."""
    if len(x) == questions:
        return x
    rows, real = _slots(owner, questions)
    return (x[rows] * real.reshape(*real.shape, *[1] * (x.dim() - 1))).sum(1)


def _slots(owner: Tensor, questions: int) -> tuple[Tensor, Tensor]:
    """(B, K) the rows of each question, and True where there is one."""
    counts = torch.bincount(owner, minlength=questions)
    slot = torch.arange(int(counts.max()), device=owner.device)
    rows = counts.cumsum(0) - counts
    real = slot < counts[:, None]
    return torch.where(real, rows[:, None] + slot, 0), real


def union_log_softmax(logits: Tensor, mask: Tensor, owner: Tensor, questions: int) -> Tensor:
    """(R, P), (R, P) -> (R, P): log-softmax over the real tokens of all rows of a question, in float32 at least.

    The smallest finite number on padding.
    """
    if len(logits) == questions:
        return masked_log_softmax(logits, mask)
    logits = at_least_float32(logits)
    lowest = torch.finfo(logits.dtype).min
    by_row = logits.masked_fill(~mask, lowest).logsumexp(1)  # (R,)
    rows, real = _slots(owner, questions)
    total = by_row[rows].masked_fill(~real, lowest).logsumexp(1)  # (B,)
    return (logits - total[owner][:, None]).masked_fill(~mask, lowest)


def union_softmax(logits: Tensor, mask: Tensor, owner: Tensor, questions: int) -> Tensor:
    """(R, P): the probabilities over all rows of a question, which sum to 1; exactly 0 on padding."""
    if len(logits) == questions:
        return masked_softmax(logits, mask)
    return union_log_softmax(logits, mask, owner, questions).exp() * mask


def span_losses(
    start_logits: Tensor, end_logits: Tensor, mask: Tensor, owner: Tensor, row: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """(B,): -ln p_start[start] - ln p_end[end] of each question, in float32 at least.

    `row`, `start`, `end` (B,) must name real tokens; batches are checked before they come here.
    """
    start_logp = union_log_softmax(start_logits, mask, owner, len(row))[row, start]
    end_logp = union_log_softmax(end_logits, mask, owner, len(row))[row, end]
    return -(start_logp + end_logp)


def null_scores(start_logits: Tensor, end_logits: Tensor, mask: Tensor, owner: Tensor, null_row: Tensor) -> Tensor:
    """(B,): ln p_start + ln p_end of the null position, the first token of each question's `null_row` (B,)."""
    start_logp = union_log_softmax(start_logits, mask, owner, len(null_row))[null_row, 0]
    return start_logp + union_log_softmax(end_logits, mask, owner, len(null_row))[null_row, 0]


def best_spans(
    start_logits: Tensor,
    end_logits: Tensor,
    mask: Tensor,
    owner: Tensor,
    segment: Tensor,
    questions: int,
    max_tokens: int,
    k: int = 1,
) -> Spans:
    """The `k` best spans of each question: ln p_start[s] + ln p_end[e], s <= e < s + `max_tokens`, in one segment.

    `mask` (R, P) is True on real tokens, over which the probabilities run; a span's tokens have one number in `segment`
    (R, P), 0 or more. Ties go to the first row, then the smallest s, then e. Where a question has fewer legal spans
    than `k`, the rest score -inf and mean nothing; K is below `k` only where there are fewer pairs.
    """
    start_logp = union_log_softmax(start_logits, mask, owner, questions)
    end_logp = union_log_softmax(end_logits, mask, owner, questions)
    size = max(1, _CHUNK // max(1, mask.shape[1] * min(max_tokens, mask.shape[1])))
    starts, ends, segments = (torch.split(tensor, size) for tensor in (start_logp, end_logp, segment))
    parts = [_row_spans(s, e, g, max_tokens, k) for s, e, g in zip(starts, ends, segments, strict=True)]
    start, end, score = (torch.cat(tensors) for tensors in zip(*parts, strict=True))  # (R, K) each
    row = torch.arange(len(owner), device=owner.device)[:, None].expand_as(start)
    if len(owner) == questions:
        return Spans(row, start, end, score)
    return _over_rows(Spans(row, start, end, score), owner, questions, k)


def _row_spans(
    start_logp: Tensor, end_logp: Tensor, segment: Tensor, max_tokens: int, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Positions (R, K), (R, K) and scores of each row's best spans."""
    size, width = segment.shape[1], min(max_tokens, segment.shape[1])
    ends = _padded(end_logp, width - 1, -torch.inf).unfold(1, width, 1)  # (R, P, width): end s + j of start s
    last = _padded(segment, width - 1, -1).unfold(1, width, 1)
    legal = (last == segment[:, :, None]) & (segment >= 0)[:, :, None]
    flat = (start_logp[:, :, None] + ends).masked_fill_(~legal, -torch.inf).flatten(1)
    # Both keep the first of equal scores, which is the smallest s and then e.
    best, index = flat.sort(dim=1, descending=True, stable=True) if k > 1 else flat.max(1, keepdim=True)
    best, index = best[:, :k], index[:, :k]
    start = index // width
    return start, (start + index % width).clamp(max=size - 1), best


def _padded(x: Tensor, count: int, value: float) -> Tensor:
    """(R, P) -> (R, P + count), `value` in the new columns."""
    return torch.nn.functional.pad(x, (0, count), value=value)


def _over_rows(found: Spans, owner: Tensor, questions: int, k: int) -> Spans:
    """The best of all rows of each question, from the best of each row."""
    rows, real = _slots(owner, questions)  # (B, slots)
    row, start, end = (x[rows].flatten(1) for x in (found.row, found.start, found.end))  # (B, slots * K)
    score = found.score[rows].masked_fill(~real[..., None], -torch.inf).flatten(1)
    best, order = score.sort(dim=1, descending=True, stable=True)
    order = order[:, :k]
    return Spans(row.gather(1, order), start.gather(1, order), end.gather(1, order), best[:, :k])
