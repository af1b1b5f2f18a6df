"""What a span of one line calls for in the line below it: spans of one to three characters and their four scores.

A span is written under a span of the same length, so that character n stays under character n (He, Zhou and Jiang
2012). Scores are relative frequencies in both directions and lexical probabilities in both directions (Koehn, Och
and Marcu 2003), all as logarithms.

N: pairs of lines, L: their length, k: characters of a span, V: size of the table of characters, M: entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import SPECIALS
from ham_mrc.quatrains.ibm1 import Lexicon, Pairs
from ham_mrc.quatrains.trigram import find, ragged

Array = npt.NDArray[Any]

LONGEST = 3
"""Characters of a span at most."""
SCORES = ("phrase", "inverse_phrase", "lexical", "inverse_lexical")
"""log p(e | f), p(f | e), lex(e | f), lex(f | e); f is a span, e one under it."""

LIMIT = 40
"""Entries a span at most, the most probable ones."""
ALWAYS = 10
"""The commonest characters can be written under any character: a line has seven, none twice, so one always fits."""
PRIOR = 1.0
"""Observations that p(e) counts for in p(e | f), and p(f) in p(f | e): what was seen once is no certainty."""


class Entries(NamedTuple):
    """What can be written under a line's spans. `place` (M,) is where a span begins, `row` (M,) its table row."""

    place: Array
    written: Array  # (M, k) characters
    scores: Array  # (M, 4)


class PhraseTable:
    """By span length k: `sources_k` (S,) spans as numbers, rising; entries of source s are starts_k[s]:starts_k[s + 1].

    `written_k` (M, k) int16 characters, `scores_k` (M, 4) float32.
    """

    def __init__(self, arrays: Mapping[str, Array], size: int) -> None:
        self._arrays, self.size = dict(arrays), size

    def arrays(self) -> dict[str, Array]:
        """All that the table is."""
        return self._arrays

    def entries(self, line: Array, k: int) -> Entries:
        """Everything that can be written under the spans of `k` characters of `line` (L,)."""
        sources, starts = self._arrays[f"sources_{k}"], self._arrays[f"starts_{k}"]
        spans = _numbers(np.lib.stride_tricks.sliding_window_view(line, k), self.size)
        rows, found = find(sources, spans) if len(sources) else (spans, np.zeros(len(spans), dtype=bool))
        rows, places = rows[found], np.flatnonzero(found)
        counts = starts[rows + 1] - starts[rows]
        chosen = ragged(starts[rows], counts)
        return Entries(
            np.repeat(places, counts), self._arrays[f"written_{k}"][chosen], self._arrays[f"scores_{k}"][chosen]
        )

    def __len__(self) -> int:
        """The number of entries, of all span lengths."""
        return sum(len(self._arrays[f"written_{k}"]) for k in range(1, LONGEST + 1))


def build_table(
    spans: Callable[[int], tuple[Array, Array]], lexicons: tuple[Lexicon, Lexicon], size: int
) -> PhraseTable:
    """The table of the spans that `spans(k)` finds, (n, k) and under them (n, k).

    `lexicons` are t(e | f) and t(f | e). Spans of two and three are kept when seen twice, single characters always;
    what a line may not contain, a special symbol or a character twice, is left out once all has been counted.
    """
    arrays: dict[str, Array] = {}
    for k in range(1, LONGEST + 1):
        counted = (_count_single if k == 1 else _count)(*spans(k), size)
        arrays |= {f"{name}_{k}": array for name, array in _entries(counted, k, lexicons, size).items()}
    return PhraseTable(arrays, size)


class _Counted(NamedTuple):
    """Spans f and e as numbers, how often each was seen, and the pairs (M,) of them with their counts."""

    sources: Array
    source_counts: Array
    targets: Array
    target_counts: Array
    f: Array  # (M,) rows of `sources`, rising
    e: Array  # (M,) rows of `targets`
    counts: Array  # (M,)


