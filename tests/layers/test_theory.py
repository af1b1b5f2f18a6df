"""What the paper's two theorems leave standing, and the fixed points: laws that hold for every input.

Theorem 1 as printed bounds the output's norm from below by the smallest key's, which is false; the true bounds are
tested here with random keys, masks, scores, depths and level weights.
"""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from ham_variants import ONE_HEAD
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_inputs import EXACT, SCORES, Inputs, build, draw, only
from torch import Tensor

from ham_mrc.layers import Ham

SEEDS = st.integers(0, 2**31)
SOME = settings(max_examples=100, deadline=None, derandomize=True, database=None)
ROUNDING = 1e-9


@st.composite
def cases(draw_from: st.DrawFn) -> tuple[Ham, Inputs, Tensor, Tensor]:
    """A Ham with random parameters, inputs, their out (B,M,D) and the outputs of all levels (depth,B,M,D)."""
    depth, score = draw_from(st.integers(1, 8)), draw_from(st.sampled_from(SCORES))
    seed, keys, size = draw_from(SEEDS), draw_from(st.integers(1, 9)), draw_from(st.integers(1, 5))
    x = draw(seed, keys=keys, size=size)
    ham = build(score, depth, seed, size=size)
    if depth > 1 and draw_from(st.booleans()):
        ham.set_levels(only(draw_from(st.integers(1, depth)), depth))
    scale = draw_from(st.sampled_from((0.01, 1.0, 100.0)))
    x = x._replace(query=x.query * scale, keys=x.keys * scale)
    with ham.trace() as trace:
        out, _ = ham(x.query, x.keys, x.own_mask)
    return ham, x, out.detach(), (trace.weights() @ x.keys)


