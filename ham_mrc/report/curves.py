"""What runs logged while they trained: loss and scores by epoch, and what every level of attention did in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ham_mrc.eval.datasets import metrics_of
from ham_mrc.report.charts import Chart, Series
from ham_mrc.report.gather import Material, Run
from ham_mrc.report.scoreboard import Panels, shown_metrics
from ham_mrc.sweep.grid import Cell
from ham_mrc.sweep.levels import AGREE, SiteLevels, sentence, sweep_levels


def training_curves(material: Material) -> Panels | None:
    """Loss, and the dataset's steadier figure on each part that was scored, by epoch; None without a log.

    One line a run, in the colour of its row. The kept epoch is larger.
    """
    runs = [run for run in material.runs if run.log]
    if not runs:
        return None
    epochs = max(len(run.log) for run in runs)
    ticks = [(float(epoch), str(epoch)) for epoch in range(1, epochs + 1)]
    charts = [Chart("Training loss", "epoch", "loss", _lines(runs, lambda entry: entry.get("loss")), ticks)]
    name = list(shown_metrics(material.comparison))[-1]
    label = metrics_of(material.comparison.dataset, material.comparison.version)[name].label
    for part in dict.fromkeys(part for run in runs for entry in run.log for part in entry.get("scores", {})):
        lines = _lines(runs, lambda entry, part=part: entry.get("scores", {}).get(part, {}).get(name))  # type: ignore[misc]
        if any(one.points for one in lines):
            charts.append(Chart(f"{label} on {part}", "epoch", label, lines, ticks))
    charts = [chart for chart in charts if any(one.points for one in chart.series)]
    legend = tuple((row, material.labels[row]) for row in dict.fromkeys(run.row for run in runs))
    return Panels(tuple(charts), legend) if charts else None


def _lines(runs: Iterable[Run], value: Callable[[dict[str, Any]], Any]) -> list[Series]:
    lines = []
    for run in runs:
        told = [(i + 1, value(entry), entry is run.best) for i, entry in enumerate(run.log)]
        points = [(float(epoch), float(number), best) for epoch, number, best in told if number is not None]
        strong = frozenset(place for place, point in enumerate(points) if point[2])
        lines.append(Series(run.label, run.row, [point[:2] for point in points], strong=strong))
    return lines


@dataclass(frozen=True, slots=True)
class Site:
    """One place of attention of one reader: a sentence, charts and figures for each of its depths."""

    name: str
    sentences: tuple[str, ...]
    panels: Panels
    rows: tuple[tuple[str, SiteLevels], ...]


def level_sites(material: Material) -> list[Site]:
    """Every site of attention whose levels were logged, rows that have it side by side."""
    found: dict[tuple[str, str], list[tuple[int, SiteLevels]]] = {}
    for row in range(len(material.labels)):
        for site in sweep_levels(_logged(material.runs_of(row))):
            found.setdefault((site.reader, site.site), []).append((row, site))
    return [_site(material, f"{reader}, {site}", rows) for (reader, site), rows in found.items()]


def _logged(runs: Sequence[Run]) -> Mapping[Cell, Mapping[str, Any]]:
    """The levels of the kept epoch of each run of one row."""
    logged = {}
    for place, run in enumerate(runs):
        settings, best = run.result.run or {}, run.best
        if best and best.get("levels"):
            levels = best["levels"]
            depth = max(len(site) for site in levels.values())
            logged[Cell(str(settings.get("reader", "reader")), depth, int(settings.get("seed", place)))] = levels
    return logged


def _site(material: Material, name: str, rows: list[tuple[int, SiteLevels]]) -> Site:
    depth = max(len(site.weights) for _, site in rows)
    ticks = [(float(level), str(level)) for level in range(1, depth + 1)]

    def lines(values: Callable[[SiteLevels], Sequence[float | None]]) -> list[Series]:
        return [
            Series(
                material.labels[row],
                row,
                [(float(level), value) for level, value in enumerate(values(site), 1) if value is not None],
            )
            for row, site in rows
        ]

    charts = [
        Chart("Level weights", "level", "weight", lines(lambda site: site.weights), ticks),
        Chart("Change from the level before", "level", "share of its length", lines(lambda site: site.changes), ticks)
        if depth > 1
        else None,
        Chart("Entropy of the attention", "level", "1 is even", lines(lambda site: site.entropies), ticks),
        Chart("Spread over queries", "level", "share of its length", lines(lambda site: site.spreads), ticks)
        if any(spread for _, site in rows for spread in site.spreads)
        else None,
    ]
    drawn = []
    for chart in charts:
        if chart is not None and any(one.points for one in chart.series):
            drawn.append(_logarithmic(chart) if "share" in chart.y else chart)
    legend = tuple((row, material.labels[row]) for row, _ in rows)
    told = tuple(_plain(material.labels[row], site) for row, site in rows)
    return Site(name, told, Panels(tuple(drawn), legend), tuple((material.labels[row], site) for row, site in rows))


def _logarithmic(chart: Chart) -> Chart:
    guide = (AGREE, "the same to 0.001") if chart.title.startswith("Change") else None
    return Chart(chart.title, chart.x, chart.y, chart.series, chart.ticks, log=True, guide=guide)


def _plain(label: str, site: SiteLevels) -> str:
    """What the figures of a site mean, under the label that its row has on the page."""
    said = sentence(site).partition(": ")[2]
    if site.alike_from is not None:
        first = site.alike_from
        said += f" They are one function: levels beyond {first} add nothing that level {first} has not."
    return f"{label}: {said}"
