"""Score against depth as a picture file, by matplotlib (extra `plot`)."""

from __future__ import annotations

from pathlib import Path

from ham_mrc.files import write_whole
from ham_mrc.sweep.curve import frame
from ham_mrc.sweep.result import SweepResult
from ham_mrc.sweep.table import main_metrics

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which people who confuse red and green tell apart."""

_MARKERS = ("o", "s", "^", "D", "v", "P")


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def save_curve(result: SweepResult, *paths: Path) -> None:
    """Draw one panel a figure: means over seeds joined by lines, every single run as a faint mark.

    The suffix says what a file is: .png, .svg, .pdf. The same result gives the same bytes.
    """
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context({"svg.hashsalt": "ham-mrc", "font.size": 10, "svg.fonttype": "none"}):
        figure = _figure(result)
        for path in paths:
            # Without these no date and no version stands in the file.
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
            with write_whole(path) as stream:
                figure.savefig(stream, format=path.suffix[1:], dpi=150, metadata=metadata)


def _figure(result: SweepResult):  # type: ignore[no-untyped-def]
    from matplotlib.figure import Figure

    metrics = main_metrics(result)
    figure = Figure(figsize=(4.5 * len(metrics), 3.6), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    readers = list(dict.fromkeys(row.reader for row in result.rows))
    for axes, (name, metric) in zip(panels, metrics.items(), strict=True):
        for place, reader in enumerate(readers):
            _line(axes, result, reader, name, place)
        values = [figures[name] for figures in result.runs.values()]
        low, high = frame(min(values), max(values))
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        axes.set_xticks(range(len(result.grid.depths)), [str(depth) for depth in result.grid.depths])
        axes.set_xlabel("depth")
        axes.set_ylabel(f"{metric.label} ({result.part})")
        axes.grid(axis="y", alpha=0.3)
    panels[0].legend(frameon=False)
    return figure


def _line(axes, result: SweepResult, reader: str, name: str, place: int) -> None:  # type: ignore[no-untyped-def]
    """The runs and means of one reader; columns are a little apart, so that readers do not hide each other."""
    color, marker = _COLORS[place % len(_COLORS)], _MARKERS[place % len(_MARKERS)]
    where = {depth: x + 0.08 * place for x, depth in enumerate(result.grid.depths)}
    own = {cell: figures[name] for cell, figures in result.runs.items() if cell.reader == reader}
    axes.plot([where[cell.depth] for cell in own], list(own.values()), marker, color=color, alpha=0.3, markersize=4)
    rows = [row for row in result.rows if row.reader == reader]
    means = [row.metrics[name] for row in rows]
    axes.plot([where[row.depth] for row in rows], means, marker=marker, color=color, label=reader)
