"""TextRank (Mihalcea & Tarau 2004) over the segments of all training lines, and each line's keyword by it.

V: different segments. E: pairs of segments that stand together in a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.function_words import FUNCTION_WORDS
from ham_mrc.data_prep.taxonomy import Taxonomy

DAMPING = 0.85
CLOSE = 1e-4
"""The rounds end when no score moves by this."""
ROUNDS = 1000
"""More are never needed: a round leaves at most DAMPING of the distance to the fixed point."""

Longs = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranks:
    """`scores[segment]`, best first; `rounds` that it took, `edges` of the graph."""

    scores: Mapping[str, float]
    rounds: int
    edges: int


def textrank(lines: Iterable[Sequence[str]]) -> Ranks:
    """The scores of the segments of `lines`, function words left out.

    score(i) = 0.15 + 0.85 sum_j w_ij / (sum_k w_jk) score(j), from 1.0, where w_ij is how often i and j stand in a
    line together. Equal scores stand by code point.
    """
    numbers: dict[str, int] = {}
    pairs: list[tuple[int, int]] = []
    for line in lines:
        own = [numbers.setdefault(segment, len(numbers)) for segment in line if segment not in FUNCTION_WORDS]
        pairs += [(one, other) for place, one in enumerate(own) for other in own[place + 1 :] if one != other]
    nodes = len(numbers)
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    keys, weights = np.unique(ends.min(1) * nodes + ends.max(1), return_counts=True)
    scores, rounds = _iterate(*np.divmod(keys, max(nodes, 1)), weights.astype(np.float64), nodes)
    ranked = sorted(zip((-scores).tolist(), numbers, strict=True))
    return Ranks({segment: -score for score, segment in ranked}, rounds, len(keys))


def _iterate(low: Longs, high: Longs, weights: Reals, nodes: int) -> tuple[Reals, int]:
    """(V,) scores and the rounds: E edges between `low` and `high` (E,), of `weights` (E,), both ways."""
    source, target = np.concatenate((low, high)), np.concatenate((high, low))
    both = np.concatenate((weights, weights))
    order = np.argsort(target, kind="stable")  # a sum over neighbours in memory is several times as fast
    source, target, both = source[order], target[order], both[order]
    share = both / np.bincount(source, both, nodes)[source]
    scores: Reals = np.ones(nodes)
    rounds, moved = 0, CLOSE
    while moved >= CLOSE and rounds < ROUNDS:
        new = np.bincount(target, share * scores[source], nodes) * np.float64(DAMPING) + (1 - DAMPING)
        moved, scores, rounds = float(np.abs(new - scores).max(initial=0.0)), new, rounds + 1
    return scores, rounds


def keyword(segments: Sequence[str], scores: Mapping[str, float], taxonomy: Taxonomy | None = None) -> str:
    """The segment that stands for a line: of the taxonomy before others, then of two characters, then by score.

    Function words are none; a line of nothing else takes its first segment. Of equals the first. A segment that
    no training line has scores 0.
    """
    candidates = [segment for segment in segments if segment not in FUNCTION_WORDS]
    listed = taxonomy if taxonomy is not None else ()
    return max(
        candidates,
        # Without the first two, 60% of all keywords are single common characters.
        key=lambda segment: (segment in listed, len(segment) > 1, scores.get(segment, 0.0)),
        default=segments[0],
    )
