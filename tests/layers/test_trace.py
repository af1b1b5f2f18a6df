"""Figures of a trace: by hand, by a slow loop, and as the design notes measured them."""

from __future__ import annotations

import math

import pytest
import torch
from layer_inputs import SCORES, build, draw
from slow_ham import Matrix, Vector, dot, mixture, real_keys, slow_ham
from torch import Tensor

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham
from ham_mrc.layers.trace import LevelFigures, Trace


def distance(x: Vector, y: Vector) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def slow_figures(levels: Tensor, keys: Tensor, mask: Tensor | None, real: Tensor) -> list[tuple[float, ...]]:
    """(change, entropy, spread) of each level: loops over levels, examples and real queries."""
    figures = []
    for i in range(len(levels)):
        changes, entropies, spreads = [], [], []
        for b in range(levels.shape[1]):
            rows: Matrix = keys[b].tolist()
            queries = [m for m in range(levels.shape[2]) if bool(real[b, m])]
            outputs = {m: mixture(levels[i, b, m].tolist(), rows) for m in queries}
            mean = [sum(q[d] for q in outputs.values()) / len(queries) for d in range(len(rows[0]))]
            for m, q in outputs.items():
                norm = math.sqrt(dot(q, q))
                a = [float(levels[i, b, m, j]) for j in real_keys(mask, b, m, len(rows))]
                spreads.append(distance(q, mean) / norm)
                entropies.append(-sum(p * math.log(p) for p in a if p > 0) / math.log(max(2, len(a))))
                if i > 0:
                    changes.append(distance(q, mixture(levels[i - 1, b, m].tolist(), rows)) / norm)
        change = sum(changes) / len(changes) if i > 0 else math.nan
        figures.append((change, sum(entropies) / len(entropies), sum(spreads) / len(spreads)))
    return figures


def rows(figures: list[LevelFigures]) -> list[tuple[float, ...]]:
    return [(level.change, level.entropy, level.spread) for level in figures]


@pytest.mark.parametrize("which", ["none", "by example", "by query"])
@pytest.mark.parametrize("score", SCORES)
def test_figures_agree_with_a_slow_loop(score: str, which: str) -> None:
    x = draw(1, keys=6)
    ham = build(score, 4)
    mask = {"none": None, "by example": x.key_mask, "by query": x.own_mask}[which]
    with ham.trace() as trace:
        ham(x.query, x.keys, mask)
    levels = slow_ham(ham, x.query, x.keys, mask).levels
    torch.testing.assert_close(trace.weights(), levels, rtol=0, atol=1e-12)
    real = x.own_mask.any(-1) if which == "by query" else torch.ones(2, 3, dtype=torch.bool)
    for query_mask in (None, torch.tensor([[True, True, False], [True, False, False]])):
        expected = slow_figures(levels, x.keys, mask, real if query_mask is None else real & query_mask)
        actual = rows(trace.figures(query_mask))
        torch.testing.assert_close(torch.tensor(actual), torch.tensor(expected), equal_nan=True)


def recorded(*levels: list[list[float]], keys: list[list[float]], mask: Tensor | None = None) -> list[LevelFigures]:
    trace = Trace()
    trace.record([torch.tensor([level]) for level in levels], torch.tensor([keys]), mask)
    return trace.figures()


def test_figures_by_hand() -> None:
    """Level 1: both queries get the mean key (2, 0). Level 2: one gets (4, 0), the other (0, 3) of the third key."""
    keys = [[4.0, 0.0], [2.0, -3.0], [0.0, 3.0]]
    uniform, sharp = [[1 / 3] * 3] * 2, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    first, second = recorded(uniform, sharp, keys=keys)
    assert math.isnan(first.change)
    assert first.entropy == pytest.approx(1)
    assert first.spread == pytest.approx(0, abs=1e-6)
    # (2,0) -> (4,0) is 2 of 4; (2,0) -> (0,3) is sqrt(13) of 3. The mean (2, 1.5) is 2.5 from either.
    assert second.change == pytest.approx((2 / 4 + math.sqrt(13) / 3) / 2)
    assert second.entropy == 0
    assert second.spread == pytest.approx((2.5 / 4 + 2.5 / 3) / 2)


def test_entropy_counts_real_keys_only_and_a_single_one_has_none() -> None:
    keys = [[1.0], [2.0], [3.0], [4.0]]
    mask = torch.tensor([[[True, True, False, False], [True, True, True, True], [True, False, False, False]]])
    levels = [[0.5, 0.5, 0, 0], [0.25] * 4, [1.0, 0, 0, 0]]
    assert recorded(levels, keys=keys, mask=mask)[0].entropy == pytest.approx((1 + 1 + 0) / 3)
    mask = torch.tensor([[[True, True, False, False]]])
    assert recorded([[0.5, 0.5, 0, 0]], keys=keys, mask=mask)[0].entropy == pytest.approx(1)


