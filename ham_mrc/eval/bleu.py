"""BLEU-1 to BLEU-4 over a corpus, as the coco-caption programs of MS MARCO and DuReader compute it.

Equal to them to the last digit: counts are integers, and the few operations on floats stand in the official
order. A text is a sequence of hashable tokens; a string, one token a character, is fastest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from operator import and_
from typing import Any, NamedTuple

from ham_mrc.eval.metric import Metric, Sums

ORDERS = (1, 2, 3, 4)
TINY = 1e-15
"""Added to each count of matches, so that no match gives about 1e-16 and not 0."""
SMALL = 1e-9
"""Added to each count of n-grams, so that 0 of 0 counts as one in a million. A perfect corpus stays below 1."""

COLUMNS = (
    *(f"bleu_matches_{order}" for order in ORDERS),
    *(f"bleu_ngrams_{order}" for order in ORDERS),
    "bleu_length",
    "bleu_reference_length",
)
"""The sums that BLEU is a function of; `Counts` has them in this order."""


class Counts(NamedTuple):
    """What one answer adds to the corpus, all integers: `matches` and `ngrams` have one entry for each order 1 to 4.

    `matches` are the answer's n-grams found in a reference, each at most as often as in the one reference that
    has it most; `ngrams` all of the answer's; `length` its tokens; `reference_length` those of the reference
    closest to it in length, of two as close the shorter.
    """

    matches: tuple[int, ...]
    ngrams: tuple[int, ...]
    length: int
    reference_length: int

    def row(self) -> tuple[int, ...]:
        """The ten numbers in the order of `COLUMNS`."""
        return (*self.matches, *self.ngrams, self.length, self.reference_length)


def count(candidate: Sequence[Hashable], references: Sequence[Sequence[Hashable]]) -> Counts:
    """The counts of one candidate against one or more references: all strings, or all tuples of tokens."""
    length = len(candidate)
    ngrams = (length, length - 1, length - 2, length - 3) if length > 2 else (length, max(0, length - 1), 0, 0)
    lengths = [len(reference) for reference in references]
    closest = min([(abs(other - length), other) for other in lengths])[1] if lengths[1:] else lengths[0]
    if candidate in references:
        return Counts(ngrams, ngrams, length, closest)
    if isinstance(candidate, str) and length * sum(lengths) <= _SHORT and _BETWEEN not in candidate:
        return Counts(_matches_of_short(candidate, references), ngrams, length, closest)
    return Counts(tuple(_matches(candidate, references)), ngrams, length, closest)


def total(counts: Iterable[Counts]) -> Counts:
    """The sum over answers, entry by entry; of none all zeros."""
    sums = [sum(column) for column in zip(*[one.row() for one in counts], strict=True)] or [0] * len(COLUMNS)
    return Counts(tuple(sums[:4]), tuple(sums[4:8]), sums[8], sums[9])


def bleu(counts: Counts) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4, 0 to 1, of the counts of a corpus, or of one question for its own.

    0.0 where the candidates hold no token, also where there is no question at all.
    """
    shortness = (counts.length + TINY) / (counts.reference_length + SMALL)
    penalty = math.exp(1 - 1 / shortness) if shortness < 1 else 1.0
    product = 1.0
    figures = []
    for order, matches, ngrams in zip(ORDERS, counts.matches, counts.ngrams, strict=True):
        product *= (matches + TINY) / (ngrams + SMALL)
        figures.append(product ** (1.0 / order) * penalty)
    return figures[0], figures[1], figures[2], figures[3]


@dataclass(frozen=True, slots=True)
class BleuOfSums:
    """BLEU of one order in percent from the sums of `COLUMNS`, each name with `prefix` before it."""

    order: int
    prefix: str = ""

    def __call__(self, sums: Sums) -> Any:
        """A float from numbers; an array, in other last digits, from arrays of one shape."""
        row = [sums[self.prefix + column] for column in COLUMNS]
        if all(isinstance(value, (int, float)) for value in row):
            return 100.0 * bleu(Counts(tuple(row[:4]), tuple(row[4:8]), row[8], row[9]))[self.order - 1]
        import numpy as np

        columns = [np.asarray(value, dtype=np.float64) for value in row]
        product = np.ones(())
        for matches, ngrams in zip(columns[: self.order], columns[4:8], strict=False):
            product = product * ((matches + TINY) / (ngrams + SMALL))
        shortness = (columns[8] + TINY) / (columns[9] + SMALL)
        return 100.0 * product ** (1.0 / self.order) * np.exp(np.minimum(0.0, 1 - 1 / shortness))


