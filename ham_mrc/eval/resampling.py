"""Figures over resampled questions: one engine for means and for corpus figures, from sums of columns.

A *unit* is what one draw takes: a question, or with `clusters` all questions of one passage together. Columns
are those of `Judged.statistics`, one number a question; what a set of questions is worth follows from the sums of
the columns over it (`Metric.combine`). Memory stays at some 50 MB whatever the number of questions.

Sources: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16; Noreen, Computer
Intensive Methods for Testing Hypotheses (1989), for approximate randomisation by swapping both systems' rows, and
Riezler & Maxwell, On Some Pitfalls in Automatic Evaluation (2005), for doing so with sums for BLEU; Phipson &
Smyth, Permutation p-values should never be zero (2010), for (b + 1) / (m + 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ham_mrc.eval.metric import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

Columns = Mapping[str, Sequence[float]]
"""Column name to one number a question; all columns of one system in the same order of questions."""

SEED = 13
LEVEL = 0.95
RESAMPLES = 10_000

_CHUNK = 1 << 21
"""Draws made at a time. Part of what a seed means."""

_ROUNDING = 1e-9
"""Relative. Sums of the same terms in another order count as equal, or a tie would fall either way by chance."""


class Bootstrap:
    """Several systems on the same questions, all resampled with replacement by the same draws.

    `systems` have one table of columns each. Figures and intervals are in the units of the metric. No question at
    all is a ValueError.
    """

    def __init__(
        self,
        systems: Sequence[Columns],
        *,
        clusters: Sequence[int] | None = None,
        resamples: int = RESAMPLES,
        seed: int = SEED,
    ) -> None:
        tables = [_by_unit(system, clusters) for system in systems]
        flat = {(place, name): column for place, table in enumerate(tables) for name, column in table.items()}
        sums = _resampled_sums(flat, resamples, seed)
        self._sums = [{name: sums[place, name] for name in table} for place, table in enumerate(tables)]
        self._seen = [{name: float(column.sum()) for name, column in table.items()} for table in tables]

    def interval(self, metric: Metric, system: int = 0, *, level: float = LEVEL) -> tuple[float, float]:
        """The percentile interval of one system's figure."""
        return _ends(_combined(metric, self._sums[system]), level)

    def difference_interval(
        self, metric: Metric, system: int, base: int, *, level: float = LEVEL
    ) -> tuple[float, float]:
        """The percentile interval of one system's figure less that of another."""
        return _ends(_difference(metric, self._sums[system], self._sums[base]), level)

    def p(self, metric: Metric, system: int, base: int) -> float:
        """The two-sided p-value of the paired bootstrap, shifted to the null hypothesis.

        p = (b + 1) / (m + 1) for b of m resamples whose difference lies at least as far from the difference seen
        as that lies from 0 (Efron & Tibshirani, section 16.4, with both tails). It is not Koehn's (2004) share of
        resamples that one system wins, which has no null hypothesis. Two systems that never differ give 1.0.
        """
        import numpy as np

        seen = float(_difference(metric, self._seen[system], self._seen[base]))
        found = _difference(metric, self._sums[system], self._sums[base])
        found = found[~np.isnan(found)]
        if not found.size or not (seen or found.any()):
            return 1.0
        return _p(np.abs(found - seen), abs(seen), float(np.abs(found).max()))


def _by_unit(system: Columns, clusters: Sequence[int] | None) -> dict[str, Floats]:
    """The sum of each column over each unit."""
    import numpy as np

    columns = {name: np.asarray(column, dtype=np.float64) for name, column in system.items()}
    if not columns or not len(next(iter(columns.values()))):
        raise ValueError("no questions to resample")
    if clusters is None:
        return columns
    _, unit = np.unique(np.asarray(clusters), return_inverse=True)
    return {name: np.bincount(unit, weights=column) for name, column in columns.items()}


