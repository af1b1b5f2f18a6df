"""A stored result to the columns that its figures are functions of, for intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ham_mrc.errors import HamError
from ham_mrc.eval.datasets import metrics_of
from ham_mrc.eval.metric import Metric
from ham_mrc.records import Scores

Columns = dict[str, Sequence[float]]
"""Column name to one number a question, in the order of `Scores.per_question`."""


def known_metrics(scores: Scores) -> dict[str, Metric]:
    """What is known of each metric of a result, in the order of display."""
    known = metrics_of(scores.dataset, scores.version, scores.metrics)
    return {name: metric for name, metric in known.items() if name in scores.metrics}


def summed_metrics(scores: Scores) -> dict[str, Metric]:
    """Those metrics of a result that are functions of sums: they have intervals, tests and breakdowns.

    None where the result has no question, as a task of DuReader may.
    """
    if not scores.per_question:
        return {}
    return {name: metric for name, metric in known_metrics(scores).items() if metric.combine is not None}


def columns_of(scores: Scores, metrics: Iterable[Metric], order: Iterable[str] | None = None) -> Columns:
    """The columns that the metrics need; one number a question in the order of the result, or of the keys in `order`.

    A column that the result does not hold is the metric of that name, 0 where a question does not count, and
    "questions" is 1 for each: results stored before there were other columns have no more. Raises HamError where
    the result lacks one.
    """
    rows = scores.per_question.values()
    found: Columns = {}
    for name in dict.fromkeys(column for metric in metrics for column in metric.columns):
        if name in scores.statistics:
            found[name] = scores.statistics[name]
        elif name in scores.metrics:
            found[name] = [row.get(name, 0.0) for row in rows]
        elif name == "questions":
            found[name] = [1.0] * len(rows)
        else:
            raise HamError(f"the result has no column {name!r} to resample", remedy="score again and save")
    wanted = None if order is None else list(order)
    if wanted is None or wanted == list(scores.per_question):
        return found
    place_of = {key: place for place, key in enumerate(scores.per_question)}
    places = [place_of[key] for key in wanted]
    return {name: [column[place] for place in places] for name, column in found.items()}


def pooled(tables: Sequence[Columns]) -> Columns:
    """The mean of several results' columns, question by question; a lone table as it is."""
    if len(tables) == 1:
        return tables[0]
    return {
        name: [math.fsum(row) / len(tables) for row in zip(*(table[name] for table in tables), strict=True)]
        for name in tables[0]
    }


def combined(metric: Metric, columns: Mapping[str, Sequence[float]], places: Iterable[int] | None = None) -> float:
    """The metric over all questions, or those at `places`, from exactly rounded sums; NaN where none counts.

    Equal to the official figure to about nine digits. Raises ValueError for a metric that is no function of sums.
    """
    if metric.combine is None:
        raise ValueError(f"{metric.name} is no function of sums over questions")
    chosen = None if places is None else list(places)
    sums = {}
    for name in metric.columns:
        column = columns[name]
        sums[name] = math.fsum(column if chosen is None else [column[place] for place in chosen])
    return float(metric.combine(sums))