def test_the_steps_of_a_recurrent_cell_are_the_queries_of_one_example() -> None:
    x = draw(2)
    ham = build("additive", 3)
    with ham.trace() as whole:
        ham(x.query, x.keys, x.own_mask)
    with ham.trace() as steps:
        prepared = ham.prepare(x.keys)
        for m in range(3):
            ham.attend(ham.score.project(x.query[:, m : m + 1]), prepared, x.own_mask[:, m : m + 1])
    assert len(steps.calls) == 3
    torch.testing.assert_close(steps.weights(), whole.weights())
    assert torch.tensor(rows(steps.figures())).allclose(torch.tensor(rows(whole.figures())), equal_nan=True)


def test_refreshed_keys_are_traced_over_the_keys_given() -> None:
    x = draw(3)
    ham = build("scaled_dot", 3, refresh_keys=True)
    with ham.trace() as trace:
        out, _ = ham(x.keys, x.keys, x.key_mask)
    levels = trace.weights() @ x.keys
    torch.testing.assert_close(torch.einsum("i,ibnd->bnd", ham.c.softmax(0), levels), out)
    single = build("scaled_dot", 1)
    torch.testing.assert_close(levels[1], single(levels[0], levels[0], x.key_mask)[0])


def test_tracing_is_off_outside_the_block_detached_and_changes_nothing() -> None:
    x = draw(4)
    ham = build("bilinear", 2)
    x.keys.requires_grad_()
    before = ham(x.query, x.keys, x.key_mask)
    with ham.trace() as outer:
        traced = ham(x.query, x.keys, x.key_mask)
        with ham.trace() as inner:
            ham(x.query, x.keys, x.key_mask)
        assert ham.tracing
        ham(x.query, x.keys, x.key_mask)
    ham(x.query, x.keys, x.key_mask)
    assert (len(outer.calls), len(inner.calls)) == (2, 1)
    assert not ham.tracing
    assert not any(call.levels.requires_grad or call.keys.requires_grad for call in outer.calls)
    assert all(torch.equal(mine, other) for mine, other in zip(traced, before, strict=True))
    with pytest.raises(RuntimeError), ham.trace() as broken:
        ham(x.query, x.keys[..., :2])
    ham(x.query, x.keys)
    assert broken.calls == []


def test_a_trace_that_cannot_be_read() -> None:
    ham = build("dot", 2)
    with ham.trace() as trace:
        pass
    with pytest.raises(ShapeError) as raised:
        trace.figures()
    assert str(raised.value) == "the trace holds no call; call the Ham within the block"
    with ham.trace() as trace:
        for seed in (5, 6):
            x = draw(seed)
            ham(x.query, x.keys, x.key_mask)
    with pytest.raises(ShapeError) as raised:
        trace.weights()
    assert str(raised.value) == "the trace holds calls over different keys; trace one batch in one block"


MEASURED = [  # design notes, 1.6: score, deviation of keys and queries, change at levels 2, 5, spread at 1, 2, 5
    ("scaled_dot", 0.3, (8e-2, 1e-4), (0.085, 0.010, 0.000)),
    ("scaled_dot", 0.6, (2e-1, 3e-2), (0.33, 0.17, 0.04)),
    ("dot", 0.3, (6e-1, 2e-3), (0.82, 0.94, 0.95)),
]


@pytest.mark.parametrize(("score", "deviation", "change", "spread"), MEASURED)
def test_figures_as_measured_at_initialisation(
    score: str, deviation: float, change: tuple[float, ...], spread: tuple[float, ...]
) -> None:
    """D = 300, N = 15, 40 queries: figures by another program than this one."""
    source = torch.Generator().manual_seed(0)
    keys = deviation * torch.randn(50, 15, 300, generator=source)
    query = deviation * torch.randn(50, 40, 300, generator=source)
    ham = Ham(300, depth=5, score=score)
    with ham.trace() as trace:
        ham(query, keys)
    figures = trace.figures()
    assert figures[1].change == pytest.approx(change[0], rel=0.06)
    assert figures[4].change == pytest.approx(change[1], rel=0.5)  # printed to one digit, and one draw of the keys
    assert [figures[i].spread for i in (0, 1, 4)] == pytest.approx(spread, rel=0.03, abs=0.015)
