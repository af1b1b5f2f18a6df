"""The answer pointer against its equations, over one row a question and over several."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pointer_inputs import ONE_EACH, SEVERAL, WIDTH, draw, moved
from slow_layers import array, slow_one_way, tensor

from ham_mrc.errors import ShapeError
from ham_mrc.layers.pointer import AnswerPointer, dot_tanh

Lengths = tuple[tuple[int, ...], ...]
ROWS = pytest.mark.parametrize("rows", [ONE_EACH, SEVERAL], ids=["one row each", "several rows"])
CELLS = pytest.mark.parametrize("cell", ["lstm", "gru"])


def build(**settings: Any) -> Any:
    torch.manual_seed(2)
    return moved(AnswerPointer(WIDTH, 3, **settings))


@ROWS
@CELLS
@pytest.mark.parametrize("two_way", [False, True])
@pytest.mark.parametrize("started", [False, True])
def test_pointer_follows_the_equations(rows: Lengths, cell: str, two_way: bool, started: bool) -> None:
    """Over all tokens of a question's rows one after the other."""
    pointer, given = build(cell=cell, two_way=two_way, score_size=2), draw(rows)
    start, end = pointer(given.passage, given, given.state if started else None)
    assert start.shape == end.shape == given.passage_mask.shape
    for b in range(given.questions):
        state = array(given.state[b]) * started
        first, second = slow_one_way(pointer.ways[0], cell, given.tokens(b), state)
        if two_way:
            last, before = slow_one_way(pointer.ways[1], cell, given.tokens(b), state)
            first, second = (first + before) / 2, (second + last) / 2
        torch.testing.assert_close(given.of(start, b), tensor(first), rtol=0, atol=1e-12)
        torch.testing.assert_close(given.of(end, b), tensor(second), rtol=0, atol=1e-12)
    assert not torch.allclose(start, end, rtol=0, atol=1e-3)


@ROWS
@CELLS
def test_padding_reaches_no_real_logit(rows: Lengths, cell: str) -> None:
    pointer, given, longer = build(cell=cell, two_way=True), draw(rows), draw(rows, padding=17)
    short = pointer(given.passage, given, given.state)
    long = pointer(longer.passage, longer, given.state)
    for before, after in zip(short, long, strict=True):
        torch.testing.assert_close(after[longer.passage_mask], before[given.passage_mask], rtol=0, atol=1e-12)


@CELLS
def test_the_order_of_rows_permutes_the_logits(cell: str) -> None:
    """Trap 21."""
    pointer, given = build(cell=cell), draw(((5, 2, 3),))
    turned = given._replace(passage=given.passage.flip(0), passage_mask=given.passage_mask.flip(0))
    for before, after in zip(
        pointer(given.passage, given, given.state), pointer(turned.passage, turned, given.state), strict=True
    ):
        torch.testing.assert_close(after.flip(0)[given.passage_mask], before[given.passage_mask], rtol=0, atol=1e-12)


@CELLS
def test_a_question_alone_is_the_question_in_a_batch(cell: str) -> None:
    pointer, given = build(cell=cell, two_way=True), draw(SEVERAL)
    together = pointer(given.passage, given, given.state)
    for b in range(given.questions):
        rows = given.rows(b)
        size = int(given.passage_mask[rows].sum(1).max())
        mask = given.passage_mask[rows, :size]
        one = given._replace(passage_mask=mask, owner=torch.zeros(len(rows), dtype=torch.int64), questions=1)
        alone = pointer(given.passage[rows, :size], one, given.state[b : b + 1])
        for logits, own in zip(together, alone, strict=True):
            torch.testing.assert_close(own[mask], given.of(logits, b), rtol=0, atol=1e-12)


def test_a_second_way_has_weights_of_its_own() -> None:
    one, two = (sum(p.numel() for p in build(two_way=way).parameters()) for way in (False, True))
    assert two == 2 * one


def test_one_token() -> None:
    given = draw(((1,),))
    start, end = build(two_way=True)(given.passage, given)
    assert start.shape == end.shape == (1, 1)


@CELLS
def test_every_parameter_gets_a_gradient_and_no_random_number_is_drawn(cell: str) -> None:
    pointer, given = build(cell=cell, two_way=True), draw(SEVERAL)
    passage = given.passage.requires_grad_()
    state = torch.get_rng_state()
    start, end = pointer(passage, given, given.state.requires_grad_())
    (start.square() + end.square())[given.passage_mask].sum().backward()
    assert torch.equal(torch.get_rng_state(), state)
    for name, parameter in [*pointer.named_parameters(), ("state", given.state)]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert passage.grad is not None
    assert not passage.grad[~given.passage_mask].any()


def test_an_unknown_cell() -> None:
    with pytest.raises(ShapeError, match=r'^no recurrent cell "sru"; cells: lstm, gru$'):
        AnswerPointer(4, 3, cell="sru")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_quick_tanh_is_the_tanh(dtype: torch.dtype) -> None:
    """Against tanh in float64, of numbers small and large, to the rounding of each precision."""
    x = torch.tensor([-300.0, -4.0, -1.0, -1e-3, 0.0, 1e-3, 0.5, 3.0, 300.0]).repeat(2, 1).to(dtype)
    y, vector = torch.tensor([[0.0], [0.25]]).to(dtype), torch.linspace(-1, 1, 9).to(dtype)
    expected = torch.tanh(x.double() + y.double()) @ vector.double()
    tolerance = {torch.float32: 2e-6, torch.float64: 1e-14, torch.bfloat16: 3e-2}[dtype]
    torch.testing.assert_close(dot_tanh(x, y, vector).double(), expected, rtol=0, atol=tolerance)
