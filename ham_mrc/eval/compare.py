"""Several results to one `Comparison`: which belong together, who differs from the baseline, and how sure that is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ham_mrc.errors import HamError
from ham_mrc.eval import significance as sig
from ham_mrc.eval.columns import known_metrics
from ham_mrc.eval.comparison import Comparison, Difference, Row
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.published import PUBLISHED
from ham_mrc.eval.resampling import RESAMPLES, SEED
from ham_mrc.eval.results import Result, same_definition
from ham_mrc.eval.systems import TESTS, Draws, Systems, mean


def compare(
    results: Sequence[Result],
    *,
    baseline_index: int = 0,
    test: str = "randomization",
    correction: bool = True,
    paper: bool = False,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """The results side by side, with a paired test of each row against that of `results[baseline_index]`.

    Results whose settings differ only by "seed" become one row, whose figures are means over seeds; the test then
    pairs questions, each with its scores of all seeds. With more than two rows p-values are corrected, one family a
    metric, unless `correction` is False. `paper` adds published figures. Raises HamError where signatures or
    questions differ.
    """
    _check(results, baseline_index, test, paper)
    groups = _groups(results)
    names = result_names(results)
    metrics = {
        name: metric
        for name, metric in known_metrics(results[0].scores).items()
        if all(name in result.scores.metrics for result in results)
    }
    if not metrics:
        raise HamError("the results have no metric in common")
    baseline = next(place for place, group in enumerate(groups) if baseline_index in group)
    correct = correction and len(groups) > 2
    draws = Draws(resamples=resamples, seed=seed)
    systems = Systems([[results[i] for i in group] for group in groups], metrics, draws)
    differences = _differences(systems, baseline, test, correct)
    rows = [_row(systems, place, [names[i] for i in group], differences[place]) for place, group in enumerate(groups)]
    first = results[0].scores
    return Comparison(
        dataset=first.dataset,
        version=first.version,
        questions=first.questions,
        signature=first.signature,
        variants={name: first.variants[name] for name in metrics if name in first.variants},
        references_sha256=first.references_sha256,
        metrics=tuple(metrics),
        rows=_with_best(rows, metrics),
        baseline=baseline,
        test=test,
        correction="holm" if correct else None,
        published=PUBLISHED[first.dataset] if paper else (),
        **draws,
    )


def _check(results: Sequence[Result], baseline_index: int, test: str, paper: bool) -> None:
    if not results:
        raise HamError("nothing to compare", remedy="give at least one result")
    if not 0 <= baseline_index < len(results):
        raise HamError(f"there is no result number {baseline_index}", remedy=f"they count from 0 to {len(results) - 1}")
    if test not in TESTS:
        raise HamError(f"no test {test!r}", remedy=f"there are: {', '.join(TESTS)}")
    for result in results[1:]:
        same_definition(result, results[0])
    if paper and results[0].scores.dataset not in PUBLISHED:
        raise HamError(f"no published figures for {results[0].scores.dataset}", remedy=f"only {', '.join(PUBLISHED)}")


OF_THE_MACHINE = ("device", "checkpoint_minutes")
"""Settings of a run that say where it ran and when it was saved, and nothing of what it is."""


def _groups(results: Sequence[Result]) -> list[list[int]]:
    """Places of the results that belong in one row, in order of first appearance."""
    groups: dict[str, list[int]] = {}
    for place, result in enumerate(results):
        run = {key: value for key, value in (result.run or {}).items() if key not in OF_THE_MACHINE}
        seed = run.pop("seed", None)
        key = json.dumps(run, sort_keys=True, default=str)
        members = groups.get(key, [])
        # The same seed twice is no repetition that could show a spread: it stays a row of its own.
        if seed is None or any((results[i].run or {}).get("seed") == seed for i in members):
            key = f"{key}#{place}"
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def result_names(results: Sequence[Result]) -> list[str]:
    """The results' names, or their files where two have the same name."""
    names = [result.name for result in results]
    return [result.file or result.name if names.count(result.name) > 1 else result.name for result in results]


def _spread(values: Sequence[float]) -> float:
    """The sample standard deviation."""
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def _differences(systems: Systems, baseline: int, test: str, correct: bool) -> list[dict[str, Difference]]:
    """For each row (nothing for the baseline) its differences by metric. A metric's tests are one family."""
    found: list[dict[str, Difference]] = [{} for _ in systems.groups]
    others = [place for place in range(len(systems.groups)) if place != baseline]
    p_values = {place: systems.p_values(place, baseline, test) for place in others}
    for name, metric in systems.drawn.items():
        family = [p_values[place][name] for place in others]
        corrected = sig.holm(family) if correct else family
        for place, p, p_corrected in zip(others, family, corrected, strict=True):
            found[place][name] = _difference(systems, metric, (place, baseline), p, p_corrected)
    return found


def _difference(systems: Systems, metric: Metric, pair: tuple[int, int], p: float, corrected: float) -> Difference:
    assert systems.bootstrap is not None
    ours, base = (mean(systems.figures(place)[metric.name]) for place in pair)
    pseudo = [sig.pseudo_scores(metric, systems.tables[place]) for place in pair]
    wins, ties, losses = systems.outcomes(metric, *pair)
    return Difference(
        value=ours - base,
        interval=systems.bootstrap.difference_interval(metric, *pair),
        p=p,
        p_corrected=corrected,
        significant=corrected < sig.ALPHA,
        wins=wins,
        ties=ties,
        losses=losses,
        detectable=sig.detectable_difference([a - b for a, b in zip(*pseudo, strict=True)]),
        p_over_seeds=sig.p_over_seeds(systems.by_seed(metric.name, *pair)),
    )


def _row(systems: Systems, place: int, names: Sequence[str], differences: Mapping[str, Difference]) -> Row:
    group, figures = systems.groups[place], systems.figures(place)
    run = group[0].run or {}
    return Row(
        name=names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
        reader=run.get("reader"),
        depth=run.get("depth"),
        seeds=tuple(result.run["seed"] for result in group if result.run and "seed" in result.run),
        results=tuple(names),
        metrics={name: mean(values) for name, values in figures.items()},
        spreads={name: _spread(values) for name, values in figures.items()} if len(group) > 1 else {},
        intervals=systems.intervals(place),
        differences=differences,
        best=frozenset(),
    )


def _with_best(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> tuple[Row, ...]:
    if len(rows) < 2:
        return tuple(rows)
    tops: dict[str, float] = {}
    for name, metric in metrics.items():
        figures = [row.metrics[name] for row in rows]
        if metric.unit == "%":
            tops[name] = max(figures) if metric.higher_is_better else min(figures)
    return tuple(
        replace(row, best=frozenset(name for name, top in tops.items() if row.metrics[name] == top)) for row in rows
    )
