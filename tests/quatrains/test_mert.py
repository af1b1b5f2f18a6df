"""Minimum error rate training: the line search against every stretch there is, and what tuning promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.eval.quatrains import LineCounts
from ham_mrc.quatrains.mert import Candidate, Candidates, decoded_figure, line_search, tune

CELLS = [0, 0, 0, 0, 1, 1, 1]
FEATURES = 4


def some_candidates(seed: int, most: int = 7) -> list[list[Candidate]]:
    """Up to `most` for each line, with counts like those of lines of five characters."""
    draw = np.random.default_rng(seed)
    lists = []
    for line in range(len(CELLS)):
        rows = []
        for number in range(draw.integers(1, most + 1)):
            matches = int(draw.integers(0, 6))
            counts = LineCounts(matches, int(draw.integers(0, max(matches, 1))), 5, 4, 5)
            rows.append(Candidate(f"{line}-{number}", draw.normal(size=FEATURES).round(3), counts))
        lists.append(rows)
    return lists


def figure(lists: list[list[Candidate]], weights: np.ndarray) -> float:
    """The mean over cells of BLEU-2 of each line's best candidate: sqrt(p1 p2), the lengths being right."""
    figures = []
    for cell in sorted(set(CELLS)):
        own = [lists[row] for row in range(len(CELLS)) if CELLS[row] == cell]
        best = [max(candidates, key=lambda one: float(one.features @ weights)).counts for candidates in own]
        m1, m2 = sum(one.matches_1 for one in best), sum(one.matches_2 for one in best)
        figures.append(100 * np.sqrt(m1 / (5 * len(best)) * m2 / (4 * len(best))))
    return float(np.mean(figures))


def pool(lists: list[list[Candidate]]) -> Candidates:
    candidates = Candidates(CELLS)
    candidates.add(lists)
    return candidates


@pytest.mark.parametrize("seed", range(12))
def test_the_line_search_is_exact(seed: int) -> None:
    lists, draw = some_candidates(seed), np.random.default_rng(seed)
    weights, direction = draw.normal(size=(2, FEATURES))
    # Between two neighbouring crossings of any two candidates of a line nothing changes: try the middle of each.
    crossings = []
    for candidates in lists:
        for one, other in itertools.combinations(candidates, 2):
            rise = (other.features - one.features) @ direction
            crossings.append(float((one.features - other.features) @ weights / rise))
    crossings.sort()
    middles = [(a + b) / 2 for a, b in itertools.pairwise(crossings)] + [crossings[0] - 1, crossings[-1] + 1]
    best = max(figure(lists, weights + x * direction) for x in middles)

    features, counts, there = pool(lists).arrays()
    step, gain = line_search(features, counts, there, np.array(CELLS), weights, direction)
    assert figure(lists, weights + step * direction) == pytest.approx(best, abs=1e-9)
    assert gain == pytest.approx(best - figure(lists, weights), abs=1e-9)


