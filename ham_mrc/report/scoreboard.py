"""The comparison as the page shows it: one row a system."""

from __future__ import annotations

from dataclasses import dataclass

from ham_mrc.eval.comparison import Comparison, Row
from ham_mrc.eval.comparison_tables import comparison_tables, letter
from ham_mrc.eval.datasets import MAIN, metrics_of
from ham_mrc.eval.figures import figure_text, interval_text
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.significance import p_text
from ham_mrc.report.charts import Chart
from ham_mrc.report.gather import Material
from ham_mrc.tables import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one row as texts; what there is not is empty. `significant` is against the baseline."""

    value: str
    spread: str
    interval: str
    difference: str
    p: str
    best: bool
    significant: bool


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One system: its letter and label, the results it stands for, a figure for each metric of the board."""

    letter: str
    label: str
    results: tuple[str, ...]
    seeds: str
    baseline: bool
    figures: tuple[Figure, ...]


def shown_metrics(comparison: Comparison) -> dict[str, Metric]:
    """The figures of the board and of the charts: the two main ones of the dataset that all results have, else all."""
    known = metrics_of(comparison.dataset, comparison.version, comparison.metrics)
    main = [name for name in MAIN.get(comparison.dataset, ()) if name in comparison.metrics]
    return {name: known[name] for name in main or comparison.metrics}


def board(material: Material) -> list[BoardRow]:
    """The rows of the comparison, in its order."""
    comparison, metrics = material.comparison, shown_metrics(material.comparison)
    return [
        BoardRow(
            letter(place),
            material.labels[place],
            row.results,
            ", ".join(map(str, row.seeds)),
            place == comparison.baseline,
            tuple(_figure(row, metric) for metric in metrics.values()),
        )
        for place, row in enumerate(comparison.rows)
    ]


def _figure(row: Row, metric: Metric) -> Figure:
    difference = row.differences.get(metric.name)
    return Figure(
        value=figure_text(metric, row.metrics[metric.name]),
        spread=figure_text(metric, row.spreads[metric.name]) if row.spreads else "",
        interval=interval_text(row.intervals[metric.name]) if metric.name in row.intervals else "",
        difference=f"{difference.value:+.2f}" if difference else "",
        p=p_text(difference.p_corrected) if difference else "",
        best=metric.name in row.best,
        significant=difference is not None and difference.significant,
    )


def all_figures(comparison: Comparison) -> list[Table]:
    """Every metric and every test, as `ham-mrc compare` prints them."""
    return comparison_tables(comparison)


@dataclass(frozen=True, slots=True)
class Panels:
    """Charts side by side that share a legend of (number of the series, label)."""

    charts: tuple[Chart, ...]
    legend: tuple[tuple[int, str], ...]
