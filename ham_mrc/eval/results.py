"""A result on disk: scores with every question's own, in a JSON file that reads well in a diff.

One question a line, in the order of the references, so that a review shows which questions changed. Schema 2:

    {"schema": 2, "kind": "ham-mrc scores", "name", "dataset", "version", "questions", "answered", "missing",
     "extra", "metrics": {name: figure}, "signature", "variants": {name: signature}, "references_sha256",
     "run": {setting: value} or null,
     "columns": [name], "per_question": {id: {metric: percent, ..., "sums": [number]}}}

A metric for which a question does not count is missing in its row. "sums" holds what the question adds to each of
"columns", for figures that no mean tells (`Scores.statistics`); where there are no columns, there is no "sums".
Schema 1, which had none of this and every metric in every row, is read as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import kind
from ham_mrc.files import read_json, to_json, write_whole
from ham_mrc.records import Scores

SCHEMA = 2
_READABLE = (1, 2)
KIND = "ham-mrc scores"
FILE_NAME = "scores.json"
"""What the result of a run is called in its folder."""

_SUMS = "sums"
_TEXTS = ("name", "dataset", "version", "signature", "references_sha256")
_COUNTS = ("questions", "answered", "missing", "extra")
_RUN_FILES = ("config.toml", "log.jsonl", "last")


@dataclass(frozen=True, slots=True)
class Result:
    """Scores with a name, and the settings of the run they came from (None for predictions of unknown origin).

    `run` holds settings and nothing measured, "seed" among them, so that `compare` can tell runs that differ
    only by seed. `file` is where the result was read, for messages.
    """

    name: str
    scores: Scores
    run: Mapping[str, Any] | None = None
    file: str | None = None


def save_result(path: str | Path, scores: Scores, *, name: str, run: Mapping[str, Any] | None = None) -> None:
    """Write a result, whole or not at all; an existing file is replaced."""
    with write_whole(path) as stream:
        stream.write(_text(scores, name, run))


def _text(scores: Scores, name: str, run: Mapping[str, Any] | None) -> bytes:
    head = {
        "schema": SCHEMA,
        "kind": KIND,
        "name": name.encode("utf-8", "replace").decode("utf-8"),  # a file's name need not be Unicode
        "dataset": scores.dataset,
        "version": scores.version,
        "questions": scores.questions,
        "answered": scores.answered,
        "missing": scores.missing,
        "extra": scores.extra,
        "metrics": dict(scores.metrics),
        "signature": scores.signature,
        "variants": dict(scores.variants),
        "references_sha256": scores.references_sha256,
        "run": None if run is None else dict(run),
        "columns": list(scores.statistics),
    }
    lines = [b"    " + to_json(key).strip() + b": " + to_json(row).strip() for key, row in _rows(scores)]
    opened = to_json(head, indent=True).rstrip().removesuffix(b"}").rstrip()
    return opened + b',\n  "per_question": {\n' + b",\n".join(lines) + b"\n  }\n}\n"


def _rows(scores: Scores) -> Iterator[tuple[str, dict[str, Any]]]:
    sums = zip(*scores.statistics.values(), strict=True) if scores.statistics else repeat(None)
    for (key, row), numbers in zip(scores.per_question.items(), sums, strict=False):
        yield key, dict(row) if numbers is None else {**row, _SUMS: [_short(number) for number in numbers]}


def _short(number: float) -> float:
    """A whole number without its point."""
    return int(number) if number == int(number) else number


def load_result(path: str | Path) -> Result:
    """The result in a file, or in the folder of a finished run.

    Raises HamError for anything else: no such file, a run under way, not a result, one of another schema, one
    cut short or edited until its parts disagree.
    """
    file = _locate(Path(path)) if str(path) != "-" else Path("-")
    document = read_json(file)
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise _fault("is not a stored result", file)
    schema = document.get("schema")
    if schema not in _READABLE:
        readable = " and ".join(map(str, _READABLE))
        raise HamError(
            f"has schema {schema!r}, this version of ham-mrc reads {readable}", file=file, remedy="score again and save"
        )
    scores = _scores(document, file)
    run = document.get("run")
    if run is not None and not isinstance(run, dict):
        raise _fault(f"'run' is {kind(run)}, not an object", file)
    return Result(document["name"], scores, run, str(file))


def _locate(path: Path) -> Path:
    if not path.is_dir():
        return path
    file = path / FILE_NAME
    if file.exists():
        return file
    if any((path / name).exists() for name in _RUN_FILES):
        raise HamError(
            f"the run has not finished (no {FILE_NAME})", file=path, remedy=f"resume it: ham-mrc train --resume {path}"
        )
    raise HamError(f"is no run folder (no {FILE_NAME})", file=path)


def _scores(document: dict[str, Any], file: Path) -> Scores:
    for key in _TEXTS:
        if not isinstance(document.get(key), str):
            raise _fault(f"{key!r} is {kind(document.get(key))}, not a text", file)
    for key in _COUNTS:
        if type(document.get(key)) is not int:
            raise _fault(f"{key!r} is {kind(document.get(key))}, not a count", file)
    metrics = _figures(document.get("metrics"), "'metrics'", file)
    rows = document.get("per_question")
    if not isinstance(rows, dict):
        raise _fault(f"'per_question' is {kind(rows)}, not an object", file)
    if len(rows) != document["questions"]:
        raise _fault(f"holds {len(rows):,} of its {document['questions']:,} questions", file)
    statistics = _statistics(document.get("columns", []), rows, file)
    whole = document["schema"] == 1
    found = {key: _row(row, f"question {key}", metrics, whole, file) for key, row in rows.items()}
    texts = {key: document[key] for key in _TEXTS if key != "name"}
    counts = {key: document[key] for key in _COUNTS}
    variants = document.get("variants", {})
    if not isinstance(variants, dict) or not all(isinstance(text, str) for text in variants.values()):
        raise _fault("'variants' is not an object of signatures", file)
    return Scores(**texts, **counts, metrics=metrics, per_question=found, statistics=statistics, variants=variants)


def _statistics(columns: Any, rows: dict[str, Any], file: Path) -> dict[str, list[float]]:
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _fault("'columns' is not a list of names", file)
    found: dict[str, list[float]] = {name: [] for name in columns}
    for key, row in rows.items() if columns else ():
        sums = row.get(_SUMS) if isinstance(row, dict) else None
        if not isinstance(sums, list) or len(sums) != len(columns) or not all(map(_is_finite, sums)):
            raise _fault(f"question {key}, {_SUMS!r} is not a list of {len(columns)} numbers", file)
        for column, number in zip(found.values(), sums, strict=True):
            column.append(number)
    return found


def _row(row: Any, place: str, metrics: Mapping[str, float], whole: bool, file: Path) -> dict[str, float]:
    """A question's own scores, a score for each metric where the row has to be `whole`."""
    if not isinstance(row, dict):
        raise _fault(f"{place} is {kind(row)}, not an object of figures", file)
    own = {name: figure for name, figure in row.items() if name != _SUMS}
    for name, figure in own.items():
        if not _is_finite(figure):
            raise _fault(f"{place}, {name!r} is {kind(figure)}, not a finite number", file)
    if not own.keys() <= metrics.keys() or (whole and len(own) != len(metrics)):
        raise _fault(f"{place} has other metrics than the result", file)
    return own