def test_by_hand() -> None:
    # Along the second weight the good candidate overtakes the bad one at 2 and the ugly one overtakes it at 5.
    def one(name: str, first: float, second: float, matches: int) -> Candidate:
        return Candidate(name, np.array([first, second]), LineCounts(matches, matches, 5, 4, 5))

    candidates = Candidates([0])
    assert candidates.add([[one("bad", 2, 0, 1), one("good", 0, 1, 3), one("ugly", -5, 2, 2)]]) == 3
    features, counts, there = candidates.arrays()
    step, gain = line_search(features, counts, there, np.array([0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert step == pytest.approx((2 + 5) / 2)
    assert gain == pytest.approx(100 * (np.sqrt(3 / 5 * 3 / 4) - np.sqrt(1 / 5 * 1 / 4)))


def test_slopes_that_rounding_tells_apart_are_one() -> None:
    """2/3 + 1/3 and the like: of two parallel lines the higher one counts, though the other is a trifle less steep."""
    flat, features = np.nextafter(2.0, 0.0), [[0.0, 0.0], [1.0, 2.0], [-5.0, 5.0]]
    features[0][1] = float(flat)
    matches = (1, 3, 2)
    candidates = Candidates([0])
    rows = [
        Candidate(str(row), np.array(row), LineCounts(n, n, 5, 4, 5)) for row, n in zip(features, matches, strict=True)
    ]
    candidates.add([rows])
    step, gain = line_search(
        *candidates.arrays(), np.array([0]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    )  # the third overtakes the second at 2
    assert gain == 0
    assert max(rows, key=lambda one: float(one.features @ [1.0, step])).counts.matches_1 == 3


def test_equal_candidates_are_taken_once_and_other_cuts_of_a_text_are_others() -> None:
    candidates = Candidates([0])
    counts = LineCounts(1, 1, 5, 4, 5)
    assert candidates.add([[Candidate("a", np.array([1.0, 2.0]), counts)] * 2]) == 1
    assert candidates.add([[Candidate("a", np.array([1.0, 2.5]), counts)]]) == 1
    assert candidates.add([[Candidate("a", np.array([1.0, 2.0]), counts)]]) == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 8))
def test_tuning_never_lowers_the_figure(seed: int, shown: int, rounds: int) -> None:
    lists, start = some_candidates(seed, 12), np.random.default_rng(seed).normal(size=FEATURES)

    def decode(weights: np.ndarray) -> list[list[Candidate]]:
        # A decoder shows its best few alone, so that what tuning expects of new weights may prove wrong.
        return [sorted(some, key=lambda one: -float(one.features @ weights))[:shown] for some in lists]

    tuned = tune(decode, CELLS, start, free=range(FEATURES), seed=seed, rounds=rounds)
    assert tuned.history[0] == pytest.approx(figure(lists, start), abs=1e-9)
    assert tuned.figure == max(tuned.history) >= tuned.history[0]
    assert figure(lists, tuned.weights) == pytest.approx(tuned.figure, abs=1e-9)
    assert np.abs(tuned.weights).sum() == pytest.approx(1)
    again = tune(decode, CELLS, start, free=range(FEATURES), seed=seed, rounds=rounds)
    assert np.array_equal(again.weights, tuned.weights)


def test_what_proves_worse_is_not_kept() -> None:
    # Wherever the better candidate passes the first one, a third that nobody has seen yet passes them both.
    first = Candidate("first", np.array([1.0, 0.0]), LineCounts(2, 1, 5, 4, 5))
    better = Candidate("better", np.array([0.0, 1.0]), LineCounts(4, 3, 5, 4, 5))
    trap = Candidate("trap", np.array([-5.0, 6.0]), LineCounts(1, 0, 5, 4, 5))

    def decode(weights: np.ndarray) -> list[list[Candidate]]:
        return [sorted([first, better, trap], key=lambda one: -float(one.features @ weights))[:2]]

    start = np.array([0.9, 0.1])
    tuned = tune(decode, [0], start, free=[0, 1], seed=0, rounds=2)
    assert len(tuned.history) == 2
    assert tuned.history[1] == 0
    assert tuned.figure == tuned.history[0] > 0
    assert tuned.weights.tolist() == start.tolist()


def test_tuning_reaches_what_one_feature_tells() -> None:
    # The third feature is the number of matches itself; the start looks away from it.
    lists = [
        [Candidate(f"{n}", np.array([-n, 0.1 * n, n, 0.0]), LineCounts(n, n - 1, 5, 4, 5)) for n in range(1, 6)]
        for _ in CELLS
    ]
    tuned = tune(lambda weights: lists, CELLS, np.array([1.0, 0.0, 0.1, 0.0]), free=[0, 2], seed=1)
    assert tuned.figure < 100  # what this decoder shows first is its worst, whatever the weights
    honest = tune(
        lambda weights: [sorted(some, key=lambda one: -float(one.features @ weights)) for some in lists],
        CELLS,
        np.array([1.0, 0.0, 0.1, 0.0]),
        free=[0, 2],
        seed=1,
    )
    assert honest.figure == pytest.approx(100)
    assert honest.weights[[1, 3]].tolist() == [0, 0]


def test_a_line_that_nothing_was_found_for_adds_nothing() -> None:
    lists = some_candidates(1)
    without = [[] if row == 0 else candidates for row, candidates in enumerate(lists)]
    assert decoded_figure(without, np.array(CELLS)) != decoded_figure(lists, np.array(CELLS))
    assert tune(lambda weights: without, CELLS, np.ones(FEATURES), free=range(FEATURES), seed=0).figure >= 0
