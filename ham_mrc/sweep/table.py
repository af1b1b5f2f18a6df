"""What a sweep found as plain tables: the table of the paper, what it was tested by, and what the levels do."""

from __future__ import annotations

from collections.abc import Sequence

from ham_mrc.eval.comparison import P_VALUE_NOTE, SEEDS_NOTE, Difference
from ham_mrc.eval.comparison_tables import seeds_text
from ham_mrc.eval.datasets import metrics_of, title
from ham_mrc.eval.figures import interval_text, sizes_text
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.published import PUBLISHED_NOTE, Published
from ham_mrc.eval.significance import p_text
from ham_mrc.sweep.levels import AGREE, SiteLevels, sentence
from ham_mrc.sweep.result import SweepResult, SweepRow
from ham_mrc.tables import Cell, Table, make_table


def sweep_tables(result: SweepResult, levels: Sequence[SiteLevels], notes: Sequence[str] = ()) -> list[Table]:
    """The differences seed by seed, the levels, and last the table of the paper; `notes` stand below that."""
    tables = [_seeds_table(result)] if any(row.by_seed for row in result.rows) else []
    tables += [_levels_table(levels)] if any(site.depth > 1 for site in levels) else []
    return [*tables, _main_table(result, notes)]


def main_metrics(result: SweepResult) -> dict[str, Metric]:
    """The two figures that are shown, by name."""
    known = metrics_of(result.dataset, result.version)
    return {name: known[name] for name in result.main}


def _main_table(result: SweepResult, notes: Sequence[str]) -> Table:
    metrics = main_metrics(result)
    headers = ["reader", "depth", "seeds"]
    for metric in metrics.values():
        headers += [metric.label, f"{metric.label} to depth {result.baseline}", f"{metric.label} p"]
    rows = [_row(result, row, metrics) for row in result.rows]
    rows += [_published_row(row, metrics) for row in result.published]
    return make_table(
        headers,
        rows,
        right=headers[1:],
        title=f"{title(result.dataset, result.version)}, {result.part}, {result.questions:,} questions",
        notes=[*verdicts(result), *_notes(result), *notes],
    )


def _row(result: SweepResult, row: SweepRow, metrics: dict[str, Metric]) -> list[str | Cell]:
    cells: list[str | Cell] = [row.reader, str(row.depth), str(len(row.seeds))]
    for name in metrics:
        found = row.differences.get(name)
        mark = str(result.baseline) if found is not None and found.significant else ""
        cells.append(Cell(_mean(row, name), best=name in row.best, mark=mark))
        cells += [_difference(found), p_text(found.p_corrected)] if found is not None else ["", ""]
    return cells


def _mean(row: SweepRow, name: str) -> str:
    spread = f" ± {row.spreads[name]:.2f}" if row.spreads else ""
    return f"{row.metrics[name]:.2f}{spread}"


def _difference(found: Difference) -> str:
    return f"{found.value:+.2f} ({interval_text(found.interval)})"


def _published_row(row: Published, metrics: dict[str, Metric]) -> list[str | Cell]:
    cells: list[str | Cell] = [f"{row.name}, published", "none" if row.depth is None else str(row.depth), ""]
    for name in metrics:
        cells += [f"{row.metrics[name]:.2f}" if name in row.metrics else "", "", ""]
    return cells


def verdicts(result: SweepResult) -> list[str]:
    """A line for every reader and figure: which depths differ from the baseline, and which cannot be told from it."""
    lines = []
    for reader in result.grid.readers:
        rows = [row for row in result.rows if row.reader == reader and row.differences]
        for name, metric in main_metrics(result).items() if rows else ():
            better, worse, same = list[str](), list[str](), list[str]()
            for row in rows:
                found = row.differences[name]
                up = (found.value > 0) == metric.higher_is_better
                (same if not found.significant else better if up else worse).append(str(row.depth))
            said = [("better", better), ("worse", worse), ("not told apart", same)]
            told = "; ".join(f"{what}: {', '.join(depths)}" for what, depths in said if depths)
            lines.append(f"{reader}, {metric.label}, depths against depth {result.baseline}: {told}.")
    return lines