def extremes(numbers: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest over the real keys: (..., N) and (B,M,N) -> (B,M) each."""
    return numbers.masked_fill(~mask, torch.inf).amin(-1), numbers.masked_fill(~mask, -torch.inf).amax(-1)


# Theorem 1


@SOME
@given(cases(), SEEDS)
def test_every_level_and_the_output_lie_in_the_hull_of_the_real_keys(
    case: tuple[Ham, Inputs, Tensor, Tensor], seed: int
) -> None:
    _, x, out, levels = case
    real = x.own_mask.any(-1)
    size = x.keys.shape[-1]
    directions = torch.randn(20, size, generator=torch.Generator().manual_seed(seed % 1000), dtype=torch.float64)
    directions = torch.cat([directions / directions.norm(dim=1, keepdim=True), torch.eye(size, dtype=torch.float64)])
    tolerance = ROUNDING * float(x.keys.abs().max())
    for u in directions:  # the unit vectors are the coordinates
        low, high = extremes((x.keys @ u)[:, None].expand_as(x.own_mask), x.own_mask)
        for y in (out, *levels):
            along = y @ u
            assert bool((along >= low - tolerance)[real].all())
            assert bool((along <= high + tolerance)[real].all())
            assert bool((y.norm(dim=-1) >= low - tolerance)[real].all())  # ||out|| >= min_j u.k_j for any unit u


@SOME
@given(cases())
def test_the_output_is_no_longer_than_the_longest_real_key(case: tuple[Ham, Inputs, Tensor, Tensor]) -> None:
    _, x, out, levels = case
    _, longest = extremes(x.keys.norm(dim=-1)[:, None].expand_as(x.own_mask), x.own_mask)
    for y in (out, *levels):
        assert bool((y.norm(dim=-1) <= longest.clamp(min=0) * (1 + ROUNDING)).all())


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", ["dot", "scaled_dot", "bilinear"])
def test_the_printed_lower_bound_is_false(score: str, depth: int) -> None:
    """k_1 = (1, 0), k_2 = (-1, 0), q = 0: both keys have norm 1, and the output is 0."""
    ham = build(score, depth, size=2)
    keys = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]], dtype=torch.float64)
    out, weights = ham(torch.zeros(1, 1, 2, dtype=torch.float64), keys)
    assert keys.norm(dim=-1).min() == 1
    torch.testing.assert_close(weights, torch.full((1, 1, 2), 0.5, dtype=torch.float64), **EXACT)
    torch.testing.assert_close(out, torch.zeros(1, 1, 2, dtype=torch.float64), **EXACT)


@SOME
@given(SEEDS, st.sampled_from(SCORES), st.integers(1, 8), st.integers(2, 9))
def test_keys_with_no_obtuse_angle_bound_the_output_from_below(seed: int, score: str, depth: int, count: int) -> None:
    """||out|| >= min ||k_j|| / sqrt(N) where all k_i.k_j >= 0, as for keys without negative coordinates."""
    x = draw(seed, keys=count)
    keys = x.keys.abs()
    out, _ = build(score, depth, seed)(x.query, keys, x.key_mask)
    shortest = keys.norm(dim=-1).masked_fill(~x.key_mask, torch.inf).amin(-1)
    bound = shortest / x.key_mask.sum(-1).sqrt()
    assert bool((out.norm(dim=-1) >= bound[:, None] * (1 - ROUNDING)).all())


def test_the_lower_bound_of_keys_with_no_obtuse_angle_is_reached() -> None:
    """Orthogonal keys of one length with equal weights: no larger bound than / sqrt(N) can be proved."""
    out, _ = Ham(4, depth=3, score="dot").double()(torch.zeros(1, 1, 4).double(), torch.eye(4).double()[None])
    torch.testing.assert_close(out.norm(), torch.tensor(1 / math.sqrt(4), dtype=torch.float64), **EXACT)


def diameter(rows: Tensor) -> float:
    return float(torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").max())


def dobrushin(a: Tensor) -> float:
    """tau(a) = 1 - the smallest overlap sum_j min(a_rj, a_sj) of two rows."""
    return 1 - float(torch.minimum(a[:, None], a[None]).sum(-1).min())


@SOME
@given(SEEDS, st.sampled_from(("dot", "scaled_dot")), st.integers(2, 9))
def test_refreshed_keys_draw_together_by_the_dobrushin_coefficient(seed: int, score: str, count: int) -> None:
    """diam(X_i) <= tau(a_i) diam(X_{i-1}) with tau < 1, where X_i = a_i X_{i-1} is worked out anew here."""
    x = draw(seed, keys=count)
    ham = Ham(4, depth=6, score=score, refresh_keys=True)
    with ham.trace() as trace:
        ham(x.keys, x.keys, x.key_mask)
    levels = trace.weights() @ x.keys
    for b in range(2):
        real = x.key_mask[b]
        before = x.keys[b, real]
        for level in levels[:, b, real]:
            a = (before @ before.T / (math.sqrt(4) if score == "scaled_dot" else 1)).softmax(-1)
            torch.testing.assert_close(level, a @ before, rtol=0, atol=1e-10)
            assert dobrushin(a) < 1
            assert diameter(level) <= dobrushin(a) * diameter(before) + 1e-12
            before = level


@SOME
@given(SEEDS, st.sampled_from(SCORES), st.integers(2, 9))
def test_refreshed_keys_stay_in_the_hull_and_draw_together_with_every_score(seed: int, score: str, count: int) -> None:
    """With the weights of an ordinary attention among the rows of the level before."""
    x = draw(seed, keys=count)
    ham, single = build(score, 5, seed, refresh_keys=True), build(score, 1, seed)
    single.score.load_state_dict(ham.score.state_dict())
    with ham.trace() as trace:
        ham(x.keys, x.keys, x.key_mask)
    levels = trace.weights() @ x.keys
    for b in range(2):
        before = x.keys[b, x.key_mask[b]].detach()
        low, high = before.amin(0), before.amax(0)
        for level in levels[:, b, x.key_mask[b]]:
            a = single(before[None], before[None])[1][0].detach()
            assert diameter(level) <= dobrushin(a) * diameter(before) + 1e-10
            assert bool(((level >= low - ROUNDING) & (level <= high + ROUNDING)).all())
            before = level


@SOME
@given(SEEDS, st.sampled_from(list(ONE_HEAD.values())), st.integers(1, 5), st.integers(1, 9))
def test_local_and_hard_levels_keep_to_the_hull_too(
    seed: int, options: dict[str, object], depth: int, count: int
) -> None:
    """A level of hard attention is a key, so what is false of `out` is true of it: min ||k_j|| <= ||q_i||."""
    x = draw(seed, keys=count)
    ham = build("bilinear", depth, seed, **options)
    positions = (torch.arange(6).view(2, 3) + seed) % count
    with ham.trace() as trace:
        out, _ = ham(x.query, x.keys, x.own_mask, positions=positions)
    real = x.own_mask.any(-1)
    levels = (trace.weights() @ x.keys).masked_fill(~real[..., None], 0.0)
    for along in (x.keys @ u for u in torch.eye(4, dtype=torch.float64)):
        low, high = extremes(along[:, None].expand_as(x.own_mask), x.own_mask)
        for a in (*trace.weights(), trace.weights().mean(0)):
            got = (a @ along[..., None])[..., 0]
            assert bool(((got >= low - ROUNDING) & (got <= high + ROUNDING))[real].all())
    norms = x.keys.norm(dim=-1)[:, None].expand_as(x.own_mask)
    shortest, longest = extremes(norms, x.own_mask)
    assert bool((out.norm(dim=-1) <= longest.clamp(min=0) + ROUNDING)[real].all())
    if "hard" in options:
        assert bool((levels.norm(dim=-1) >= shortest - ROUNDING)[:, real].all())


# Theorem 2


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("depth", [1, 2, 5, 19])
def test_a_copy_one_level_deeper_with_that_level_off_is_the_same_function(depth: int, score: str) -> None:
    x = draw(depth)
    ham, deeper = build(score, depth, seed=1), build(score, depth + 1, seed=2)
    deeper.score.load_state_dict(ham.score.state_dict())
    c = ham.c.detach() if depth > 1 else torch.zeros(1, dtype=torch.float64)
    deeper.set_levels(torch.cat([c, torch.tensor([-torch.inf], dtype=torch.float64)]))
    for mine, other in zip(deeper(x.query, x.keys, x.own_mask), ham(x.query, x.keys, x.own_mask), strict=True):
        torch.testing.assert_close(mine, other, **EXACT)
    deeper(x.query, x.keys, x.own_mask)[0].square().sum().backward()
    assert deeper.c.grad is not None
    assert bool(deeper.c.grad.isfinite().all())
    assert deeper.c.grad[-1] == 0  # which is why growing starts from a finite number


# Fixed points


def beta(score: str, size: int) -> float:
    """The factor before q.k in the logits."""
    return {"dot": 1.0, "scaled_dot": 1 / math.sqrt(size)}[score]


def energy(q: Tensor, keys: Tensor, factor: float) -> float:
    """E(q) = -(1/beta) logsumexp(beta K q) + ||q||^2 / 2, which modern Hopfield networks descend."""
    return float(-(factor * keys @ q).logsumexp(0) / factor + q.square().sum() / 2)


def steps(ham: Ham, x: Inputs) -> Tensor:
    """(1 + depth, B, M, D): the query and the outputs of all levels."""
    with ham.trace() as trace:
        ham(x.query, x.keys, x.key_mask)
    return torch.cat([x.query[None], trace.weights() @ x.keys])


@SOME
@given(SEEDS, st.sampled_from(("dot", "scaled_dot")), st.sampled_from((0.1, 0.5, 1.0, 3.0)))
def test_the_energy_never_rises(seed: int, score: str, scale: float) -> None:
    x = draw(seed, keys=7)
    x = x._replace(keys=scale * x.keys, query=scale * x.query)
    path = steps(Ham(4, depth=20, score=score), x)
    for b in range(2):
        for m in range(3):
            energies = [energy(q, x.keys[b, x.key_mask[b]], beta(score, 4)) for q in path[:, b, m]]
            for before, after in itertools.pairwise(energies):
                assert after <= before + 1e-9 * max(1.0, abs(before))


@SOME
@given(SEEDS, st.sampled_from(("dot", "scaled_dot")), st.floats(0.05, 0.95))
def test_queries_approach_each_other_below_the_bifurcation(seed: int, score: str, factor: float) -> None:
    """By beta diam(K)^2 / 4 a level at least: the keys are scaled so that it is `factor`, and below 1."""
    x = draw(seed, keys=6)
    keys = x.keys[:1]
    keys = keys * math.sqrt(4 * factor / beta(score, 4)) / diameter(keys[0])
    x = x._replace(query=x.query[:1], keys=keys, key_mask=torch.ones(1, 6, dtype=torch.bool))
    assert beta(score, 4) * diameter(keys[0]) ** 2 / 4 == pytest.approx(factor)
    path = steps(Ham(4, depth=10, score=score), x)[:, 0]
    apart = torch.stack([(path[:, i] - path[:, j]).norm(dim=-1) for i, j in ((0, 1), (0, 2), (1, 2))])
    assert bool((apart[:, 1:] <= factor * apart[:, :-1] + 1e-12).all())


@SOME
@given(SEEDS, st.sampled_from(("dot", "scaled_dot")), st.sampled_from((0.3, 1.0, 3.0)))
def test_the_jacobian_of_a_level_is_the_covariance_of_the_keys(seed: int, score: str, scale: float) -> None:
    """beta Cov_a(keys), whose norm is at most beta diam(K)^2 / 4."""
    x = draw(seed, keys=5)
    ham, keys, query = Ham(4, score=score), scale * x.keys[0], x.query[0, 0]

    def level(q: Tensor) -> Tensor:
        return ham(q[None, None], keys[None])[0][0, 0]

    found = torch.autograd.functional.jacobian(level, query)
    a = ham(query[None, None], keys[None])[1][0, 0]
    centred = keys - a @ keys
    covariance = centred.T @ (a[:, None] * centred)
    torch.testing.assert_close(found, beta(score, 4) * covariance, rtol=1e-9, atol=1e-12)
    assert torch.linalg.matrix_norm(found, 2) <= beta(score, 4) * diameter(keys) ** 2 / 4 * (1 + ROUNDING)


def test_levels_come_to_rest() -> None:
    """||q_i - q_{i-1}|| -> 0: where the factor is 1/2, twenty levels are a fixed point to 2^-19 of the first step."""
    x = draw(1, keys=6)
    keys = x.keys[:1] * math.sqrt(2) / diameter(x.keys[0])
    path = steps(Ham(4, depth=20, score="dot"), x._replace(query=x.query[:1], keys=keys, key_mask=x.key_mask[:1]))
    moves = (path[1:] - path[:-1]).norm(dim=-1)
    assert bool((moves[-1] <= 2.0**-19 * moves[0]).all())
    assert bool((moves[1] > 0).all())
