"""A poem system's result on disk: one JSON file, a poem a line, so that a review shows which poems changed.

    {"schema": 1, "kind": "ham-mrc poem scores", "name", "system", "part", "split", "uses_keywords", "poems",
     "poems_of_part", "columns": {protocol: {"signature", "references_sha256", "figures", "unwritten", "cells"}},
     "intervals", "bootstrap", "diagnostics", "human": [...], "run", "trained",
     "per_poem": {id: {"length": 7, protocol: [[matches_1, matches_2, ngrams_1, ngrams_2, reference_length,
                                                references], ... for i = 1, 2, 3]}}}

Figures are percentages. Those of "columns" follow from "per_poem" and are checked against it when the file is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.poem_result import FILE_NAME, HumanRow, PoemColumn, PoemResult, cell_facts
from ham_mrc.eval.quatrains import LENGTHS, PROTOCOLS, STEPS, LineCounts, Protocol
from ham_mrc.files import read_json, to_json, write_whole

SCHEMA = 1
KIND = "ham-mrc poem scores"

_TEXTS = ("name", "system", "part", "split")
_OBJECTS = ("columns", "intervals", "bootstrap", "diagnostics", "trained", "per_poem")
_BY_KEY = {protocol.key: protocol for protocol in PROTOCOLS}
_SAME = 1e-9
"""In points: a stored figure equals the one that follows from its counts up to this much."""


def save_poem_result(path: str | Path, result: PoemResult) -> None:
    """Write a result, whole or not at all; an existing file is replaced."""
    lines = [b"    " + to_json(key).strip() + b": " + to_json(_row(result, key)).strip() for key in result.lengths]
    head = to_json(head_json(result), indent=True).rstrip().removesuffix(b"}").rstrip()
    with write_whole(path) as stream:
        stream.write(head + b',\n  "per_poem": {\n' + b",\n".join(lines) + b"\n  }\n}\n")


def standing_result(file: Path) -> PoemResult | None:
    """The result that stands there; None for anything else: that is no result that could be lost."""
    try:
        return load_poem_result(file) if file.exists() else None
    except HamError:
        return None


def lacks(result: PoemResult, standing: PoemResult) -> str | None:
    """What `standing` has and `result` has not, in words that follow its name; None where nothing would be lost.

    More poems outweigh all else. On as many poems a result holds more by a kind of references or keywords, by
    intervals, or by a wider beam.
    """
    ours, theirs = len(result.lengths), len(standing.lengths)
    if ours != theirs:
        return f"is of {theirs:,} poems" if ours < theirs else None
    if missing := [protocol.key for protocol in standing.columns if protocol not in result.columns]:
        return f"has {', '.join(missing)}"
    if standing.intervals and not result.intervals:
        return "has intervals"
    beams = [(one.run or {}).get("beam") for one in (result, standing)]
    if isinstance(beams[0], int) and isinstance(beams[1], int) and beams[0] < beams[1]:
        return f"is by a beam of {beams[1]}"
    return None


def head_json(result: PoemResult) -> dict[str, Any]:
    """All of a result but what every poem adds; figures unrounded."""
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "name": result.name.encode("utf-8", "replace").decode("utf-8"),  # a folder's name need not be Unicode
        "system": result.system,
        "part": result.part,
        "split": result.split,
        "uses_keywords": result.uses_keywords,
        "poems": len(result.lengths),
        "poems_of_part": result.poems_of_part,
        "columns": {protocol.key: _column_json(result, protocol) for protocol in result.columns},
        "intervals": {name: list(interval) for name, interval in result.intervals.items()},
        "bootstrap": dict(result.draws),
        "diagnostics": {kind: dict(facts) for kind, facts in result.diagnostics.items()},
        "human": [_human_json(row) for row in result.human],
        "run": None if result.run is None else dict(result.run),
        "trained": dict(result.trained),
    }


def _column_json(result: PoemResult, protocol: Protocol) -> dict[str, Any]:
    return {
        "signature": result.signature(protocol),
        "references_sha256": result.columns[protocol].references_sha256,
        "figures": result.figures_of(protocol),
        "unwritten": result.unwritten(protocol),
        "cells": list(cell_facts(result, protocol)),
    }


def _human_json(row: HumanRow) -> dict[str, Any]:
    return {**asdict(row), "protocol": row.protocol.key}


def _row(result: PoemResult, key: str) -> dict[str, Any]:
    row: dict[str, Any] = {"length": result.lengths[key]}
    for protocol, judged in result.columns.items():
        row[protocol.key] = [
            [*counts, references] for counts, references in zip(judged.counts[key], judged.references[key], strict=True)
        ]
    return row


def load_poem_result(path: str | Path) -> PoemResult:
    """The result in a file, or in the folder of a run.

    Raises HamError for anything else: no such file, a run that was not evaluated, not a result, one of another schema,
    one cut short or edited until its parts disagree.
    """
    file = _locate(Path(path))
    document = read_json(file)
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise _fault("is not a stored result of poems", file)
    if document.get("schema") != SCHEMA:
        raise HamError(
            f"has schema {document.get('schema')!r}, this version of ham-mrc reads {SCHEMA}",
            file=file,
            remedy="evaluate again",
        )
    try:
        result = _result(document, file)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _fault(f"is damaged ({error})", file) from error
    _check_figures(result, document["columns"], file)
    return result


def _locate(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / FILE_NAME).exists():
        return path / FILE_NAME
    if (path / "config.toml").exists():
        raise HamError(f"has not been evaluated (no {FILE_NAME})", file=path, remedy=f"ham-mrc poem eval {path}")
    raise HamError(f"is no run folder (no {FILE_NAME})", file=path)


def _result(document: Mapping[str, Any], file: Path) -> PoemResult:
    for key in _TEXTS:
        if not isinstance(document.get(key), str):
            raise _fault(f"{key!r} is not a text", file)
    for key in _OBJECTS:
        if not isinstance(document.get(key), dict):
            raise _fault(f"{key!r} is not an object", file)
    rows = document["per_poem"]
    if len(rows) != document["poems"]:
        raise _fault(f"holds {len(rows):,} of its {document['poems']:,} poems", file)
    lengths = {key: row["length"] for key, row in rows.items()}
    if not rows or not set(lengths.values()) <= set(LENGTHS):
        raise _fault("holds a poem whose length is not 5 or 7, or no poem", file)
    columns = {_BY_KEY[key]: told for key, told in document["columns"].items()}
    return PoemResult(
        **{key: document[key] for key in _TEXTS},
        uses_keywords=bool(document["uses_keywords"]),
        lengths=lengths,
        poems_of_part=document["poems_of_part"],
        columns={protocol: _column(rows, protocol, told) for protocol, told in columns.items()},
        diagnostics=document["diagnostics"],
        intervals={name: (low, high) for name, (low, high) in document["intervals"].items()},
        draws=document["bootstrap"],
        human=tuple(_human(row) for row in document["human"]),
        run=document["run"],
        trained=document["trained"],
        file=str(file),
    )


def _column(rows: Mapping[str, Any], protocol: Protocol, told: Mapping[str, Any]) -> PoemColumn:
    counts: dict[str, Any] = {}
    references: dict[str, Any] = {}
    for key, row in rows.items():
        steps = row[protocol.key]
        if len(steps) != len(STEPS) or not all(type(number) is int for step in steps for number in step):
            raise ValueError(f"poem {key}: {protocol.key} is not three lists of whole numbers")
        counts[key] = tuple(LineCounts(*step[:-1]) for step in steps)
        references[key] = tuple(step[-1] for step in steps)
    return PoemColumn(counts, references, str(told["references_sha256"]))


def _human(row: Mapping[str, Any]) -> HumanRow:
    intervals = {name: (low, high) for name, (low, high) in row["intervals"].items()}
    return HumanRow(row["name"], _BY_KEY[row["protocol"]], row["lines"], row["figures"], intervals)


def _check_figures(result: PoemResult, stored: Mapping[str, Any], file: Path) -> None:
    for protocol in result.columns:
        told = stored[protocol.key].get("figures") if isinstance(stored[protocol.key], dict) else None
        found = result.figures_of(protocol)
        if not isinstance(told, dict) or told.keys() != found.keys():
            raise _fault(f"'columns', {protocol.key!r} has other figures than its poems give", file)
        for name, value in found.items():
            if type(told[name]) not in (int, float) or not math.isclose(told[name], value, abs_tol=_SAME):
                raise _fault(f"{name} is {told[name]!r}, its poems give {value!r}", file)


def _fault(what: str, file: Path) -> HamError:
    return HamError(what, file=file, remedy="a result comes from: ham-mrc poem eval RUN --save FILE")
