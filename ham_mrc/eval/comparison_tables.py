"""Comparisons as plain tables; figures with two decimals."""

from __future__ import annotations

from collections.abc import Sequence

from ham_mrc.eval.comparison import P_VALUE_NOTE, SEEDS_NOTE, Comparison, Difference, Row
from ham_mrc.eval.datasets import metrics_of
from ham_mrc.eval.figures import Metrics, figure_text, interval_text, sizes_text
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.published import PUBLISHED_NOTE, Published
from ham_mrc.eval.significance import p_text
from ham_mrc.tables import Cell, Table, make_table


def comparison_tables(comparison: Comparison) -> list[Table]:
    """One row a system; and where there are several, one row for each difference to the baseline."""
    tables = [_systems_table(comparison)]
    if len(comparison.rows) > 1:
        tables.append(_differences_table(comparison))
    return tables


def _known(comparison: Comparison) -> dict[str, Metric]:
    known = metrics_of(comparison.dataset, comparison.version, comparison.metrics)
    return {name: known[name] for name in comparison.metrics}


def _systems_table(comparison: Comparison) -> Table:
    metrics = _known(comparison)
    seeds = any(len(row.results) > 1 for row in comparison.rows)
    tested = len(comparison.rows) > 1
    headers = ["", "name", "reader", "depth", *(["seeds"] if seeds else [])]
    for name, metric in metrics.items():
        label, resampled = metric.label, name in comparison.rows[0].intervals
        headers += [label, *([f"{label} sd"] if seeds else [])]
        headers += [f"{label} 95% interval"] if resampled else []
        headers += [f"{label} difference", f"{label} p"] if tested and resampled else []
    rows = [_system_row(comparison, place, row, seeds, tested) for place, row in enumerate(comparison.rows)]
    rows += [_published_row(row, headers, metrics) for row in comparison.published]
    return make_table(
        headers,
        rows,
        right=headers[3:],
        title=f"{comparison.dataset} {comparison.version}, {comparison.questions:,} questions",
        notes=_comparison_notes(comparison, seeds, tested),
    )


def _system_row(comparison: Comparison, place: int, row: Row, seeds: bool, tested: bool) -> list[str | Cell]:
    cells: list[str | Cell] = [letter(place), row.name, row.reader or "", "" if row.depth is None else str(row.depth)]
    cells += [str(len(row.results))] if seeds else []
    for name, metric in _known(comparison).items():
        difference = row.differences.get(name)
        mark = letter(comparison.baseline) if difference is not None and difference.significant else ""
        cells.append(Cell(figure_text(metric, row.metrics[name]), best=name in row.best, mark=mark))
        cells += [figure_text(metric, row.spreads[name]) if row.spreads else ""] if seeds else []
        resampled = name in row.intervals
        cells += [interval_text(row.intervals[name])] if resampled else []
        if tested and resampled:
            cells += [f"{difference.value:+.2f}", p_text(difference.p_corrected)] if difference else ["", ""]
    return cells


def _differences_table(comparison: Comparison) -> Table:
    corrected = comparison.correction is not None
    headers = ["", "name", "metric", "difference", "95% interval", "p", *(["p corrected"] if corrected else [])]
    seeds = share_seeds(comparison)
    headers += [*(["p over seeds"] if seeds else []), "wins", "ties", "losses"]
    metrics = _known(comparison)
    rows = []
    for place, row in enumerate(comparison.rows):
        for name, found in row.differences.items():
            cells = [letter(place), row.name, metrics[name].label, f"{found.value:+.2f}"]
            cells += [interval_text(found.interval), p_text(found.p)]
            cells += [p_text(found.p_corrected)] if corrected else []
            cells += [seeds_text(found)] if seeds else []
            counts = (found.wins, found.ties, found.losses)
            rows.append([*cells, *("" if count is None else f"{count:,}" for count in counts)])
    title, notes = f"differences to row {letter(comparison.baseline)}", [SEEDS_NOTE] if seeds else []
    return make_table(headers, rows, right=headers[3:], title=title, notes=notes)


def share_seeds(comparison: Comparison) -> bool:
    """Whether some rows have seeds in common with the baseline, two at least."""
    return any(found.p_over_seeds is not None for row in comparison.rows for found in row.differences.values())


def seeds_text(found: Difference | None) -> str:
    """The p-value over seeds; nothing where there is none."""
    return "" if found is None or found.p_over_seeds is None else p_text(found.p_over_seeds)


def letter(place: int) -> str:
    """a to z, then a2, b2 and so on."""
    turn, rest = divmod(place, 26)
    return chr(ord("a") + rest) + (str(turn + 1) if turn else "")


def _published_row(row: Published, headers: Sequence[str], metrics: Metrics) -> list[str | Cell]:
    cells = dict.fromkeys(range(len(headers)), "")
    cells[1], cells[2] = "published, other data", row.name
    cells[3] = "none" if row.depth is None else str(row.depth)
    for name, metric in metrics.items():
        if name in row.metrics:
            cells[headers.index(metric.label)] = f"{row.metrics[name]:.2f}"
    return list(cells.values())


def _comparison_notes(comparison: Comparison, seeds: bool, tested: bool) -> list[str]:
    notes = []
    if tested:
        base = letter(comparison.baseline)
        test = {"randomization": "approximate randomisation", "bootstrap": "bootstrap shifted to no difference"}
        correction = ", Holm-corrected over the rows" if comparison.correction else ""
        notes += [
            f"Differences are to row {base}. p: paired {test[comparison.test]} over questions, "
            f"{comparison.resamples:,} resamples, seed {comparison.seed}{correction}.",
            f"Raised {base}: differs from row {base} with p < 0.05.",
            P_VALUE_NOTE,
            *([_detectable_note(comparison)] if any(row.differences for row in comparison.rows) else []),
        ]
    if seeds:
        notes.append(
            "Results that differ only by seed are one row: means over seeds, sd the sample standard deviation "
            "between seeds; intervals and p are over questions, for these very seeds."
        )
    notes += [PUBLISHED_NOTE] if comparison.published else []
    metrics = _known(comparison)
    variants = [f"signature of {metrics[name].label}: {text}" for name, text in comparison.variants.items()]
    return [*notes, f"signature: {comparison.signature}", *variants]


def _detectable_note(comparison: Comparison) -> str:
    found = [row.differences for row in comparison.rows if row.differences]
    largest = {name: max(differences[name].detectable for differences in found) for name in found[0]}
    sizes = sizes_text({name: size for name, size in largest.items() if size}, _known(comparison))
    if not sizes:
        return "No question is scored differently, so these results do not tell how large a difference would show."
    return f"True differences from about {sizes} up would show on these questions (80% power, uncorrected)."
