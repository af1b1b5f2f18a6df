"""ROUGE-L as the coco-caption programs of MS MARCO and DuReader compute it, equal to the last digit.

Not the ROUGE-L of the rouge-score package: beta is 1.2, and precision and recall are each the best over the
references on their own, so an answer can reach 1.0 without equalling any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cache

BETA = 1.2


def rouge_l(candidate: Sequence[Hashable], references: Sequence[Sequence[Hashable]]) -> float:
    """ROUGE-L, 0 to 1, of one candidate against one or more references by longest common subsequence.

    A text is a string, one token a character, or a list of tokens, and has at least one: the official programs
    split at single spaces, so that the empty text is one empty token (and scores 1.0 against another).
    """
    if candidate in references:
        precision = recall = 1.0
    else:
        similarity = _subsequence()
        shared = [similarity(candidate, reference) for reference in references]
        precision = max(shared) / len(candidate)
        recall = max([length / len(reference) for length, reference in zip(shared, references, strict=True)])
    if precision == 0 or recall == 0:
        return 0.0
    squared = BETA**2
    return ((1 + squared) * precision * recall) / (recall + squared * precision)


@cache
def _subsequence() -> Callable[[Sequence[Hashable], Sequence[Hashable]], int]:
    """The length of the longest common subsequence; imported for the first text that needs it."""
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity


def pairwise_mean(values: Sequence[float]) -> float:
    """The mean as `numpy.mean` rounds it: pairwise summation, then division; NaN of no values.

    Written out because importing NumPy takes longer than scoring a small file.
    """
    return _pairwise_sum(values) / len(values) if values else float("nan")


def _pairwise_sum(values: Sequence[float]) -> float:
    size = len(values)
    if size > 128:
        half = size // 2 - size // 2 % 8
        return _pairwise_sum(values[:half]) + _pairwise_sum(values[half:])
    if size < 8:
        result = 0.0
        rest = values
    else:
        lanes = list(values[:8])
        whole = size - size % 8
        for start in range(8, whole, 8):
            for lane in range(8):
                lanes[lane] += values[start + lane]
        a, b, c, d, e, f, g, h = lanes
        result = ((a + b) + (c + d)) + ((e + f) + (g + h))
        rest = values[whole:]
    for value in rest:
        result += value
    return result
