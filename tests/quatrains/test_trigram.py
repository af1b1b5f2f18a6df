"""The trigram against its own formula, written out with dictionaries, and against what probabilities must do."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.poem_vocab import END, S5, S7, SPECIALS, UNK
from ham_mrc.quatrains.trigram import NEVER, Trigram, count_trigrams, find, ragged

SIZE = len(SPECIALS) + 8


def some_lines(seed: int, count: int = 40) -> dict[int, np.ndarray]:
    """Lines of five and of seven characters, a few of them common, with an unknown one here and there."""
    draw = np.random.default_rng(seed)
    lines = {}
    for start, length in ((S5, 5), (S7, 7)):
        lines[start] = np.minimum(len(SPECIALS) + draw.geometric(0.3, (count, length)) - 1, SIZE - 1)
        lines[start][draw.random(lines[start].shape) < 0.03] = UNK
    return lines


class Slow:
    """The formula of the module's first lines, order by order, one n-gram at a time."""

    def __init__(self, lines: dict[int, np.ndarray]) -> None:
        self.counts: list[Counter[tuple[int, ...]]] = [Counter(), Counter(), Counter(), Counter()]
        for start, some in lines.items():
            for line in some.tolist():
                text = [start, start, *line, END]
                for place in range(2, len(text)):
                    for order in (1, 2, 3):
                        self.counts[order][tuple(text[place - order + 1 : place + 1])] += 1

    def p(self, gram: tuple[int, ...]) -> float:
        order = len(gram)
        if order == 0:
            return 1 / (SIZE - len(NEVER))
        seen = {one: count for one, count in self.counts[order].items() if one[:-1] == gram[:-1]}
        shorter = 0.0 if order == 1 and gram[0] in NEVER else self.p(gram[1:])
        if not seen:
            return shorter
        values = list(self.counts[order].values())
        once, twice = values.count(1), values.count(2)
        discount = once / (once + 2 * twice) if once and twice else 0.5
        total = sum(seen.values())
        return max(seen.get(gram, 0) - discount, 0) / total + discount * len(seen) / total * shorter


@pytest.mark.parametrize("seed", [0, 1])
def test_every_probability_follows_the_formula(seed: int) -> None:
    lines = some_lines(seed)
    trigram, slow = count_trigrams(lines, SIZE), Slow(lines)
    contexts = [(S5, S5), (S7, 7), (6, 6), (7, 6), (13, 13), (UNK, 6)]
    logs = trigram.next_log_probs(np.array([a for a, _ in contexts]), np.array([b for _, b in contexts]))
    expected = [[slow.p((a, b, c)) for c in range(SIZE)] for a, b in contexts]
    assert np.allclose(np.exp(logs), expected, rtol=1e-5, atol=0)


def test_a_number_by_hand() -> None:
    # One line a b a b a. Single: a 3, b 2, END 1, so D1 = 1 / (1 + 2). Pairs: S a, a b twice, b a twice, a END, so
    # D2 = 2 / (2 + 4). Triples: S S a, S a b, a b a twice, b a b, b a END, so D3 = 4 / (4 + 2).
    a, b = 6, 7
    trigram = count_trigrams({S5: np.array([[a, b, a, b, a]])}, size=8)
    unigram_b = (2 - 1 / 3) / 6 + (1 / 3) * 3 / 6 * (1 / 4)  # UNK, END, a and b can stand in a line
    pair_ab = (2 - 1 / 3) / 3 + (1 / 3) * 2 / 3 * unigram_b  # after a: b twice, END once
    assert trigram.log_prob(np.array([b]), np.array([a]), np.array([b]))[0] == pytest.approx(
        math.log((1 - 2 / 3) / 2 + (2 / 3) * 2 / 2 * pair_ab), abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(6, 9), min_size=5, max_size=5), min_size=1, max_size=12), st.data())
def test_probabilities_after_any_two_symbols_sum_to_one(lines: list[list[int]], data: st.DataObject) -> None:
    trigram = count_trigrams({S5: np.array(lines)}, SIZE)
    pair = data.draw(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)))
    chances = np.exp(trigram.next_log_probs(np.array([pair[0]]), np.array([pair[1]])).astype(np.float64))[0]
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert (chances[NEVER] == 0).all()
    assert (np.delete(chances, NEVER) > 0).all()


def test_single_probabilities_are_those_of_the_row_and_a_line_is_their_sum() -> None:
    lines = some_lines(3)
    trigram = count_trigrams(lines, SIZE)
    draw = np.random.default_rng(0)
    first, second, third = draw.integers(6, SIZE, (3, 50))
    rows = trigram.next_log_probs(first, second)
    assert np.allclose(trigram.log_prob(first, second, third), rows[np.arange(50), third], atol=1e-6)
    text = [S7, S7, *lines[S7][0].tolist(), END]
    slow = Slow(lines)
    expected = sum(math.log(slow.p((text[i], text[i + 1], text[i + 2]))) for i in range(8))
    assert trigram.line_log_probs(lines[S7][:1], S7)[0] == pytest.approx(expected, abs=1e-4)


def test_its_arrays_are_all_it_is() -> None:
    lines = some_lines(4)
    trigram = count_trigrams(lines, SIZE)
    again = Trigram(trigram.arrays())
    assert np.array_equal(trigram.line_log_probs(lines[S5], S5), again.line_log_probs(lines[S5], S5))


def test_find_and_ragged() -> None:
    rows, there = find(np.array([2, 5, 9]), np.array([5, 10, 1, 9]))
    assert there.tolist() == [True, False, False, True]
    assert rows[there].tolist() == [1, 2]
    assert ragged(np.array([4, 0, 7]), np.array([2, 0, 3])).tolist() == [4, 5, 7, 8, 9]
