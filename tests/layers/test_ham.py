"""Ham against a loop anyone can check, with every score, depth and option; and what cannot be built."""

from __future__ import annotations

import pytest
import torch
from layer_inputs import DEPTHS, EXACT, KEYS, SCORES, build, draw
from slow_ham import slow_ham
from torch import Tensor

from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers import Ham
from ham_mrc.layers.attention import REQUERY

# The nested loop


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("score", SCORES)
def test_agrees_with_the_slow_loop(score: str, keys: int, depth: int) -> None:
    x = draw(depth, keys=keys)
    ham = build(score, depth, seed=depth)
    for mask in (x.key_mask, x.own_mask):
        slow = slow_ham(ham, x.query, x.keys, mask)
        out, weights = ham(x.query, x.keys, mask)
        torch.testing.assert_close(out, slow.out, **EXACT)
        torch.testing.assert_close(weights, slow.weights, **EXACT)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("score", SCORES)
def test_agrees_in_single_precision(score: str, keys: int, depth: int) -> None:
    x = draw(depth, keys=keys, dtype=torch.float32)
    ham = build(score, depth, dtype=torch.float32)
    out, weights = ham(x.query, x.keys, x.own_mask)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask)
    torch.testing.assert_close(out.double(), slow.out, rtol=0, atol=1e-5)
    torch.testing.assert_close(weights.double(), slow.weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", SCORES)
def test_self_attention_values_and_no_mask(score: str, depth: int) -> None:
    x = draw(3)
    ham = build(score, depth)
    torch.testing.assert_close(ham(x.keys, x.keys)[0], slow_ham(ham, x.keys, x.keys).out, **EXACT)
    out, weights = ham(x.query, x.keys, x.own_mask, values=x.values)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, values=x.values)
    assert out.shape == (2, 3, 5)
    torch.testing.assert_close(out, slow.out, **EXACT)
    torch.testing.assert_close(weights, slow.weights, **EXACT)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", SCORES)
def test_the_state_of_a_recurrent_cell(score: str, depth: int) -> None:
    x = draw(4)
    ham = build(score, depth)
    out, weights = ham.attend(ham.score.project(x.query), ham.prepare(x.keys), x.own_mask, state=x.state)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, state=x.state)
    torch.testing.assert_close(out, slow.out, **EXACT)
    torch.testing.assert_close(weights, slow.weights, **EXACT)
    assert not torch.allclose(out, ham(x.query, x.keys, x.own_mask)[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("requery", REQUERY)
def test_every_requery(requery: str, depth: int) -> None:
    x = draw(5)
    ham = build("additive", depth, requery=requery, hidden=3)
    state = x.state[..., :3]
    out, _ = ham.attend(ham.score.project(x.query), ham.prepare(x.keys), x.own_mask, state=state)
    torch.testing.assert_close(out, slow_ham(ham, x.query, x.keys, x.own_mask, state=state).out, **EXACT)
    torch.testing.assert_close(ham(x.query, x.keys)[0], slow_ham(ham, x.query, x.keys).out, **EXACT)


def given_weights(mask: Tensor) -> Tensor:
    given = torch.rand(mask.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64) * mask
    return given / given.sum(-1, keepdim=True).clamp(min=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", SCORES)
def test_first_weights_take_the_place_of_level_1(score: str, depth: int) -> None:
    x = draw(6)
    ham = build(score, depth)
    given = given_weights(x.own_mask)
    out, weights = ham(x.query, x.keys, x.own_mask, first_weights=given)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, first_weights=given)
    torch.testing.assert_close(out, slow.out, **EXACT)
    torch.testing.assert_close(weights, slow.weights, **EXACT)
    assert torch.equal(out, ham(x.query + 1, x.keys, x.own_mask, first_weights=given)[0])  # the query is not read


def test_first_weights_with_a_requery_that_reads_the_query() -> None:
    x = draw(6)
    ham = build("additive", 3, requery="add", hidden=3)
    given = given_weights(x.own_mask)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, first_weights=given)
    torch.testing.assert_close(ham(x.query, x.keys, x.own_mask, first_weights=given)[0], slow.out, **EXACT)


# Keys made new at every level


@pytest.mark.parametrize("score", SCORES)
def test_refreshed_keys_equal_nested_self_attention(score: str) -> None:
    x = draw(19)
    ham, single = build(score, 4, refresh_keys=True), build(score, 1)
    single.score.load_state_dict(ham.score.state_dict())
    levels, rows = [], x.keys
    for _ in range(4):
        rows = slow_ham(single, rows, rows, x.key_mask).out
        levels.append(rows)
    out, weights = ham(x.keys, x.keys, x.key_mask)
    expected = torch.einsum("i,ibmd->bmd", ham.c.softmax(0), torch.stack(levels))
    torch.testing.assert_close(out, expected, **EXACT)
    torch.testing.assert_close(weights @ x.keys, expected, **EXACT)
    assert not bool(weights[~x.key_mask[:, None].expand_as(weights)].any())


def test_refreshed_keys_at_depth_1_are_the_ordinary_attention() -> None:
    x = draw(20)
    for refreshed, ordinary in zip(
        build("bilinear", 1, refresh_keys=True)(x.keys, x.keys, x.key_mask),
        build("bilinear", 1)(x.keys, x.keys, x.key_mask),
        strict=True,
    ):
        assert torch.equal(refreshed, ordinary)


def test_refreshed_keys_are_for_self_attention_alone() -> None:
    x = draw(21)
    ham = build("dot", 2, refresh_keys=True)
    message = "refresh_keys is for self attention: one tensor as query and keys, and nothing else"
    for query, options in (
        (x.query, {}),
        (x.keys, {"values": x.values}),
        (x.keys, {"first_weights": torch.eye(5, dtype=torch.float64)}),
    ):
        with pytest.raises(ShapeError) as raised:
            ham(query, x.keys, **options)
        assert str(raised.value) == message
    with pytest.raises(ShapeError) as raised:
        ham.prepare(x.keys)
    assert str(raised.value) == (
        "refresh_keys makes new keys at every level, so none can be prepared; call the Ham itself"
    )


# What cannot be built

REFUSED = [
    ({"depth": 0}, "depth is 0; it must be 1 or more"),
    ({"depth": -3}, "depth is -3; it must be 1 or more"),
    (
        {"score": "cosine"},
        "no score 'cosine'; there are dot, scaled_dot, bilinear, trilinear, projected_dot, additive",
    ),
    (
        {"key_size": 5, "depth": 2, "score": "additive"},
        "at depth 2 a level's output, of the keys' width 5, is the next level's query, but queries have width 4",
    ),
    ({"init_levels": "last"}, "no starting value 'last' of the level weights; there are uniform, first"),
    (
        {"init_levels": "last", "depth": 2},
        "no starting value 'last' of the level weights; there are uniform, first",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_refused_at_construction(options: dict[str, object], message: str) -> None:
    with pytest.raises(HamError) as raised:
        Ham(4, **options)
    assert type(raised.value) is ShapeError
    assert isinstance(raised.value, ValueError)
    assert str(raised.value) == message


@pytest.mark.parametrize("score", ["bilinear", "projected_dot", "additive"])
def test_widths_may_differ_at_depth_1(score: str) -> None:
    ham = Ham(3, 4, score=score).double()
    x = draw(22)
    slow = slow_ham(ham, x.query[..., :3], x.keys, x.own_mask)
    torch.testing.assert_close(ham(x.query[..., :3], x.keys, x.own_mask)[0], slow.out, **EXACT)
