"""Results of several poem systems side by side: one table a protocol, seeds grouped, paired tests over poems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.compare import compare
from ham_mrc.eval.comparison import P_VALUE_NOTE, Comparison, Row, comparison_json
from ham_mrc.eval.poem_published import PUBLISHED_NOTE, TABLE_2
from ham_mrc.eval.poem_result import HumanRow, PoemResult, as_result, same_poems
from ham_mrc.eval.published import Published
from ham_mrc.eval.quatrains import PROTOCOLS, Protocol
from ham_mrc.eval.resampling import RESAMPLES, SEED
from ham_mrc.eval.results import Result
from ham_mrc.eval.systems import mean

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class PoemRow:
    """One system: a result, or several that differ only by seed.

    `figures` are all eight, means over the seeds; `row` has means of the lengths alone, with their intervals, spreads
    and differences. `epochs` were done by each result's training, None where there are none.
    """

    row: Row
    system: str
    run: Mapping[str, Any]
    figures: Mapping[str, float]
    epochs: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class PoemTable:
    """All systems that were scored by one protocol; `human` and `published` rows are not tested against them.

    `human` rows are as the first result has them, their intervals by its `human_draws`.
    """

    protocol: Protocol
    signature: str
    comparison: Comparison
    rows: tuple[PoemRow, ...]
    human: tuple[HumanRow, ...]
    human_draws: Mapping[str, int]
    published: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class PoemComparison:
    """The same poems in every table; `poems` is how many, by length."""

    part: str
    poems: Mapping[int, int]
    tables: tuple[PoemTable, ...]


def compare_poems(
    results: Sequence[PoemResult],
    *,
    baseline_index: int = 0,
    test: str = "randomization",
    correction: bool = True,
    paper: bool = True,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> PoemComparison:
    """The results side by side, one table for each protocol; the first holds the headline and the paper's rows.

    A table tests each row's means of the lengths against the row of `results[baseline_index]`, or against its first
    row where that result has no such figures. Raises HamError where poems, references or signatures differ.
    """
    _check(results, baseline_index)
    tables = []
    for protocol in PROTOCOLS:
        own = [place for place, result in enumerate(results) if protocol in result.columns]
        if not own:
            continue
        base = own.index(baseline_index) if baseline_index in own else 0
        chosen = [replace(results[place], columns={protocol: results[place].columns[protocol]}) for place in own]
        found = compare(
            [_named(result, results) for result in chosen],
            baseline_index=base,
            test=test,
            correction=correction,
            resamples=resamples,
            seed=seed,
        )
        tables.append(
            PoemTable(
                protocol=protocol,
                signature=chosen[0].signature(protocol),
                comparison=found,
                rows=tuple(_row(row, chosen, results) for row in found.rows),
                human=tuple(row for row in chosen[0].human if row.protocol == protocol),
                human_draws=chosen[0].draws,
                published=TABLE_2 if paper and protocol == PROTOCOLS[0] else (),
            )
        )
    first = results[0]
    return PoemComparison(
        part=first.part,
        poems={length: first.poems(length) for length in sorted(set(first.lengths.values()))},
        tables=tuple(tables),
    )


def _check(results: Sequence[PoemResult], baseline_index: int) -> None:
    if not results:
        raise HamError("nothing to compare", remedy="give at least one run that `ham-mrc poem eval` has scored")
    if not 0 <= baseline_index < len(results):
        raise HamError(f"there is no result number {baseline_index}", remedy=f"they count from 0 to {len(results) - 1}")
    files = [result.file for result in results if result.file]
    for file in files:
        if files.count(file) > 1:
            raise HamError("is given twice", file=file, remedy="name each result once")
    for protocol in PROTOCOLS[:2]:  # oracle figures are their own affair: not every system takes keywords
        having = [result for result in results if protocol in result.columns]
        for result in results:
            if having and protocol not in result.columns:
                raise HamError(
                    f"has no figures by {result.signature(protocol)}, {having[0].where} has",
                    file=result.where,
                    remedy=f"unlike signatures are not compared: ham-mrc poem eval {result.name} --references both",
                )
    for result in results[1:]:
        same_poems(result, results[0])


def _named(result: PoemResult, among: Sequence[PoemResult]) -> Result:
    """With the means of the lengths alone, as only they are tested, under a name of its own."""
    return replace(as_result(result, means=True), name=_name(result, among))


def _name(result: PoemResult, among: Sequence[PoemResult]) -> str:
    """Its name, or its file where another result is called the same."""
    return result.where if sum(one.name == result.name for one in among) > 1 else result.name


def _row(row: Row, chosen: Sequence[PoemResult], among: Sequence[PoemResult]) -> PoemRow:
    members = [result for result in chosen if _name(result, among) in row.results]
    tables = [result.figures for result in members]
    return PoemRow(
        row=row,
        system=members[0].system,
        run=members[0].run or {},
        figures={name: mean([table[name] for table in tables]) for name in tables[0]},
        epochs=tuple(result.trained.get("epochs") for result in members),
    )


def comparison_document(comparison: PoemComparison) -> dict[str, Any]:
    """The comparison as one JSON object, figures unrounded, in percent."""
    tables = []
    for table in comparison.tables:
        found = comparison_json(replace(table.comparison, published=table.published))
        del found["schema"], found["notes"], found["dataset"], found["version"], found["variants"]
        for told, row in zip(found["rows"], table.rows, strict=True):
            told |= {"system": row.system, "run": dict(row.run), "figures": dict(row.figures), "epochs": row.epochs}
            del told["reader"]
        found["signature"] = table.signature
        human = [
            {"name": row.name, "lines": row.lines, "figures": row.figures, "intervals": row.intervals}
            for row in table.human
        ]
        draws = {"human_bootstrap": dict(table.human_draws)} if human else {}
        tables.append({"protocol": table.protocol.key, **found, "human": human, **draws})
    published = any(table.published for table in comparison.tables)
    return {
        "schema": SCHEMA,
        "part": comparison.part,
        "poems": {str(length): count for length, count in comparison.poems.items()},
        "tables": tables,
        "notes": [P_VALUE_NOTE.replace("questions", "poems"), *([PUBLISHED_NOTE] if published else [])],
    }
