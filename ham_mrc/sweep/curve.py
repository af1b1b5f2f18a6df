"""Score against depth in a terminal: one column a depth, one letter a reader, as wide as need be."""

from __future__ import annotations

from collections.abc import Sequence

from ham_mrc.eval.metric import Metric
from ham_mrc.sweep.result import SweepResult, SweepRow

HEIGHT = 12
"""Lines of the plot itself."""

_COLUMN = 8
"""Characters for a depth."""

Place = tuple[int, int]


def curve_text(result: SweepResult, name: str, metric: Metric) -> str:
    """The means of one figure as letters, over `│` from the lowest to the highest seed; lines, ends with a break.

    Where two readers meet, `*` stands for both.
    """
    readers = list(dict.fromkeys(row.reader for row in result.rows))
    values = [figures[name] for figures in result.runs.values()]
    low, high = frame(min(values), max(values))
    marks: dict[Place, str] = {}
    for row in result.rows:
        _draw(marks, result, row, name, readers, (low, high))
    lines = [f"{metric.label} by depth"]
    for line in range(HEIGHT):
        value = high - (high - low) * line / (HEIGHT - 1)
        width = _COLUMN * len(result.grid.depths)
        lines.append(f"{value:7.2f} ┤" + "".join(marks.get((line, x), " ") for x in range(width)))
    lines.append(" " * 8 + "└" + "─" * (_COLUMN * len(result.grid.depths)))
    lines.append(" " * 9 + "".join(f"{depth:>{_COLUMN // 2 + 1}}".ljust(_COLUMN) for depth in result.grid.depths))
    key = ", ".join(f"{_letter(i)} {reader}" for i, reader in enumerate(readers))
    lines.append(f"{key}; │ from the lowest to the highest seed")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def frame(low: float, high: float) -> tuple[float, float]:
    """The ends of the axis; never so near each other that noise looks like a hill."""
    short = max(0.0, 1 - (high - low)) / 2
    low, high = low - short, high + short
    up = max(0.0, -low) - max(0.0, high - 100)  # scores are percentages
    return low + up, high + up


def _draw(
    marks: dict[Place, str],
    result: SweepResult,
    row: SweepRow,
    name: str,
    readers: Sequence[str],
    ends: tuple[float, float],
) -> None:
    place = readers.index(row.reader)
    # Readers stand side by side in a column, so that one bar does not hide another.
    shift = place % (_COLUMN - 2) - min(len(readers), _COLUMN - 2) // 2
    x = _COLUMN * result.grid.depths.index(row.depth) + _COLUMN // 2 + shift
    own = [
        figures[name] for cell, figures in result.runs.items() if (cell.reader, cell.depth) == (row.reader, row.depth)
    ]
    top, bottom = (_line(value, ends) for value in (max(own), min(own)))
    for line in range(top, bottom + 1):
        marks.setdefault((line, x), "│")
    at = (_line(row.metrics[name], ends), x)
    marks[at] = _letter(place) if marks.get(at, "│") == "│" else "*"


def _line(value: float, ends: tuple[float, float]) -> int:
    low, high = ends
    return round((high - value) / (high - low) * (HEIGHT - 1))


def _letter(place: int) -> str:
    return chr(ord("a") + place % 26)
