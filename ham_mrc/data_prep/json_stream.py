"""Raw files of any size, cut into records: the lines of JSON Lines, or the elements of one list in a document.

Nothing is parsed here but the keys on the way to that list, and no more is held than a block of the file and one
record, so that memory stays flat and other processes can do the parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ham_mrc.data_prep import json_record
from ham_mrc.data_prep.dataset import Record
from ham_mrc.data_prep.json_columns import cut_columns
from ham_mrc.data_prep.json_record import empty, parse_record, too_long
from ham_mrc.data_prep.json_text import Text
from ham_mrc.data_prep.raw_input import open_counted, unmoved
from ham_mrc.errors import HamError
from ham_mrc.opening import BYTE_ORDER_MARK

__all__ = ["cut_columns", "cut_items", "cut_lines", "parse_record"]


def cut_lines(path: str | Path, *, moved: Callable[[int], None] = unmoved) -> Iterator[Record]:
    """The lines of a JSON Lines file (plain, gzip, or "-") that are not blank, without their ends; place "line 7".

    A line ends at "\\n" only, with or without "\\r" before it: U+2028 and the like may stand in a text. `moved` is
    called with each number of bytes read of the file as it lies on disk. Raises HamError where the file cannot be
    read, holds nothing, or has a line of more than 256 MiB.
    """
    count = 0
    with open_counted(path, moved) as stream:
        for number, line in _lines(stream, path):
            data = line.rstrip(b"\r\n")
            if data.strip():
                count += 1
                yield Record(f"line {number}", number, 0, data)
    if not count:
        raise empty(path)


def _lines(stream: BinaryIO, path: str | Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    # One byte more than may be, so that a line which fills it is known to be too long.
    while line := stream.readline(json_record.LIMIT + 1):
        number += 1
        if len(line) > json_record.LIMIT:
            raise too_long(path, f"line {number}")
        yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line


def cut_items(
    path: str | Path, key: str, unit: str, *, array_ok: bool = False, moved: Callable[[int], None] = unmoved
) -> Iterator[Record]:
    """The elements of the list `key` of the object that a JSON file holds; place "UNIT 1", "UNIT 2", ...

    With `array_ok` the file may also be such a list itself. Other members of the object may stand before and behind,
    and are passed over. `moved` is called as in `cut_lines`. Raises HamError where the file cannot be read or is not
    JSON (line and column named; what stands within an element is the business of `parse_record`), where the list is
    missing, no list or there twice (official programs take the last one, which a stream cannot know to be the last),
    where an element is longer than 256 MiB, or where brackets nest deeper than 500.
    """
    with open_counted(path, moved) as stream:
        text = Text(stream, path)
        kind = text.kind()
        if kind == "a list" and array_ok:
            yield from _elements(text, unit)
        elif kind == "an object":
            yield from _list_of(text, path, key, unit)
        else:
            due = "an object or a list" if array_ok else "an object"
            raise HamError(f"is {kind} where {due} is due", file=path, remedy=f'{{"{key}": [...]}} is expected')
        text.end()


def _list_of(text: Text, path: str | Path, key: str, unit: str) -> Iterator[Record]:
    found = False
    for name in text.members():
        if name != key:
            text.skip()
            continue
        if found:
            raise HamError(f'has "{key}" twice', file=path, place=f"line {text.start().line}")
        found = True
        kind = text.kind()
        if kind != "a list":
            raise HamError(f'"{key}" is {kind} where a list is due', file=path)
        yield from _elements(text, unit)
    if not found:
        raise HamError(f'has no "{key}"', file=path, remedy="a list is due there")


def _elements(text: Text, unit: str) -> Iterator[Record]:
    for number, _ in enumerate(text.elements(), 1):
        place = f"{unit} {number}"
        start = text.start()
        yield Record(place, start.line, start.column, text.value(place))
