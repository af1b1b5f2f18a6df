"""Traced attention for the page: which run a trace is of, and its numbers as whole ten-thousandths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.files import read_jsonl
from ham_mrc.report.gather import Material, Run
from ham_mrc.tables import printable

SCHEMA = 1
"""That of `ham_mrc.training.trace_file`, which says what a line holds. Read here without torch."""

SCALE = 10_000
"""A trace has four digits."""

NUMBERS = 2_500_000
"""Attention weights that the page may hold: some 5 MB."""

_NEAR = 2e-4
"""Weights of levels are the same where they are this near: a trace rounds them."""


@dataclass(frozen=True, slots=True)
class Traced:
    """`questions` holds lists of traces by the question's place, as the browser reads them; `notes` what is missing."""

    questions: dict[int, list[dict[str, Any]]]
    notes: Sequence[str]


def load_traces(files: Sequence[str], material: Material) -> Traced:
    """The traces in FILE or NAME=FILE, NAME being a run's label or name.

    Raises HamError for what is no trace, and where it is unclear of which run one is.
    """
    place_of = {key: place for place, key in enumerate(material.runs[0].result.scores.per_question)}
    found: dict[int, list[dict[str, Any]]] = {}
    left, notes, strange = NUMBERS, [], 0
    for given in files:
        name, path = _named(given, material.runs)
        lines = _lines(path)
        run = _run_of(path, name, lines, material, place_of)
        for line in lines:
            if line["id"] not in place_of:
                strange += 1
                continue
            entry, left, dropped = _entry(line, run, left)
            found.setdefault(place_of[line["id"]], []).append(entry)
            about = f"question {printable(line['id'])} is too large for this page."
            notes += [f"Attention {site} of {about}" for site in dropped]
    if strange:
        notes.append(f"{strange:,} traced questions are none of those that were scored.")
    several = [f"Attention of {len(notes):,} sites is left out: it is too large for this page."]
    return Traced(found, notes if len(notes) < 4 else several)


def _named(given: str, runs: Sequence[Run]) -> tuple[str | None, Path]:
    name, equals, file = given.partition("=")
    known = {run.label for run in runs} | {run.result.name for run in runs}
    return (name, Path(file)) if equals and name in known else (None, Path(given))


def _lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    for number, line in read_jsonl(path):
        if not isinstance(line, dict) or line.get("schema") != SCHEMA or not isinstance(line.get("sites"), dict):
            raise HamError(
                "is no trace of attention", file=path, place=f"line {number}", remedy="it comes from predict --trace"
            )
        lines.append(line)
    if not lines:
        raise HamError("holds no traced question", file=path)
    return lines


def _run_of(
    path: Path, name: str | None, lines: Sequence[dict[str, Any]], material: Material, place_of: dict[str, int]
) -> int:
    """The place of the run that a trace is of: named, of the folder it lies in, or of its level weights and answers."""
    runs = list(enumerate(material.runs))
    if name is not None:
        runs = [(i, run) for i, run in runs if name in (run.label, run.result.name)]
    inside = [(i, run) for i, run in runs if run.result.file and _holds(Path(run.result.file).parent, path)]
    found = runs if name else inside or [(i, run) for i, run in runs if _fits(run, lines, place_of)]
    if len(found) == 1:
        return found[0][0]
    names = " and ".join(run.label for _, run in found[:3])
    what = f"could be of {len(found)} results ({names})" if found else "is of none of the results"
    raise HamError(what, file=path, place="--trace", remedy=f'say of which: --trace "{runs[0][1].label}={path}"')


def _holds(folder: Path, path: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def _fits(run: Run, lines: Sequence[dict[str, Any]], place_of: dict[str, int]) -> bool:
    """Whether nothing speaks against it: the best epoch's level weights, and the stored answers."""
    levels = (run.best or {}).get("levels", {})
    for site, traced in lines[0]["sites"].items() if levels else ():
        own = [level["weight"] for level in levels.get(site, ())]
        if len(own) != len(traced["weights"]):
            return False
        if any(abs(a - b) > _NEAR for a, b in zip(own, traced["weights"], strict=True)):
            return False
    places = [(place_of[line["id"]], line["answer"]) for line in lines if line["id"] in place_of]
    return run.answers is None or all(run.answers[place] == answer for place, answer in places)


def _entry(line: dict[str, Any], run: int, left: int) -> tuple[dict[str, Any], int, list[str]]:
    """A question's trace for the browser, how many numbers may still follow it, and the sites that were too large."""
    sites, dropped = [], []
    for name, site in line["sites"].items():
        size = sum(len(row) * len(row[0]) for part in site["rows"] for row in part["levels"] if row)
        if size > left:
            dropped.append(name)
            continue
        left -= size
        parts = [
            {"row": part["row"], "direction": part["direction"], "levels": [_whole(level) for level in part["levels"]]}
            for part in site["rows"]
        ]
        sites.append(
            {"name": name, "weights": site["weights"], "queries": site["queries"], "keys": site["keys"], "parts": parts}
        )
    rows = [row["tokens"] for row in line["rows"]]
    entry = {"run": run, "answer": line["answer"], "question": line["question"], "rows": rows, "sites": sites}
    return entry, left, dropped


def _whole(level: Iterable[Iterable[float]]) -> list[list[int]]:
    return [[round(weight * SCALE) for weight in query] for query in level]
