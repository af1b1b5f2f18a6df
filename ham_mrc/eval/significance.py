"""How sure a figure is: intervals and paired tests over questions, or over whole passages.

A *unit* is what one draw takes: a question, or with `clusters` all questions of one passage together, for
questions on the same text succeed and fail together. Differences and scores are in points (0 to 100).
Everything random comes from one seed; numpy is imported inside, so that a score without statistics does
without it.

Sources: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16; Noreen, Computer
Intensive Methods for Testing Hypotheses (1989), for approximate randomisation; Phipson & Smyth,
Permutation p-values should never be zero (2010), for (b + 1) / (m + 1); Holm (1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

SEED = 13
LEVEL = 0.95
ALPHA = 0.05
"""A difference is called significant where its (corrected) p-value is below this."""

POWER = 0.8
"""The chance of seeing a true difference of the detectable size (Cohen's customary value)."""

RESAMPLES = 10_000

_CHUNK = 1 << 21
"""Draws made at a time: some 50 MB whatever the number of questions. Part of what a seed means."""

_ROUNDING = 1e-9
"""Relative. Sums of the same terms in another order count as equal, or a tie would fall either way by chance."""


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
    import numpy as np

    sums, sizes = _units(columns, clusters)
    means = _resampled_means(sums, sizes, resamples, seed)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def _units(columns: Sequence[Sequence[float]], clusters: Sequence[int] | None) -> tuple[Floats, Floats]:
    """(sums over each unit (units, columns), number of questions in each unit (units,))."""
    import numpy as np

    values = np.asarray(columns, dtype=np.float64).T
    if not len(values):
        raise ValueError("no questions to resample")
    if clusters is None:
        return values, np.ones(len(values))
    _, unit = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.stack([np.bincount(unit, weights=column) for column in values.T], axis=1)
    return sums, np.bincount(unit).astype(np.float64)


def _resampled_means(sums: Floats, sizes: Floats, resamples: int, seed: int) -> Floats:
    """(resamples, columns): the mean over questions of each draw, with replacement, of as many units as there are."""
    import numpy as np

    units = len(sums)
    equal = bool((sizes == sizes[0]).all())
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, sums.shape[1]))
    step = max(1, _CHUNK // units)
    for begin in range(0, resamples, step):
        draw = generator.integers(0, units, size=(min(step, resamples - begin), units))
        drawn = units * sizes[0] if equal else sizes[draw].sum(axis=1)
        for column in range(sums.shape[1]):
            means[begin : begin + len(draw), column] = sums[:, column].take(draw).sum(axis=1) / drawn
    return means


def randomization_test(
    differences: Sequence[float],
    *,
    clusters: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> float:
    """The two-sided p-value of paired approximate randomisation: the sign of each unit's difference is a coin.

    p = (b + 1) / (m + 1) for b of m random sign patterns whose total is at least as far from 0 as the one
    seen. Where `resamples` allow all patterns of the units that differ, these are counted instead and p is
    exact. No unit that differs gives 1.0.
    """
    import numpy as np

    sums, _ = _units([differences], clusters)
    units = sums[:, 0][sums[:, 0] != 0]  # a unit without a difference has no sign to flip
    if len(units) < 63 and 1 << len(units) <= resamples:
        patterns = (np.arange(1 << len(units))[:, None] >> np.arange(len(units))) & 1
        return float(_as_far(2 * patterns.astype(np.float64) @ units - units.sum(), units).mean())
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(units))
    extreme = 0
    for begin in range(0, resamples, step):
        rows = min(step, resamples - begin)
        coins = np.frombuffer(generator.bytes(rows * math.ceil(len(units) / 8)), dtype=np.uint8).reshape(rows, -1)
        tosses = np.unpackbits(coins, axis=1, count=len(units)).astype(np.float64)
        extreme += int(_as_far(2 * tosses @ units - units.sum(), units).sum())
    return (extreme + 1) / (resamples + 1)


def _as_far(totals: Floats, units: Floats) -> Floats:
    """Which totals are at least as far from 0 as the total seen, rounding aside."""
    import numpy as np

    slack: Floats = np.abs(totals) >= abs(units.sum()) - _ROUNDING * np.abs(units).sum()
    return slack


def bootstrap_test(
    differences: Sequence[float],
    *,
    clusters: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> float:
    """The two-sided p-value of the paired bootstrap, shifted to the null hypothesis.

    p = (b + 1) / (m + 1) for b of m resamples whose mean difference lies at least as far from the mean
    difference seen as that lies from 0 (Efron & Tibshirani, section 16.4, with both tails). It is not
    Koehn's (2004) share of resamples that one system wins, which has no null hypothesis.
    """
    import numpy as np

    sums, sizes = _units([differences], clusters)
    if not sums.any():
        return 1.0
    seen = sums.sum() / sizes.sum()
    means = _resampled_means(sums, sizes, resamples, seed)[:, 0]
    slack = _ROUNDING * np.abs(sums).sum() / sizes.sum()
    extreme = int((np.abs(means - seen) >= abs(seen) - slack).sum())
    return (extreme + 1) / (resamples + 1)


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


def above_same_below(differences: Sequence[float]) -> tuple[int, int, int]:
    """How many differences are above, at and below 0; a mean over seeds may miss 0 by rounding and is at 0."""
    above = sum(difference > _ROUNDING for difference in differences)
    below = sum(difference < -_ROUNDING for difference in differences)
    return above, len(differences) - above - below, below
