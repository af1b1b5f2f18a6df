"""The answer pointer against its equations, the loss by hand, and the search for spans against a double loop."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_match_lstm import array, as_tensor, slow_pointer
from torch import Tensor

from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.layers.pointer import AnswerPointer, best_spans, span_loss

LENGTHS = torch.tensor([5, 3, 1])


def build(*, two_way: bool, size: int = 4, hidden: int = 3) -> AnswerPointer:
    torch.manual_seed(2)
    pointer = AnswerPointer(size, hidden, two_way=two_way).double()
    with torch.no_grad():
        for parameter in pointer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return pointer


def passages(width: int = 5) -> Tensor:
    """(3, width, 4), the same real rows for every width; padding is far from zero."""
    source = torch.Generator().manual_seed(3)
    rows = torch.full((3, width, 4), 50.0, dtype=torch.float64)
    for row, length in zip(rows, LENGTHS.tolist(), strict=True):
        row[:length] = torch.randn(length, 4, generator=source, dtype=torch.float64)
    return rows


@pytest.mark.parametrize("two_way", [False, True])
def test_pointer_follows_the_equations(two_way: bool) -> None:
    pointer, rows = build(two_way=two_way), passages()
    start, end = pointer(rows, lengths_to_mask(LENGTHS, 5))
    assert start.shape == end.shape == (3, 5)
    for b, length in enumerate(LENGTHS.tolist()):
        slow_start, slow_end = slow_pointer(pointer, array(rows[b, :length]))
        torch.testing.assert_close(start[b, :length], as_tensor(slow_start), rtol=0, atol=1e-12)
        torch.testing.assert_close(end[b, :length], as_tensor(slow_end), rtol=0, atol=1e-12)
    assert not torch.allclose(start, end, rtol=0, atol=1e-3)


@pytest.mark.parametrize("two_way", [False, True])
def test_padding_reaches_no_real_logit(two_way: bool) -> None:
    pointer = build(two_way=two_way)
    short = pointer(passages(), lengths_to_mask(LENGTHS, 5))
    long = pointer(passages(22), lengths_to_mask(LENGTHS, 22))
    mask = lengths_to_mask(LENGTHS, 5)
    for before, after in zip(short, long, strict=True):
        torch.testing.assert_close(after[:, :5][mask], before[mask], rtol=0, atol=1e-12)


def test_a_second_way_has_weights_of_its_own() -> None:
    one, two = (sum(p.numel() for p in build(two_way=way).parameters()) for way in (False, True))
    assert two == 2 * one


def test_one_token() -> None:
    start, end = build(two_way=True, size=1, hidden=1)(torch.ones(1, 1, 1).double(), torch.ones(1, 1, dtype=torch.bool))
    assert start.shape == end.shape == (1, 1)


# The loss


def test_span_loss_by_hand() -> None:
    """Starts 1/6, 2/6, 3/6 and ends 1/2, 1/2 in one row; a row of one token, whose loss is 0."""
    start = torch.tensor([[1.0, 2.0, 3.0, 70.0], [9.0, 80.0, 80.0, 80.0]]).log()
    end = torch.tensor([[5.0, 5.0, 1e-30, 70.0], [1.0, 1.0, 1.0, 1.0]]).log()
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    loss = span_loss(start, end, mask, torch.tensor([2, 0]), torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((math.log(6 / 3) + math.log(2)) / 2, rel=1e-6)


def test_gradient_of_span_loss_is_the_probability_less_the_label() -> None:
    start = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    end = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    span_loss(start, end, mask, torch.tensor([0, 1]), torch.tensor([2, 1])).backward()
    assert start.grad is not None
    assert end.grad is not None
    expected_start = torch.tensor([[1 / 3 - 1, 1 / 3, 1 / 3], [1 / 2, 1 / 2 - 1, 0]]).double() / 2
    expected_end = torch.tensor([[1 / 3, 1 / 3, 1 / 3 - 1], [1 / 2, 1 / 2 - 1, 0]]).double() / 2
    torch.testing.assert_close(start.grad, expected_start, rtol=0, atol=1e-7)
    torch.testing.assert_close(end.grad, expected_end, rtol=0, atol=1e-7)


def test_span_loss_is_in_float32_where_the_logits_are_not() -> None:
    start = torch.randn(2, 300, generator=torch.Generator().manual_seed(1)).bfloat16()
    mask, label = torch.ones(2, 300, dtype=torch.bool), torch.tensor([0, 7])
    loss = span_loss(start, start, mask, label, label)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, span_loss(start.float(), start.float(), mask, label, label), rtol=0, atol=0)


# The search

Row = tuple[list[int], list[int], list[bool]]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Rows of start levels, end levels and masks. Levels are few, so that many spans score the same."""
    size = draw(st.integers(1, 7))
    level = st.lists(st.integers(0, 2), min_size=size, max_size=size)
    mask = st.one_of(
        st.integers(1, size).map(lambda length: [i < length for i in range(size)]),
        st.lists(st.booleans(), min_size=size, max_size=size).filter(any),
    )
    return draw(st.lists(st.tuples(level, level, mask), min_size=1, max_size=3))