def _count(given: Array, other: Array, size: int) -> _Counted:
    """Spans of two or three characters: the pairs seen twice."""
    sources, f, source_counts = np.unique(_numbers(given, size), return_inverse=True, return_counts=True)
    targets, e, target_counts = np.unique(_numbers(other, size), return_inverse=True, return_counts=True)
    pairs, counts = np.unique(f * len(targets) + e, return_counts=True)
    pairs, counts = pairs[counts > 1], counts[counts > 1]
    return _Counted(sources, source_counts, targets, target_counts, pairs // len(targets), pairs % len(targets), counts)


def _count_single(given: Array, other: Array, size: int) -> _Counted:
    """Single characters: all pairs seen, and for every character of the table the commonest ones under it."""
    everything = np.arange(size)
    source_counts, target_counts = np.bincount(given[:, 0], minlength=size), np.bincount(other[:, 0], minlength=size)
    common = np.argsort(-target_counts[len(SPECIALS) :], kind="stable")[:ALWAYS] + len(SPECIALS)
    pairs, counts = np.unique(given[:, 0].astype(np.int64) * size + other[:, 0], return_counts=True)
    unseen = np.setdiff1d((everything[:, None] * size + common).ravel(), pairs)
    pairs, counts = np.append(pairs, unseen), np.append(counts, np.zeros_like(unseen))
    order = np.argsort(pairs)
    pairs, counts = pairs[order], counts[order]
    return _Counted(everything, source_counts, everything, target_counts, pairs // size, pairs % size, counts)


def _entries(counted: _Counted, k: int, lexicons: tuple[Lexicon, Lexicon], size: int) -> dict[str, Array]:
    f, e, counts = counted.f, counted.e, counted.counts
    total = int(counted.source_counts.sum())
    phrase = _frequency(counts, counted.source_counts[f], counted.target_counts[e], total)
    inverse = _frequency(counts, counted.target_counts[e], counted.source_counts[f], total)
    written = _characters(counted.targets[e], k, size)
    best = _best(f, np.where(can_be_written(written), phrase, -np.inf))
    f, written, source = f[best], written[best], _characters(counted.sources[f[best]], k, size)
    lexical = lexicons[0].log_prob(source, written).sum(axis=1), lexicons[1].log_prob(written, source).sum(axis=1)
    kept, starts = np.unique(f, return_index=True)
    return {
        "sources": counted.sources[kept],
        "starts": np.append(starts, len(f)).astype(np.int32),
        "written": written.astype(np.int16),
        "scores": np.stack([phrase[best], inverse[best], *lexical], axis=1).astype(np.float32),
    }


def _frequency(counts: Array, given: Array, other: Array, total: int) -> Array:
    """(M,) log of a relative frequency, drawn by PRIOR observations to how frequent the other span is anywhere."""
    # A character of the table that was never seen here counts as half seen.
    anywhere = np.maximum(other, 0.5) / total
    return np.asarray(np.log((counts + PRIOR * anywhere) / (given + PRIOR)))


def _best(f: Array, scores: Array) -> Array:
    """The rows of the LIMIT best entries of each span, best first, without those of minus infinity."""
    order = np.lexsort((-scores, f))
    rank = np.arange(len(f)) - np.searchsorted(f[order], f[order])
    return np.asarray(order[(rank < LIMIT) & np.isfinite(scores[order])])


def _numbers(spans: Array, size: int) -> Array:
    """(n,) each span of (n, k) characters as one integer: its digits to the base V."""
    numbers = np.zeros(len(spans), dtype=np.int64)
    for column in range(spans.shape[1]):
        numbers = numbers * size + spans[:, column]
    return numbers


def _characters(numbers: Array, k: int, size: int) -> Array:
    """(n, k) characters: the other way round."""
    return np.stack([numbers // size ** (k - 1 - column) % size for column in range(k)], axis=1)


def can_be_written(spans: Array) -> Array:
    """(n,) whether a span has no special symbol and no character twice."""
    fine = (spans >= len(SPECIALS)).all(axis=1)
    for column in range(1, spans.shape[1]):
        fine &= (spans[:, :column] != spans[:, column : column + 1]).all(axis=1)
    return np.asarray(fine)


def placed_spans(pairs: Pairs, k: int) -> tuple[Array, Array]:
    """All spans of `k` characters and what stands under them: (n, k) twice."""
    window = np.lib.stride_tricks.sliding_window_view
    above, below = zip(*([window(one, k, axis=1).reshape(-1, k) for one in pair] for pair in pairs), strict=True)
    return np.concatenate(above), np.concatenate(below)


def aligned_spans(pairs: Pairs, lexicons: tuple[Lexicon, Lexicon], k: int) -> tuple[Array, Array]:
    """All spans of `k` characters that are linked with one another and with nothing else, wherever they stand.

    Links are the alignments of both directions where they agree; the rule is Koehn, Och and Marcu's (2003), kept to
    spans of equal length, as a line is written without moving anything.
    """
    above: list[Array] = []
    below: list[Array] = []
    for given, other in pairs:
        links = _links(given, other, lexicons)
        for source in range(given.shape[1] - k + 1):
            from_span = (links >= source) & (links < source + k)
            for target in range(given.shape[1] - k + 1):
                under = np.zeros(given.shape[1], dtype=bool)
                under[target : target + k] = True
                fits = ((links < 0) | (from_span == under)).all(axis=1) & from_span.any(axis=1)
                above.append(given[fits, source : source + k])
                below.append(other[fits, target : target + k])
    return np.concatenate(above), np.concatenate(below)


def _links(given: Array, other: Array, lexicons: tuple[Lexicon, Lexicon]) -> Array:
    """(N, L) the place in `given` that each character of `other` is linked with, -1 for none."""
    forward, back = lexicons[0].alignment(given, other), lexicons[1].alignment(other, given)
    agreed = np.take_along_axis(back, np.maximum(forward, 0), axis=1) == np.arange(given.shape[1])
    return np.asarray(np.where((forward >= 0) & agreed, forward, -1))
