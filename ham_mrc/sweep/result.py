"""The finished runs of a sweep to rows of reader x depth, each held against the shallowest depth of its reader.

What is tested: for one reader, the questions are the units, each with its scores of all seeds, and both depths of a
question are swapped at random. That is `compare`, and is about these very runs. The p-values of one metric are then
corrected by Holm over all rows of the table, of all readers together. Over seeds the units are the seeds' differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.compare import compare
from ham_mrc.eval.comparison import Comparison, Difference, Row
from ham_mrc.eval.datasets import MAIN, metrics_of
from ham_mrc.eval.published import PUBLISHED, Published
from ham_mrc.eval.resampling import RESAMPLES, SEED
from ham_mrc.eval.results import Result, same_definition
from ham_mrc.eval.significance import ALPHA, holm
from ham_mrc.sweep.grid import Cell, Grid


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One reader at one depth: means over its seeds, `spreads` their sample standard deviations (empty for one seed).

    `differences` to the baseline depth are empty in its own row, and where it has no finished run. `by_seed` has each
    metric's difference from every seed that both depths have finished, for these weights begin the same. `best` names
    the metrics in which no row of the table is better.
    """

    reader: str
    depth: int
    seeds: tuple[int, ...]
    metrics: Mapping[str, float]
    spreads: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    differences: Mapping[str, Difference]
    by_seed: Mapping[str, Mapping[int, float]]
    best: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All rows with a finished run, readers and depths in the order of the grid. `main` are the two figures shown.

    `runs` has each run's own figures by reader, depth and seed; `tests` is how many p-values of a metric were corrected
    together.
    """

    dataset: str
    version: str
    part: str
    questions: int
    signature: str
    references_sha256: str
    main: tuple[str, ...]
    baseline: int
    grid: Grid
    rows: tuple[SweepRow, ...]
    runs: Mapping[Cell, Mapping[str, float]]
    tests: int
    resamples: int
    seed: int
    published: tuple[Published, ...] = ()

    @property
    def missing(self) -> list[Cell]:
        """The runs of the grid that are not finished."""
        return [cell for cell in self.grid if cell not in self.runs]


def check_published(dataset: str) -> None:
    """Raise HamError where the paper has no rows for a dataset."""
    if dataset not in PUBLISHED:
        raise HamError(f"no published figures for {dataset}", remedy=f"only {', '.join(PUBLISHED)}")


def sweep_result(
    results: Mapping[Cell, Result], grid: Grid, *, paper: bool = False, resamples: int = RESAMPLES, seed: int = SEED
) -> SweepResult:
    """The rows of a grid from the results of its finished runs, at least one.

    Raises HamError where these were scored by different definitions or on different questions.
    """
    first = next(iter(results.values()))
    for result in results.values():
        same_definition(result, first)
    rows: list[SweepRow] = []
    for reader in grid.readers:
        own = {cell: results[cell] for cell in _by_depth(grid, reader) if cell in results}
        if own:
            rows += _rows(own, grid.baseline, resamples, seed)
    corrected, tests = _corrected(rows)
    scores = first.scores
    return SweepResult(
        dataset=scores.dataset,
        version=scores.version,
        part=str((first.run or {}).get("part", "")),
        questions=scores.questions,
        signature=scores.signature,
        references_sha256=scores.references_sha256,
        main=tuple(name for name in MAIN[scores.dataset] if name in scores.metrics),
        baseline=grid.baseline,
        grid=grid,
        rows=_with_best(corrected, scores.dataset, scores.version),
        runs={cell: dict(result.scores.metrics) for cell, result in results.items()},
        tests=tests,
        resamples=resamples,
        seed=seed,
        published=PUBLISHED[scores.dataset] if paper else (),
    )


def _by_depth(grid: Grid, reader: str) -> list[Cell]:
    return [Cell(reader, depth, seed) for depth in grid.depths for seed in grid.seeds]


def _rows(results: Mapping[Cell, Result], baseline: int, resamples: int, seed: int) -> list[SweepRow]:
    """The rows of one reader, the shallowest depth first, as `compare` groups and tests them; not corrected."""
    there = next(iter(results)).depth == baseline
    found: Comparison = compare(list(results.values()), correction=False, resamples=resamples, seed=seed)
    own = {cell: result.scores.metrics for cell, result in results.items()}
    return [_row(row, own, baseline, tested=there) for row in found.rows]


def _row(row: Row, own: Mapping[Cell, Mapping[str, float]], baseline: int, *, tested: bool) -> SweepRow:
    assert row.reader is not None
    assert row.depth is not None
    by_seed = {
        name: {
            seed: own[Cell(row.reader, row.depth, seed)][name] - own[Cell(row.reader, baseline, seed)][name]
            for seed in row.seeds
            if Cell(row.reader, baseline, seed) in own
        }
        for name in (row.metrics if row.depth != baseline else ())
    }
    return SweepRow(
        reader=row.reader,
        depth=row.depth,
        seeds=row.seeds,
        metrics=row.metrics,
        spreads=row.spreads,
        intervals=row.intervals,
        differences=row.differences if tested else {},
        by_seed=by_seed,
    )


def _corrected(rows: Sequence[SweepRow]) -> tuple[list[SweepRow], int]:
    """The same rows with p-values corrected, one family a metric, and the size of the families."""
    tested = [place for place, row in enumerate(rows) if row.differences]
    found = list(rows)
    for name in rows[tested[0]].differences if tested else ():
        corrected = holm([rows[place].differences[name].p for place in tested])
        for place, p in zip(tested, corrected, strict=True):
            new = replace(found[place].differences[name], p_corrected=p, significant=p < ALPHA)
            found[place] = replace(found[place], differences={**found[place].differences, name: new})
    return found, len(tested)


def _with_best(rows: Sequence[SweepRow], dataset: str, version: str) -> tuple[SweepRow, ...]:
    known = metrics_of(dataset, version)
    tops = {
        name: (max if known[name].higher_is_better else min)(row.metrics[name] for row in rows)
        for name in (rows[0].metrics if len(rows) > 1 else ())
        if name in known and known[name].unit == "%"
    }
    return tuple(
        replace(row, best=tuple(name for name, top in tops.items() if row.metrics[name] == top)) for row in rows
    )


def result_json(result: SweepResult) -> dict[str, Any]:
    """All of it as one JSON object, figures unrounded; `schema` and the rest is the caller's."""
    content = asdict(replace(result, runs={}))
    del content["runs"]  # runs.json and its like tell more of them
    content["missing"] = [asdict(cell) for cell in result.missing]
    for row in content["rows"]:
        row["by_seed"] = {
            name: {str(seed): value for seed, value in values.items()} for name, values in row["by_seed"].items()
        }
    return content
