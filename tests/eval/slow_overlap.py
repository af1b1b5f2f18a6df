"""BLEU and ROUGE-L of the coco-caption programs said again, slowly: the reference for the fast ones.

Written from their description: n-grams as tuples in dictionaries, the longest common subsequence by its table,
the mean by NumPy. Candidates and references are tokens joined by spaces, by question id.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np


def ngrams(tokens: list[str], n: int) -> dict[tuple[str, ...], int]:
    counts: dict[tuple[str, ...], int] = {}
    for start in range(len(tokens) - n + 1):
        gram = tuple(tokens[start : start + n])
        counts[gram] = counts.get(gram, 0) + 1
    return counts


def bleu_counts(candidate: str, references: Sequence[str]) -> tuple[list[int], list[int], int, int]:
    """(matches, n-grams, length, closest reference length), the first two by order."""
    own = candidate.split()
    correct, guess = [], []
    for n in (1, 2, 3, 4):
        most: dict[tuple[str, ...], int] = {}
        for reference in references:
            for gram, times in ngrams(reference.split(), n).items():
                most[gram] = max(most.get(gram, 0), times)
        correct.append(sum(min(times, most.get(gram, 0)) for gram, times in ngrams(own, n).items()))
        guess.append(max(0, len(own) - n + 1))
    closest = min((abs(len(reference.split()) - len(own)), len(reference.split())) for reference in references)[1]
    return correct, guess, len(own), closest


def bleus(candidates: Mapping[Hashable, str], references: Mapping[Hashable, Sequence[str]]) -> list[float]:
    correct, guess, length, closest = [0] * 4, [0] * 4, 0, 0
    for question, texts in references.items():
        found = bleu_counts(candidates[question], texts)
        correct = [old + new for old, new in zip(correct, found[0], strict=True)]
        guess = [old + new for old, new in zip(guess, found[1], strict=True)]
        length, closest = length + found[2], closest + found[3]
    b = 1.0
    figures = []
    for n in range(4):
        b = b * ((correct[n] + 1e-15) / (guess[n] + 1e-9))
        figures.append(b ** (1.0 / (n + 1)))
    ratio = (length + 1e-15) / (closest + 1e-9)
    if ratio < 1:
        figures = [figure * math.exp(1 - 1 / ratio) for figure in figures]
    return figures


def common_subsequence(first: list[str], second: list[str]) -> int:
    row = [0] * (len(second) + 1)
    for token in first:
        above = row[:]
        for column, other in enumerate(second, 1):
            row[column] = above[column - 1] + 1 if token == other else max(above[column], row[column - 1])
    return row[-1]


def rouge(candidate: str, references: Sequence[str]) -> float:
    own = candidate.split(" ")
    precisions, recalls = [], []
    for reference in references:
        tokens = reference.split(" ")
        shared = common_subsequence(own, tokens)
        precisions.append(shared / float(len(own)))
        recalls.append(shared / float(len(tokens)))
    precision, recall = max(precisions), max(recalls)
    if precision == 0 or recall == 0:
        return 0.0
    beta = 1.2
    return ((1 + beta**2) * precision * recall) / float(recall + beta**2 * precision)


def mean(values: Sequence[float]) -> float:
    return float(np.mean(np.array(values))) if len(values) else math.nan


def overlap(candidates: Mapping[Hashable, str], references: Mapping[Hashable, Sequence[str]]) -> dict[str, float]:
    """The figures of the programs, 0 to 1."""
    figures = {f"bleu_{n}": figure for n, figure in enumerate(bleus(candidates, references), 1)}
    scores = [rouge(candidates[question], texts) for question, texts in references.items()]
    return {**figures, "rouge_l": mean(scores)}
