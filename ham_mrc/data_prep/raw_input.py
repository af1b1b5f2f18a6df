"""A raw file as it is read: unpacked bytes out, and a count of the packed ones for the progress bar."""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, Self, cast

from ham_mrc.errors import HamError
from ham_mrc.opening import READ, open_input, unreadable

_PACKED = {
    b"PK\x03\x04": "a zip archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
}
"""How files begin that are no JSON before somebody unpacks them; corpora are often handed out so."""
_TAR_AT, _TAR = 257, b"ustar"


class Readable(Protocol):
    """As much of a stream as it takes to read one."""

    def read(self, size: int, /) -> bytes:
        """So many bytes; fewer only at the end, and none behind it."""
        ...


def unmoved(size: int) -> None:
    """What is called with each number of bytes read where nobody wants to know."""


@contextlib.contextmanager
def open_counted(path: str | Path, moved: Callable[[int], None] = unmoved) -> Iterator[BinaryIO]:
    """A binary stream of the unpacked content of a file (plain, gzip, or "-").

    `moved` is called as by `opening.open_input`. Raises HamError where the file cannot be opened, where it is an
    archive, and where reading it within the block fails: gzip that is cut off or damaged, a disk that gives up.
    """
    with open_input(path, moved) as stream:
        try:
            _refuse_archive(cast(io.BufferedReader, stream).peek(_TAR_AT + len(_TAR)), path)
            yield stream
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(path, error) from error


def _refuse_archive(head: bytes, path: str | Path) -> None:
    kind = next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), None)
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        kind = "a tar archive"
    if kind is not None:
        raise HamError(f"is {kind}", file=path, remedy="unpack it first")


def size_on_disk(path: str | Path) -> int:
    """The bytes that a file takes, packed or not; 0 where that is not known: standard input, a pipe, no file."""
    try:
        return 0 if str(path) == "-" else os.path.getsize(path)
    except OSError:
        return 0


class Share:
    """Tells `moved` of work in numbers that sum up to `budget` when `total` of it is done, in steps worth showing."""

    def __init__(self, moved: Callable[[int], None], budget: int, total: int) -> None:
        self._moved, self._budget, self._total = moved, budget, total
        self._done = self._told = 0

    def __call__(self, done: int) -> None:
        """Count work done."""
        self._done = min(self._done + done, self._total)
        due = self._budget * self._done // self._total if self._total else 0
        if due - self._told >= min(READ, self._budget - self._told):
            self._tell(due)

    def finish(self) -> None:
        """Count all of it as done."""
        self._tell(self._budget)

    def _tell(self, due: int) -> None:
        if due > self._told:
            self._moved(due - self._told)
            self._told = due


class Copying:
    """A stream that keeps a copy of all that is read of it, in the file `target`. A context manager."""

    def __init__(self, stream: Readable, target: Path) -> None:
        self._stream, self.target = stream, target

    def __enter__(self) -> Self:
        self._copy = open(self.target, "wb")
        return self

    def read(self, size: int, /) -> bytes:
        """The next bytes; HamError where there is no room for their copy."""
        data = self._stream.read(size)
        try:
            self._copy.write(data)
        except OSError as error:
            raise self._full(error) from error
        return data

    def __exit__(self, *_: object) -> None:
        try:
            self._copy.close()
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> HamError:
        what = f"no temporary copy can be made ({error.strerror})"
        return HamError(what, file=self.target.parent, remedy="set TMPDIR to a folder with more room")