def _notes(result: SweepResult) -> list[str]:
    base, notes = result.baseline, []
    if any(row.spreads for row in result.rows):
        notes.append("Means over seeds ± their sample standard deviation.")
    if any(len(row.seeds) == 1 for row in result.rows):
        notes.append("A row of one seed has no spread: nothing tells its depth from the luck of that seed.")
    if result.tests:
        family = f", Holm-corrected over the {result.tests} rows of this table" if result.tests > 1 else ""
        notes += [
            f"To depth {base}: the difference of the means, and its 95% interval by a bootstrap over questions, not "
            f"corrected. p: paired approximate randomisation over questions, {result.resamples:,} resamples, seed "
            f"{result.seed}{family}; a question's score is its mean over the seeds of the row. What is tested is "
            "whether these very runs answer questions like these differently, and not how far other seeds would stray: "
            "look at the spread, and at the p over seeds.",
            f"Raised {base}: differs from depth {base} with corrected p < 0.05.",
            P_VALUE_NOTE,
            _detectable(result),
        ]
    if result.missing:
        missing = "; ".join(map(str, result.missing))
        notes.append(f"NOT COMPLETE, {len(result.missing)} of {len(result.grid)} runs are missing: {missing}.")
    notes += [PUBLISHED_NOTE] if result.published else []
    return [*notes, f"signature: {result.signature}"]


def _detectable(result: SweepResult) -> str:
    tested = [row.differences for row in result.rows if row.differences]
    largest = {name: max(found[name].detectable for found in tested) for name in result.main}
    shown = {name: size for name, size in largest.items() if size}
    if not shown:
        return "No question is scored differently, so these runs do not tell how large a difference would show."
    sizes = sizes_text(shown, main_metrics(result))
    return f"True differences from about {sizes} up would show on these questions (80% power, not corrected)."


def _seeds_table(result: SweepResult) -> Table:
    seeds = [str(seed) for seed in result.grid.seeds]
    headers = ["reader", "depth", "figure", *(f"seed {seed}" for seed in seeds), "above 0", "p over seeds"]
    rows = []
    for row in result.rows:
        for name, metric in main_metrics(result).items() if row.by_seed else ():
            own = row.by_seed[name]
            above = f"{sum(value > 0 for value in own.values())} of {len(own)}"
            figures = [f"{own[seed]:+.2f}" if seed in own else "" for seed in result.grid.seeds]
            p = seeds_text(row.differences.get(name))
            rows.append([row.reader, str(row.depth), metric.label, *figures, above, p])
    notes = [
        "Both depths of a seed begin with the same weights, but for those of the attention's levels.",
        SEEDS_NOTE,
    ]
    return make_table(
        headers, rows, right=("depth", *headers[3:]), title=f"difference to depth {result.baseline}, seed by seed",
        notes=notes,
    )  # fmt: skip


def _levels_table(levels: Sequence[SiteLevels]) -> Table:
    headers = ["reader", "site", "depth", "levels that agree", "weight of repeats", "last change", "last entropy"]
    headers += ["first spread", "last spread"]
    rows = []
    for site in levels:
        alike = "" if site.alike_from is None else f"{site.alike_from} to {site.depth}"
        weight = "" if site.alike_from is None else f"{site.alike_weight:.2f}"
        told = (site.changes[-1], site.entropies[-1], site.spreads[0], site.spreads[-1])
        rows.append(
            [site.reader, site.site, str(site.depth), alike, weight, *("" if x is None else f"{x:.4f}" for x in told)]
        )
    deepest = {(site.reader, site.site): site for site in levels if site.depth > 1}
    what = (
        f"Levels agree where no output moves by more than {AGREE:g} of its length from a level to the next, in any "
        "seed, on the questions that a run's log is about, in its best epoch. change: how far the last level moved the "
        "output; entropy: 1 is the plain mean of the keys; spread, of the first and last level: how far outputs for "
        "different queries are apart, 0 where all get the same answer or there is but one query."
    )
    notes = [*(sentence(site) for site in deepest.values()), what]
    return make_table(headers, rows, right=headers[2:], title="what the levels do", notes=notes)
