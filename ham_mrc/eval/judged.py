"""What one dataset's official metric finds in one set of predictions: plain columns, a number for each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Judged:
    """Official figures, and for every question what it contributed to them.

    keys        one for each question that counts or is shown, in file order
    metrics     the official figures, in percent (a threshold is as the official program prints it), in the order
                of display
    statistics  column to one number a key. The sums of these over any set of questions give the figures of that
                set, by `Metric.combine`. A column that is the score of a question is in percent and has the name
                of its metric; "questions" is 1 for a question that counts
    values      metric to each question's own score in percent, None where the question does not count. A metric
                whose single question says nothing (BLEU) is not in it
    signature   all that could move a figure
    answered    questions with a prediction; `missing` ones without; `extra` predictions for no question
    """

    keys: tuple[str, ...]
    metrics: Mapping[str, float]
    statistics: Mapping[str, Sequence[float]] = field(repr=False)
    values: Mapping[str, Sequence[float | None]] = field(repr=False)
    signature: str
    answered: int
    missing: int
    extra: int

    def __post_init__(self) -> None:
        columns: dict[str, Sequence[Any]] = {**self.statistics, **self.values}
        assert all(len(column) == len(self.keys) for column in columns.values()), "one entry for every key"
