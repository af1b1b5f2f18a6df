"""What a metric says of itself: the page every metric, and every table of metrics, leans on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: `of(prediction, references)` gives one question's score, in `unit`.

    The corpus figure is the mean over all questions, a question without a prediction counting 0.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    of: Callable[[str, Sequence[str]], float]
