"""What a metric says of itself: the page every metric, every table and every test of significance leans on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Sums = Mapping[str, Any]
"""Column name to a sum over questions: a number, or an array with one such sum for each resample."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure over a set of questions, as a function of sums of numbers that each question contributes.

    `combine(sums)` gives the figure in `unit` from the sums of `columns` (see `Judged.statistics`): a float from
    numbers, an array from arrays of one shape, NaN where no question counts. Intervals and tests resample
    questions, sum again and combine again, so one engine serves means and corpus figures alike. The figure shown
    is computed by the official order of operations instead and agrees to about nine digits.

    `combine` None, with no columns, is for a figure that is no function of sums (a best threshold): it is shown
    and can be held against a least value, and has neither interval nor test. A figure whose unit is not "%" is
    never better or worse than another.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    columns: tuple[str, ...] = ()
    combine: Callable[[Sums], Any] | None = None

    @property
    def mean(self) -> Mean | None:
        """What the figure is the mean of, None for any other kind of figure."""
        return self.combine if isinstance(self.combine, Mean) else None


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of column `of` over the questions that column `over` counts with 1."""

    of: str
    over: str

    def __call__(self, sums: Sums) -> Any:
        """The mean from both sums, NaN where nothing counts."""
        return share(sums[self.of], sums[self.over])


def mean_metric(name: str, label: str, *, over: str = "questions", column: str | None = None) -> Metric:
    """A mean in percent: column `name` (or `column`) holds each question's score in percent, 0 where it does not count.

    Column `over` holds 1 for a question that counts and 0 for one that does not.
    """
    combine = Mean(column or name, over)
    return Metric(name, label, "%", higher_is_better=True, columns=(combine.of, over), combine=combine)


def share(top: Any, bottom: Any) -> Any:
    """`top / bottom` of two numbers or of two arrays; NaN where `bottom` is 0."""
    if isinstance(bottom, (int, float)):
        return top / bottom if bottom else float("nan")
    import numpy as np

    return np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=np.asarray(bottom) != 0)
