"""Coherence and places against slow counting."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest

from ham_mrc.quatrains.coherence import PAIR_PRIOR, PLACE_PRIOR, count_coherence, count_places

SIZE = 14


def test_characters_of_different_lines_of_one_poem_belong_together() -> None:
    draw = np.random.default_rng(0)
    poems = [draw.integers(6, 12, (7, 4, 5)), draw.integers(6, 13, (5, 4, 7))]
    together: Counter[tuple[int, int]] = Counter()
    for some in poems:
        for poem in some.tolist():
            for one, other in combinations(poem, 2):
                for a, b in product(one, other):
                    together[a, b] += 1
                    together[b, a] += 1
    totals = Counter[int]()
    for (a, _), count in together.items():
        totals[a] += count
    everything = sum(totals.values())
    given = [6, 8, 6, 1]  # one comes twice, one was never seen
    found = count_coherence(poems, SIZE).with_lines(np.array(given))
    for b in range(SIZE):
        logs = [
            math.log((together[a, b] + PAIR_PRIOR) / (totals[a] * totals[b] / everything + PAIR_PRIOR)) for a in given
        ]
        assert found[b] == pytest.approx(sum(logs) / len(given), abs=1e-9)


def test_counts_that_do_not_fit_are_cut_and_not_wrapped() -> None:
    poems = np.full((5000, 4, 5), 6)  # 5,000 * 6 pairs of lines * 25 pairs of characters, both ways
    assert count_coherence([poems], SIZE).counts.tolist() == [65535]


def test_places() -> None:
    lines = np.array([[6, 7, 8, 9, 6], [6, 8, 7, 9, 6]])
    logs = count_places(lines, SIZE)
    assert np.allclose(np.exp(logs).sum(axis=0), 1)
    assert logs[0, 6] == pytest.approx(math.log((2 + PLACE_PRIOR / 5) / (4 + PLACE_PRIOR)), abs=1e-6)
    assert logs[1, 6] == pytest.approx(math.log((PLACE_PRIOR / 5) / (4 + PLACE_PRIOR)), abs=1e-6)
    assert logs[3, 13] == pytest.approx(math.log(1 / 5), abs=1e-6)
