"""Score against depth: charts, and each reader's depths held against its own shallowest one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ham_mrc.eval.comparison import Comparison
from ham_mrc.eval.results import Result
from ham_mrc.report.charts import Chart, Series
from ham_mrc.report.gather import Material
from ham_mrc.report.scoreboard import Panels, shown_metrics
from ham_mrc.sweep.grid import Cell, Grid
from ham_mrc.sweep.result import sweep_result
from ham_mrc.sweep.table import sweep_tables, verdicts
from ham_mrc.tables import Table


def depth_curves(material: Material) -> Panels | None:
    """Score against depth, one chart a figure; None where fewer than two depths are compared."""
    lines = _lines(material.comparison)
    depths = sorted({row.depth for row in material.comparison.rows if row.depth is not None})
    if len(depths) < 2:
        return None
    charts = []
    for name, metric in shown_metrics(material.comparison).items():
        series = [_depth_line(material, *line, number, name, depths) for number, line in enumerate(lines)]
        ticks = [(float(place), str(depth)) for place, depth in enumerate(depths)]
        charts.append(Chart(metric.label, "depth (levels of attention)", metric.label, series, ticks))
    return Panels(tuple(charts), tuple((number, label) for number, (label, _) in enumerate(lines)))


@dataclass(frozen=True, slots=True)
class DepthTests:
    """Every depth against the shallowest of its reader: a line for each reader and figure, and the tables."""

    verdicts: tuple[str, ...]
    tables: tuple[Table, ...]


def depth_tests(material: Material) -> DepthTests | None:
    """None where no two rows differ by depth alone, or readers do not share their shallowest depth.

    The board above holds all rows against one; where there are several readers, that is not what depth does.
    """
    cells = _cells(material)
    shallowest = {min(cell.depth for cell in cells if cell.reader == reader) for reader in {c.reader for c in cells}}
    depths = sorted({cell.depth for cell in cells})
    if len(depths) < 2 or len(shallowest) > 1:
        return None
    readers = list(dict.fromkeys(cell.reader for cell in cells))
    grid = Grid(tuple(readers), tuple(depths), tuple(sorted({cell.seed for cell in cells})))
    comparison = material.comparison
    found = sweep_result(cells, grid, resamples=comparison.resamples, seed=comparison.seed)
    return DepthTests(tuple(verdicts(found)), tuple(reversed(sweep_tables(found, []))))


def _cells(material: Material) -> Mapping[Cell, Result]:
    """The results that are a grid of readers, depths and seeds: empty where a reader has more than one line."""
    found: dict[Cell, Result] = {}
    for label, rows in _lines(material.comparison):
        for run in (run for row in rows for run in material.runs_of(row)):
            row, seed = material.comparison.rows[run.row], (run.result.run or {}).get("seed")
            if row.reader != label or row.depth is None or not isinstance(seed, int):
                return {}
            found[Cell(label, row.depth, seed)] = run.result
    return found


def _lines(comparison: Comparison) -> list[tuple[str, list[int]]]:
    """The places of the rows that differ by depth alone, with what they have in common as a label."""
    found: dict[str, list[int]] = {}
    for place, row in enumerate(comparison.rows):
        if row.depth is not None and row.reader is not None:
            # A second row of this reader and depth is of other settings, and no point of the same line.
            depths = [comparison.rows[other].depth for other in found.get(row.reader, ())]
            found.setdefault(row.name if row.depth in depths else row.reader, []).append(place)
    return list(found.items())


def _depth_line(
    material: Material, label: str, rows: Sequence[int], number: int, name: str, depths: Sequence[int]
) -> Series:
    lines = len(_lines(material.comparison))
    shift = (number - (lines - 1) / 2) * 0.09  # side by side, so that one interval does not hide another
    table = sorted((depths.index(material.comparison.rows[place].depth or 0), place) for place in rows)
    points, intervals, dots = [], [], []
    for column, place in table:
        row, x = material.comparison.rows[place], column + shift
        points.append((x, row.metrics[name]))
        if name in row.intervals:
            intervals.append((x, *row.intervals[name]))
        own = [run.result.scores.metrics[name] for run in material.runs_of(place)]
        dots += [(x, value) for value in own if len(own) > 1]
    return Series(label, number, points, intervals, dots)
