"""What one evaluation of a poem system found, as plain data; `poem_file` has it on disk.

What every poem adds is kept as counts, so that intervals, gates and paired tests are those of any other result: here
a *question* is a poem.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import combined
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.quatrains import (
    LENGTHS,
    NO_LINE,
    STEPS,
    LineCounts,
    Protocol,
    bleu2,
    cell_name,
    column,
    mean_name,
    metrics_of_protocol,
    sentence_mean,
    total,
)
from ham_mrc.eval.resampling import Bootstrap
from ham_mrc.eval.results import Result
from ham_mrc.records import Scores

DATASET, VERSION = "poems", "1"
FILE_NAME = "poems.json"
"""What the result of a run is called in its folder."""

Interval = tuple[float, float]
PoemCounts = tuple[LineCounts, LineCounts, LineCounts]
"""What the three lines of a poem add, `NO_LINE` for one that is not scored."""


@dataclass(frozen=True, slots=True)
class PoemColumn:
    """One system's lines under one protocol: `counts` by poem, `references` how many each line had, by poem.

    `references_sha256` is of all these references, in the order of the poems.
    """

    counts: Mapping[str, PoemCounts]
    references: Mapping[str, tuple[int, int, int]]
    references_sha256: str


@dataclass(frozen=True, slots=True)
class HumanRow:
    """Lines that no system wrote, scored as a system's: the rows beside which its figures are to be read.

    `lines` is how many were scored by cell: a gold line without another reference is not.
    """

    name: str
    protocol: Protocol
    lines: Mapping[str, int]
    figures: Mapping[str, float]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class PoemResult:
    """All that is known of one system on one part of a collection.

    uses_keywords      whether the system was given any
    lengths            L of each poem scored, by id, in the order of the part
    poems_of_part      how many poems the part has; more than were scored where there was a limit
    columns            by protocol, the headline first
    intervals          95% by metric, over poems; empty where none were asked for
    draws              "resamples" and "seed" of the intervals
    diagnostics        by kind of keywords, and "gold" for the poets' own lines: see poem_diagnostics
    run                the system's settings, "seed" among them and nothing measured; None where unknown
    trained            what training says of itself and no setting tells: "epochs", ...
    """

    name: str
    system: str
    part: str
    split: str
    uses_keywords: bool
    lengths: Mapping[str, int]
    poems_of_part: int
    columns: Mapping[Protocol, PoemColumn]
    diagnostics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    draws: Mapping[str, int] = field(default_factory=dict)
    human: tuple[HumanRow, ...] = ()
    run: Mapping[str, Any] | None = None
    trained: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None

    @property
    def where(self) -> str:
        """What messages call it."""
        return self.file or self.name

    @property
    def figures(self) -> dict[str, float]:
        """Every figure by name; one whose cells have no poem is missing."""
        return {name: value for protocol in self.columns for name, value in self.figures_of(protocol).items()}

    def figures_of(self, protocol: Protocol) -> dict[str, float]:
        """The figures of one protocol."""
        found = figures_of_counts(protocol, self.columns[protocol].counts, self.lengths)
        return {name: figure for name, figure in found.items() if not math.isnan(figure)}

    def signature(self, protocol: Protocol) -> str:
        """All that could move a figure of this protocol beside the poems themselves."""
        return protocol.signature(self.split)

    def poems(self, length: int) -> int:
        """How many poems of a length were scored."""
        return sum(one == length for one in self.lengths.values())

    def unwritten(self, protocol: Protocol) -> int:
        """Lines that the system failed to write; they score 0 and shorten the corpus."""
        return sum(
            one.reference_length > 0 and not one.ngrams_1
            for counts in self.columns[protocol].counts.values()
            for one in counts
        )


def column_table(
    protocol: Protocol, counts: Mapping[str, PoemCounts], lengths: Mapping[str, int]
) -> dict[str, list[float]]:
    """The sums' columns of a protocol, one number a poem in the order of `lengths`; 0 in cells of the other length."""
    table: dict[str, list[float]] = {}
    for step in STEPS:
        for length in LENGTHS:
            rows = [counts[key][step - 1] if own == length else NO_LINE for key, own in lengths.items()]
            for name, values in zip(LineCounts._fields, zip(*rows, strict=True), strict=True):
                table[column(protocol, step, length, name)] = list(values)
    return table


