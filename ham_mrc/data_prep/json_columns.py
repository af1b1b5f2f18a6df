"""MS MARCO 2.1: one JSON object of columns, each an object from row to value, read row by row in flat memory.

The values of one row lie gigabytes apart. A first walk through the file notes where each column begins; then the
columns are read side by side, each by a cursor of its own. The rows of all columns come in one order wherever one
program wrote the file; where they do not, column_join.py brings them together.
"""

from __future__ import annotations

import contextlib
import gzip
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from ham_mrc.data_prep.column_join import join
from ham_mrc.data_prep.dataset import Record
from ham_mrc.data_prep.json_record import parse_record, shown_key
from ham_mrc.data_prep.json_text import Start, Text
from ham_mrc.data_prep.raw_input import Copying, Share, open_counted, size_on_disk, unmoved
from ham_mrc.errors import HamError


class _Column(NamedTuple):
    """Where the object of a column begins, and the bytes that it has."""

    key: str
    start: Start
    size: int


class _Cell(NamedTuple):
    """A value of a column: its row, the bytes of the file before it, its own bytes, and where it begins."""

    row: str
    offset: int
    data: bytes
    line: int
    column: int


def cut_columns(
    path: str | Path,
    keys: Sequence[str],
    *,
    optional: Sequence[str] = (),
    moved: Callable[[int], None] = unmoved,
) -> Iterator[Record]:
    """The rows of a JSON object of columns: {"a": {"0": 1, "1": 2}, "b": {"0": 3, "1": 4}} has {"a":1,"b":3} first.

    The data of a record is such an object of the columns `keys` and, where the file has them, `optional`, in this
    order, each value with its own bytes; other columns are passed over. Its place is 'row "0"', its line and column
    are those of the first value. Rows come in the order of the first column. Their values are known to be JSON, as
    nothing else could say later where in the file a fault is. The file is walked twice: `moved` is called with half
    of its bytes for each walk, or with all of them in the first where their number is not known before. Gzip and "-"
    are unpacked to a temporary file for it.

    Raises HamError where the file cannot be read or is not JSON, where a column is missing, no object or there twice,
    where a row is missing in a column, and where a value is longer than 256 MiB or nests deeper than 500. A row that
    stands twice is found only where the columns differ in their order.
    """
    size = size_on_disk(path)
    with contextlib.ExitStack() as stack:
        file, columns = _unpacked(path, [*keys, *optional], Share(moved, size // 2, size) if size else moved, stack)
        columns = _chosen(columns, path, keys, optional)
        share = Share(moved, size - size // 2, sum(column.size for column in columns))
        cells = [_cells(stack.enter_context(open(file, "rb")), path, column) for column in columns]
        heads = [(b"," if number else b"{") + orjson.dumps(column.key) + b":" for number, column in enumerate(columns)]
        for row, line, column, values in _rows(cells, file, path, [column.key for column in columns]):
            data = b"".join(chain.from_iterable(zip(heads, values, strict=True))) + b"}"
            yield Record(f'row "{shown_key(row)}"', line, column, data)
            share(len(data))
        share.finish()


def _unpacked(
    path: str | Path, keys: Sequence[str], moved: Callable[[int], None], stack: contextlib.ExitStack
) -> tuple[Path, list[_Column]]:
    """A plain file of the content, and where in it the columns are that `keys` names, in its order."""
    with open_counted(path, moved) as stream:
        if size_on_disk(path) and not isinstance(stream, gzip.GzipFile):
            return Path(path), list(_columns(Text(stream, path), path, keys))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ham-mrc-"))
        with Copying(stream, Path(folder) / "unpacked.json") as copying:
            return copying.target, list(_columns(Text(copying, path), path, keys))


def _columns(text: Text, path: str | Path, keys: Sequence[str]) -> Iterator[_Column]:
    kind = text.kind()
    if kind != "an object":
        raise HamError(f"is {kind} where an object is due", file=path, remedy=f'{{"{keys[0]}": {{...}}}} is expected')
    seen = set()
    for key in text.members():
        start = text.start()
        if key in seen:
            raise HamError(f'has "{key}" twice', file=path, place=f"line {start.line}")
        if key in keys:
            seen.add(key)
            kind = text.kind()
            if kind != "an object":
                raise HamError(f'"{key}" is {kind} where an object is due', file=path)
        text.skip()
        if key in keys:
            yield _Column(key, start, text.start().offset - start.offset)
    text.end()


def _chosen(
    columns: Sequence[_Column], path: str | Path, keys: Sequence[str], optional: Sequence[str]
) -> list[_Column]:
    """The columns in the order of the keys."""
    found = {column.key: column for column in columns}
    for key in keys:
        if key not in found:
            raise HamError(f'has no "{key}"', file=path, remedy="an object is due there")
    return [found[key] for key in (*keys, *optional) if key in found]


def _cells(stream: BinaryIO, path: str | Path, column: _Column) -> Iterator[_Cell]:
    stream.seek(column.start.offset)
    text = Text(stream, path, column.start)
    text.peek()
    for row in text.members():
        offset, line, before, _ = text.start()
        data = text.value(f'row "{shown_key(row)}" of "{column.key}"')
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            parse_record(Record("", line, before, data), path)
        yield _Cell(row, offset, data, line, before)


def _rows(
    cells: Sequence[Iterator[_Cell]], file: Path, path: str | Path, keys: Sequence[str]
) -> Iterator[tuple[str, int, int, list[bytes]]]:
    """Key, line and column of each row, and its values, column by column."""
    for row in zip_longest(*cells):
        first = row[0]
        if first is None or any(cell is None or cell.row != first.row for cell in row):
            rests = [chain([head], rest) if head else iter(()) for head, rest in zip(row, cells, strict=True)]
            yield from _joined(rests, file, path, keys)
            return
        yield first.row, first.line, first.column, [cell.data for cell in row]


def _joined(
    cells: Sequence[Iterator[_Cell]], file: Path, path: str | Path, keys: Sequence[str]
) -> Iterator[tuple[str, int, int, list[bytes]]]:
    """The same for columns in different orders."""
    places = [((cell.row, cell.offset, len(cell.data), cell.line, cell.column) for cell in rest) for rest in cells]
    with open(file, "rb") as stream:
        for row, line, column, spans in join(places, path, keys):
            values = []
            for offset, size in spans:
                stream.seek(offset)
                values.append(stream.read(size))
            yield row, line, column, values
