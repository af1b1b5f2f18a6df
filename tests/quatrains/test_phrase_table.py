"""The phrase table against slow counting, and its limits."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from ham_mrc.data_prep.poem_vocab import SPECIALS, UNK
from ham_mrc.quatrains import phrase_table
from ham_mrc.quatrains.ibm1 import Lexicon, train_ibm1
from ham_mrc.quatrains.phrase_table import (
    ALWAYS,
    LIMIT,
    PRIOR,
    PhraseTable,
    aligned_spans,
    build_table,
    can_be_written,
    placed_spans,
)

SIZE = len(SPECIALS) + 30


def lines(seed: int, count: int = 60, length: int = 5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    above = np.minimum(len(SPECIALS) + draw.geometric(0.2, (count, length)) - 1, SIZE - 1)
    below = np.where(draw.random(above.shape) < 0.5, above + 1, above[:, ::-1])
    below = np.minimum(below, SIZE - 1)
    below[0, 0] = UNK
    return above, below


def lexicons(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Lexicon, Lexicon]:
    return train_ibm1(pairs, SIZE), train_ibm1([(e, f) for f, e in pairs], SIZE)


@pytest.fixture(scope="module")
def counted() -> tuple[PhraseTable, list[tuple[np.ndarray, np.ndarray]], tuple[Lexicon, Lexicon]]:
    pairs = [lines(0, 500), lines(1, 100, 7)]
    both = lexicons(pairs)
    return build_table(lambda k: placed_spans(pairs, k), both, SIZE), pairs, both


@pytest.mark.parametrize("k", [1, 2, 3])
def test_scores_are_those_of_slow_counting(k: int, counted: tuple[PhraseTable, list, tuple]) -> None:
    table, pairs, both = counted
    spans: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for above, below in pairs:
        for f, e in zip(above.tolist(), below.tolist(), strict=True):
            spans.update((tuple(f[i : i + k]), tuple(e[i : i + k])) for i in range(len(f) - k + 1))
    sources, targets = Counter[tuple[int, ...]](), Counter[tuple[int, ...]]()
    for (f, e), count in spans.items():
        sources[f] += count
        targets[e] += count
    total, seen = sum(spans.values()), 0
    for f in sources:
        found = table.entries(np.array(f), k)
        wanted = {
            e for (g, e), count in spans.items()
            if g == f and (k == 1 or count > 1) and UNK not in e and len(set(e)) == k
        }  # fmt: skip
        written = {tuple(one) for one in found.written.tolist()}
        assert written == wanted if k > 1 else wanted <= written
        for e, scores in zip(map(tuple, found.written.tolist()), found.scores.tolist(), strict=True):
            count = spans[f, e]
            phrase = (count + PRIOR * max(targets[e], 0.5) / total) / (sources[f] + PRIOR)
            inverse = (count + PRIOR * max(sources[f], 0.5) / total) / (max(targets[e], 0) + PRIOR)
            lexical = sum(both[0].log_prob(np.array([a]), np.array([b]))[0] for a, b in zip(f, e, strict=True))
            back = sum(both[1].log_prob(np.array([b]), np.array([a]))[0] for a, b in zip(f, e, strict=True))
            assert scores == pytest.approx([math.log(phrase), math.log(inverse), lexical, back], abs=1e-4)
            seen += 1
    assert seen > 20


def test_a_character_that_was_never_seen_has_the_commonest_ones(counted: tuple[PhraseTable, list, tuple]) -> None:
    table, pairs, _ = counted
    found = table.entries(np.array([SIZE - 2, UNK]), 1)
    counts = Counter(np.concatenate([below.ravel() for _, below in pairs]).tolist())
    commonest = {character for character, _ in counts.most_common(ALWAYS + 1) if character != UNK}
    for place in (0, 1):
        assert len(commonest & set(found.written[found.place == place, 0].tolist())) >= ALWAYS


def test_a_line_has_the_entries_of_each_of_its_spans(counted: tuple[PhraseTable, list, tuple]) -> None:
    table, pairs, _ = counted
    line = pairs[0][0][3]
    found = table.entries(line, 2)
    for place in range(4):
        own = table.entries(line[place : place + 2], 2)
        assert np.array_equal(found.written[found.place == place], own.written)
        assert np.array_equal(found.scores[found.place == place], own.scores)


def test_a_span_has_at_most_the_limit_and_the_most_probable_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [lines(2, 400)]
    both = lexicons(pairs)
    full = build_table(lambda k: placed_spans(pairs, k), both, SIZE).entries(np.array([len(SPECIALS)]), 1)
    monkeypatch.setattr(phrase_table, "LIMIT", 5)
    few = build_table(lambda k: placed_spans(pairs, k), both, SIZE).entries(np.array([len(SPECIALS)]), 1)
    assert 5 < len(full.place) <= LIMIT
    assert len(few.place) == 5
    assert np.array_equal(few.scores[:, 0], np.sort(full.scores[:, 0])[::-1][:5])


def test_what_can_be_written() -> None:
    spans = np.array([[6, 7, 8], [6, 7, 6], [6, 6, 7], [6, 7, 7], [6, UNK, 7]])
    assert can_be_written(spans).tolist() == [True, False, False, False, False]


class Fixed:
    """An alignment that is given."""

    def __init__(self, links: list[int]) -> None:
        self.links = np.array([links])

    def alignment(self, given: np.ndarray, other: np.ndarray) -> np.ndarray:
        return self.links


def test_aligned_spans_are_linked_with_one_another_and_with_nothing_else() -> None:
    above, below = np.array([[6, 7, 8, 9, 10]]), np.array([[16, 17, 18, 19, 20]])
    # By below: 16-7, 17-6, 18-9, 19-none, 20-10; the second direction agrees, but for 18-9.
    forward, back = Fixed([1, 0, 3, -1, 4]), Fixed([1, 0, -1, -1, 4])
    links = {(1, 0), (0, 1), (4, 4)}  # (place above, place below)
    for k in (1, 2, 3):
        expected = []
        for i in range(5 - k + 1):
            for j in range(5 - k + 1):
                inside = [(i <= s < i + k, j <= t < j + k) for s, t in links]
                if all(a == b for a, b in inside) and any(a for a, _ in inside):
                    expected.append((above[0, i : i + k].tolist(), below[0, j : j + k].tolist()))
        found = aligned_spans([(above, below)], (forward, back), k)  # type: ignore[arg-type]
        assert sorted(zip(found[0].tolist(), found[1].tolist(), strict=True)) == sorted(expected)
        assert expected
