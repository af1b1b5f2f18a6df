"""A file as it is read: plain, gzip or standard input; unpacked bytes out, and a count of the packed ones if wanted."""

from __future__ import annotations

import contextlib
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from ham_mrc.errors import HamError

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

READ = 1 << 20
"""Bytes that one call to the system asks for; a progress bar moves in steps of that."""


def read_bytes(path: str | Path) -> bytes:
    """The whole content of a file, unpacked if it is gzip, without a UTF-8 byte order mark; "-" is standard input.

    Raises HamError where the file is missing, unreadable, or gzip that is cut off or damaged.
    """
    with open_input(path) as stream:
        try:
            return stream.read().removeprefix(BYTE_ORDER_MARK)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(path, error) from error


@contextlib.contextmanager
def open_input(path: str | Path, moved: Callable[[int], None] | None = None) -> Iterator[BinaryIO]:
    """A binary stream, with `peek`, of the unpacked content. Reading it may still raise OSError, EOFError, zlib.error.

    `moved` is called with the number of bytes of each read of the file as it lies on disk, packed or not; for a
    file that is read to its end they sum up to its size. Standard input ("-") stays open.
    """
    standard = str(path) == "-"
    try:
        raw = cast(io.RawIOBase, sys.stdin.buffer) if standard else open(path, "rb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise unreadable(path, error) from error
    counted: io.RawIOBase = _Counted(raw, moved or _unmoved) if standard or moved else raw
    buffered = io.BufferedReader(counted, READ)
    try:
        yield cast(BinaryIO, _unpacked(buffered, path))
    finally:
        if not standard:
            raw.close()


def _unpacked(buffered: io.BufferedReader[Any], path: str | Path) -> io.BufferedIOBase:
    try:
        packed = buffered.peek(2)[:2] == GZIP_MAGIC
    except OSError as error:
        raise unreadable(path, error) from error
    if not packed:
        return buffered
    import gzip

    return gzip.GzipFile(fileobj=buffered)


def _unmoved(size: int) -> None:
    pass


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


def unreadable(path: str | Path, error: Exception) -> HamError:
    """What to raise where a file cannot be opened or read on: the system's error in the user's words."""
    import gzip

    if isinstance(error, FileNotFoundError):
        return HamError("no such file", file=path)
    if isinstance(error, IsADirectoryError):
        return HamError("is a folder, not a file", file=path)
    if isinstance(error, PermissionError):
        return HamError("may not be read (permission denied)", file=path)
    if isinstance(error, EOFError):
        return HamError("the gzip data ends too early", file=path, remedy="the file was cut off: fetch it again")
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return HamError(f"the gzip data is damaged ({error})", file=path, remedy="fetch it again")
    return HamError(f"cannot be read ({error})", file=path)
