"""The rows of a comparison before they are compared: results grouped by seed, and their columns resampled together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ham_mrc.eval.columns import Columns, columns_of, pooled
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.resampling import Bootstrap, randomization_tests
from ham_mrc.eval.results import Result
from ham_mrc.eval.significance import above_same_below

TESTS = ("randomization", "bootstrap")


class Draws(TypedDict):
    """How often to resample, and from which seed."""

    resamples: int
    seed: int


class Systems:
    """The rows to be: each with its results, its columns pooled over seeds, and all resampled together."""

    def __init__(self, groups: Sequence[Sequence[Result]], metrics: Mapping[str, Metric], draws: Draws) -> None:
        self.groups, self.metrics, self.draws = groups, metrics, draws
        self.questions = tuple(groups[0][0].scores.per_question)
        self.summed = {name: metric for name, metric in metrics.items() if metric.combine and self.questions}
        self.tables = [self._pooled(group) for group in groups]
        self.bootstrap = Bootstrap(self.tables, **draws) if self.summed else None

    def _pooled(self, group: Sequence[Result]) -> Columns:
        return pooled([columns_of(result.scores, self.summed.values(), order=self.questions) for result in group])

    def figures(self, place: int) -> dict[str, list[float]]:
        """Each metric's figure in every result of a row."""
        return {name: [result.scores.metrics[name] for result in self.groups[place]] for name in self.metrics}

    def intervals(self, place: int) -> dict[str, tuple[float, float]]:
        """Of the figures that are functions of sums."""
        found = self.bootstrap
        return {} if found is None else {name: found.interval(metric, place) for name, metric in self.summed.items()}

    def p_values(self, place: int, base: int, test: str) -> dict[str, float]:
        """By metric, the p-value of the difference between two rows."""
        if self.bootstrap is None:
            return {}
        if test == "bootstrap":
            return {name: self.bootstrap.p(metric, place, base) for name, metric in self.summed.items()}
        return randomization_tests(self.summed.values(), self.tables[place], self.tables[base], **self.draws)

    def outcomes(self, metric: Metric, place: int, base: int) -> tuple[int, int, int] | tuple[None, None, None]:
        """(wins, ties, losses) over the questions that have a score of their own."""
        ours, theirs = (self._own_scores(metric.name, number) for number in (place, base))
        gaps = [a - b for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
        if not gaps:
            return None, None, None
        above, ties, below = above_same_below(gaps)
        return (above, ties, below) if metric.higher_is_better else (below, ties, above)

    def _own_scores(self, name: str, place: int) -> list[float | None]:
        tables = [result.scores.per_question for result in self.groups[place]]
        rows = [[table[key][name] for table in tables if name in table[key]] for key in self.questions]
        return [mean(row) if row else None for row in rows]


def mean(values: Sequence[float]) -> float:
    """The mean; of a single value that very value."""
    return values[0] if len(values) == 1 else math.fsum(values) / len(values)
