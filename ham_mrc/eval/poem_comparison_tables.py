"""Several poem systems as plain tables: the paper's Table 2 with our rows, then every difference and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ham_mrc.eval.comparison import P_VALUE_NOTE, SEEDS_NOTE, Difference
from ham_mrc.eval.comparison_tables import letter, seeds_text, share_seeds
from ham_mrc.eval.figures import interval_text
from ham_mrc.eval.poem_compare import PoemComparison, PoemRow, PoemTable
from ham_mrc.eval.poem_published import PUBLISHED_NOTE
from ham_mrc.eval.poem_result import HumanRow
from ham_mrc.eval.poem_tables import MEANING_NOTE, ORACLE_NOTE, cell_headers, cells, fewer_lines, figure, poems_text
from ham_mrc.eval.published import Published
from ham_mrc.eval.quatrains import LENGTHS, PROTOCOLS, mean_name
from ham_mrc.eval.significance import p_text
from ham_mrc.tables import Cell, Table, make_table

TITLES = {
    "multi-planned": "Table 2: multiple references, planned keywords",
    "single-planned": "the poet's own line as the only reference, planned keywords",
    "multi-oracle": "leaked keywords, multiple references: apart from all other tables",
    "single-oracle": "leaked keywords, the poet's own line as the only reference: apart from all other tables",
}


def comparison_tables(comparison: PoemComparison) -> list[Table]:
    """For each protocol the systems, and where there are several, the differences to the baseline."""
    tables = []
    for table in comparison.tables:
        tables.append(_systems_table(comparison, table))
        if len(table.rows) > 1:
            tables.append(_differences_table(table))
    return tables


def _systems_table(comparison: PoemComparison, table: PoemTable) -> Table:
    seeds = any(len(one.row.results) > 1 for one in table.rows)
    headers = ["", "name", "system", "epochs", *(["seeds"] if seeds else []), *cell_headers(intervals=True)]
    headers += [f"BLEU {length} sd" for length in LENGTHS] if seeds else []
    rows = [_system_row(table, place, one, seeds) for place, one in enumerate(table.rows)]
    rows += [_other_row(_human_cells(row, table), headers) for row in table.human]
    rows += [_other_row(_published_cells(row), headers) for row in table.published]
    return make_table(
        headers,
        rows,
        right=headers[3:],
        title=f"{TITLES[table.protocol.key]}; {comparison.part} poems: {poems_text(comparison.poems)}",
        notes=_notes(comparison, table, seeds),
    )


def _system_row(table: PoemTable, place: int, one: PoemRow, seeds: bool) -> list[str | Cell]:
    prefix = table.protocol.prefix
    found: list[str | Cell] = [letter(place), one.row.name, describe(one), _epochs(one)]
    found += [str(len(one.row.results))] if seeds else []
    base = letter(table.comparison.baseline)
    marked = cells(one.figures, prefix, one.row.intervals)
    for number, length in enumerate(LENGTHS):
        name, at = prefix + mean_name(length), len(marked) - 2 * (len(LENGTHS) - number)
        difference = one.row.differences.get(name)
        mark = base if difference is not None and difference.significant else ""
        marked[at] = Cell(figure(one.figures, name), best=name in one.row.best, mark=mark)
    found += marked
    return found + ([figure(one.row.spreads, prefix + mean_name(length)) for length in LENGTHS] if seeds else [])


def describe(one: PoemRow) -> str:
    """What the settings tell: ppg, ham 10, small."""
    run: Mapping[str, Any] = one.run
    parts = [one.system]
    if run.get("attention"):
        deep = run["attention"] in ("ham", "multilevel") and run.get("depth") is not None
        parts.append(f"{run['attention']} {run['depth']}" if deep else str(run["attention"]))
    return ", ".join([*parts, *([str(run["preset"])] if run.get("preset") else [])])


def _epochs(one: PoemRow) -> str:
    known = [epochs for epochs in one.epochs if epochs is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _human_cells(row: HumanRow, table: PoemTable) -> dict[str, str | Cell]:
    headers = cell_headers(intervals=True)
    values = cells(row.figures, table.protocol.prefix, row.intervals)
    return {"name": row.name, **dict(zip(headers, values, strict=True))}


def _published_cells(row: Published) -> dict[str, str | Cell]:
    name = row.name if row.depth is None else f"{row.name} {row.depth}"
    values = cells(row.metrics, "", {}, faint=True)
    return {
        "name": Cell(f"paper: {name}", faint=True),
        "system": Cell("published, other data", faint=True),
        **dict(zip(cell_headers(intervals=True), values, strict=True)),
    }


def _other_row(found: Mapping[str, str | Cell], headers: list[str]) -> list[str | Cell]:
    return [found.get(header, "") for header in headers]


def _differences_table(table: PoemTable) -> Table:
    corrected, seeds = table.comparison.correction is not None, share_seeds(table.comparison)
    headers = ["", "name", "figure", "difference", "95% interval", "p", *(["p corrected"] if corrected else [])]
    headers += [*(["p over seeds"] if seeds else []), "detectable"]
    rows = []
    for place, one in enumerate(table.rows):
        for length in LENGTHS:
            found = one.row.differences.get(table.protocol.prefix + mean_name(length))
            if found is not None:
                cells = _difference_cells(found, corrected, seeds)
                rows.append([letter(place), one.row.name, f"BLEU {length}", *cells])
    return make_table(
        headers,
        rows,
        right=headers[3:],
        title=f"differences to row {letter(table.comparison.baseline)}: {table.protocol.key}",
        notes=[
            "detectable: the smallest true difference that would show on these poems (80% power, uncorrected)",
            *([SEEDS_NOTE] if seeds else []),
        ],
    )


def _difference_cells(found: Difference, corrected: bool, seeds: bool) -> list[str]:
    shown = [f"{found.value:+.2f}", interval_text(found.interval), p_text(found.p)]
    shown += [p_text(found.p_corrected)] if corrected else []
    shown += [seeds_text(found)] if seeds else []
    return [*shown, "" if found.detectable in (0, float("inf")) else f"{found.detectable:.2f}"]


def _notes(comparison: PoemComparison, table: PoemTable, seeds: bool) -> list[str]:
    found, base = table.comparison, letter(table.comparison.baseline)
    notes = [f"95%: percentile bootstrap interval over poems, {found.resamples:,} resamples, seed {found.seed}."]
    draws = table.human_draws
    if table.human and draws and draws != {"resamples": found.resamples, "seed": found.seed}:
        notes.append(
            f"The rows that no system wrote are as evaluation stored them: {draws['resamples']:,} resamples, seed "
            f"{draws['seed']}."
        )
    notes += fewer_lines(table.human, comparison.poems)
    if len(table.rows) > 1:
        test = {"randomization": "approximate randomisation", "bootstrap": "bootstrap shifted to no difference"}
        correction = ", Holm-corrected over the rows" if found.correction else ""
        notes += [
            f"Raised {base}: differs from row {base} with p < 0.05 (paired {test[found.test]} over poems, "
            f"{found.resamples:,} resamples{correction}).",
            P_VALUE_NOTE.replace("questions", "poems"),
        ]
    if seeds:
        notes.append(
            "Results that differ only by seed are one row: means over seeds, sd the sample standard deviation between "
            "seeds; intervals and p are over poems, for these very seeds."
        )
    notes += [ORACLE_NOTE] if table.protocol.keywords == "oracle" else []
    notes += [PUBLISHED_NOTE] if table.published else []
    notes += [MEANING_NOTE] if table.protocol == PROTOCOLS[0] else []
    return [*notes, f"signature: {table.signature}"]
