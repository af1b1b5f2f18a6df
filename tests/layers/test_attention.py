"""The compatibility functions alone: each pair of query and key by the formula, and the cheap forms against it."""

from __future__ import annotations

import pytest
import torch
from layer_inputs import EXACT, SCORES, build, draw
from slow_ham import compatibility
from torch import Tensor

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham, attention
from ham_mrc.layers.attention import REQUERY, SCORERS, Additive

AFFINE = ("dot", "scaled_dot", "bilinear", "trilinear")


def slow_scores(ham: Ham, query: Tensor, keys: Tensor, level: int = 1) -> Tensor:
    """f(q, k) for every pair, in plain Python."""
    scores = torch.empty(query.shape[0], query.shape[1], keys.shape[1], dtype=torch.float64)
    for b, m, n in torch.cartesian_prod(*(torch.arange(size) for size in scores.shape)).tolist():
        row = query[b, m].tolist()
        scores[b, m, n] = compatibility(ham, level, row, row, keys[b, n].tolist(), None)
    return scores


@pytest.mark.parametrize("score", SCORES)
def test_scores_follow_the_formula(score: str) -> None:
    """Terms that a softmax over keys would hide are part of it: BiDAF takes a maximum over the question."""
    x = draw(1)
    f = build(score, 1).score
    expected = slow_scores(build(score, 1), x.query, x.keys)
    torch.testing.assert_close(f.scores(f.project(x.query), f.prepare(x.keys)), expected, **EXACT)


@pytest.mark.parametrize("keys", [5, 9])
@pytest.mark.parametrize("score", SCORES)
def test_rescore_is_the_score_of_the_mixture(score: str, keys: int) -> None:
    """Trap 7: the bilinear matrix is not symmetric, so K W K^T transposed would be another score."""
    x = draw(2, keys=keys)
    ham = build(score, 2, seed=2)
    prepared = ham.prepare(x.keys)
    assert (prepared.again is None) == (score in AFFINE and keys >= 8)  # Gram form only where N < 2D
    weights = torch.rand(2, 3, keys, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weights /= weights.sum(-1, keepdim=True)
    rescored = ham.score.rescore(weights, prepared, ham.score.project(x.query))
    torch.testing.assert_close(rescored, slow_scores(ham, weights @ x.keys, x.keys, level=2), **EXACT)


@pytest.mark.parametrize("score", SCORES)
def test_depth_1_prepares_nothing_for_a_second_level(score: str) -> None:
    assert Ham(4, score=score).prepare(torch.randn(1, 3, 4)).again is None


@pytest.mark.parametrize("requery", REQUERY)
@pytest.mark.parametrize("chunk", [1, 2 * 5 * 3, 2 * 2 * 5 * 3])  # one query at a time, the same, two at a time
def test_additive_in_parts_equals_additive_at_once(chunk: int, requery: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = draw(3)
    ham = build("additive", 3, requery=requery, hidden=3)
    parts = 0

    def run() -> list[Tensor]:
        query, keys = x.query.clone().requires_grad_(), x.keys.clone().requires_grad_()
        state = x.state[..., :3].clone().requires_grad_()
        out, weights = ham.attend(ham.score.project(query), ham.prepare(keys), x.own_mask, state=state)
        gradients = torch.autograd.grad(out.square().sum(), [query, keys, state, *ham.parameters()])
        return [out, weights, *gradients]

    def counted(*args: object, **options: object) -> object:
        nonlocal parts
        parts += 1
        return kept(*args, **options)

    kept = attention.checkpoint
    monkeypatch.setattr(attention, "checkpoint", counted)
    whole = run()
    assert parts == 0
    monkeypatch.setattr(attention, "_CHUNK", chunk)
    in_parts = run()
    assert parts == 3 * (2 if chunk == 60 else 3)  # three levels, three queries
    for mine, other in zip(in_parts, whole, strict=True):
        torch.testing.assert_close(mine, other, **EXACT)


def test_additive_in_parts_under_autocast_and_without_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    x = draw(4, dtype=torch.float32)
    ham = build("additive", 3, dtype=torch.float32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        whole = ham(x.query, x.keys, x.key_mask)[1]
        monkeypatch.setattr(attention, "_CHUNK", 1)
        assert torch.equal(ham(x.query, x.keys, x.key_mask)[1], whole)


def parameters(depth: int, requery: str) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in Additive(4, 4, 3, requery=requery, depth=depth).named_parameters()}


@pytest.mark.parametrize("requery", REQUERY)
def test_only_requery_own_has_parameters_beyond_depth_1(requery: str) -> None:
    assert parameters(1, requery) == {
        "vector": (3,),
        "query_map.weight": (3, 4),
        "key_map.weight": (3, 4),
        "key_map.bias": (3,),
    }
    more = {"again_weight": (3, 4)} if requery == "own" else {}
    assert parameters(2, requery) == parameters(1, requery) | more


def test_requery_own_starts_as_requery_word() -> None:
    x = draw(5, dtype=torch.float32)
    outs = []
    for requery in ("own", "word"):
        torch.manual_seed(5)
        outs.append(Ham(4, depth=4, score="additive", requery=requery)(x.query, x.keys, x.key_mask)[0])
    assert torch.equal(*outs)


def test_inner_width_is_the_keys_unless_given() -> None:
    assert SCORERS["additive"](4, 6).hidden == SCORERS["projected_dot"](4, 6).hidden == 6
    assert SCORERS["additive"](4, 6, 2).hidden == SCORERS["projected_dot"](4, 6, 2).hidden == 2


REFUSED = [
    ("dot", {}, "a dot product needs equal widths, not a query of 4 and keys of 5"),
    ("scaled_dot", {}, "a dot product needs equal widths, not a query of 4 and keys of 5"),
    ("trilinear", {}, "trilinear needs equal widths, not a query of 4 and keys of 5"),
    ("bilinear", {"hidden": 3}, "this score has no inner width, but hidden = 3 was given"),
    ("projected_dot", {"hidden": 0}, "hidden is 0; it must be 1 or more"),
    ("additive", {"hidden": -1}, "hidden is -1; it must be 1 or more"),
    (
        "additive",
        {"requery": "memory"},
        "no requery 'memory'; there are word, key, own, add, drop_state",
    ),
]


@pytest.mark.parametrize(("score", "options", "message"), REFUSED)
def test_refused_at_construction(score: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        Ham(4, 5, score=score, **options)
    assert str(raised.value) == message