def slow_spans(row: Row, max_tokens: int) -> list[tuple[float, int, int]]:
    """(score, s, e) of every legal span, best first, equal ones by the smallest s and then e."""
    start, end, mask = row
    real = [i for i, is_real in enumerate(mask) if is_real]
    log_starts = math.log(sum(math.exp(1.0 * start[i]) for i in real))
    log_ends = math.log(sum(math.exp(0.3 * end[i]) for i in real))
    spans = []
    for s in real:
        for e in real:
            if s <= e < s + max_tokens:
                # Whole and tenths: two spans tie only where both their ends do, so no rounding decides a tie.
                spans.append((10 * start[s] + 3 * end[e], s, e))
    spans.sort(key=lambda span: (-span[0], span[1], span[2]))
    return [(tenths / 10 - log_starts - log_ends, s, e) for tenths, s, e in spans]


@settings(deadline=None, max_examples=300)
@given(rows(), st.data())
def test_best_spans_are_those_of_a_double_loop(given_rows: list[Row], data: st.DataObject) -> None:
    size = len(given_rows[0][0])
    max_tokens, k = data.draw(st.integers(1, size + 2)), data.draw(st.integers(1, 5))
    start = torch.tensor([row[0] for row in given_rows]).double()
    end = torch.tensor([row[1] for row in given_rows]).double() * 0.3
    mask = torch.tensor([row[2] for row in given_rows])
    found = best_spans(start.masked_fill(~mask, 99.0), end.masked_fill(~mask, 99.0), mask, max_tokens, k)
    assert found.start.shape == found.end.shape == found.score.shape
    for b, row in enumerate(given_rows):
        expected = slow_spans(row, max_tokens)[:k]
        scored = list(zip(found.score[b].tolist(), found.start[b].tolist(), found.end[b].tolist(), strict=True))
        legal = [span for span in scored if span[0] != -math.inf]
        assert scored[: len(legal)] == legal  # the illegal ones come last
        assert [span[1:] for span in legal] == [span[1:] for span in expected]
        assert [span[0] for span in legal] == pytest.approx([span[0] for span in expected], abs=1e-9)


@pytest.mark.parametrize(("length", "reached"), [(14, True), (15, True), (16, False)])
def test_the_limit_counts_tokens(length: int, reached: bool) -> None:
    """Trap 13: 15 tokens are end - start = 14, not 15."""
    start, end = torch.zeros(1, 40), torch.zeros(1, 40)
    start[0, 3], end[0, 3 + length - 1] = 9.0, 9.0
    found = best_spans(start, end, torch.ones(1, 40, dtype=torch.bool), 15)
    assert ((found.start.item(), found.end.item()) == (3, 3 + length - 1)) is reached


def test_the_end_never_comes_before_the_start() -> None:
    """Apart, the best start is 2 and the best end is 0; together, (0, 0) wins over (2, 2)."""
    start, end = torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([[3.0, 0.0, 0.0]])
    found = best_spans(start, end, torch.ones(1, 3, dtype=torch.bool), 3)
    assert (found.start.item(), found.end.item()) == (0, 0)
    mass = sum(math.exp(x) for x in (1, 0, 2)), sum(math.exp(x) for x in (3, 0, 0))
    assert found.score.item() == pytest.approx(4 - math.log(mass[0]) - math.log(mass[1]), rel=1e-6)


def test_fewer_spans_than_asked_for() -> None:
    """Two tokens make three spans; the rest score -inf, and there are no more columns than spans on paper."""
    zeros = torch.zeros(1, 2)
    found = best_spans(zeros, zeros, torch.ones(1, 2, dtype=torch.bool), 5, 5)
    spans = list(zip(found.start[0].tolist(), found.end[0].tolist(), strict=True))
    assert spans[:3] == [(0, 0), (0, 1), (1, 1)]
    assert found.score[0].tolist() == [*[pytest.approx(-2 * math.log(2))] * 3, -math.inf]


@pytest.mark.parametrize("k", [1, 3])
def test_a_row_without_a_real_token_has_no_span(k: int) -> None:
    zeros = torch.zeros(2, 4)
    found = best_spans(zeros, zeros, torch.tensor([[True] * 4, [False] * 4]), 2, k)
    assert (found.score[1] == -math.inf).all()
    assert found.score[0].isfinite().all()
    assert (found.end < 4).all()


def test_half_precision_logits_are_searched_in_float32() -> None:
    start = torch.tensor([[0.0, 1.0, 0.0]]).bfloat16()
    found = best_spans(start, start, torch.ones(1, 3, dtype=torch.bool), 3)
    assert found.score.dtype == torch.float32
    assert (found.start.item(), found.end.item()) == (1, 1)
    assert found.score.item() == pytest.approx(2 * (1 - math.log(2 + math.e)), rel=1e-6)
