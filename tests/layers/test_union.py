"""Scores over all rows of a question: normalised together, the loss by hand, the search against a double loop."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ham_mrc.layers.union import (
    Spans,
    best_spans,
    null_scores,
    per_question,
    per_row,
    span_losses,
    union_log_softmax,
    union_softmax,
)

OWNER = torch.tensor([0, 0, 0, 1, 2, 2])
"""Three questions of 3, 1 and 2 rows."""


def one_row(start: Tensor, end: Tensor, mask: Tensor, max_tokens: int, k: int = 1) -> Spans:
    """The search where every question has one row."""
    rows = torch.arange(len(start))
    return best_spans(start, end, mask, rows, torch.where(mask, 0, -1), len(rows), max_tokens, k)


def test_rows_and_questions() -> None:
    questions = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    rows = per_row(questions, OWNER)
    assert rows[:, 0].tolist() == [1, 1, 1, 2, 3, 3]
    assert per_question(rows, OWNER, 3).tolist() == [[3, 30], [2, 20], [6, 60]]
    assert per_row(questions, torch.arange(3)) is questions
    assert per_question(questions, torch.arange(3), 3) is questions


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_probabilities_run_over_all_rows_of_a_question(counts: list[int], size: int, seed: int) -> None:
    """Trap 21: against a softmax of the question's real tokens, taken out and put one after the other."""
    random = torch.Generator().manual_seed(seed)
    owner = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    logits = torch.randn(len(owner), size, generator=random, dtype=torch.float64) * 30
    mask = torch.arange(size) < torch.randint(1, size + 1, (len(owner), 1), generator=random)
    found = union_softmax(logits, mask, owner, len(counts))
    logs = union_log_softmax(logits, mask, owner, len(counts))
    for question in range(len(counts)):
        real = mask & (owner == question)[:, None]
        expected = logits[real].softmax(0)
        torch.testing.assert_close(found[real], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(logs[real], logits[real].log_softmax(0), rtol=0, atol=1e-9)
    assert not found[~mask].any()
    assert (logs[~mask] == torch.finfo(torch.float64).min).all()


def test_gradient_over_rows_is_finite_and_that_of_one_long_row() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    mask = torch.ones(6, 3, dtype=torch.bool)
    mask[1, 1:] = mask[5, 2:] = False
    (gradient,) = torch.autograd.grad(union_log_softmax(logits, mask, OWNER, 3)[2, 1], logits)
    real = mask & (OWNER == 0)[:, None]
    expected = -logits[real].softmax(0)
    expected[3 + 1 + 1] += 1  # row 2, token 1: after 3 tokens of row 0 and 1 of row 1
    torch.testing.assert_close(gradient[real], expected, rtol=0, atol=1e-12)
    assert not gradient[~real].any()


# The loss


def losses(start: Tensor, end: Tensor, mask: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """The loss where every question has one row."""
    rows = torch.arange(len(first))
    return span_losses(start, end, mask, rows, rows, first, last)


def test_span_losses_by_hand() -> None:
    """Starts 1/6, 2/6, 3/6 and ends 1/2, 1/2 in one row; a row of one token, whose loss is 0."""
    start = torch.tensor([[1.0, 2.0, 3.0, 70.0], [9.0, 80.0, 80.0, 80.0]]).log()
    end = torch.tensor([[5.0, 5.0, 1e-30, 70.0], [1.0, 1.0, 1.0, 1.0]]).log()
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    found = losses(start, end, mask, torch.tensor([2, 0]), torch.tensor([1, 0]))
    assert found.tolist() == pytest.approx([math.log(6 / 3) + math.log(2), 0.0], rel=1e-6)


def test_span_losses_over_rows_by_hand() -> None:
    """Starts 1, 2 | 5 make 8 in all; the gold one is the second row's: ln 8/5. Ends 3 | 1 make 4: ln 4."""
    start, end = torch.tensor([[1.0, 2.0], [5.0, 9.0]]).log(), torch.tensor([[1e-30, 3.0], [1.0, 9.0]]).log()
    mask = torch.tensor([[True, True], [True, False]])
    zero = torch.tensor([0])
    found = span_losses(start, end, mask, torch.tensor([0, 0]), torch.tensor([1]), zero, zero)
    assert found.item() == pytest.approx(math.log(8 / 5) + math.log(4), rel=1e-6)
    assert null_scores(start, end, mask, torch.tensor([0, 0]), torch.tensor([1])).item() == pytest.approx(-found.item())


def test_gradient_of_the_loss_is_the_probability_less_the_label() -> None:
    start = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    end = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    losses(start, end, mask, torch.tensor([0, 1]), torch.tensor([2, 1])).mean().backward()
    assert start.grad is not None
    assert end.grad is not None
    expected_start = torch.tensor([[1 / 3 - 1, 1 / 3, 1 / 3], [1 / 2, 1 / 2 - 1, 0]]).double() / 2
    expected_end = torch.tensor([[1 / 3, 1 / 3, 1 / 3 - 1], [1 / 2, 1 / 2 - 1, 0]]).double() / 2
    torch.testing.assert_close(start.grad, expected_start, rtol=0, atol=1e-7)
    torch.testing.assert_close(end.grad, expected_end, rtol=0, atol=1e-7)


@pytest.mark.parametrize("owner", [[0, 1], [0, 0]])
def test_the_loss_is_in_float32_where_the_logits_are_not(owner: list[int]) -> None:
    start = torch.randn(2, 300, generator=torch.Generator().manual_seed(1)).bfloat16()
    mask, rows = torch.ones(2, 300, dtype=torch.bool), torch.arange(max(owner) + 1)
    label = torch.tensor([0, 7])[: len(rows)]
    found = span_losses(start, start, mask, torch.tensor(owner), rows, label, label)
    assert found.dtype == torch.float32
    raised = span_losses(start.float(), start.float(), mask, torch.tensor(owner), rows, label, label)
    torch.testing.assert_close(found, raised, rtol=0, atol=0)


# The search

Row = tuple[list[int], list[int], list[int]]


@st.composite
def questions(draw: st.DrawFn) -> list[list[Row]]:
    """Questions of rows of start levels, end levels and segments. Levels are few, so that many spans score the same."""
    size = draw(st.integers(1, 6))
    level = st.lists(st.integers(0, 2), min_size=size, max_size=size)
    segment = st.lists(st.integers(-1, 1), min_size=size, max_size=size)
    rows = st.lists(st.tuples(level, level, segment), min_size=1, max_size=3)
    return draw(st.lists(rows, min_size=1, max_size=3))


def slow_spans(rows: list[Row], max_tokens: int) -> list[tuple[float, int, int, int]]:
    """(score, row, s, e) of every legal span of a question, best first, equal ones by row, s and then e."""
    log_starts = math.log(sum(math.exp(1.0 * level) for row in rows for level in row[0]))
    log_ends = math.log(sum(math.exp(0.3 * level) for row in rows for level in row[1]))
    spans = []
    for number, (start, end, segment) in enumerate(rows):
        for s in range(len(start)):
            for e in range(s, min(len(start), s + max_tokens)):
                if segment[s] == segment[e] != -1:
                    # Whole and tenths: two spans tie only where both their ends do, so no rounding decides a tie.
                    spans.append((10 * start[s] + 3 * end[e], number, s, e))
    spans.sort(key=lambda span: (-span[0], *span[1:]))
    return [(tenths / 10 - log_starts - log_ends, *place) for tenths, *place in spans]  # type: ignore[misc]


@settings(deadline=None, max_examples=300)
@given(questions(), st.data())
def test_best_spans_are_those_of_a_double_loop(given_questions: list[list[Row]], data: st.DataObject) -> None:
    """A further column of padding scores most, and counts for nothing."""
    rows = [row for question in given_questions for row in question]
    size = len(rows[0][0])
    max_tokens, k = data.draw(st.integers(1, size + 2)), data.draw(st.integers(1, 5))
    start = torch.tensor([[*row[0], 99] for row in rows]).double()
    end = torch.tensor([[*row[1], 330] for row in rows]).double() * 0.3
    segment = torch.tensor([[*row[2], -1] for row in rows])
    mask = (torch.arange(size + 1) < size).expand_as(segment)
    owner = torch.tensor([number for number, question in enumerate(given_questions) for _ in question])
    found = best_spans(start, end, mask, owner, segment, len(given_questions), max_tokens, k)
    first = 0
    for b, question in enumerate(given_questions):
        expected = slow_spans(question, max_tokens)[:k]
        columns = (found.score[b], found.row[b] - first, found.start[b], found.end[b])
        scored = list(zip(*(column.tolist() for column in columns), strict=True))
        legal = [span for span in scored if span[0] != -math.inf]
        assert scored[: len(legal)] == legal  # the illegal ones come last
        assert [span[1:] for span in legal] == [span[1:] for span in expected]
        assert [span[0] for span in legal] == pytest.approx([span[0] for span in expected], abs=1e-9)
        first += len(question)


def test_the_search_in_parts_is_the_search_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(8)
    start, end = (torch.randn(6, 9, generator=random) for _ in range(2))
    segment = torch.randint(-1, 2, (6, 9), generator=random)
    given_all = (start, end, torch.ones(6, 9, dtype=torch.bool), OWNER, segment, 3, 4, 5)
    at_once = best_spans(*given_all)
    monkeypatch.setattr("ham_mrc.layers.union._CHUNK", 40)  # pairs: one row of 9 starts and 4 ends at a time
    for whole, part in zip(at_once, best_spans(*given_all), strict=True):
        assert torch.equal(whole, part)


@pytest.mark.parametrize(("length", "reached"), [(14, True), (15, True), (16, False)])
def test_the_limit_counts_tokens(length: int, reached: bool) -> None:
    """Trap 13: 15 tokens are end - start = 14, not 15."""
    start, end = torch.zeros(1, 40), torch.zeros(1, 40)
    start[0, 3], end[0, 3 + length - 1] = 9.0, 9.0
    found = one_row(start, end, torch.ones(1, 40, dtype=torch.bool), 15)
    assert ((found.start.item(), found.end.item()) == (3, 3 + length - 1)) is reached


def test_the_end_never_comes_before_the_start() -> None:
    """Apart, the best start is 2 and the best end is 0; together, (0, 0) wins over (2, 2)."""
    start, end = torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([[3.0, 0.0, 0.0]])
    found = one_row(start, end, torch.ones(1, 3, dtype=torch.bool), 3)
    assert (found.start.item(), found.end.item()) == (0, 0)
    mass = sum(math.exp(x) for x in (1, 0, 2)), sum(math.exp(x) for x in (3, 0, 0))
    assert found.score.item() == pytest.approx(4 - math.log(mass[0]) - math.log(mass[1]), rel=1e-6)


def test_fewer_spans_than_asked_for() -> None:
    """Two tokens make three spans; the rest score -inf, and there are no more columns than spans on paper."""
    zeros = torch.zeros(1, 2)
    found = one_row(zeros, zeros, torch.ones(1, 2, dtype=torch.bool), 5, 5)
    spans = list(zip(found.start[0].tolist(), found.end[0].tolist(), strict=True))
    assert spans[:3] == [(0, 0), (0, 1), (1, 1)]
    assert found.score[0].tolist() == [*[pytest.approx(-2 * math.log(2))] * 3, -math.inf]


@pytest.mark.parametrize("k", [1, 3])
def test_a_row_without_a_real_token_has_no_span(k: int) -> None:
    zeros = torch.zeros(2, 4)
    found = one_row(zeros, zeros, torch.tensor([[True] * 4, [False] * 4]), 2, k)
    assert (found.score[1] == -math.inf).all()
    assert found.score[0].isfinite().all()
    assert (found.end < 4).all()


def test_half_precision_logits_are_searched_in_float32() -> None:
    start = torch.tensor([[0.0, 1.0, 0.0]]).bfloat16()
    found = one_row(start, start, torch.ones(1, 3, dtype=torch.bool), 3)
    assert found.score.dtype == torch.float32
    assert (found.start.item(), found.end.item()) == (1, 1)
    assert found.score.item() == pytest.approx(2 * (1 - math.log(2 + math.e)), rel=1e-6)
