"""JSON Lines as the official programs of MS MARCO and DuReader read them: every line is a record.

A record comes with its place in words ("line 3"), for messages.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import kind
from ham_mrc.files import parse_json
from ham_mrc.opening import read_bytes

_ZIP = b"PK\x03\x04"


def read_lines(path: str | Path) -> Iterator[tuple[str, Any]]:
    """The records of a file (plain, gzip, "-", or a zip of such files).

    Raises HamError naming the line where one is blank or not JSON: the official programs end there.
    """
    data = read_bytes(path)
    if not data.startswith(_ZIP):
        return parse_lines(data, path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist() if not name.endswith("/")]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise HamError(f"is a zip file that cannot be read ({error})", file=path) from error
    return (record for name, content in members for record in parse_lines(content, f"{path}/{name}"))


def parse_lines(data: bytes, file: str | Path) -> Iterator[tuple[str, Any]]:
    """The records of a file's content; `file` is for messages. Lines end as in Python's text files."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line end is no line
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise HamError(
                "is blank", file=file, place=f"line {number}", remedy="the official program wants a record in each line"
            )
        yield f"line {number}", parse_json(line, file, line=number)


def numbered(records: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Records that come from no file, with their places."""
    return ((f"entry {number}", record) for number, record in enumerate(records, 1))


def identity(record: Any, key: str, file: str | None, place: str) -> Hashable:
    """The question's id as it stands at `key`, number or text: the official programs keep 7 and "7" apart."""
    if type(record) is not dict and not isinstance(record, Mapping):
        raise HamError(f"is {kind(record)}, not an object with {key!r}", file=file, place=place)
    if key not in record:
        raise HamError(f"has no {key!r}", file=file, place=place)
    value = record[key]
    if isinstance(value, (list, Mapping)):
        raise HamError(f"{key!r} is {kind(value)}, neither a number nor a text", file=file, place=place)
    if isinstance(value, str) and not value.isascii() and value.encode("utf-8", "ignore").decode() != value:
        raise HamError(f"{key!r} holds half of a surrogate pair, which is no character", file=file, place=place)
    assert isinstance(value, Hashable)
    return value


def keys_of(identities: Iterable[Hashable]) -> tuple[str, ...]:
    """The ids as texts; where two read the same, 7 and "7", the second one ends in "#2"."""
    keys: dict[str, None] = {}
    for value in identities:
        text, standing = str(value), 1
        while text in keys:
            standing += 1
            text = f"{value}#{standing}"
        keys[text] = None
    return tuple(keys)


def other_type(given: Iterable[Hashable], due: Iterable[Hashable]) -> str | None:
    """A remedy where no id is shared only because one side has numbers and the other the same numbers as texts."""
    texts = {str(value) for value in due}
    if any(str(value) in texts for value in given):
        return 'ids are numbers in one file and texts in the other, and the official program keeps 7 and "7" apart'
    return None
