"""Scores, breakdowns, comparisons and checks as plain tables; figures with two decimals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ham_mrc.eval import METRICS
from ham_mrc.eval.breakdown import SMALL, Breakdown
from ham_mrc.eval.compare import P_VALUE_NOTE, Comparison, Row
from ham_mrc.eval.evaluation import Evaluation
from ham_mrc.eval.published import PUBLISHED_NOTE, Published
from ham_mrc.eval.references import References
from ham_mrc.eval.regression import DropCheck, Flip, LeastCheck
from ham_mrc.eval.significance import p_text
from ham_mrc.tables import Cell, Check, Table, make_table

MOST_FLIPS = 10
"""How many flipped questions a table shows; the JSON document holds them all."""

_ID_IN_MESSAGE = 8

Interval = tuple[float, float]


def evaluation_tables(found: Evaluation) -> list[Table]:
    """The scores, and as asked for the breakdown and the flipped questions."""
    tables = [_scores_table(found)]
    if found.breakdown is not None:
        tables.append(breakdown_table(found.breakdown))
    if found.flips:
        tables.append(flips_table(found.flips, found.references, found.predictions))
    return tables


def _scores_table(found: Evaluation) -> Table:
    scores = found.scores
    headers = ["metric", "score", *(["95% interval"] if found.intervals else [])]
    rows = []
    for metric, value in scores.metrics.items():
        row = [METRICS[metric].label, f"{value:.2f}"]
        rows.append([*row, interval_text(found.intervals[metric])] if found.intervals else row)
    title = f"{found.name} on {scores.dataset} {scores.version}"
    return make_table(headers, rows, right=headers[1:], title=title, notes=_scores_notes(found))


def _scores_notes(found: Evaluation) -> list[str]:
    scores = found.scores
    counts = f"questions: {scores.questions:,}, answered: {scores.answered:,}"
    counts += f", without a prediction (score 0): {scores.missing:,}" if scores.missing else ""
    counts += f", predictions for other questions (ignored): {scores.extra:,}" if scores.extra else ""
    notes = [counts]
    if found.words is not None:
        notes.append(
            f"Contains rewards long answers: predictions have {found.words[0]:.1f} words on average, "
            f"reference answers {found.words[1]:.1f}."
        )
    if found.intervals:
        unit = "passages" if found.asked.clustered else "questions"
        notes += [
            f"Intervals: percentile bootstrap over {unit}, {found.asked.resamples:,} resamples, "
            f"seed {found.asked.seed}.",
            f"Another system has to differ by up to {_sizes(found.detectable)} to be told apart on these "
            "(80% power; less where both err on the same questions).",
        ]
    return [*notes, f"signature: {scores.signature}"]


def interval_text(interval: Interval) -> str:
    """Both ends with two decimals."""
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def breakdown_table(found: Breakdown) -> Table:
    """One row a bucket; small ones carry a mark that a note explains."""
    metrics = list(found.buckets[0].metrics)
    with_intervals = bool(found.buckets[0].intervals)
    headers = [found.by.replace("-", " "), "questions"]
    for metric in metrics:
        headers += [METRICS[metric].label, *([f"{METRICS[metric].label} 95% interval"] if with_intervals else [])]
    rows: list[list[str | Cell]] = []
    for bucket in found.buckets:
        row: list[str | Cell] = [
            Cell(bucket.label, mark="s" if bucket.questions < SMALL else ""),
            f"{bucket.questions:,}",
        ]
        for metric in metrics:
            row.append(f"{bucket.metrics[metric]:.2f}")
            if with_intervals:
                row.append(interval_text(bucket.intervals[metric]))
        rows.append(row)
    small = any(bucket.questions < SMALL for bucket in found.buckets)
    note = f"s: fewer than {SMALL} questions, figures there move by chance"
    return make_table(headers, rows, right=headers[1:], title=f"by {headers[0]}", notes=[note] if small else [])


def comparison_tables(comparison: Comparison) -> list[Table]:
    """One row a system; and where there are several, one row for each difference to the baseline."""
    tables = [_systems_table(comparison)]
    if len(comparison.rows) > 1:
        tables.append(_differences_table(comparison))
    return tables


def _systems_table(comparison: Comparison) -> Table:
    seeds = any(len(row.results) > 1 for row in comparison.rows)
    tested = len(comparison.rows) > 1
    headers = ["", "name", "reader", "depth", *(["seeds"] if seeds else [])]
    for metric in comparison.metrics:
        label = METRICS[metric].label
        headers += [label, *([f"{label} sd"] if seeds else []), f"{label} 95% interval"]
        headers += [f"{label} difference", f"{label} p"] if tested else []
    rows = [_system_row(comparison, place, row, seeds, tested) for place, row in enumerate(comparison.rows)]
    rows += [_published_row(row, headers, comparison.metrics) for row in comparison.published]
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
    for metric in comparison.metrics:
        difference = row.differences.get(metric)
        mark = letter(comparison.baseline) if difference is not None and difference.significant else ""
        cells.append(Cell(f"{row.metrics[metric]:.2f}", best=metric in row.best, mark=mark))
        cells += [f"{row.spreads[metric]:.2f}" if row.spreads else ""] if seeds else []
        cells.append(interval_text(row.intervals[metric]))
        if tested:
            cells += [f"{difference.value:+.2f}", p_text(difference.p_corrected)] if difference else ["", ""]
    return cells


def _differences_table(comparison: Comparison) -> Table:
    corrected = comparison.correction is not None
    headers = ["", "name", "metric", "difference", "95% interval", "p", *(["p corrected"] if corrected else [])]
    headers += ["wins", "ties", "losses"]
    rows = []
    for place, row in enumerate(comparison.rows):
        for metric, found in row.differences.items():
            cells = [letter(place), row.name, METRICS[metric].label, f"{found.value:+.2f}"]
            cells += [interval_text(found.interval), p_text(found.p)]
            cells += [p_text(found.p_corrected)] if corrected else []
            rows.append([*cells, f"{found.wins:,}", f"{found.ties:,}", f"{found.losses:,}"])
    return make_table(headers, rows, right=headers[3:], title=f"differences to row {letter(comparison.baseline)}")


def letter(place: int) -> str:
    """a to z, then a2, b2 and so on."""
    turn, rest = divmod(place, 26)
    return chr(ord("a") + rest) + (str(turn + 1) if turn else "")


def _published_row(row: Published, headers: Sequence[str], metrics: Sequence[str]) -> list[str | Cell]:
    cells = dict.fromkeys(range(len(headers)), "")
    cells[1], cells[2] = "published, other data", row.name
    cells[3] = "none" if row.depth is None else str(row.depth)
    for metric in metrics:
        if metric in row.metrics:
            cells[headers.index(METRICS[metric].label)] = f"{row.metrics[metric]:.2f}"
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
            _detectable_note(comparison),
        ]
    if seeds:
        notes.append(
            "Results that differ only by seed are one row: means over seeds, sd the sample standard deviation "
            "between seeds; intervals and p are over questions, for these very seeds."
        )
    notes += [PUBLISHED_NOTE] if comparison.published else []
    return [*notes, f"signature: {comparison.signature}"]


def _detectable_note(comparison: Comparison) -> str:
    largest = {
        metric: max(row.differences[metric].detectable for row in comparison.rows if row.differences)
        for metric in comparison.metrics
    }
    return f"True differences from about {_sizes(largest)} up would show on these questions (80% power, uncorrected)."


def _sizes(points: Mapping[str, float]) -> str:
    return ", ".join(f"{size:.2f} points of {METRICS[metric].label}" for metric, size in points.items())


def flips_table(flips: Sequence[Flip], references: References, predictions: Mapping[str, Any]) -> Table:
    """The flipped questions that lost most, up to ten, then how many more there are."""
    places = {key: place for place, key in enumerate(references.keys)}
    rows = []
    for flip in flips[:MOST_FLIPS]:
        place = places[flip.key]
        rows.append(
            (
                flip.key,
                f"{flip.before['f1']:.2f}",
                f"{flip.after['f1']:.2f}",
                _short(references.questions[place] or ""),
                _short(str(predictions.get(references.ids[place], "(missing)"))),
                _short(references.answers[place][0] if references.answers[place] else ""),
            )
        )
    more = len(flips) - len(rows)
    return make_table(
        ("question", "F1 before", "F1 now", "text", "prediction", "first answer"),
        rows,
        right=("F1 before", "F1 now"),
        title=flips_summary(flips),
        notes=[f"and {more:,} more; --format json lists all"] if more else [],
    )


def flips_summary(flips: Sequence[Flip]) -> str:
    """How many questions turned wrong and how many turned right."""
    lost = sum(flip.after["exact_match"] < flip.before["exact_match"] for flip in flips)
    return f"flipped questions: {lost:,} turned wrong, {len(flips) - lost:,} turned right"


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def as_checks(found: Evaluation) -> list[Check]:
    """The checks as reports for continuous integration take them; the first about a drop tells of the flips."""
    checks: list[Check] = []
    flips = found.flips
    for check in found.checks:
        checks.append(_as_check(check, flips))
        if isinstance(check, DropCheck):
            flips = ()
    return checks


def _as_check(found: LeastCheck | DropCheck, flips: Sequence[Flip]) -> Check:
    if isinstance(found, LeastCheck):
        return Check(f"{found.metric} at least {found.minimum:g}", found.passed, found.message())
    details = []
    if found.interval is not None:
        details.append(f"95% interval of the drop: {interval_text(found.interval)}")
    if found.detectable is not None:
        details.append(f"smallest drop that these questions show (80% power): {found.detectable:.2f}")
    if flips:
        lost = [flip.key for flip in flips if flip.after["exact_match"] < flip.before["exact_match"]]
        worst = f"; worst first: {', '.join(lost[:_ID_IN_MESSAGE])}" if lost else ""
        details.append(f"{flips_summary(flips)}{worst}")
    return Check(f"{found.metric} drop at most {found.allowed:g}", found.passed, found.message(), "\n".join(details))