def _resampled_sums(columns: Mapping[Any, Floats], resamples: int, seed: int) -> dict[Any, Floats]:
    """Each column's sum over each draw, with replacement, of as many units as there are: (resamples,) a column."""
    import numpy as np

    units = len(next(iter(columns.values())))
    generator = np.random.default_rng(seed)
    sums = {name: np.empty(resamples) for name in columns}
    step = max(1, _CHUNK // units)
    times = np.empty((min(step, resamples), units))  # how often each draw took each unit
    for begin in range(0, resamples, step):
        draws = generator.integers(0, units, size=(min(step, resamples - begin), units))
        for row, draw in enumerate(draws):
            times[row] = np.bincount(draw, minlength=units)
        for name, column in columns.items():
            sums[name][begin : begin + len(draws)] = times[: len(draws)] @ column
    return sums


def _combined(metric: Metric, sums: Mapping[str, Any]) -> Any:
    assert metric.combine is not None, f"{metric.name} is no function of sums"
    return metric.combine(sums)


def _difference(metric: Metric, ours: Mapping[str, Any], base: Mapping[str, Any]) -> Any:
    mean = metric.mean
    if mean is not None and _same(ours[mean.over], base[mean.over]):
        # One division, so that whole numbers of points stay exact.
        return mean({mean.of: ours[mean.of] - base[mean.of], mean.over: ours[mean.over]})
    return _combined(metric, ours) - _combined(metric, base)


def _same(one: Any, other: Any) -> bool:
    return bool((one == other).all()) if hasattr(one, "all") else bool(one == other)


def _ends(figures: Floats, level: float) -> tuple[float, float]:
    """Percentiles of the resamples in which a question counted."""
    import numpy as np

    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(figures, [tail, 100 - tail])
    return float(low), float(high)


def _p(distances: Floats, seen: float, scale: float) -> float:
    extreme = int((distances >= seen - _ROUNDING * max(scale, seen)).sum())
    return (extreme + 1) / (len(distances) + 1)


def randomization_tests(
    metrics: Iterable[Metric],
    ours: Columns,
    base: Columns,
    *,
    clusters: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, float]:
    """By metric the two-sided p-value of paired approximate randomisation: a coin for each unit swaps the systems.

    p = (b + 1) / (m + 1) for b of m random swaps whose difference is at least as far from 0 as the one seen. Where
    `resamples` allow all swaps of the units that differ, these are counted instead and p is exact. No unit that
    differs gives 1.0.
    """
    groups: dict[tuple[str, ...], list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(metric.columns, []).append(metric)
    found: dict[str, float] = {}
    for columns, group in groups.items():
        tables = [_by_unit({name: system[name] for name in columns}, clusters) for system in (ours, base)]
        found |= _swapped(group, tables[0], tables[1], resamples, seed)
    return found


def _swapped(
    group: Sequence[Metric], ours: Mapping[str, Floats], base: Mapping[str, Floats], resamples: int, seed: int
) -> dict[str, float]:
    """The p-values of metrics that share their columns."""
    import numpy as np

    names = list(ours)
    gaps = np.stack([ours[name] - base[name] for name in names], axis=1)
    gaps = gaps[gaps.any(axis=1)]  # a unit without a difference has nothing to swap
    if not len(gaps):
        return {metric.name: 1.0 for metric in group}
    sums = [{name: table[name].sum() for name in names} for table in (ours, base)]
    exact = len(gaps) < 63 and 1 << len(gaps) <= resamples
    swaps = _all_swaps(len(gaps)) if exact else _random_swaps(len(gaps), resamples, seed)
    parts: dict[str, list[Floats]] = {metric.name: [] for metric in group}
    for swap in swaps:
        moved = dict(zip(names, (swap @ gaps).T, strict=True))
        after = [{name: sums[0][name] - moved[name] for name in names}, {n: sums[1][n] + moved[n] for n in names}]
        for metric in group:
            parts[metric.name].append(np.abs(_difference(metric, after[0], after[1])))
    found = {}
    for metric in group:
        seen = abs(float(_difference(metric, sums[0], sums[1])))
        distances = np.concatenate(parts[metric.name])
        if exact:
            scale = max(float(np.nanmax(distances)), seen)
            found[metric.name] = float((distances >= seen - _ROUNDING * scale).mean())
        else:
            found[metric.name] = _p(distances, seen, float(np.nanmax(distances)))
    return found


def _all_swaps(units: int) -> Iterator[Floats]:
    import numpy as np

    yield ((np.arange(1 << units)[:, None] >> np.arange(units)) & 1).astype(np.float64)


def _random_swaps(units: int, resamples: int, seed: int) -> Iterator[Floats]:
    """(rows, units) of 0 and 1, all rows together `resamples`."""
    import numpy as np

    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // units)
    for begin in range(0, resamples, step):
        rows = min(step, resamples - begin)
        coins = np.frombuffer(generator.bytes(rows * math.ceil(units / 8)), dtype=np.uint8).reshape(rows, -1)
        yield np.unpackbits(coins, axis=1, count=units).astype(np.float64)
