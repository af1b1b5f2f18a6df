"""Encoders read each sequence within its own length; dropout draws one mask a sequence and nothing in evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from slow_layers import array, slow_encoder, tensor
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.encoders import Encoder, SequenceDropout

LENGTHS = (2, 6, 1, 0)
FORMS = pytest.mark.parametrize("fast", [True, False], ids=["apart", "packed"])
CELLS = pytest.mark.parametrize("cell", ["lstm", "gru"])
SHAPES = pytest.mark.parametrize(
    "shape",
    [{}, {"bidirectional": True}, {"layers": 3}, {"bidirectional": True, "layers": 2, "concat_layers": True}],
    ids=["one", "both ways", "three layers", "layers joined"],
)


def build(*, fast: bool = True, **settings: Any) -> Encoder:
    torch.manual_seed(1)
    encoder = Encoder(3, 4, **settings).double()
    encoder.fast = fast
    return encoder


def sequences(width: int = 6, padding: float = 50.0) -> Tensor:
    """(4, width, 3), the same real rows for every width; padding is far from zero."""
    source = torch.Generator().manual_seed(2)
    rows = torch.full((4, width, 3), padding, dtype=torch.float64)
    for row, length in zip(rows, LENGTHS, strict=True):
        row[:length] = torch.randn(length, 3, generator=source, dtype=torch.float64)
    return rows


@FORMS
@CELLS
@SHAPES
def test_encoder_is_its_cell_over_each_sequence_alone(fast: bool, cell: str, shape: dict[str, Any]) -> None:
    encoder, rows = build(fast=fast, cell=cell, **shape), sequences()
    outputs = encoder(rows, torch.tensor(LENGTHS))
    width = 4 * (1 + shape.get("bidirectional", False)) * (2 if "concat_layers" in shape else 1)
    assert outputs.shape == (4, 6, encoder.output_size) == (4, 6, width)
    for b, length in enumerate(LENGTHS):
        if length:
            slow = tensor(slow_encoder(encoder, array(rows[b, :length])))
            torch.testing.assert_close(outputs[b, :length], slow, rtol=0, atol=1e-12)
        assert not outputs[b, length:].any()


@FORMS
@CELLS
@SHAPES
def test_more_padding_changes_nothing(fast: bool, cell: str, shape: dict[str, Any]) -> None:
    encoder = build(fast=fast, cell=cell, **shape)
    short, long = encoder(sequences(), torch.tensor(LENGTHS)), encoder(sequences(23), torch.tensor(LENGTHS))
    torch.testing.assert_close(long[:, :6], short, rtol=0, atol=1e-12)
    assert not long[:, 6:].any()


@CELLS
@pytest.mark.parametrize("bidirectional", [False, True])
def test_float32_has_the_states_and_gradients_of_float64(cell: str, bidirectional: bool) -> None:
    """Torch computes an LSTM's float32 by other code (oneDNN) than its float64, at these sizes as at any."""
    results = []
    for dtype in (torch.float32, torch.float64):
        encoder = build(cell=cell, bidirectional=bidirectional, layers=2).to(dtype)
        rows = sequences(23).to(dtype).requires_grad_()
        outputs = encoder(rows, torch.tensor(LENGTHS))
        outputs.square().sum().backward()
        results.append([outputs, rows.grad, *(parameter.grad for parameter in encoder.parameters())])
    for single, double in zip(*results, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)


@FORMS
@CELLS
def test_a_batch_of_one_is_its_row_in_a_larger_batch(fast: bool, cell: str) -> None:
    encoder, rows = build(fast=fast, cell=cell, bidirectional=True, layers=2), sequences()
    outputs = encoder(rows, torch.tensor(LENGTHS))
    for b, length in enumerate(LENGTHS[:3]):  # the third has one token
        alone = encoder(rows[b : b + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(alone[0], outputs[b, :length], rtol=0, atol=1e-12)


@FORMS
@CELLS
def test_neither_padding_nor_an_empty_sequence_gets_a_gradient(fast: bool, cell: str) -> None:
    encoder = build(fast=fast, cell=cell, bidirectional=True, layers=2, dropout=0.2)
    rows = sequences(padding=torch.nan).requires_grad_()
    encoder(rows, torch.tensor(LENGTHS)).square().sum().backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()
    for b, length in enumerate(LENGTHS):
        assert rows.grad[b, :length].any(1).all()
        assert not rows.grad[b, length:].any()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_an_lstm_of_one_layer_keeps_the_names_of_torch() -> None:
    """Saved runs have them."""
    torch.manual_seed(1)
    plain = nn.LSTM(3, 4, batch_first=True, bidirectional=True).double()
    encoder = build(bidirectional=True, dropout=0.3)
    assert {name: value.tolist() for name, value in encoder.state_dict().items()} == {
        f"lstm.{name}": value.tolist() for name, value in plain.state_dict().items()
    }


def test_wrong_settings() -> None:
    with pytest.raises(ShapeError, match=r'^no recurrent cell "sru"; cells: lstm, gru$'):
        Encoder(3, 4, cell="sru")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"^an encoder has 1 layer or more, not 0$"):
        Encoder(3, 4, layers=0)


# Dropout between layers


@FORMS
@CELLS
def test_every_layer_and_direction_has_a_mask_of_its_own(fast: bool, cell: str) -> None:
    """The masks are drawn here once more, in the order that they fall: by layer, forward first."""
    encoder, rows = build(fast=fast, cell=cell, bidirectional=True, layers=2, dropout=0.5), sequences()
    torch.manual_seed(5)
    outputs = encoder(rows, torch.tensor(LENGTHS))
    torch.manual_seed(5)
    masks = [
        [array(torch.empty(4, size, dtype=torch.float64).bernoulli_(0.5) * 2) for _ in range(2)] for size in (3, 8)
    ]
    assert all(np.any(forward != backward) for forward, backward in masks)
    for b, length in enumerate(LENGTHS[:3]):
        own = [[mask[b] for mask in layer] for layer in masks]
        slow = tensor(slow_encoder(encoder, array(rows[b, :length]), own))
        torch.testing.assert_close(outputs[b, :length], slow, rtol=0, atol=1e-12)


@FORMS
def test_an_encoder_drops_nothing_in_evaluation(fast: bool) -> None:
    settings: dict[str, Any] = {"fast": fast, "bidirectional": True, "layers": 2}
    dropped, whole = build(dropout=0.5, **settings), build(**settings)
    state = torch.get_rng_state()
    outputs = dropped.eval()(sequences(), torch.tensor(LENGTHS))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(outputs, whole(sequences(), torch.tensor(LENGTHS)))


# Sequence dropout


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
