"""The rows of a comparison before they are compared: results grouped by seed, and their columns resampled together.

The figure of a row of several seeds is the mean of its seeds' figures, when it is shown and when it is resampled or
swapped. A mean over questions is the same over their means over seeds; BLEU is not, and keeps a column a seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from ham_mrc.eval.columns import Columns, columns_of, pooled
from ham_mrc.eval.metric import Metric, Sums
from ham_mrc.eval.resampling import Bootstrap, randomization_tests
from ham_mrc.eval.results import Result
from ham_mrc.eval.significance import above_same_below

TESTS = ("randomization", "bootstrap")


class Draws(TypedDict):
    """How often to resample, and from which seed."""

    resamples: int
    seed: int


class Systems:
    """The rows to be: each with its results and their columns, all resampled together."""

    def __init__(self, groups: Sequence[Sequence[Result]], metrics: Mapping[str, Metric], draws: Draws) -> None:
        self.groups, self.metrics, self.draws = groups, metrics, draws
        self.questions = tuple(groups[0][0].scores.per_question)
        self.summed = {name: metric for name, metric in metrics.items() if metric.combine and self.questions}
        self.seeds = math.lcm(*map(len, groups))  # a row of fewer seeds repeats each of them equally often
        self.drawn = {name: over_seeds(metric, self.seeds) for name, metric in self.summed.items()}
        self.tables = [self._columns(group) for group in groups]
        self.bootstrap = Bootstrap(self.tables, **draws) if self.summed else None

    def _columns(self, group: Sequence[Result]) -> Columns:
        """Those that `drawn` takes: each question's means over seeds, or every seed's own."""
        own = [columns_of(result.scores, self.summed.values(), order=self.questions) for result in group]
        each = [(seed, own[seed % len(own)]) for seed in range(self.seeds)]
        apart = {of_seed(name, seed): column for seed, table in each for name, column in table.items()}
        found = {**apart, **pooled(own)}
        return {name: found[name] for metric in self.drawn.values() for name in metric.columns}

    def figures(self, place: int) -> dict[str, list[float]]:
        """Each metric's figure in every result of a row."""
        return {name: [result.scores.metrics[name] for result in self.groups[place]] for name in self.metrics}

    def by_seed(self, name: str, place: int, base: int) -> list[float]:
        """By what a row's figure differs from that of another, for each seed that both have."""
        ours, theirs = (
            {(result.run or {}).get("seed"): result.scores.metrics[name] for result in self.groups[row]}
            for row in (place, base)
        )
        return [ours[seed] - theirs[seed] for seed in ours if seed is not None and seed in theirs]

    def intervals(self, place: int) -> dict[str, tuple[float, float]]:
        """Of the figures that are functions of sums."""
        found = self.bootstrap
        return {} if found is None else {name: found.interval(metric, place) for name, metric in self.drawn.items()}

    def p_values(self, place: int, base: int, test: str) -> dict[str, float]:
        """By metric, the p-value of the difference between two rows."""
        if self.bootstrap is None:
            return {}
        if test == "bootstrap":
            return {name: self.bootstrap.p(metric, place, base) for name, metric in self.drawn.items()}
        return randomization_tests(self.drawn.values(), self.tables[place], self.tables[base], **self.draws)

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


def over_seeds(metric: Metric, seeds: int) -> Metric:
    """The mean of a figure over `seeds`, as a function of the sums of every seed's own columns.

    A mean over questions stays as it is: columns that are means over seeds give it.
    """
    combine = metric.combine
    if seeds == 1 or combine is None or metric.mean is not None:
        return metric
    names = [{name: of_seed(name, seed) for name in metric.columns} for seed in range(seeds)]

    def mean_of_seeds(sums: Sums) -> Any:
        return sum(combine({name: sums[apart] for name, apart in one.items()}) for one in names) / seeds

    columns = tuple(apart for one in names for apart in one.values())
    return replace(metric, columns=columns, combine=mean_of_seeds)


def of_seed(column: str, seed: int) -> str:
    """What the column of one of several seeds is called."""
    return f"{column} of seed {seed}"


def mean(values: Sequence[float]) -> float:
    """The mean; of a single value that very value."""
    return values[0] if len(values) == 1 else math.fsum(values) / len(values)
