"""Softmax over real positions, against a loop over the real ones alone, and reversal within a length."""

from __future__ import annotations

import math

import pytest
import torch
from slow_ham import softmax
from torch import Tensor

from ham_mrc.layers.masks import (
    at_least_float32,
    lengths_to_mask,
    masked_log_softmax,
    masked_softmax,
    reverse_within_length,
)


def draw(rows: int = 6, size: int = 7) -> tuple[Tensor, Tensor]:
    """Scores (rows, size) and a mask whose last row is empty."""
    source = torch.Generator().manual_seed(0)
    mask = torch.rand(rows, size, generator=source) < 0.5
    mask[:, 2] = True
    mask[-1] = False
    return 3 * torch.randn(rows, size, generator=source, dtype=torch.float64), mask


@pytest.mark.parametrize("shift", [0.0, -5000.0, 5000.0, -1e30])
def test_masked_softmax_is_that_of_the_real_positions_alone(shift: float) -> None:
    """Trap 2: with all real scores far below 0, neither a mask multiplied in nor a filling of -1e8 would do."""
    scores, mask = draw()
    scores = scores + shift
    result = masked_softmax(scores, mask)
    for row, real, weights in zip(scores, mask, result, strict=True):
        expected = softmax(row[real].tolist()) if bool(real.any()) else []
        torch.testing.assert_close(weights[real], torch.tensor(expected, dtype=torch.float64))
        assert not bool(weights[~real].any())


def test_masked_softmax_over_another_dimension_and_without_a_mask() -> None:
    scores, mask = draw()
    torch.testing.assert_close(masked_softmax(scores.T, mask.T, 0).T, masked_softmax(scores, mask))
    assert torch.equal(masked_softmax(scores, None), masked_softmax(scores, torch.ones_like(mask)))


def test_an_empty_row_has_zero_gradient_and_no_nan() -> None:
    scores, mask = draw()
    scores.requires_grad_()
    (masked_softmax(scores, mask) * torch.arange(7)).sum().backward()
    assert scores.grad is not None
    assert not bool(scores.grad[~mask].any())
    assert bool(scores.grad.isfinite().all())
    assert bool(scores.grad[0].any())


def test_numbers_behind_the_mask_do_not_matter() -> None:
    scores, mask = draw()
    for junk in (math.inf, -math.inf, math.nan, 1e300):
        assert torch.equal(masked_softmax(scores.masked_fill(~mask, junk), mask), masked_softmax(scores, mask))
        assert torch.equal(masked_log_softmax(scores.masked_fill(~mask, junk), mask), masked_log_softmax(scores, mask))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_before_the_softmax(dtype: torch.dtype) -> None:
    scores, mask = draw()
    half = scores.to(dtype)
    for masked in (masked_softmax, masked_log_softmax):
        result = masked(half, mask)
        assert result.dtype == torch.float32
        torch.testing.assert_close(result[:-1], masked(half.float(), mask)[:-1], rtol=0, atol=0)


def test_at_least_float32_leaves_wider_numbers_alone() -> None:
    for dtype, raised in (
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        assert at_least_float32(torch.ones(1, dtype=dtype)).dtype == raised


@pytest.mark.parametrize("shift", [0.0, -5000.0])
def test_masked_log_softmax_is_the_log_of_the_softmax(shift: float) -> None:
    scores, mask = draw()
    scores = (scores + shift).requires_grad_()
    result = masked_log_softmax(scores, mask)
    torch.testing.assert_close(result[mask], masked_softmax(scores, mask)[mask].log())
    assert bool((result[~mask] == torch.finfo(torch.float64).min).all())
    result[mask].sum().backward()
    assert scores.grad is not None
    assert not bool(scores.grad[~mask].any())
    assert bool(scores.grad.isfinite().all())


def test_lengths_to_mask() -> None:
    assert lengths_to_mask(torch.tensor([2, 0, 3]), 3).tolist() == [
        [True, True, False],
        [False, False, False],
        [True, True, True],
    ]


def test_reverse_within_length_leaves_padding_in_its_place() -> None:
    """Trap 4: reversed over the padding, a short row would begin with it."""
    sequence = torch.tensor([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8], [0, 0, 0, 0, 0], [9, 0, 0, 0, 0]])
    lengths = torch.tensor([3, 5, 0, 1])
    expected = [[3, 2, 1, 0, 0], [8, 7, 6, 5, 4], [0, 0, 0, 0, 0], [9, 0, 0, 0, 0]]
    assert reverse_within_length(sequence, lengths).tolist() == expected


@pytest.mark.parametrize("tail", [(), (3,), (2, 3)])
def test_reverse_within_length_equals_reversing_each_row_alone_and_is_its_own_inverse(tail: tuple[int, ...]) -> None:
    sequence = torch.randn(4, 6, *tail, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([6, 0, 3, 1])
    reversed_ = reverse_within_length(sequence, lengths)
    for row, length, result in zip(sequence, lengths.tolist(), reversed_, strict=True):
        assert torch.equal(result, torch.cat([row[:length].flip(0), row[length:]]))
    assert torch.equal(reverse_within_length(reversed_, lengths), sequence)
