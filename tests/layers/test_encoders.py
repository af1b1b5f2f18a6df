"""Encoders read each sequence within its own length; dropout draws one mask a sequence and nothing in evaluation."""

from __future__ import annotations

import pytest
import torch
from slow_match_lstm import array, as_tensor, slow_lstm
from torch import Tensor

from ham_mrc.layers.encoders import Encoder, SequenceDropout

LENGTHS = (2, 6, 1, 0)


def build(*, bidirectional: bool, layers: int = 1) -> Encoder:
    torch.manual_seed(1)
    return Encoder(3, 4, bidirectional=bidirectional, layers=layers).double()


def sequences(width: int = 6) -> Tensor:
    """(4, width, 3), the same real rows for every width; padding is far from zero."""
    source = torch.Generator().manual_seed(2)
    rows = torch.full((4, width, 3), 50.0, dtype=torch.float64)
    for row, length in zip(rows, LENGTHS, strict=True):
        row[:length] = torch.randn(length, 3, generator=source, dtype=torch.float64)
    return rows


@pytest.mark.parametrize("bidirectional", [False, True])
def test_encoder_is_an_lstm_over_each_sequence_alone(bidirectional: bool) -> None:
    encoder, rows = build(bidirectional=bidirectional), sequences()
    outputs = encoder(rows, torch.tensor(LENGTHS))
    assert outputs.shape == (4, 6, encoder.output_size) == (4, 6, 8 if bidirectional else 4)
    for b, length in enumerate(LENGTHS):
        if length:
            slow = as_tensor(slow_lstm(encoder.lstm, array(rows[b, :length])))
            torch.testing.assert_close(outputs[b, :length], slow, rtol=0, atol=1e-12)
        assert not outputs[b, length:].any()


@pytest.mark.parametrize("layers", [1, 2])
def test_more_padding_changes_nothing(layers: int) -> None:
    encoder = build(bidirectional=True, layers=layers)
    short, long = encoder(sequences(), torch.tensor(LENGTHS)), encoder(sequences(23), torch.tensor(LENGTHS))
    torch.testing.assert_close(long[:, :6], short, rtol=0, atol=1e-12)
    assert not long[:, 6:].any()


def test_neither_padding_nor_an_empty_sequence_gets_a_gradient() -> None:
    encoder, rows = build(bidirectional=True), sequences().requires_grad_()
    encoder(rows, torch.tensor(LENGTHS)).square().sum().backward()
    assert rows.grad is not None
    for b, length in enumerate(LENGTHS):
        assert rows.grad[b, :length].ne(0).all()
        assert not rows.grad[b, length:].any()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


# Dropout


def test_dropout_draws_one_mask_a_sequence() -> None:
    torch.manual_seed(3)
    dropped = SequenceDropout(0.25)(torch.ones(500, 7, 40))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))  # the same at every step
    assert dropped[0, 0].ne(dropped[1, 0]).any()  # and another in every sequence
    assert sorted(dropped.unique().tolist()) == [0.0, pytest.approx(1 / 0.75)]


def test_dropout_keeps_the_mean() -> None:
    """20,000 draws of 0 or 4/3: the standard error of their mean is 0.0041."""
    torch.manual_seed(4)
    kept = SequenceDropout(0.25)(torch.ones(500, 1, 40))
    assert kept.ne(0).float().mean().item() == pytest.approx(0.75, abs=0.0125)
    assert kept.mean().item() == pytest.approx(1.0, abs=0.0165)


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True), (0.0, False)])
def test_no_dropout_in_evaluation_or_at_rate_0(rate: float, training: bool) -> None:
    x = torch.randn(3, 4, 5)
    state = torch.get_rng_state()
    assert SequenceDropout(rate).train(training)(x) is x
    assert torch.equal(torch.get_rng_state(), state)


def test_two_calls_with_one_seed_agree_whatever_the_padding() -> None:
    dropout, x = SequenceDropout(0.5), torch.randn(3, 9, 5)
    torch.manual_seed(6)
    short = dropout(x[:, :4])
    torch.manual_seed(6)
    assert torch.equal(dropout(x)[:, :4], short)


def test_dropout_passes_the_gradient_of_what_it_kept() -> None:
    torch.manual_seed(7)
    x = torch.randn(3, 4, 5, requires_grad=True)
    dropped = SequenceDropout(0.5)(x)
    dropped.sum().backward()
    assert torch.equal(x.grad, torch.where(dropped == 0, 0.0, 2.0))
