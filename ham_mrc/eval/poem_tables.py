"""One evaluation of a poem system as plain tables: its row of Table 2, what stands behind it, and what it omits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ham_mrc.eval.figures import interval_text
from ham_mrc.eval.limits import LeastCheck
from ham_mrc.eval.poem_diagnostics import NO_BOOK, SHARES
from ham_mrc.eval.poem_result import HumanRow, Interval, PoemResult, cell_facts
from ham_mrc.eval.quatrains import LENGTHS, STEPS, Protocol, cell_name, mean_name
from ham_mrc.eval.regression import DropCheck
from ham_mrc.tables import Cell, Check, Table, make_table

MEANING_NOTE = (
    "BLEU-2 counts characters and pairs that some reference has, and so rewards what all poets say: one and the same "
    "line for every poem beats poets and systems. It does not tell whether a line is good."
)
ORACLE_NOTE = (
    "oracle: the keyword of the line to be written was taken from that very line, which leaks part of the answer. Not "
    "to be set against planned keywords, nor against systems that take none."
)
SINGLE_NOTE = "single: the poet's own line is the only reference; multi adds all lines that follow a line of its theme."


def cells(
    figures: Mapping[str, float], prefix: str, intervals: Mapping[str, Interval] | None, *, faint: bool = False
) -> list[str | Cell]:
    """The eight figures of Table 2 in its order, with two decimals; after each mean its interval unless None."""
    names = [cell_name(step, length) for step in STEPS for length in LENGTHS]
    found: list[str | Cell] = [Cell(figure(figures, prefix + name), faint=faint) for name in names]
    for length in LENGTHS:
        name = prefix + mean_name(length)
        found.append(Cell(figure(figures, name), faint=faint))
        if intervals is not None:
            found.append(Cell(interval_text(intervals[name]) if name in intervals else "", faint=faint))
    return found


def cell_headers(*, intervals: bool) -> list[str]:
    """The headers of `cells`."""
    found = [f"B{step} {length}" for step in STEPS for length in LENGTHS]
    for length in LENGTHS:
        found += [f"BLEU {length}", *([f"BLEU {length} 95%"] if intervals else [])]
    return found


def figure(figures: Mapping[str, float], name: str) -> str:
    """Two decimals; nothing where there is no such figure."""
    return f"{figures[name]:.2f}" if name in figures else ""


def poems_text(poems: Mapping[int, int]) -> str:
    """How many poems of which length."""
    return ", ".join(f"{count:,} of {length} characters a line" for length, count in poems.items())


def result_tables(result: PoemResult) -> list[Table]:
    """The figures by protocol, the facts behind the headline, and the diagnostics."""
    return [_figures_table(result), _facts_table(result, next(iter(result.columns))), _diagnostics_table(result)]


def _figures_table(result: PoemResult) -> Table:
    with_intervals = bool(result.intervals)
    shown = result.intervals if with_intervals else None
    headers = ["", "references", "keywords", *cell_headers(intervals=with_intervals)]
    rows: list[list[str | Cell]] = []
    for protocol in result.columns:
        figures = result.figures_of(protocol)
        keywords = protocol.keywords if result.uses_keywords else "none"
        rows.append([result.name, protocol.references, keywords, *cells(figures, protocol.prefix, shown)])
    for human in result.human:
        rows.append(_human_row(human, with_intervals))
    poems = {length: result.poems(length) for length in LENGTHS}
    return make_table(
        headers,
        rows,
        right=headers[3:],
        title=f"{result.name} on {len(result.lengths):,} {result.part} poems: {poems_text(poems)}",
        notes=_notes(result),
    )


def _human_row(row: HumanRow, with_intervals: bool) -> list[str | Cell]:
    shown = row.intervals if with_intervals else None
    return [row.name, row.protocol.references, "", *cells(row.figures, row.protocol.prefix, shown)]


def fewer_lines(human: Iterable[HumanRow], poems: Mapping[int, int]) -> list[str]:
    """A note for each row that is scored on fewer lines than the systems are."""
    notes = []
    for row in human:
        of = {length: len(STEPS) * count for length, count in poems.items() if count}
        own = {length: sum(row.lines.get(cell_name(step, length), 0) for step in STEPS) for length in of}
        if own != of:
            told = " and ".join(f"{own[length]:,} of {of[length]:,} lines of {length}" for length in of)
            notes.append(f"{row.name}: on the {told} that have other references, where every row has more to match.")
    return notes


def _notes(result: PoemResult) -> list[str]:
    notes = []
    if len(result.lengths) < result.poems_of_part:
        notes.append(f"Only {len(result.lengths):,} of the part's {result.poems_of_part:,} poems, evenly spaced.")
    lost = {protocol.key: count for protocol in result.columns if (count := result.unwritten(protocol))}
    notes += [f"{key}: {count:,} lines were not written and score 0." for key, count in lost.items()]
    if result.trained.get("epochs") is not None:
        notes.append(f"Trained for {epochs_text(result.trained['epochs'])}.")
    if result.draws:
        notes.append(
            f"95%: percentile bootstrap interval over poems, {result.draws['resamples']:,} resamples, "
            f"seed {result.draws['seed']}."
        )
    notes += fewer_lines(result.human, {length: result.poems(length) for length in LENGTHS})
    notes += [SINGLE_NOTE] if len({protocol.references for protocol in result.columns}) > 1 else []
    notes += [ORACLE_NOTE] if any(protocol.keywords == "oracle" for protocol in result.columns) else []
    return [*notes, MEANING_NOTE, *(f"signature: {result.signature(protocol)}" for protocol in result.columns)]


def epochs_text(epochs: float) -> str:
    """How many epochs, a part of one with a decimal."""
    return "1 epoch" if epochs == 1 else f"{epochs:.3g} epochs"


def _facts_table(result: PoemResult, protocol: Protocol) -> Table:
    headers = ["cell", "lines", "references", "p1", "p2", "BLEU-2", "mean of single lines"]
    rows = [
        (
            f"B{fact['step']} {fact['length']}",
            f"{fact['lines']:,}",
            f"{fact['median_references']:g}",
            f"{fact['p1']:.2f}",
            f"{fact['p2']:.2f}",
            f"{fact['bleu_2']:.2f}",
            f"{fact['sentence_bleu_2']:.2f}",
        )
        for fact in cell_facts(result, protocol)
    ]
    notes = ["references: the median number a line has. p1, p2: share of characters and of pairs that a reference has."]
    return make_table(headers, rows, right=headers[1:], title=f"behind the figures: {protocol.key}", notes=notes)


def _diagnostics_table(result: PoemResult) -> Table:
    """One row a fact, one column a kind of lines and length."""
    kinds = list(result.diagnostics)
    columns = [(kind, str(length)) for kind in kinds for length in LENGTHS if str(length) in result.diagnostics[kind]]
    headers = ["share of lines, %", *(f"{_kind_text(kind, result)} {length}" for kind, length in columns)]
    rows = [
        [label, *(_share(result.diagnostics[kind][length].get(name)) for kind, length in columns)]
        for name, label in SHARES.items()
    ]
    missing = any(result.diagnostics[kind][length]["tone_fit"] is None for kind, length in columns)
    notes = list(_perplexities(result))
    return make_table(
        headers,
        rows,
        right=headers[1:],
        title="what BLEU does not tell",
        notes=[*notes, *([NO_BOOK] if missing else [])],
    )


def _kind_text(kind: str, result: PoemResult) -> str:
    return "poets" if kind == "gold" else result.name if len(result.diagnostics) < 3 else f"{result.name}, {kind}"


def _share(value: Any) -> str:
    return "" if value is None else f"{value:.1f}"


def _perplexities(result: PoemResult) -> Iterable[str]:
    for kind, facts in result.diagnostics.items():
        if facts.get("perplexity") is not None:
            yield f"perplexity of the poets' lines for the system ({kind} keywords): {facts['perplexity']:.2f} a symbol"


def as_checks(checks: Sequence[LeastCheck | DropCheck], poems: int) -> list[Check]:
    """The checks as reports for continuous integration take them."""
    return [_as_check(check, poems) for check in checks]


def _as_check(found: LeastCheck | DropCheck, poems: int) -> Check:
    if isinstance(found, LeastCheck):
        return Check(f"{found.metric} at least {found.minimum:g}", found.passed, found.message())
    details = []
    if found.interval is not None:
        details.append(f"95% interval of the drop: {interval_text(found.interval)}")
    if found.detectable is not None and found.detectable <= found.baseline:
        details.append(f"smallest drop that {poems:,} poems show (80% power): {found.detectable:.2f}")
    elif found.detectable is not None:
        details.append(f"no drop could be shown with {poems:,} poems (80% power)")
    return Check(f"{found.metric} drop at most {found.allowed:g}", found.passed, found.message(), "\n".join(details))
