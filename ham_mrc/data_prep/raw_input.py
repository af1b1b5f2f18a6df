"""A raw file as it is read: unpacked bytes out, and a count of the packed ones for the progress bar."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, cast

from ham_mrc.errors import HamError
from ham_mrc.files import GZIP_MAGIC, unreadable

_READ = 1 << 20
"""Bytes that one call to the system asks for; a progress bar moves in steps of that."""

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

    `moved` is called with the number of bytes of each read of the file as it lies on disk, packed or not; for a
    file that is read to its end they sum up to its size. Raises HamError where the file cannot be opened, where it is
    an archive, and where reading it within the block fails: gzip that is cut off or damaged, a disk that gives up.
    """
    try:
        raw = cast(io.BufferedIOBase, sys.stdin.buffer) if str(path) == "-" else open(path, "rb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise unreadable(path, error) from error
    buffered = io.BufferedReader(_Counted(raw, moved), _READ)
    try:
        packed = buffered.peek(2)[:2] == GZIP_MAGIC
        stream = gzip.GzipFile(fileobj=buffered) if packed else buffered
        _refuse_archive(stream.peek(_TAR_AT + len(_TAR)), path)
        yield cast(BinaryIO, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    finally:
        if raw is not sys.stdin.buffer:
            raw.close()


def _refuse_archive(head: bytes, path: str | Path) -> None:
    kind = next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), None)
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        kind = "a tar archive"
    if kind is not None:
        raise HamError(f"is {kind}", file=path, remedy="unpack it first")


class _Counted(io.RawIOBase):
    """A stream that tells how much is read of it. Closing it leaves the stream below open."""

    def __init__(self, raw: io.RawIOBase | io.BufferedIOBase, moved: Callable[[int], None]) -> None:
        self._raw, self._moved = raw, moved

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # Standard input is buffered already, and would wait for more than a pipe has by now.
        read = self._raw.readinto1 if isinstance(self._raw, io.BufferedIOBase) else self._raw.readinto
        size: int = read(buffer) or 0
        if size:
            self._moved(size)
        return size


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
        if due - self._told >= min(_READ, self._budget - self._told):
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
