"""The questions whose answers turned right or wrong against a stored result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ham_mrc.records import Scores


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that was right in the baseline and is wrong now, or the other way round; all its scores.

    `leading` names the score that changed, see `leading_metric`.
    """

    key: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    leading: str = "exact_match"

    @property
    def loss(self) -> float:
        """By how much the leading score fell, in points."""
        return self.before.get(self.leading, 0.0) - self.after.get(self.leading, 0.0)


def flipped(scores: Scores, baseline: Scores) -> list[Flip]:
    """The questions whose leading score changed, losses first, the largest first; gains in mirror order.

    The leading score is exact match, and of two losses the one that loses more F1 is larger; where a dataset has
    no exact match it is the first metric with a score for each question. Ties stand in the order of the references.
    """
    leading = leading_metric(scores)
    if leading is None or leading not in baseline.metrics:
        return []
    changed = [
        Flip(key, baseline.per_question[key], row, leading)
        for key, row in scores.per_question.items()
        if row.get(leading) != baseline.per_question[key].get(leading)
    ]

    def gain(flip: Flip) -> tuple[float, ...]:
        return tuple(flip.after.get(name, 0.0) - flip.before.get(name, 0.0) for name in (leading, "f1"))

    return sorted(changed, key=gain)


def leading_metric(scores: Scores) -> str | None:
    """The metric by which a question is told to be answered well or badly; None where no question has a score."""
    scored = {name for row in scores.per_question.values() for name in row}
    names = ("exact_match", *scores.metrics)
    return next((name for name in names if name in scored), None)
