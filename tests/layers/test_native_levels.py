"""All levels at once in compiled code against Ham's own loop in float64, level by level."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from layer_inputs import build
from torch import Tensor

from ham_mrc.layers import native_levels
from ham_mrc.layers.attention import SCORERS
from ham_mrc.layers.attention_flow import Turned
from ham_mrc.layers.ham import Ham

SCORES = [score for score in SCORERS if score != "additive"]
SIZES = {"few keys": (3, 5, 4), "many keys": (3, 41, 9), "more than a block": (2, 70, 33), "one query": (4, 1, 37)}
"""B, M, N for D = 8: with many keys there is no Gram matrix."""


def draw(size: tuple[int, int, int], seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and a mask in float64; the last row has no real key.

    Vectors are short enough for soft levels: of sharp ones, float32 knows little after twenty.
    """
    batch, queries, keys = size
    source = torch.Generator().manual_seed(seed)
    query, key = (0.5 * torch.randn(batch, n, 8, generator=source, dtype=torch.float64) for n in (queries, keys))
    mask = torch.rand(batch, keys, generator=source) < 0.7
    mask[:, 0] = True
    mask[-1] = False
    return query, key, mask


def outcome(ham: Ham, query: Tensor, keys: Tensor, mask: Tensor | None, **more: Any) -> list[Tensor]:
    """Output, weights and all gradients. Where `query` is `keys`, self attention."""
    leaves = {id(x): x.clone().requires_grad_() for x in (query, keys)}
    given = [leaves[id(query)], leaves[id(keys)]]
    first = more.get("first_weights")
    if first is not None:
        more["first_weights"] = first = first.clone().requires_grad_()
    out, weights = ham(*given, mask, **more)
    source = torch.Generator().manual_seed(5)
    total = sum((x * torch.randn(x.shape, generator=source, dtype=torch.float64).to(x)).sum() for x in (out, weights))
    wanted = [*leaves.values(), *([] if first is None else [first]), *ham.parameters()]
    found = torch.autograd.grad(total, wanted, allow_unused=True)  # type: ignore[arg-type]
    zero = [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, found, strict=True)]
    return [out, weights, *zero]


def agree(ham: Ham, query: Tensor, keys: Tensor, mask: Tensor | None, **more: Any) -> None:
    exact = copy.deepcopy(ham).double()
    exact.fast = False
    single = {id(x): x.float() for x in (query, keys)}
    ours = outcome(ham, single[id(query)], single[id(keys)], mask, **{k: v.float() for k, v in more.items()})
    for found, expected in zip(ours, outcome(exact, query, keys, mask, **more), strict=True):
        assert found.dtype == torch.float32
        tolerance = 3e-5 * max(1.0, expected.abs().max().item())
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with each call of compiled code from a Ham."""
    calls: list[int] = []
    plain = native_levels.native_levels

    def counted(*given: Any, **more: Any) -> Tensor:
        calls.append(1)
        return plain(*given, **more)

    monkeypatch.setattr("ham_mrc.layers.ham.native_levels", counted)
    return calls


def test_the_compiled_form_is_in_use_here() -> None:
    """Where the tests run there is a compiler; else all the others in this file would compare nothing."""
    assert native_levels.usable(torch.zeros(1)), native_levels.compiled().why
    assert not native_levels.usable(torch.zeros(1, dtype=torch.float64))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("depth", [2, 5, 20])
def test_values_and_gradients_are_those_of_the_loop(
    score: str, size: tuple[int, int, int], depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_calls(monkeypatch)
    query, keys, mask = draw(size)
    agree(build(score, depth, size=8, dtype=torch.float32), query, keys, mask)
    assert len(calls) == 1


@pytest.mark.parametrize("score", SCORES)
def test_self_attention_without_a_mask_and_of_the_last_level_alone(score: str) -> None:
    _, keys, _ = draw((2, 1, 35))
    agree(build(score, 3, size=8, dtype=torch.float32), keys, keys, None)
    agree(build(score, 3, size=8, dtype=torch.float32, attention="multilevel"), keys, keys, None)


@pytest.mark.parametrize("score", SCORES)
def test_a_turned_score_and_first_weights_from_elsewhere(score: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """BiDAF's attention from query to context."""
    calls = count_calls(monkeypatch)
    _, keys, mask = draw((3, 1, 21))
    ham = build(score, 4, size=8, dtype=torch.float32)
    ham.score = Turned(ham.score)  # type: ignore[assignment, arg-type]
    first = torch.rand(3, 1, 21, dtype=torch.float64) * mask[:, None]
    agree(ham, torch.zeros(3, 1, 8, dtype=torch.float64), keys, mask, first_weights=first / 7)
    assert len(calls) == 1


def test_large_scores_and_a_level_that_is_off() -> None:
    """A softmax of scores up to 10,000 is one-hot; with c = -inf a level adds nothing and the others are as before."""
    query, keys, mask = draw((2, 6, 9))
    ham = build("dot", 3, size=8, dtype=torch.float32)
    with torch.no_grad():
        ham.c.copy_(torch.tensor([0.3, -math.inf, 1.0]))
    agree(ham, query, keys, mask)
    with torch.no_grad():
        weights = ham(200 * query.float(), 200 * keys.float(), mask)[1]
    assert weights[0].sum(-1).sub(1).abs().max() < 1e-6
    assert not weights[1].any()
    assert weights.isfinite().all()


def test_threads_change_no_bit_and_neither_does_the_lack_of_a_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    query, keys, mask = draw((5, 40, 19))
    ham = build("projected_dot", 4, size=8, dtype=torch.float32)
    seen = []
    for threads in (1, 2, 8):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        seen.append(outcome(ham, query.float(), keys.float(), mask))
    for other in seen[1:]:
        assert all(torch.equal(one, same) for one, same in zip(seen[0], other, strict=True))
    with torch.inference_mode():
        assert torch.equal(ham(query.float(), keys.float(), mask)[1], seen[0][1])


@pytest.mark.parametrize(
    "options", [{"local": "topk", "keep": 2}, {"hard": "straight_through"}, {"heads": 2}, {"depth": 1}], ids=str
)
def test_variants_and_depth_1_go_level_by_level(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_calls(monkeypatch)
    query, keys, mask = (x.float() if x.is_floating_point() else x for x in draw((2, 3, 5)))
    torch.manual_seed(0)
    Ham(8, score="scaled_dot", **{"depth": 3, **options})(query, keys, mask)
    assert not calls


def test_a_trace_sees_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_calls(monkeypatch)
    query, keys, mask = (x.float() if x.is_floating_point() else x for x in draw((2, 3, 5)))
    ham = build("dot", 4, size=8, dtype=torch.float32)
    with ham.trace() as traced:
        slow = ham(query, keys, mask)[1]
    assert not calls
    assert traced.calls[0].levels.shape == (4, 2, 3, 5)
    torch.testing.assert_close(ham(query, keys, mask)[1], slow, rtol=0, atol=1e-6)
    assert calls
