"""Growing by a level: the same function where the new level is off, and nearly so where it can learn."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from ham_variants import VARIANTS
from layer_inputs import SCORES, build, draw
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham
from ham_mrc.layers.attention import REQUERY
from ham_mrc.layers.grow import grow_levels, grown_levels, grown_state

OFF = float("inf")
POSITIONS = torch.tensor([[0, 3, 4], [2, 1, 4]])
MIXED = {name: options for name, options in VARIANTS.items() if "attention" not in options}


def same_function(depth: int, more: int, score: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    x = draw(depth, keys=6, dtype=dtype)
    shallow = build(score, depth, seed=1, dtype=dtype, **options).eval()
    deeper = build(score, depth + more, seed=2, dtype=dtype, **options).eval()
    grow_levels(shallow, deeper, gap=OFF)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    for mine, other in zip(
        deeper(x.query, x.keys, x.own_mask, positions=POSITIONS),
        shallow(x.query, x.keys, x.own_mask, positions=POSITIONS),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("depth", "more"), [(1, 1), (1, 4), (2, 1), (5, 1), (19, 1)])
@pytest.mark.parametrize("score", SCORES)
def test_a_level_that_is_off_changes_nothing(score: str, depth: int, more: int, dtype: torch.dtype) -> None:
    same_function(depth, more, score, {}, dtype)


@pytest.mark.parametrize("requery", REQUERY)
def test_whatever_stands_in_the_querys_place(requery: str) -> None:
    for depth in (1, 2):
        same_function(depth, 1, "additive", {"requery": requery, "hidden": 3}, torch.float64)


@pytest.mark.parametrize("options", MIXED.values(), ids=MIXED)
def test_every_variant_grows(options: dict[str, Any]) -> None:
    for depth in (1, 2):
        same_function(depth, 1, "scaled_dot", options, torch.float64)


def test_new_levels_begin_below_the_least_that_is_on() -> None:
    c = torch.tensor([0.5, -2.0, -torch.inf])
    assert grown_levels(c, 5).tolist() == [0.5, -2.0, -torch.inf, -12.0, -12.0]
    assert grown_levels(torch.tensor([[0.0, 1.0], [3.0, 2.0]]), 3).tolist() == [[0, 1, -10], [3, 2, -8]]
    assert grown_levels(torch.zeros(1), 2, OFF).tolist() == [0, -torch.inf]


class Two(nn.Module):
    """A model with two sites, one beside the other's layer, and parts that no Ham is in."""

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.match = nn.ModuleDict({"ham": Ham(4, depth=depth, score="additive", requery="own", **options)})
        self.self_ham = Ham(4, depth=depth)
        self.out = nn.Linear(4, 3)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        x, _ = self.match["ham"](x, x)
        return self.out(self.self_ham(x, x)[0])


def two(depth: int, seed: int) -> Two:
    torch.manual_seed(seed)
    return Two(depth).double()


IDS = torch.arange(27).view(3, 9) % 9


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_whole_model_grows_and_can_learn(depth: int) -> None:
    """The loss moves by less than 1e-3, the new c has a gradient, and training on never leaves the best above."""
    shallow, deeper = two(depth, 1), two(depth + 1, 2)
    before = copy.deepcopy(shallow.state_dict())
    grow_levels(shallow, deeper)
    assert torch.equal(deeper.embedding.weight, shallow.embedding.weight)
    for ham in (deeper.match["ham"], deeper.self_ham):
        assert ham.c.tolist() == [0] * depth + [-10]
    assert torch.equal(deeper.match["ham"].score.again_weight, shallow.match["ham"].score.query_map.weight)
    assert all(torch.equal(tensor, before[name]) for name, tensor in shallow.state_dict().items())

    def loss(model: Two) -> Tensor:
        return nn.functional.cross_entropy(model(IDS).flatten(0, 1), IDS.flatten() % 3)

    start = loss(shallow).item()
    assert abs(loss(deeper).item() - start) < 1e-3
    loss(deeper).backward()
    for ham in (deeper.match["ham"], deeper.self_ham):
        assert 0 < abs(ham.c.grad[-1].item()) < 1e-3
    optimizer = torch.optim.SGD(deeper.parameters(), lr=0.1)
    losses = [loss(deeper).item()]
    for _ in range(10):
        optimizer.zero_grad()
        loss(deeper).backward()
        optimizer.step()
        losses.append(loss(deeper).item())
    assert min(losses) <= start
    assert deeper.self_ham.c[-1] != -10


def test_a_state_dict_alone() -> None:
    """From depth 2 every `.c` is found by its name; from depth 1 the sites are given, for there is none."""
    shallow, deeper = two(2, 1), two(3, 2)
    grown = grown_state(shallow.state_dict(), 2, 3)
    assert {name for name, tensor in grown.items() if name not in shallow.state_dict()} == set()
    deeper.load_state_dict(grown)
    assert deeper.self_ham.c.tolist() == [0, 0, -10]
    shallow = two(1, 1)
    sites = {"match.ham": deeper.match["ham"], "self_ham": deeper.self_ham}
    grown = grown_state(shallow.state_dict(), 1, 3, sites)
    assert grown.keys() - shallow.state_dict().keys() == {"match.ham.c", "match.ham.score.again_weight", "self_ham.c"}
    deeper.load_state_dict(grown)
    assert deeper.self_ham.c.tolist() == [0, -10, -10]
    assert "self_ham.c" not in shallow.state_dict()
    heads = Ham(4, depth=2, heads=2, heads_share="head")
    grow_levels(Ham(4, heads=2, heads_share="head"), heads)
    assert heads.c.tolist() == [[0, -10], [0, -10]]


def refused(message: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(ShapeError) as raised:
        call(*arguments)
    assert str(raised.value).startswith(message)


def test_what_cannot_grow() -> None:
    state = two(2, 1).state_dict()
    refused("a model grows from fewer levels to more, not from 2 to 2", grown_state, state, 2, 2)
    refused("a model grows from fewer levels to more, not from 3 to 2", grown_state, state, 3, 2)
    refused("depth 1 has no level weights c to find the sites by: name them", grown_state, state, 1, 2)
    refused("match.ham.c holds 2 levels, but the depth to grow from is 3", grown_state, state, 3, 4)
    last = [Ham(4, depth=depth, attention="multilevel") for depth in (2, 3)]
    refused('attention = "multilevel" is the last level alone: with one more it is another', grow_levels, *last)
    refused("the two models do not attend at the same places", grow_levels, two(1, 1), Ham(4, depth=2))
    wider = Ham(6, depth=3, score="bilinear")
    refused("the two models differ in more than their depth: ", grow_levels, Ham(4, depth=2, score="bilinear"), wider)
