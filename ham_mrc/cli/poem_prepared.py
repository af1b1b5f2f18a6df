"""The manifest of prepared poems as a result to print: what parts hold, what was dropped and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.quatrains import EXPLANATIONS, LENGTHS, Fault
from ham_mrc.tables import Table, make_table

Manifest = Mapping[str, Any]


def as_json(manifest: Manifest, out: Path) -> dict[str, Any]:
    """The manifest, with where it stands."""
    return {**manifest, "out": str(out)}


def as_tables(manifest: Manifest) -> list[Table]:
    """What each part holds; where there is a taxonomy, how many references; where something was dropped, why."""
    headers = ("part", "poems", *(f"{length}-character" for length in LENGTHS), "Tang", "triples", "unknown characters")
    rows = [[part, *map(_count, _row(counts))] for part, counts in manifest["parts"].items()]
    title = f"{_count(manifest['read'])} poems read, {manifest['split']} split, seed {manifest['seed']}"
    tables = [make_table(headers, rows, right=headers[1:], title=title, notes=_notes(manifest))]
    if manifest["references"] is not None:
        tables.append(_references(manifest["references"]))
    if reasons := _reasons(manifest):
        tables.append(make_table(("poems", "dropped because"), reasons, right=("poems",)))
    return tables


def _count(number: float) -> str:
    return f"{number:,}"


def _row(counts: Mapping[str, int]) -> list[int]:
    lengths = [counts[f"poems_{length}"] for length in LENGTHS]
    return [counts["poems"], *lengths, counts["tang"], counts["triples"], counts["unknown"]]


def _notes(manifest: Manifest) -> list[str]:
    vocabulary, segments, keywords = manifest["vocabulary"], manifest["segments"], manifest["keywords"]
    listed, single, common = (f"{keywords[name]:.0%}" for name in ("in_taxonomy", "single", "commonest_6000"))
    notes = [
        f"{_count(vocabulary['symbols'])} symbols cover {vocabulary['covers']:.2%} of the characters of train",
        f"{_count(segments['different'])} segments ranked in {segments['rounds']} rounds",
        f"{_count(keywords['different'])} keywords in train; of all lines {listed} have one of the taxonomy, "
        f"{single} a single character, {common} one of the commonest 6,000",
    ]
    taxonomy = manifest["taxonomy"]
    if taxonomy is None:
        return [*notes, "no taxonomy: no references beside a poem's own lines, and the planner knows no themes"]
    return [
        *notes,
        f"{_count(taxonomy['themes'])} themes with {_count(taxonomy['phrases'])} phrases; "
        f"{taxonomy['dropped']} torn and {taxonomy['repeated']} repeated phrases left out",
    ]


def _references(medians: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Table:
    lines = ("after line 1", "after line 2", "after line 3")
    rows = [
        [part, length, *("" if number is None else f"{number:g}" for number in own.values())]
        for part, lengths in medians.items()
        for length, own in lengths.items()
    ]
    title = "Median number of lines that can stand for a poem's own, itself included"
    return make_table(("part", "characters", *lines), rows, right=("characters", *lines), title=title)


def _reasons(manifest: Manifest) -> list[list[str]]:
    rows = [[_count(count), EXPLANATIONS[Fault(reason)]] for reason, count in manifest["dropped"].items()]
    if manifest["shared_lines"]:
        rows.append([_count(manifest["shared_lines"]), "a line that a poem of another part has as well"])
    return rows
