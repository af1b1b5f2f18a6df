"""The softmax loss in pieces, against torch's own cross-entropy of the whole."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from ham_mrc.layers import softmax_loss as module
from ham_mrc.layers.softmax_loss import softmax_loss


def given(rows: int = 7, width: int = 5, symbols: int = 11, kind: torch.dtype = torch.float64) -> list[torch.Tensor]:
    torch.manual_seed(3)
    hidden, weight = torch.randn(rows, width, dtype=kind), torch.randn(symbols, width, dtype=kind)
    return [hidden.requires_grad_(), weight.requires_grad_(), torch.randint(symbols, (rows,))]


@pytest.mark.parametrize("elements", [1, 11, 35, 1 << 20])  # one row at a time, one, three and a rest of one, all
def test_loss_and_gradients_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch, elements: int) -> None:
    monkeypatch.setattr(module, "_ELEMENTS", elements)
    hidden, weight, targets = given()
    loss = softmax_loss(hidden, weight, targets)
    found = torch.autograd.grad(loss / 3, (hidden, weight))
    expected_loss = cross_entropy(hidden @ weight.t(), targets, reduction="sum")
    expected = torch.autograd.grad(expected_loss / 3, (hidden, weight))
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(found, expected)


def test_a_symbol_with_all_the_chance_costs_nothing_and_one_without_its_logarithm() -> None:
    hidden = torch.tensor([[1.0], [0.0]])
    weight = torch.tensor([[1000.0], [0.0], [0.0]])
    assert softmax_loss(hidden[:1], weight, torch.tensor([0])).item() == 0.0
    assert softmax_loss(hidden[:1], weight, torch.tensor([2])).item() == 1000.0
    assert softmax_loss(hidden[1:], weight, torch.tensor([1])).item() == pytest.approx(torch.tensor(3.0).log().item())


def test_a_table_that_is_read_and_written_with_gets_the_gradients_of_both() -> None:
    _, weight, targets = given()
    table = weight.detach().requires_grad_()
    rows = table[:7] * 1.0
    softmax_loss(rows, table, targets).backward()
    other = weight.detach().requires_grad_()
    cross_entropy(other[:7] @ other.t(), targets, reduction="sum").backward()
    torch.testing.assert_close(table.grad, other.grad)


def test_no_gradient_is_made_where_none_is_wanted() -> None:
    hidden, weight, targets = given()
    with torch.no_grad():
        assert not softmax_loss(hidden, weight, targets).requires_grad
    assert softmax_loss(hidden, weight.detach(), targets).requires_grad


def test_perplexity_makes_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the weights, even though they are being trained: it is most of the time that the loss takes."""
    hidden, weight, targets = given()
    expected = softmax_loss(hidden, weight, targets).item()
    monkeypatch.setattr(module, "across_rows", lambda *_: pytest.fail("a gradient was made"))
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            assert softmax_loss(hidden, weight, targets).item() == expected


def test_no_rows_lose_nothing() -> None:
    hidden, weight, targets = given(rows=0)
    loss = softmax_loss(hidden, weight, targets)
    loss.backward()
    assert loss.item() == 0.0
    assert weight.grad is not None
    assert not weight.grad.any()
