"""How sure a figure is: intervals and paired tests of means, Holm's correction, detectable differences.

Means are what most metrics are; `resampling` does the same for any figure. Differences and scores are in points
(0 to 100). Everything random comes from one seed; numpy is imported inside, so that a score without statistics does
without it.

Sources beside those of `resampling`: Holm (1979); Cochran, Sampling Techniques (1977), section 2.11, for the
standard error of a ratio; Efron & Tibshirani (1993), chapter 21, for the linear part of any other figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ham_mrc.eval.metric import Metric, mean_metric
from ham_mrc.eval.resampling import LEVEL, RESAMPLES, SEED, Bootstrap, Columns, randomization_tests

ALPHA = 0.05
"""A difference is called significant where its (corrected) p-value is below this."""

POWER = 0.8
"""The chance of seeing a true difference of the detectable size (Cohen's customary value)."""

_ROUNDING = 1e-9
"""In points: a mean over seeds may miss 0 by this much."""


def mean_intervals(
    columns: Sequence[Sequence[float]],
    *,
    clusters: Sequence[int] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[tuple[float, float]]:
    """The percentile bootstrap interval of each column's mean; all columns are resampled together.

    A column has one value a question. With clusters, whole clusters are drawn and the mean is that of the
    questions drawn. No question at all is a ValueError.
    """
    metrics = [mean_metric(str(place), "") for place in range(len(columns))]
    table = {metric.name: column for metric, column in zip(metrics, columns, strict=True)}
    count = len(columns[0])
    found = Bootstrap([{**table, "questions": [1.0] * count}], clusters=clusters, resamples=resamples, seed=seed)
    return [found.interval(metric, level=level) for metric in metrics]


_MEAN = mean_metric("difference", "")


def randomization_test(
    differences: Sequence[float],
    *,
    clusters: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> float:
    """The two-sided p-value of paired approximate randomisation: the sign of each unit's difference is a coin.

    As `resampling.randomization_tests` for two systems with these differences.
    """
    ours, base = _against_nothing(differences)
    found = randomization_tests([_MEAN], ours, base, clusters=clusters, resamples=resamples, seed=seed)
    return found[_MEAN.name]


def bootstrap_test(
    differences: Sequence[float],
    *,
    clusters: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> float:
    """The two-sided p-value of the paired bootstrap; as `Bootstrap.p` for two systems with these differences."""
    systems = _against_nothing(differences)
    return Bootstrap(systems, clusters=clusters, resamples=resamples, seed=seed).p(_MEAN, 0, 1)


def _against_nothing(differences: Sequence[float]) -> tuple[Columns, Columns]:
    count = len(differences)
    ours = {_MEAN.name: differences, "questions": [1.0] * count}
    return ours, {_MEAN.name: [0.0] * count, "questions": [1.0] * count}


def p_over_seeds(differences: Sequence[float]) -> float | None:
    """The two-sided p-value of swapping both systems of a seed, by what each seed differs; None for fewer than two.

    Of n seeds that all gain it is 2 / 2^n, exactly so up to 13 of them: three cannot show less than 0.25, six 0.03.
    """
    return randomization_test(differences) if len(differences) > 1 else None


TESTS: dict[str, Callable[..., float]] = {"randomization": randomization_test, "bootstrap": bootstrap_test}


def p_text(p: float) -> str:
    """A p-value with four decimals; one that would show as 0 is told as a bound."""
    return f"{p:.4f}" if p >= 0.0001 else "<0.0001"


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given: the p-values to hold against the level for all of them.

    The smallest of k is multiplied by k, the next by k - 1, and so on; never below a smaller one's, at most 1.
    """
    corrected = [0.0] * len(p_values)
    floor = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = floor
    return corrected


def detectable_difference(
    differences: Sequence[float],
    *,
    clusters: Sequence[int] | None = None,
    level: float = LEVEL,
    power: float = POWER,
) -> float:
    """The smallest true difference, in points, that this many questions show with the given power.

    (z(1 - (1 - level) / 2) + z(power)) * standard error of the mean difference: the usual normal sample-size
    formula turned round (Cohen 1988; Card et al., With Little Power Comes Great Responsibility, 2020). The
    error comes from the sample standard deviation of the differences, with clusters from that of their sums.
    Fewer than two units tell nothing: infinity.
    """
    from statistics import NormalDist

    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * standard_error(differences, clusters)


def detectable_alone(values: Sequence[float], **options: Any) -> float:
    """`detectable_difference` where only one system's scores are known; the same options.

    Taken from two systems of this spread whose errors have nothing in common, so that the variance of their
    difference is twice this one's. Real systems err on the same questions, and then less is enough.
    """
    return math.sqrt(2) * detectable_difference(values, **options)


def standard_error(values: Sequence[float], clusters: Sequence[int] | None = None) -> float:
    """Of the mean of `values`; with clusters, of a ratio of cluster sums to cluster sizes (Cochran 1977, 2.11)."""
    count = len(values)
    if not count:
        return math.inf
    mean = math.fsum(values) / count
    residuals: dict[int, float] = {}
    for unit, value in zip(range(count) if clusters is None else clusters, values, strict=True):
        residuals[unit] = residuals.get(unit, 0.0) + value - mean
    units = len(residuals)
    if units < 2:
        return math.inf
    return math.sqrt(units / (units - 1) * math.fsum(r * r for r in residuals.values())) / count


def pseudo_scores(metric: Metric, columns: Columns) -> list[float]:
    """For each question a number in the unit of the metric; their mean is the figure, and has its standard error.

    A question's own score where the figure is the mean over all questions. Else the figure plus what first order
    tells of the question's weight in it (the infinitesimal jackknife): for a ratio of sums that is Cochran's
    formula, for BLEU the linear part.
    """
    mean = metric.mean
    if mean is not None and all(number == 1 for number in columns[mean.over]):
        return [float(score) for score in columns[mean.of]]
    sums = {name: math.fsum(columns[name]) for name in metric.columns}
    count = len(columns[metric.columns[0]])
    slopes = {name: count * _slope(metric, sums, name) for name in metric.columns if sums[name]}
    figure = float(_figure(metric, sums))
    return [
        figure + math.fsum(slope * columns[name][place] for name, slope in slopes.items()) for place in range(count)
    ]


def _slope(metric: Metric, sums: Mapping[str, float], name: str) -> float:
    """By how much the figure grows with one of its sums, from a small step to both sides."""
    step = 1e-5 * abs(sums[name])
    above, below = (_figure(metric, {**sums, name: sums[name] + sign * step}) for sign in (1, -1))
    return (above - below) / (2 * step)


def _figure(metric: Metric, sums: Mapping[str, float]) -> float:
    assert metric.combine is not None, f"{metric.name} is no function of sums"
    return float(metric.combine(sums))


def above_same_below(differences: Sequence[float]) -> tuple[int, int, int]:
    """How many differences are above, at and below 0; a mean over seeds may miss 0 by rounding and is at 0."""
    above = sum(difference > _ROUNDING for difference in differences)
    below = sum(difference < -_ROUNDING for difference in differences)
    return above, len(differences) - above - below, below
