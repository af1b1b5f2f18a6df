"""Scores by kind of question and by length, to see where a system is good. Needs the references' texts."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References
from ham_mrc.records import Scores
from ham_mrc.text import tokenize

SMALL = 30
"""Buckets with fewer questions than this are marked: their figures move by chance more than by merit."""

_TYPES = ("what", "which", "who", "when", "where", "why", "how many", "how", "other")
_TYPE = re.compile(r"\b(?:how (?:many|much)|how|who(?:m|se)?|when|where|why|which|what)\b")
_SAME_TYPE = {"how much": "how many", "whom": "who", "whose": "who"}

_QUESTION_WORDS = (6, 9, 12, 16)
_ANSWER_WORDS = (1, 2, 3, 5, 10)
_PASSAGE_WORDS = (100, 150, 200, 300)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The questions of one kind: how many, and the mean of each metric over them, in percent.

    `intervals` are 95% bootstrap intervals, empty if not asked for.
    """

    label: str
    questions: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """All questions, each in one bucket; empty buckets are left out."""

    by: str
    buckets: tuple[Bucket, ...]


def question_type(references: References, place: int) -> str:
    """The first question word, "how much" counting as "how many" and whom, whose as "who"; else "other"."""
    match = _TYPE.search(_text(references.questions[place], "question", references, place).lower())
    return "other" if match is None else _SAME_TYPE.get(match.group(), match.group())


def question_length(references: References, place: int) -> str:
    """The number of tokens of the question, in steps."""
    text = _text(references.questions[place], "question", references, place)
    return _step(len(tokenize(text).words), _QUESTION_WORDS)


def answer_length(references: References, place: int) -> str:
    """The number of tokens of the shortest accepted answer, in steps."""
    answers = references.answers[place]
    return _step(min(len(tokenize(text).words) for text in answers), _ANSWER_WORDS) if answers else "no answer"


def passage_length(references: References, place: int) -> str:
    """The number of tokens of the passage, in steps."""
    text = _text(references.passages[references.passage_of[place]], "context", references, place)
    return _step(len(tokenize(text).words), _PASSAGE_WORDS)


def _text(text: str | None, what: str, references: References, place: int) -> str:
    if text is None:
        raise HamError(
            f"has no {what!r} text to sort it by", file=references.file, place=f"question {references.ids[place]}"
        )
    return text


def _steps(bounds: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the steps that end at each bound, and of the one above them all."""
    names = [f"up to {bounds[0]}"]
    for low, high in itertools.pairwise(bounds):
        names.append(str(high) if high == low + 1 else f"{low + 1} to {high}")
    return (*names, f"over {bounds[-1]}")


def _step(length: int, bounds: tuple[int, ...]) -> str:
    return _steps(bounds)[sum(length > bound for bound in bounds)]


BY: dict[str, tuple[Callable[[References, int], str], tuple[str, ...]]] = {
    "question-type": (question_type, _TYPES),
    "question-length": (question_length, _steps(_QUESTION_WORDS)),
    "answer-length": (answer_length, (*_steps(_ANSWER_WORDS), "no answer")),
    "passage-length": (passage_length, _steps(_PASSAGE_WORDS)),
}
"""What to sort by: the function that names a question's bucket, and the buckets in the order to show them."""


def breakdown(
    scores: Scores,
    references: References,
    by: str,
    *,
    intervals: bool = False,
    clusters: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 13,
) -> Breakdown:
    """The scores by one of `BY`. Intervals are computed as in `significance.mean_intervals`, bucket by bucket.

    Raises HamError where a question lacks the text that it is sorted by.
    """
    name_of, labels = BY[by]
    members: dict[str, list[int]] = {label: [] for label in labels}
    for place in range(len(references)):
        members[name_of(references, place)].append(place)
    buckets = []
    for label, places in members.items():
        if not places:
            continue
        rows = [scores.per_question[references.keys[place]] for place in places]
        columns = {name: [row[name] for row in rows] for name in scores.metrics}
        found: list[tuple[float, float]] = []
        if intervals:
            from ham_mrc.eval.significance import mean_intervals

            units = None if clusters is None else [clusters[place] for place in places]
            found = mean_intervals(list(columns.values()), clusters=units, resamples=resamples, seed=seed)
        means = {name: math.fsum(column) / len(column) for name, column in columns.items()}
        buckets.append(Bucket(label, len(places), means, dict(zip(columns, found, strict=False))))
    return Breakdown(by, tuple(buckets))


def breakdown_json(found: Breakdown) -> dict[str, Any]:
    """What the questions were sorted by, and one object a bucket."""
    buckets = [
        {"bucket": b.label, "questions": b.questions, "metrics": dict(b.metrics), "intervals": dict(b.intervals)}
        for b in found.buckets
    ]
    return {"by": found.by, "buckets": buckets}
