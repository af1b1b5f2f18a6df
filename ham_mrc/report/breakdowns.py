"""Scores by kind and length of question, one column a row of the comparison."""

from __future__ import annotations

from dataclasses import dataclass

from ham_mrc.errors import HamError
from ham_mrc.eval.breakdown import BY, SMALL, Breakdown, breakdown
from ham_mrc.eval.figures import figure_text
from ham_mrc.eval.systems import mean
from ham_mrc.report.gather import Material
from ham_mrc.report.scoreboard import shown_metrics


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure of one bucket: its text, and the number, 0 to 100, for the length of its bar."""

    text: str
    value: float


@dataclass(frozen=True, slots=True)
class BucketRow:
    """One bucket. `small` marks those whose figures move by chance; `bars` are None where no question counts."""

    label: str
    questions: int
    small: bool
    bars: tuple[Bar | None, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """All questions by one property, under one metric."""

    by: str
    metric: str
    rows: tuple[BucketRow, ...]


def breakdowns(material: Material) -> list[Broken]:
    """By everything that the references tell; figures of runs that differ by seed are means."""
    if material.texts is None:
        return []
    name, metric = list(shown_metrics(material.comparison).items())[-1]
    found = []
    for by in BY:
        parts = _parts(material, by)
        if parts and len(parts[0][0].buckets) > 1:
            rows = []
            for place, bucket in enumerate(parts[0][0].buckets):
                figures = [
                    [one.buckets[place].metrics[name] for one in row if name in one.buckets[place].metrics]
                    for row in parts
                ]
                bars = tuple(Bar(figure_text(metric, mean(own)), mean(own)) if own else None for own in figures)
                rows.append(BucketRow(bucket.label, bucket.questions, bucket.questions < SMALL, bars))
            found.append(Broken(by.replace("-", " "), metric.label, tuple(rows)))
    return found


def _parts(material: Material, by: str) -> list[list[Breakdown]]:
    """For each row of the comparison the breakdowns of its results; [] where the references lack the texts."""
    assert material.texts is not None
    rows = range(len(material.labels))
    try:
        return [
            [breakdown(run.result.scores, material.texts.references, by) for run in material.runs_of(row)]
            for row in rows
        ]
    except HamError:
        return []
