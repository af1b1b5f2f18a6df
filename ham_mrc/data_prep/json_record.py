"""A record cut out of a raw file, parsed; and what is said of one that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson

from ham_mrc.data_prep.dataset import Record
from ham_mrc.errors import HamError

_SHOWN = 60
LIMIT = 256 << 20
"""Bytes that one record may have: far beyond any real one, and small enough to be held."""


def parse_record(record: Record, file: str | Path) -> Any:
    """The value that a record holds. A key that stands twice keeps its last value, as in the official programs.

    NaN and halves of surrogate pairs written as escapes are taken too, as those programs take them; a whole number
    that does not fit 64 bits comes out as a float. Raises HamError with the fault's line and column in the file, both
    from 1.
    """
    try:
        return orjson.loads(record.data)
    except orjson.JSONDecodeError:
        # orjson keeps to the letter of the standard. Where the standard library finds a fault too, its place counts:
        # that of orjson may be an escape that is none to us.
        return _parse_widely(record, file)


def _parse_widely(record: Record, file: str | Path) -> Any:
    try:
        return json.loads(record.data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as fault:
        before = record.data[: fault.start].decode("utf-8", "surrogatepass")
        raise not_utf8(file, *_place(record, before)) from fault
    except json.JSONDecodeError as fault:
        raise not_json(fault.msg, file, *_place(record, fault.doc[: fault.pos])) from fault
    except RecursionError as fault:
        raise HamError("is nested too deep", file=file, place=f"line {record.line}") from fault
    except ValueError as fault:  # a whole number of thousands of digits
        raise HamError(f"cannot be read ({fault})", file=file, place=f"line {record.line}") from fault


def _place(record: Record, before: str) -> tuple[int, int]:
    """Line, from 1, and characters before the fault on it, which has `before` before it in the record."""
    lines = before.count("\n")
    return record.line + lines, len(before) - before.rfind("\n") - 1 + (0 if lines else record.column)


def not_json(what: str, file: str | Path, line: int, column: int) -> HamError:
    """The error for a fault at a line, from 1, and the number of characters before it on that line."""
    return HamError(f"is not JSON ({what}, column {column + 1})", file=file, place=f"line {line}")


def not_utf8(file: str | Path, line: int, column: int) -> HamError:
    """The error for bytes that are no UTF-8; line and column as for `not_json`."""
    return HamError(
        f"is not UTF-8 (column {column + 1})", file=file, place=f"line {line}", remedy="convert it to UTF-8"
    )


def too_long(file: str | Path, place: str) -> HamError:
    """The error for a record of more than LIMIT bytes."""
    return HamError(
        f"is longer than {LIMIT >> 20} MiB",
        file=file,
        place=place,
        remedy="a quote or a line end is missing, or this is a file of another kind",
    )


def empty(file: str | Path) -> HamError:
    """The error for a file of nothing, or of nothing but white space."""
    return HamError("is empty", file=file, remedy="a JSON document is expected")


def shown_key(key: str) -> str:
    """A key as messages show it: as it is, or its beginning where it is absurdly long."""
    return key if len(key) <= _SHOWN else f"{key[:_SHOWN]}..."