def figures_of_counts(
    protocol: Protocol, counts: Mapping[str, PoemCounts], lengths: Mapping[str, int]
) -> dict[str, float]:
    """The figures of one protocol by name; NaN where a cell has no line."""
    table = column_table(protocol, counts, lengths)
    return {name: combined(metric, table) for name, metric in metrics_of_protocol(protocol).items()}


def intervals_of(
    metrics: Mapping[str, Metric], table: Mapping[str, list[float]], *, resamples: int, seed: int
) -> dict[str, Interval]:
    """The 95% percentile bootstrap interval of each metric over poems; all are resampled together."""
    used = {name: table[name] for name in dict.fromkeys(one for metric in metrics.values() for one in metric.columns)}
    found = Bootstrap([used], resamples=resamples, seed=seed)
    return {name: found.interval(metric) for name, metric in metrics.items()}


def cell_facts(result: PoemResult, protocol: Protocol) -> Iterator[dict[str, Any]]:
    """One object a cell that has poems: what stands behind its figure."""
    judged = result.columns[protocol]
    for step in STEPS:
        for length in LENGTHS:
            keys = [key for key, own in result.lengths.items() if own == length]
            if not keys:
                continue
            counts = [judged.counts[key][step - 1] for key in keys]
            sums = total(counts)
            yield {
                "cell": cell_name(step, length),
                "step": step,
                "length": length,
                "lines": len(counts),
                "median_references": median(judged.references[key][step - 1] for key in keys),
                "bleu_2": bleu2(sums),
                "p1": 100.0 * sums.matches_1 / max(1, sums.ngrams_1),
                "p2": 100.0 * sums.matches_2 / max(1, sums.ngrams_2),
                "brevity_penalty": math.exp(min(0.0, 1.0 - sums.reference_length / max(1, sums.ngrams_1))),
                "sentence_bleu_2": sentence_mean(counts),
            }


def as_result(result: PoemResult, *, means: bool = False) -> Result:
    """The same for the gate and the tests that all results share; a question is a poem.

    With `means` the figures are the means of the lengths alone, without the cells.
    """
    figures = result.figures
    if means:
        named = {protocol.prefix + mean_name(length) for protocol in result.columns for length in LENGTHS}
        figures = {name: figure for name, figure in figures.items() if name in named}
    statistics: dict[str, list[float]] = {}
    for protocol, judged in result.columns.items():
        statistics |= column_table(protocol, judged.counts, result.lengths)
    headline = next(iter(result.columns))
    answered = sum(all(one.ngrams_1 for one in counts) for counts in result.columns[headline].counts.values())
    scores = Scores(
        dataset=DATASET,
        version=VERSION,
        questions=len(result.lengths),
        answered=answered,
        missing=len(result.lengths) - answered,
        extra=0,
        metrics=figures,
        signature=result.signature(headline),
        references_sha256=result.columns[headline].references_sha256,
        per_question={key: {} for key in result.lengths},
        statistics=statistics,
        variants={name: _signature_of(result, name) for name in figures},
    )
    return Result(result.name, scores, result.run, result.file)


def _signature_of(result: PoemResult, metric: str) -> str:
    protocol = next(one for one in result.columns if metric in metrics_of_protocol(one))
    return result.signature(protocol)


def same_poems(result: PoemResult, other: PoemResult) -> None:
    """Raise HamError unless both were scored on the same poems with the same references, split in the same way."""
    if result.split != other.split:
        raise HamError(
            f"was scored on a split of another kind ({result.split}) than {other.where} ({other.split})",
            file=result.where,
            remedy="evaluate both on one prepared folder",
        )
    if len(result.lengths) != len(other.lengths):
        raise HamError(
            f"was scored on {len(result.lengths):,} poems, {other.where} on {len(other.lengths):,}",
            file=result.where,
            remedy="evaluate both with the same --limit, or with none",
        )
    for protocol in result.columns.keys() & other.columns.keys():
        mine, theirs = (one.columns[protocol].references_sha256 for one in (result, other))
        if mine != theirs or result.lengths.keys() != other.lengths.keys():
            raise HamError(
                f"was scored on other poems or references (sha256 {mine[:12]}) than {other.where} ({theirs[:12]})",
                file=result.where,
                remedy="evaluate both on one prepared folder",
            )
