"""Figures as text, as every table shows them."""

from __future__ import annotations

from collections.abc import Mapping

from ham_mrc.eval.metric import Metric

Interval = tuple[float, float]
Metrics = Mapping[str, Metric]
"""Metrics by name, in the order of display."""


def figure_text(metric: Metric, value: float) -> str:
    """Two decimals, as all percentages are shown; a figure of another kind in full."""
    return f"{value:.2f}" if metric.unit == "%" else f"{value:g}"


def interval_text(interval: Interval) -> str:
    """Both ends with two decimals."""
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def sizes_text(points: Mapping[str, float], metrics: Metrics) -> str:
    """How many points of which metric."""
    return ", ".join(f"{size:.2f} points of {metrics[name].label}" for name, size in points.items())
