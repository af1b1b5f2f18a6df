"""A collection of four-line poems, read and checked: one JSON object a line with `lines` and what is known of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.files import read_jsonl
from ham_mrc.progress import Progress, silent
from ham_mrc.records import Quatrain
from ham_mrc.text import HAN

LENGTHS = (5, 7)
"""Characters a line."""

_HAN = re.compile(rf"[{HAN}]*")
_SHOWN = 60  # characters of a faulty line that a message quotes


class Fault(StrEnum):
    """Why a record is no poem for us; the value is its name in the manifest."""

    NO_LINES = "no_lines"
    NOT_FOUR = "not_four"
    UNEQUAL = "unequal"
    LENGTH = "length"
    NOT_HAN = "not_han"
    REPEATED = "repeated"
    ID_TWICE = "id_twice"


EXPLANATIONS = {
    Fault.NO_LINES: "no list of texts named lines",
    Fault.NOT_FOUR: "not four lines",
    Fault.UNEQUAL: "lines of unequal length",
    Fault.LENGTH: "lines of neither 5 nor 7 characters",
    Fault.NOT_HAN: "a character that is not Han",
    Fault.REPEATED: "the same four lines as a poem before it",
    Fault.ID_TWICE: "the id of another poem before it",
}


@dataclass
class Collection:
    """The poems of a file in its order, and what was read. `read` = len(`poems`) + the sum of `dropped`."""

    poems: list[Quatrain] = field(default_factory=list)
    read: int = 0
    dropped: Counter[Fault] = field(default_factory=Counter)


def read_quatrains(path: str | Path, *, strict: bool = False, progress: Progress = silent) -> Collection:
    """The poems of a JSON Lines file (plain, gzip, or "-"), each {id, author, title, dynasty, lines}.

    Of those `lines` alone is needed; a poem without an id is named after its line ("line 12"). Faulty records are
    counted by reason. Raises HamError, naming file and line, where a line is not JSON, with `strict` at the first
    faulty record, and where no poem is left.
    """
    found = Collection()
    first = ""
    poems: set[tuple[str, ...]] = set()
    ids: set[str] = set()
    with progress("reading", unit="poems") as bar:
        for number, value in read_jsonl(path):
            found.read += 1
            bar.advance()
            what = _fault(value) or _repeat(value, number, poems, ids)
            if what is None:
                found.poems.append(_quatrain(value, number))
                continue
            fault, said = what
            if strict:
                raise HamError(said, file=path, place=f"line {number}", remedy="leave it out, or leave out --strict")
            first = first or f"line {number} {said}"
            found.dropped[fault] += 1
    if not found.poems:
        why = f" in {found.read:,} records: {first}" if first else ""
        raise HamError(f"holds no poem{why}", file=path, remedy=FORMAT)
    return found


FORMAT = 'one JSON object a line is due, with "lines": four texts, all of 5 or all of 7 Han characters'


def _fault(value: Any) -> tuple[Fault, str] | None:
    """What is wrong with one record alone, in a word and in a sentence; None for a poem."""
    lines = value.get("lines") if isinstance(value, dict) else None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        return Fault.NO_LINES, 'has no list of texts named "lines"'
    if len(lines) != 4:
        return Fault.NOT_FOUR, f"has {len(lines)} lines; a quatrain has 4"
    if odd := next((line for line in lines if not _HAN.fullmatch(line)), None):
        return Fault.NOT_HAN, f'"{odd[:_SHOWN]}" holds "{next(_strangers(odd))}", which is no Han character'
    lengths = [len(line) for line in lines]
    if len(set(lengths)) > 1:
        return Fault.UNEQUAL, f"has lines of {', '.join(map(str, lengths))} characters; all four are due to be equal"
    if lengths[0] not in LENGTHS:
        return Fault.LENGTH, f"has lines of {lengths[0]} characters; a line has 5 or 7"
    return None


def _strangers(line: str) -> Iterator[str]:
    return (character for character in line if not _HAN.fullmatch(character))


def _repeat(value: Any, number: int, poems: set[tuple[str, ...]], ids: set[str]) -> tuple[Fault, str] | None:
    """Whether a poem, or its id, was there before; else both are noted."""
    lines, name = tuple(value["lines"]), _name(value, number)
    if lines in poems:
        return Fault.REPEATED, "has the same four lines as a poem before it"
    if name in ids:
        return Fault.ID_TWICE, f'has the id "{name[:_SHOWN]}" of another poem before it'
    poems.add(lines)
    ids.add(name)
    return None


def _name(value: dict[str, Any], number: int) -> str:
    given = value.get("id")
    return f"line {number}" if given is None else str(given)


def _quatrain(value: dict[str, Any], number: int) -> Quatrain:
    author, title, dynasty = (str(value.get(name) or "") for name in ("author", "title", "dynasty"))
    return Quatrain(_name(value, number), author, title, dynasty, tuple(value["lines"]))
