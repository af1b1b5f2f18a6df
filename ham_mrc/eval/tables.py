"""Scores, breakdowns and checks as plain tables; figures with two decimals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ham_mrc.eval.breakdown import SMALL, Breakdown
from ham_mrc.eval.columns import known_metrics
from ham_mrc.eval.evaluation import Evaluation
from ham_mrc.eval.figures import Metrics, figure_text, interval_text, sizes_text
from ham_mrc.eval.flips import Flip
from ham_mrc.eval.limits import LeastCheck
from ham_mrc.eval.predictions import shown_answers
from ham_mrc.eval.references import References
from ham_mrc.eval.regression import DropCheck
from ham_mrc.tables import Cell, Check, Table, make_table

MOST_FLIPS = 10
"""How many flipped questions a table shows; the JSON document holds them all."""

_ID_IN_MESSAGE = 8


def evaluation_tables(found: Evaluation) -> list[Table]:
    """The scores, and as asked for the breakdown and the flipped questions."""
    tables = [_scores_table(found)]
    if found.breakdown is not None:
        tables.append(breakdown_table(found.breakdown, known_metrics(found.scores)))
    if found.flips:
        given = dict(zip(found.references.keys, shown_answers(found.predictions, found.references), strict=True))
        tables.append(flips_table(found.flips, found.references, given, known_metrics(found.scores)))
    return tables


def _scores_table(found: Evaluation) -> Table:
    scores, metrics = found.scores, known_metrics(found.scores)
    headers = ["metric", "score", *(["95% interval"] if found.intervals else [])]
    rows = []
    for name, metric in metrics.items():
        row = [metric.label, figure_text(metric, scores.metrics[name])]
        interval = found.intervals.get(name)
        rows.append([*row, interval_text(interval) if interval else ""] if found.intervals else row)
    title = f"{found.name} on {scores.dataset} {scores.version}"
    return make_table(headers, rows, right=headers[1:], title=title, notes=_scores_notes(found, metrics))


def _scores_notes(found: Evaluation, metrics: Metrics) -> list[str]:
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
            _visible_note(found, metrics),
        ]
    variants = [f"signature of {metrics[name].label}: {text}" for name, text in scores.variants.items()]
    return [*notes, f"signature: {scores.signature}", *variants]


def _visible_note(found: Evaluation, metrics: Metrics) -> str:
    """By how much another system has to differ to be told apart; more than 100 points is not to be had."""
    sizes = {name: size for name, size in found.detectable.items() if size <= 100}
    if not sizes:
        return f"No difference to another system could be shown with {found.scores.questions:,} questions (80% power)."
    return (
        f"Another system has to differ by up to {sizes_text(sizes, metrics)} to be told apart on these "
        "(80% power; less where both err on the same questions)."
    )


def breakdown_table(found: Breakdown, known: Metrics) -> Table:
    """One row a bucket; small ones carry a mark that a note explains, and a metric is empty where nothing counts."""
    metrics = [name for name in known if any(name in bucket.metrics for bucket in found.buckets)]
    with_intervals = any(bucket.intervals for bucket in found.buckets)
    headers = [found.by.replace("-", " "), "questions"]
    for name in metrics:
        label = known[name].label
        headers += [label, *([f"{label} 95% interval"] if with_intervals else [])]
    rows: list[list[str | Cell]] = []
    for bucket in found.buckets:
        row: list[str | Cell] = [
            Cell(bucket.label, mark="s" if bucket.questions < SMALL else ""),
            f"{bucket.questions:,}",
        ]
        for name in metrics:
            row.append(f"{bucket.metrics[name]:.2f}" if name in bucket.metrics else "")
            if with_intervals:
                row.append(interval_text(bucket.intervals[name]) if name in bucket.intervals else "")
        rows.append(row)
    small = any(bucket.questions < SMALL for bucket in found.buckets)
    note = f"s: fewer than {SMALL} questions, figures there move by chance"
    return make_table(headers, rows, right=headers[1:], title=f"by {headers[0]}", notes=[note] if small else [])


def flips_table(
    flips: Sequence[Flip], references: References, given: Mapping[str, str | None], known: Metrics
) -> Table:
    """The flipped questions that lost most, up to ten, then how many more there are.

    `given` is the answer to each question by its key, None where there is none.
    """
    shown = "f1" if "f1" in flips[0].after else flips[0].leading
    label = known[shown].label
    places = {key: place for place, key in enumerate(references.keys)}
    rows = []
    for flip in flips[:MOST_FLIPS]:
        place, answer = places[flip.key], given[flip.key]
        rows.append(
            (
                flip.key,
                *(f"{scores[shown]:.2f}" if shown in scores else "" for scores in (flip.before, flip.after)),
                _short(references.questions[place] or ""),
                _short("(missing)" if answer is None else answer),
                _short(references.answers[place][0] if references.answers[place] else ""),
            )
        )
    more = len(flips) - len(rows)
    return make_table(
        ("question", f"{label} before", f"{label} now", "text", "prediction", "first answer"),
        rows,
        right=(f"{label} before", f"{label} now"),
        title=flips_summary(flips),
        notes=[f"and {more:,} more; --format json lists all"] if more else [],
    )


def flips_summary(flips: Sequence[Flip]) -> str:
    """How many questions turned wrong and how many turned right, or scored lower and higher."""
    lost = sum(flip.loss > 0 for flip in flips)
    if flips[0].leading == "exact_match":
        return f"flipped questions: {lost:,} turned wrong, {len(flips) - lost:,} turned right"
    return f"changed questions: {lost:,} score lower, {len(flips) - lost:,} higher"


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def as_checks(found: Evaluation) -> list[Check]:
    """The checks as reports for continuous integration take them; the first about a drop tells of the flips."""
    checks: list[Check] = []
    flips = found.flips
    for check in found.checks:
        checks.append(_as_check(check, flips, found.scores.questions))
        if isinstance(check, DropCheck):
            flips = ()
    return checks


def _as_check(found: LeastCheck | DropCheck, flips: Sequence[Flip], questions: int) -> Check:
    if isinstance(found, LeastCheck):
        return Check(f"{found.metric} at least {found.minimum:g}", found.passed, found.message())
    details = []
    if found.interval is not None:
        details.append(f"95% interval of the drop: {interval_text(found.interval)}")
    if visible := found.visible_text(questions):
        details.append(visible)
    if flips:
        lost = [flip.key for flip in flips if flip.loss > 0]
        worst = f"; worst first: {', '.join(lost[:_ID_IN_MESSAGE])}" if lost else ""
        details.append(f"{flips_summary(flips)}{worst}")
    return Check(f"{found.metric} drop at most {found.allowed:g}", found.passed, found.message(), "\n".join(details))
