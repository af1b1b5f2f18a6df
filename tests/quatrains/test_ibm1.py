"""IBM model 1 against a slow loop and against the worked example of its authors' tutorial tradition."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from ham_mrc.quatrains.ibm1 import EMPTY, FLOOR, train_ibm1

SIZE = 12


def slow(pairs: list[tuple[list[int], list[int]]], rounds: int) -> dict[tuple[int, int], float]:
    """t(e | f) by the equations of Brown et al. 1993, section 4.1, one pair of words at a time."""
    t = {(f, e): 1.0 for given, other in pairs for f in [EMPTY, *given] for e in other}
    for _ in range(rounds):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        for given, other in pairs:
            for e in other:
                total = sum(t[f, e] for f in [EMPTY, *given])
                for f in [EMPTY, *given]:
                    counts[f, e] += t[f, e] / total
        totals: dict[int, float] = defaultdict(float)
        for (f, _), count in counts.items():
            totals[f] += count
        t = {pair: count / totals[pair[0]] for pair, count in counts.items()}
    return t


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_every_round_follows_the_equations(rounds: int) -> None:
    draw = np.random.default_rng(1)
    fives, sevens = draw.integers(6, SIZE, (2, 9, 5)), draw.integers(6, SIZE, (2, 4, 7))
    lexicon = train_ibm1([(fives[0], fives[1]), (sevens[0], sevens[1])], SIZE, rounds=rounds)
    pairs = [*zip(fives[0].tolist(), fives[1].tolist(), strict=True)]
    pairs += [*zip(sevens[0].tolist(), sevens[1].tolist(), strict=True)]
    expected = slow(pairs, rounds)
    assert len(lexicon.pairs) == len(expected)
    given, other = (np.array(column) for column in zip(*expected, strict=True))
    assert np.allclose(np.exp(lexicon.log_prob(given, other)), list(expected.values()), rtol=1e-5)
    for f in {EMPTY, *given.tolist()}:
        assert np.exp(lexicon.log_prob(np.full(SIZE, f), np.arange(SIZE))).sum() == pytest.approx(1, abs=1e-4)


def test_what_never_met_has_the_floor() -> None:
    lexicon = train_ibm1([(np.array([[6, 7]]), np.array([[8, 9]]))], SIZE)
    assert lexicon.log_prob(np.array([8]), np.array([6]))[0] == pytest.approx(np.log(FLOOR))


def test_words_that_always_meet_are_aligned() -> None:
    # 6 and 8, 7 and 9 stand in the same pairs of lines, crosswise; 10 has nothing of its own.
    given = np.array([[6, 7], [6, 11], [7, 11], [6, 10]] * 5)
    other = np.array([[9, 8], [5, 8], [9, 5], [8, 8]] * 5)
    lexicon = train_ibm1([(given, other)], SIZE, rounds=10)
    assert lexicon.alignment(given[:1], other[:1]).tolist() == [[1, 0]]
