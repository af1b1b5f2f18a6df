"""Limits given by hand: texts of options to numbers, and scores held against least values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.datasets import metrics_of
from ham_mrc.records import Scores

ROUNDING = 1e-9
"""In points: an allowance of 0.5 also allows a drop of 0.5 that arithmetic made a little larger."""


@dataclass(frozen=True, slots=True)
class LeastCheck:
    """One metric held against a least value, both in percent."""

    metric: str
    value: float
    minimum: float

    @property
    def passed(self) -> bool:
        """A figure equal to the least value passes."""
        return self.value >= self.minimum - ROUNDING

    def message(self) -> str:
        """One line: which metric, by how much, against what."""
        if self.passed:
            return f"{self.metric} is {self.value:.2f}, at least {self.minimum:.2f} was asked for"
        gap = points(self.minimum - self.value)
        return f"{self.metric} is {self.value:.2f}, {gap} points below the least value of {self.minimum:.2f}"

    def risen_text(self) -> str:
        """Empty: a least value is somebody's wish, and no earlier figure."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """The fields and the verdict."""
        return {**asdict(self), "passed": self.passed}


def points(value: float) -> str:
    """`value` with two decimals, or with two digits where two decimals would show 0.00."""
    return f"{value:.2f}" if round(value, 2) or not value else f"{value:.1e}"


def parse_limits(texts: Sequence[str], option: str) -> dict[str, float]:
    """{metric: number} from "METRIC=NUMBER" texts; a metric named twice takes the last. Raises HamError."""
    limits: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals:
            raise HamError(f"{option} {text}: METRIC=NUMBER is expected", remedy=f"for example {option} f1=0.5")
        try:
            limits[name] = float(number)
        except ValueError:
            limits[name] = math.nan
        if not math.isfinite(limits[name]) or limits[name] < 0:
            raise HamError(f"{option} {text}: {number!r} is not a number of points from 0 up")
    return limits


def check_minima(scores: Scores, minima: Mapping[str, float]) -> list[LeastCheck]:
    """One check for each least value, in the order given."""
    refuse_unknown(minima, scores.metrics, "--min", scores)
    return [LeastCheck(name, scores.metrics[name], least) for name, least in minima.items()]


def refuse_unknown(named: Mapping[str, float], metrics: Mapping[str, Any], option: str, scores: Scores) -> None:
    """Raise HamError where a limit is for none of `metrics`, saying why not."""
    for name, number in named.items():
        if name in metrics:
            continue
        known = metrics_of(scores.dataset, scores.version, scores.metrics)
        if name not in known:
            raise HamError(f"{option} {name}={number:g}: no metric {name!r}", remedy=f"there are: {', '.join(known)}")
        if known[name].unit != "%":
            raise HamError(f"{option} {name}: this figure is never better or worse than another")
        raise HamError(f"{option} {name}: this metric was not scored", remedy=f"there are: {', '.join(metrics)}")
