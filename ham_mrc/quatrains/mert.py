"""Weights of features that make BLEU-2 itself largest: minimum error rate training (Och 2003).

Along a straight line through the space of weights the best candidate of each line changes at few places, and between
two of them the figure of the whole set is constant. All these places are found exactly, so the best stretch is too.

Q: lines to tune on, K: candidates of a line, F: features, C: cells (the figure is the mean over cells of BLEU-2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ham_mrc.eval.quatrains import LineCounts, bleu2

Array = npt.NDArray[Any]

RANDOM_DIRECTIONS = 20
"""Directions tried beside the axes."""
ROUNDS = 8
"""Times that candidates are decoded at most, the start included."""
SWEEPS = 10
"""Times at most that all directions are searched on one set of candidates."""
MARGIN = 0.1
"""How far beyond the last change of candidates an open end is taken."""
GAIN = 1e-6
"""Percent of BLEU-2 that a step must bring."""
PARALLEL = 1e-9
"""Slopes closer than this are one: features are sums, and 1/3 + 1/3 + 1/3 is not always 1."""


class Candidate(NamedTuple):
    """One line that a decoder found: its text, its features (F,) and what it adds to its cell."""

    text: str
    features: Array
    counts: LineCounts


class Candidates:
    """All different candidates found so far, by line; the first added of a line is its decoder's best."""

    def __init__(self, cells: Sequence[int]) -> None:
        self.cells = np.asarray(cells)
        self._known: list[dict[tuple[Any, ...], Candidate]] = [{} for _ in cells]

    def add(self, found: Sequence[Sequence[Candidate]]) -> int:
        """Take in candidates for each line and return how many of them are new.

        The same text cut into other spans has other features, and is another candidate.
        """
        new = 0
        for known, candidates in zip(self._known, found, strict=True):
            for one in candidates:
                key = (one.text, *np.round(one.features, 6).tolist())
                new += key not in known
                known.setdefault(key, one)
        return new

    def arrays(self) -> tuple[Array, Array, Array]:
        """Features (Q, K, F), counts (Q, K, 5) and which of the K are there (Q, K)."""
        most = max(map(len, self._known))
        width = next(len(one.features) for known in self._known for one in known.values())
        features, counts = np.zeros((len(self.cells), most, width)), np.zeros((len(self.cells), most, 5))
        there = np.zeros((len(self.cells), most), dtype=bool)
        for row, known in enumerate(self._known):
            if known:
                features[row, : len(known)] = [one.features for one in known.values()]
                counts[row, : len(known)] = [one.counts for one in known.values()]
                there[row, : len(known)] = True
        return features, counts, there


@dataclass(frozen=True)
class Tuned:
    """`weights` (F,), the figure they reach in percent, and the figure after each round, the start first."""

    weights: Array
    figure: float
    history: tuple[float, ...] = field(default=())


def tune(
    decode: Callable[[Array], Sequence[Sequence[Candidate]]],
    cells: Sequence[int],
    weights: Array,
    *,
    free: Sequence[int],
    seed: int,
    rounds: int = ROUNDS,
    told: Callable[[float], None] = lambda figure: None,
) -> Tuned:
    """The best weights that were decoded with, never worse than `weights` on these lines.

    `decode` gives the candidates of each of the Q lines under some weights, best first; `cells` is the cell of each
    line, 0 to C - 1. Only the features `free` are moved. `told` hears the figure of each round.
    """
    generator, candidates = np.random.default_rng(seed), Candidates(cells)
    weights, best, history = _normal(weights), Tuned(weights, -1.0), []
    for _ in range(rounds):
        found = decode(weights)
        figure = decoded_figure(found, candidates.cells)
        told(figure)
        history.append(figure)
        if figure > best.figure:
            best = Tuned(weights, figure)
        if not candidates.add(found):
            break
        moved = climb(candidates, best.weights, free=free, generator=generator)
        if np.allclose(moved, weights):
            break
        weights = moved
    return Tuned(best.weights, best.figure, tuple(history))


def decoded_figure(found: Sequence[Sequence[Candidate]], cells: Array) -> float:
    """The figure of each line's first candidate; a line without one adds nothing."""
    sums = np.zeros((int(cells.max()) + 1, 5))
    for cell, candidates in zip(cells, found, strict=True):
        if candidates:
            sums[cell] += candidates[0].counts
    return float(_figure(sums))