def _figures(value: Any, place: str, file: Path) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise _fault(f"{place} is {kind(value)}, not an object of figures", file)
    for name, figure in value.items():
        if not _is_finite(figure):
            raise _fault(f"{place}, {name!r} is {kind(figure)}, not a finite number", file)
    return value


def _is_finite(value: Any) -> bool:
    return type(value) in (float, int) and math.isfinite(value)


def _fault(what: str, file: Path) -> HamError:
    return HamError(what, file=file, remedy="a result comes from: ham-mrc eval PREDICTIONS REFERENCES --save FILE")


def same_definition(result: Result, other: Result) -> None:
    """Raise HamError unless both were scored by the same definition on the same questions."""
    mine, theirs = result.scores, other.scores
    who = result.file or result.name
    if mine.signature != theirs.signature:
        raise HamError(
            f"has the signature {mine.signature}, {other.file or other.name} has {theirs.signature}",
            file=who,
            remedy="score both again with the same version",
        )
    for name in mine.variants.keys() & theirs.variants.keys():
        if mine.variants[name] != theirs.variants[name]:
            raise HamError(
                f"has {name} with the signature {mine.variants[name]}, {other.file or other.name} with "
                f"{theirs.variants[name]}",
                file=who,
                remedy="score both again with the same version",
            )
    if mine.references_sha256 != theirs.references_sha256 or set(mine.per_question) != set(theirs.per_question):
        raise HamError(
            f"was scored on other references ({mine.questions:,} questions, sha256 {mine.references_sha256[:12]}) than "
            f"{other.file or other.name} ({theirs.questions:,}, {theirs.references_sha256[:12]})",
            file=who,
            remedy="score both on the same file",
        )
