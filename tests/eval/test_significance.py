"""Intervals and tests against scipy, against full enumeration, and against figures worked out by hand."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ham_mrc.eval.significance import (
    TESTS,
    above_same_below,
    bootstrap_test,
    detectable_alone,
    detectable_difference,
    holm,
    mean_intervals,
    p_over_seeds,
    p_text,
    randomization_test,
    standard_error,
)

POINTS = st.floats(-100, 100, allow_nan=False).map(lambda value: round(value, 3))


def skewed(count: int, shift: float, seed: int) -> list[float]:
    """Differences as they come: most 0, some a whole question."""
    values = np.random.default_rng(seed).choice(
        [0.0, 100.0, -100.0, 33.3, -12.5], count, p=[0.7, 0.1, 0.08, 0.07, 0.05]
    )
    return (values + shift * (values != 0)).tolist()


@pytest.mark.parametrize(("count", "shift"), [(300, 0.0), (300, 6.0), (500, 3.0)])
def test_randomization_agrees_with_scipy(count: int, shift: float) -> None:
    differences = skewed(count, shift, seed=count)
    ours = randomization_test(differences, resamples=20_000)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    ).pvalue
    # Two independent draws of 20,000: each has a standard error below 0.0036.
    assert ours == pytest.approx(theirs, abs=0.015)


def enumerated(differences: list[float]) -> float:
    seen = abs(math.fsum(differences))
    signs = list(itertools.product((1, -1), repeat=len(differences)))
    far = sum(
        abs(math.fsum(s * d for s, d in zip(pattern, differences, strict=True))) >= seen - 1e-9 for pattern in signs
    )
    return far / len(signs)


@given(st.lists(POINTS, min_size=1, max_size=8))
@settings(deadline=None)
def test_few_differences_are_enumerated(differences: list[float]) -> None:
    assert randomization_test(differences) == pytest.approx(enumerated(differences), abs=1e-12)


def test_exact_agrees_with_scipy() -> None:
    differences = [3.0, 1.5, -0.5, 2.0, 4.0, -1.0, 2.5, 0.5]
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert randomization_test(differences) == pytest.approx(exact, abs=1e-12)


def test_one_correction() -> None:
    """With a difference no random pattern reaches, p is 1 / (m + 1), never 0."""
    differences = [1.0] * 60
    assert randomization_test(differences, resamples=999) == 1 / 1000
    assert bootstrap_test([1.0, 1.1] * 30, resamples=999) == 1 / 1000


@pytest.mark.parametrize("name", sorted(TESTS))
def test_laws_of_both_tests(name: str) -> None:
    test = TESTS[name]
    differences = skewed(200, 4.0, seed=3)
    p = test(differences)
    assert 0 < p <= 1
    assert test(differences) == p  # the same seed
    assert test(differences, seed=14) != p
    assert test([-d for d in differences]) == pytest.approx(p, abs=0.02)  # two-sided
    assert test([0.0] * 50) == 1.0
    assert test([d + 30 for d in differences]) < 0.001
    # Every question a passage of its own: the same test, in another order of the same units.
    assert test(differences, clusters=list(range(200))) == p


def test_p_values_are_uniform_without_a_difference() -> None:
    """The level holds: of 300 pairs of equals, about 5% are called different."""
    generator = np.random.default_rng(5)
    rejected = {"randomization": 0, "bootstrap": 0}
    for _ in range(300):
        differences = generator.normal(0, 30, size=40)
        for name, test in TESTS.items():
            rejected[name] += test(differences, resamples=500) < 0.05
    # Binomial(300, 0.05) lies between 5 and 28 in all but one of a thousand.
    assert 5 <= rejected["randomization"] <= 28
    assert 5 <= rejected["bootstrap"] <= 32  # a little too small for 40 questions, as is known of it


def test_bootstrap_test_agrees_with_the_normal_approximation() -> None:
    differences = skewed(3000, 1.0, seed=9)
    z = np.mean(differences) / (np.std(differences) / math.sqrt(len(differences)))
    assert bootstrap_test(differences) == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.015)


def test_intervals_agree_with_scipy() -> None:
    scores = np.random.default_rng(2).choice([0.0, 100.0, 66.7], 900, p=[0.3, 0.5, 0.2])
    other = np.random.default_rng(3).normal(50, 20, 900)
    ours = mean_intervals([scores, other], resamples=5000)
    for values, (low, high) in zip((scores, other), ours, strict=True):
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(4)
        ).confidence_interval
        spread = values.std() / 30
        assert low == pytest.approx(theirs.low, abs=0.15 * spread)
        assert high == pytest.approx(theirs.high, abs=0.15 * spread)


def test_level_of_intervals() -> None:
    values = np.random.default_rng(2).normal(50, 20, 900)
    (wide,), (narrow,) = mean_intervals([values]), mean_intervals([values], level=0.5)
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]
    width = (narrow[1] - narrow[0]) / (wide[1] - wide[0])
    assert width == pytest.approx(stats.norm.ppf(0.75) / stats.norm.ppf(0.975), abs=0.03)


@given(st.lists(POINTS, min_size=1, max_size=30), st.integers(0, 5))
@settings(deadline=None)
def test_intervals_lie_among_the_values_and_repeat(values: list[float], seed: int) -> None:
    (low, high), (again_low, again_high) = mean_intervals([values, values], resamples=200, seed=seed)
    assert (low, high) == (again_low, again_high) == mean_intervals([values], resamples=200, seed=seed)[0]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_clusters_that_agree_count_once() -> None:
    """Five copies of each question say no more than one, and the cluster versions know it."""
    single = skewed(120, 5.0, seed=8)
    copies = [value for value in single for _ in range(5)]
    passages = [place for place in range(120) for _ in range(5)]
    assert mean_intervals([copies], clusters=passages)[0] == pytest.approx(mean_intervals([single])[0])
    for test in TESTS.values():
        assert test(copies, clusters=passages) == pytest.approx(test(single), abs=1e-12)
        assert test(copies) < test(single)
    assert standard_error(copies, passages) == pytest.approx(standard_error(single))
    assert detectable_difference(copies, clusters=passages) == pytest.approx(detectable_difference(single))


def test_cluster_names_and_order_do_not_matter() -> None:
    values, passages = [10.0, 0.0, 40.0, 20.0, 0.0, 5.0], [0, 0, 1, 1, 2, 2]
    assert mean_intervals([values], clusters=passages) == mean_intervals([values], clusters=[7, 7, 8, 8, 9, 9])
    assert standard_error(values, passages) == pytest.approx(standard_error(values[::-1], passages[::-1]))


@pytest.mark.parametrize(("level", "ends"), [(0.95, (30.0, 45.0)), (0.9, (36.0, 300 / 7)), (0.6, (37.5, 42.0))])
def test_uneven_clusters_against_all_resamples(level: float, ends: tuple[float, float]) -> None:
    """Three passages of 1, 2 and 3 questions with sums 30, 90, 120: all 27 draws written out and sorted by mean.

    30 | 36 36 36 | 37.5 37.5 37.5 | 270/7 3 times | 40 7 times | 41.25 3 times | 42 42 42 | 300/7 3 times | 45
    """
    values, passages = [30.0, 0.0, 90.0, 60.0, 60.0, 0.0], [0, 1, 1, 2, 2, 2]
    found = mean_intervals([values], clusters=passages, resamples=20_000, level=level)[0]
    assert found == pytest.approx(ends)


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        # By hand: 0.01 * 3; 0.02 * 2; 0.04 * 1.
        ([0.01, 0.04, 0.02], [0.03, 0.04, 0.04]),
        # 0.005 * 4 = 0.02; 0.03 * 3 = 0.09; 0.04 * 2 = 0.08, not below 0.09; 0.04 * 1 likewise.
        ([0.04, 0.005, 0.03, 0.04], [0.09, 0.02, 0.09, 0.09]),
        ([0.6, 0.9], [1.0, 1.0]),
        ([0.03], [0.03]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values: list[float], corrected: list[float]) -> None:
    assert holm(p_values) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_laws_of_holm(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for p, q in zip(p_values, corrected, strict=True):
        assert p <= q <= 1
    ranked = sorted(zip(p_values, corrected, strict=True))
    assert [q for _, q in ranked] == sorted(corrected)
    # Never stricter than Bonferroni, and equal to it for the smallest.
    assert min(corrected) == pytest.approx(min(1.0, min(p_values) * len(p_values)))


def test_detectable_difference_by_the_formula() -> None:
    # sd of (-10, 10, -10, 10) is 20 / sqrt(3); z(0.975) + z(0.8) = 1.959964 + 0.841621.
    assert detectable_difference([-10.0, 10.0, -10.0, 10.0]) == pytest.approx(
        2.801585 * 20 / math.sqrt(3) / 2, rel=1e-6
    )
    assert detectable_alone([-10.0, 10.0, -10.0, 10.0]) == pytest.approx(2.801585 * 20 * math.sqrt(2 / 3) / 2, rel=1e-6)
    assert detectable_difference([5.0]) == math.inf
    assert detectable_difference([5.0, 5.0]) == 0.0
    assert detectable_difference([]) == math.inf


def test_detectable_difference_is_detected_at_its_power() -> None:
    """Of 400 samples with that very true difference, 80% show it."""
    generator = np.random.default_rng(1)
    size = detectable_difference(generator.normal(0, 30, 20_000)) * math.sqrt(20_000 / 100)
    found = sum(abs(stats.ttest_1samp(generator.normal(size, 30, 100), 0).pvalue) < 0.05 for _ in range(400))
    assert 0.74 < found / 400 < 0.86


def test_standard_error_without_clusters() -> None:
    values = skewed(300, 2.0, seed=6)
    assert standard_error(values) == pytest.approx(stats.sem(values))


def test_above_same_below() -> None:
    assert above_same_below([1.0, 0.0, -2.0, 1e-12, -1e-12, 3.0]) == (2, 3, 1)


def test_p_text() -> None:
    assert [p_text(p) for p in (1.0, 0.01234, 0.0001, 0.00009)] == ["1.0000", "0.0123", "0.0001", "<0.0001"]


def test_no_questions() -> None:
    with pytest.raises(ValueError, match="no questions"):
        mean_intervals([[]])


def test_ten_thousand_by_ten_thousand_in_seconds() -> None:
    differences = skewed(10_000, 1.0, seed=1)
    begin = time.process_time()
    randomization_test(differences)
    bootstrap_test(differences)
    mean_intervals([differences])
    assert time.process_time() - begin < 15  # about 1 s on an idle core


def test_p_over_seeds_by_hand() -> None:
    assert p_over_seeds([1.0]) is None
    assert p_over_seeds([float(gain) for gain in range(1, 7)]) == 2 / 64
    # 3, 2 and -1: sums of signed differences are 6, 4, 2 and 0, above and below 0; 4 and 6 are as far out as 4.
    assert p_over_seeds([3.0, 2.0, -1.0]) == 4 / 8