def climb(candidates: Candidates, weights: Array, *, free: Sequence[int], generator: np.random.Generator) -> Array:
    """Weights from which no axis and no random direction leads higher on these candidates."""
    features, counts, there = candidates.arrays()
    for _ in range(SWEEPS):
        before = weights
        for direction in _directions(features.shape[2], free, generator):
            step, gain = line_search(features, counts, there, candidates.cells, weights, direction)
            if gain > GAIN:
                weights = _normal(weights + step * direction)
        if before is weights:
            break
    return weights


def _directions(number: int, free: Sequence[int], generator: np.random.Generator) -> Array:
    axes = np.eye(number)[list(free)]
    random = np.zeros((RANDOM_DIRECTIONS, number))
    random[:, list(free)] = generator.normal(size=(RANDOM_DIRECTIONS, len(free)))
    return np.concatenate([axes, random])


def line_search(
    features: Array, counts: Array, there: Array, cells: Array, weights: Array, direction: Array
) -> tuple[float, float]:
    """How far to go from `weights` along `direction` for the best figure, and how much is gained by it, exactly.

    The middle of the best stretch, so that rounding and unseen lines change little.
    """
    height, slope = np.where(there, features @ weights, -np.inf), features @ direction
    lines, froms, tos, where, first = _envelopes(height, slope, there)
    sums = np.zeros((len(where) + 1, int(cells.max()) + 1, 5))
    rows = np.flatnonzero(there.any(axis=1))
    np.add.at(sums[0], cells[rows], counts[rows, first[rows]])
    order = np.argsort(where, kind="stable")
    lines, where = lines[order], where[order]
    changes = counts[lines, tos[order]] - counts[lines, froms[order]]
    sums[np.arange(1, len(where) + 1), cells[lines]] = changes
    figures = np.asarray(_figure(np.cumsum(sums, axis=0)))

    ends = np.concatenate([[where[0] - 2 * MARGIN], where, [where[-1] + 2 * MARGIN]]) if len(where) else np.zeros(2)
    figures = np.where(np.diff(ends) > 1e-9, figures, -1) if len(where) else figures
    here = int(np.searchsorted(where, 0.0))
    best = int(figures.argmax())
    return float(ends[best] + ends[best + 1]) / 2, float(figures[best] - figures[here])


def _envelopes(height: Array, slope: Array, there: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Where the highest of the lines height + x slope changes, for each of Q sets of K, x from far left to far right.

    Returns (events: set, candidate before, candidate after, x) and the first candidate of each set (Q,).
    """
    lowest = np.where(there, slope, np.inf).min(axis=1, keepdims=True)
    first = np.where(there & (slope <= lowest + PARALLEL), height, -np.inf).argmax(axis=1)
    events: list[tuple[Array, ...]] = []
    rows, now = np.flatnonzero(there.any(axis=1)), first[there.any(axis=1)]
    while len(rows):
        at = np.arange(len(rows))
        rise = slope[rows] - slope[rows, now][:, None]
        drop = height[rows, now][:, None] - height[rows]  # infinite for what is not there
        with np.errstate(divide="ignore", invalid="ignore"):
            meets = np.where(there[rows] & (rise > PARALLEL), drop / rise, np.inf)
        after = meets.argmin(axis=1)
        where = meets[at, after]
        goes_on = np.isfinite(where)
        rows, before, after, where = rows[goes_on], now[goes_on], after[goes_on], where[goes_on]
        events.append((rows, before, after, where))
        now = after
    lines, froms, tos, places = (np.concatenate(column) for column in zip(*events, strict=True))
    return lines, froms, tos, places, first


def _figure(sums: Array) -> Any:
    """The mean over cells of BLEU-2 of counts (.., C, 5)."""
    return bleu2([np.asarray(sums[..., column]) for column in range(5)]).mean(axis=-1)


def _normal(weights: Array) -> Array:
    """Weights whose absolute values sum to 1: the scale means nothing to a decoder."""
    return np.asarray(weights / np.abs(weights).sum())
