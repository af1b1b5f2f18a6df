"""Rows of columns that come in different orders, brought together through a database in a temporary file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ham_mrc.data_prep.json_record import shown_key
from ham_mrc.errors import HamError

_TABLE = """
CREATE TABLE cell (
    part INTEGER, row BLOB, number INTEGER, offset INTEGER, size INTEGER, line INTEGER, place INTEGER,
    PRIMARY KEY (part, row)
) WITHOUT ROWID
"""
_LONELY = """
SELECT row FROM cell AS mine WHERE part = ?
AND NOT EXISTS (SELECT 1 FROM cell AS other WHERE other.part = ? AND other.row = mine.row)
ORDER BY number LIMIT 1
"""

Place = tuple[str, int, int, int, int]
"""The key of a row; the offset and the size of its value in the file, in bytes; the value's line and column."""


def join(
    columns: Sequence[Iterable[Place]], path: str | Path, keys: Sequence[str]
) -> Iterator[tuple[str, int, int, list[tuple[int, int]]]]:
    """For each row, in the order of the first column: its key, its line and column there, and every value's place.

    Raises HamError naming row and column (`keys`) where a row is missing in a column or stands in it twice. Only the
    places go into the database: some hundred bytes a row, beside the gigabytes of the file.
    """
    # A database without a name is SQLite's own temporary file, and goes with the connection.
    with contextlib.closing(sqlite3.connect("")) as database:
        try:
            database.execute(_TABLE)
            for part, places in enumerate(columns):
                _store(database, part, places, path, keys[part])
            _refuse_missing(database, path, keys)
            yield from _in_order(database, len(keys))
        except sqlite3.Error as error:
            raise HamError(
                f"its columns are in different orders, and the temporary database for that failed ({error})",
                file=path,
                remedy="set TMPDIR to a folder with more room",
            ) from error


def _store(database: sqlite3.Connection, part: int, places: Iterable[Place], path: str | Path, key: str) -> None:
    for number, (row, *place) in enumerate(places):
        try:
            database.execute("INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?)", (part, _stored(row), number, *place))
        except sqlite3.IntegrityError as error:
            raise HamError(f'has row "{shown_key(row)}" twice', file=path, place=f'"{key}"') from error


def _refuse_missing(database: sqlite3.Connection, path: str | Path, keys: Sequence[str]) -> None:
    for part in range(1, len(keys)):
        for having, lacking in ((0, part), (part, 0)):
            found = database.execute(_LONELY, (having, lacking)).fetchone()
            if found:
                row = shown_key(_restored(found[0]))
                what = f'has no row "{row}"'
                raise HamError(what, file=path, place=f'"{keys[lacking]}"', remedy=f'"{keys[having]}" has it')


def _in_order(database: sqlite3.Connection, parts: int) -> Iterator[tuple[str, int, int, list[tuple[int, int]]]]:
    order = database.execute("SELECT row, line, place FROM cell WHERE part = 0 ORDER BY number")
    for row, line, column in order:
        find = "SELECT offset, size FROM cell WHERE part = ? AND row = ?"
        yield _restored(row), line, column, [database.execute(find, (part, row)).fetchone() for part in range(parts)]


def _stored(row: str) -> bytes:
    # Keys may hold halves of surrogate pairs, for which SQLite's texts have no place.
    return row.encode("utf-8", "surrogatepass")


def _restored(row: bytes) -> str:
    return row.decode("utf-8", "surrogatepass")