def bleu_metric(order: int, *, prefix: str = "", label: str = "") -> Metric:
    """The metric `bleu_<order>`, with `prefix` before the names of it and its columns and `label` before its label."""
    return Metric(
        f"{prefix}bleu_{order}",
        f"{label}BLEU-{order}",
        "%",
        higher_is_better=True,
        columns=tuple([prefix + column for column in COLUMNS]),
        combine=BleuOfSums(order, prefix),
    )


_SHORT = 64 * 64
"""Up to this product of lengths looking for a piece of a string takes less time than listing all pieces."""
_BETWEEN = "\U0010ffff"
"""No character, so that no piece of a text reaches from one reference into the next."""


def _matches_of_short(candidate: str, references: Sequence[Any]) -> tuple[int, ...]:
    """Clipped matches of the four orders. As in `_matches` an order looks only where the one before found something."""
    everything = _BETWEEN.join(references)
    pieces = [(start, token) for start, token in enumerate(candidate) if token in everything]
    found = [0, 0, 0, 0]
    for order in ORDERS:
        if not pieces:
            break
        texts = [piece for _, piece in pieces]
        distinct = set(texts)
        if len(distinct) < len(texts):
            found[order - 1] = sum([_clipped(piece, texts.count(piece), references) for piece in distinct])
        else:
            found[order - 1] = len(texts)
        pieces = [
            (start, candidate[start : start + order + 1])
            for (start, _), (following, _) in pairwise(pieces)
            if following == start + 1 and candidate[start : start + order + 1] in everything
        ]
    return tuple(found)


def _clipped(piece: str, times: int, references: Sequence[str]) -> int:
    """`times`, but at most as often as the piece stands in one reference; its places may overlap."""
    if times == 1:
        return 1
    return min(
        times,
        max([sum([text.startswith(piece, start) for start in range(len(text))]) for text in references]),
    )


def _matches(candidate: Sequence[Any], references: Sequence[Sequence[Any]]) -> list[int]:
    """Clipped matches of the four orders.

    An n-gram can be common only where the (n-1)-grams at its start and one further are, so each order looks
    only where the one before found something: long answers against short references cost little beyond order 1.
    """
    found = [0, 0, 0, 0]
    common = set(candidate).intersection(set().union(*references))
    flags = [list(map(common.__contains__, text)) for text in (candidate, *references)]
    for token, times in Counter(compress(candidate, flags[0])).items():
        found[0] += min(times, max([reference.count(token) for reference in references]))
    own, *theirs = [list(compress(range(len(flag) - 1), map(and_, flag, flag[1:]))) for flag in flags]
    for order in (2, 3, 4):
        if not own:
            break
        left = _allowance(references, theirs, order)
        alive = []
        for start in own:
            ngram = candidate[start : start + order]
            allowed = left.get(ngram)
            if allowed is not None:
                alive.append(start)
                if allowed:
                    found[order - 1] += 1
                    left[ngram] = allowed - 1
        own, theirs = _next_to_each_other(alive), [_next_to_each_other(starts) for starts in theirs]
    return found


def _allowance(references: Sequence[Sequence[Any]], starts: Sequence[list[int]], order: int) -> dict[Any, int]:
    """N-gram to the most times it stands in one reference, of those that begin at `starts`."""
    most: dict[Any, int] = {}
    for reference, places in zip(references, starts, strict=True):
        times: dict[Any, int] = {}
        for start in places:
            ngram = reference[start : start + order]
            times[ngram] = times.get(ngram, 0) + 1
        if most:
            most.update([(ngram, time) for ngram, time in times.items() if time > most.get(ngram, 0)])
        else:
            most = times
    return most


def _next_to_each_other(starts: list[int]) -> list[int]:
    """The starts whose successor is a start too; `starts` ascend."""
    return [start for start, following in pairwise(starts) if following == start + 1]
