"""The decoder against every line that can be written, on a vocabulary small enough to try them all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ham_mrc.data_prep.poem_vocab import END, SPECIALS
from ham_mrc.quatrains.smt_decoder import Options, decode

FIRST = len(SPECIALS)
SIZE = FIRST + 6
FEATURES = 4
TRIGRAM, NETWORK = 2, 3


def some_options(seed: int, length: int) -> Options:
    """Options of one to three characters at each place, every single character among them."""
    draw = np.random.default_rng(seed)
    rows = []
    for place in range(length):
        singles = [(character,) for character in range(FIRST, SIZE)]
        longer = [
            tuple(draw.permutation(np.arange(FIRST, SIZE))[:k].tolist())
            for k in draw.integers(2, 4, 5)
            if place + k <= length
        ]
        rows += [(place, written) for written in [*singles, *dict.fromkeys(longer)]]
    gains = draw.normal(size=(len(rows), 3, FEATURES))
    gains[:, :, [TRIGRAM, NETWORK]] = 0
    for row, (_, written) in enumerate(rows):
        gains[row, len(written) :] = 0
    return Options(
        np.searchsorted([place for place, _ in rows], np.arange(length + 1)),
        np.array([written + (0,) * (3 - len(written)) for _, written in rows]),
        np.array([len(written) for _, written in rows]),
        gains,
    )


class Table:
    """A scorer whose log P depends on the last two symbols; each row of its table sums to 1."""

    def __init__(self, seed: int, column: int) -> None:
        chances = np.random.default_rng(seed).dirichlet(np.full(SIZE, 0.5), (SIZE, SIZE))
        self.logs, self.column = np.log(np.maximum(chances, 1e-9)), column
        self.last = np.zeros(1, dtype=int)

    def begin(self) -> np.ndarray:
        self.last = np.zeros(1, dtype=int)
        return self.logs[[0], [0]]

    def follow(self, parents: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        first, self.last = self.last[parents], symbols
        return self.logs[first, symbols]

    def line(self, line: tuple[int, ...]) -> float:
        text = [0, 0, *line, END]
        return float(sum(self.logs[text[i], text[i + 1], text[i + 2]] for i in range(len(line) + 1)))


def every_way(options: Options, length: int, place: int = 0) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Every line without a character twice with the features of every way to cut it."""
    if place == length:
        yield (), np.zeros(FEATURES)
        return
    for row in range(options.begins[place], options.begins[place + 1]):
        k = int(options.lengths[row])
        head = tuple(options.written[row, :k].tolist())
        for tail, features in every_way(options, length, place + k):
            if not set(head) & set(tail):
                yield head + tail, features + options.gains[row].sum(axis=0)


def best_lines(
    options: Options, scorers: list[Table], weights: np.ndarray, length: int
) -> dict[tuple[int, ...], float]:
    """The score of every line, best first, each cut in its best way."""
    best: dict[tuple[int, ...], float] = {}
    for line, features in every_way(options, length):
        for scorer in scorers:
            features[scorer.column] = scorer.line(line)
        best[line] = max(best.get(line, -np.inf), float(features @ weights))
    return dict(sorted(best.items(), key=lambda item: -item[1]))


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_search_finds_the_best_of_all_lines(seed: int) -> None:
    options, scorers = some_options(seed, 4), [Table(seed, TRIGRAM), Table(seed + 9, NETWORK)]
    weights = np.random.default_rng(seed).normal(size=FEATURES)
    expected = best_lines(options, scorers, weights, 4)
    found = decode(options, scorers, weights, width=100_000, n=20)
    assert [tuple(one.characters.tolist()) for one in found] == list(expected)[:20]
    assert [one.score for one in found] == pytest.approx(list(expected.values())[:20], abs=1e-9)
    for one in found:
        assert float(one.features @ weights) == pytest.approx(one.score, abs=1e-9)
        line = tuple(one.characters.tolist())
        assert one.features[TRIGRAM] == pytest.approx(scorers[0].line(line), abs=1e-9)
        assert one.features[NETWORK] == pytest.approx(scorers[1].line(line), abs=1e-9)


def test_all_lines_are_different_and_a_narrow_search_is_never_better() -> None:
    options, scorers, weights = some_options(5, 4), [Table(5, TRIGRAM)], np.array([0.4, 0.2, 0.5, 0.0])
    wide = decode(options, scorers, weights, width=100_000, n=1000)
    assert len({tuple(one.characters.tolist()) for one in wide}) == len(wide) == 6 * 5 * 4 * 3
    best = [decode(options, scorers, weights, width=width)[0].score for width in (1, 3, 30)]
    assert max(best) <= wide[0].score + 1e-9
    assert best[2] >= best[0] - 1e-9


def test_width_one_without_longer_spans_takes_the_best_character_each_time() -> None:
    options, scorer, weights = some_options(6, 5), Table(6, TRIGRAM), np.array([0.3, 0.1, 0.6, 0.0])
    single = options.lengths == 1
    begins = np.array([int(single[:begin].sum()) for begin in options.begins])
    options = Options(begins, options.written[single], options.lengths[single], options.gains[single])
    line: list[int] = []
    for place in range(5):
        text, rows = [0, 0, *line], range(begins[place], begins[place + 1])
        score = {int(options.written[row, 0]): options.gains[row, 0] @ weights for row in rows}
        score = {c: gain + weights[TRIGRAM] * scorer.logs[text[-2], text[-1], c] for c, gain in score.items()}
        line.append(max((c for c in score if c not in line), key=score.__getitem__))
    assert decode(options, [scorer], weights, width=1)[0].characters.tolist() == line


def test_costs_are_taken_off_and_what_is_forbidden_is_never_written() -> None:
    options, scorers, weights = some_options(7, 4), [Table(7, TRIGRAM)], np.array([0.4, 0.2, 0.5, 0.0])
    price = np.zeros((4, SIZE))
    price[1, FIRST], price[0, FIRST + 1], price[3, FIRST + 2] = 0.7, np.inf, np.inf
    expected = {
        line: score - sum(price[place, character] for place, character in enumerate(line))
        for line, score in best_lines(options, scorers, weights, 4).items()
    }
    expected = dict(sorted(expected.items(), key=lambda item: -item[1]))
    found = decode(
        options,
        scorers,
        weights,
        width=100_000,
        n=30,
        costs=lambda lines: np.tile(price[lines.shape[1]], (len(lines), 1)),
    )
    assert [tuple(one.characters.tolist()) for one in found] == list(expected)[:30]
    assert [one.score for one in found] == pytest.approx(list(expected.values())[:30], abs=1e-9)


def test_nothing_fits() -> None:
    options, scorers = some_options(8, 4), [Table(8, TRIGRAM)]
    found = decode(
        options, scorers, np.ones(FEATURES), width=50, costs=lambda lines: np.full((len(lines), SIZE), np.inf)
    )
    assert found == []
