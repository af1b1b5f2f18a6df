"""Baidu's pointer against its equations: probabilities over all tokens of a question's rows, two ways averaged."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pointer_inputs import ASKED, ONE_EACH, SEVERAL, WIDTH, draw, moved
from slow_layers import array, slow_one_way, slow_pooling, softmax, tensor

from ham_mrc.layers.probability_pointer import FLOOR, ProbabilityPointer
from ham_mrc.layers.union import span_losses, union_softmax

Lengths = tuple[tuple[int, ...], ...]
ROWS = pytest.mark.parametrize("rows", [ONE_EACH, SEVERAL], ids=["one row each", "several rows"])


def build() -> Any:
    torch.manual_seed(2)
    return moved(ProbabilityPointer(WIDTH, 3, question_size=ASKED))


@ROWS
def test_pointer_follows_the_equations(rows: Lengths) -> None:
    pointer, given = build(), draw(rows)
    logits = pointer(given.passage, given, question=given.question)
    for b in range(given.questions):
        pooled = slow_pooling(pointer.pool, array(given.question[b][given.question_mask[b]]))
        r = array(pointer.start_map.weight) @ pooled + array(pointer.start_map.bias)
        (start, end), (last, before) = (slow_one_way(way, "lstm", given.tokens(b), r) for way in pointer.ways)
        wanted = (softmax(start) + softmax(before)) / 2, (softmax(end) + softmax(last)) / 2
        for found, p in zip(logits, wanted, strict=True):
            assert found.shape == given.passage_mask.shape
            torch.testing.assert_close(given.of(found, b), tensor(p + 1e-9).log(), rtol=0, atol=1e-10)


@ROWS
def test_the_softmax_of_the_logits_is_the_probabilities(rows: Lengths) -> None:
    """Trap 21: over the rows of a question they sum to 1, and no second softmax bends them."""
    pointer, given = build(), draw(rows)
    for logits in pointer(given.passage, given, question=given.question):
        for b in range(given.questions):
            assert given.of(logits, b).exp().sum().item() == pytest.approx(1, abs=1e-7)
        again = union_softmax(logits, given.passage_mask, given.owner, given.questions)
        torch.testing.assert_close(again[given.passage_mask], logits.exp()[given.passage_mask], rtol=0, atol=1e-7)


@ROWS
def test_padding_reaches_no_real_logit(rows: Lengths) -> None:
    """Of the passage and of the question."""
    pointer, given, longer = build(), draw(rows), draw(rows, padding=17)
    short = pointer(given.passage, given, question=given.question)
    long = pointer(longer.passage, longer, question=longer.question)
    for before, after in zip(short, long, strict=True):
        torch.testing.assert_close(after[longer.passage_mask], before[given.passage_mask], rtol=0, atol=1e-9)


def test_one_token_is_certain() -> None:
    given = draw(((1,),))
    for logits in build()(given.passage, given, question=given.question):
        assert logits.tolist() == [[pytest.approx(0, abs=2 * FLOOR)]]


def test_an_impossible_token_costs_no_more_than_the_floor() -> None:
    """Scores of 1000 apart: its probability is 0 in float32, and its loss -2 ln 1e-9 with a finite gradient."""
    pointer, given = build().float(), draw(((2,),))
    with torch.no_grad():
        for way in pointer.ways:
            for part in (way.passage_map.weight, way.passage_map.bias, way.state_map.weight):
                part.zero_()
            way.passage_map.weight[0, 0] = 100.0
            way.vector.weight.copy_(torch.tensor([[1000.0, 0.0, 0.0]]))
    passage = torch.tensor([[[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]], requires_grad=True)
    start, end = pointer(passage, given, question=given.question.float())
    label = torch.tensor([1])
    loss = span_losses(start, end, given.passage_mask, given.owner, torch.tensor([0]), label, label)
    assert loss.item() == pytest.approx(2 * 9 * 2.302585, rel=1e-5)
    loss.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in pointer.parameters())


def test_every_parameter_gets_a_gradient_and_no_random_number_is_drawn() -> None:
    pointer, given = build(), draw(SEVERAL)
    state = torch.get_rng_state()
    start, end = pointer(given.passage, given, question=given.question)
    (start.square() + end.square())[given.passage_mask].sum().backward()
    assert torch.equal(torch.get_rng_state(), state)
    for name, parameter in pointer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
