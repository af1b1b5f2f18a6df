"""JSON and JSON Lines in and out, and writes that land whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from ham_mrc.errors import HamError
from ham_mrc.opening import BYTE_ORDER_MARK, open_input, read_bytes, unreadable


def parse_json(data: bytes, path: str | Path, *, line: int | None = None) -> Any:
    """The value that `data` holds. A key that stands twice keeps its last value, as in the official programs.

    Raises HamError naming the file and the line and column of the fault.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # The standard parser also takes what orjson refuses by the letter of the standard and official
        # programs accept: NaN, and halves of surrogate pairs written as escapes.
        try:
            return json.loads(data)
        except UnicodeDecodeError as fault:
            raise HamError(
                f"is not UTF-8 (byte {fault.start})", file=path, place=_line(line), remedy="convert it to UTF-8"
            ) from fault
        except (ValueError, RecursionError):
            where = _line(line if line is not None else error.lineno)
            raise HamError(f"is not JSON ({error.msg}, column {error.colno})", file=path, place=where) from error


def _line(number: int | None) -> str | None:
    return None if number is None else f"line {number}"


def read_json(path: str | Path) -> Any:
    """The JSON value in a file (plain, gzip, or "-")."""
    data = read_bytes(path)
    if not data.strip():
        raise HamError("is empty", file=path, remedy="a JSON document is expected")
    return parse_json(data, path)


def read_jsonl(path: str | Path) -> Iterator[tuple[int, Any]]:
    """(line number from 1, value) of each line that is not blank.

    Lines end at "\\n" only: U+2028 and the like may stand in a text.
    """
    with open_input(path) as stream:
        try:
            for number, line in enumerate(stream, 1):
                if number == 1:
                    line = line.removeprefix(BYTE_ORDER_MARK)
                if line.strip():
                    yield number, parse_json(line.rstrip(b"\r\n"), path, line=number)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(path, error) from error


def to_json(value: Any, *, indent: bool = False) -> bytes:
    """`value` as UTF-8 JSON with a line end; floats as the shortest text that reads back the same."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(value, option=options)
    except orjson.JSONEncodeError:
        # A damaged text may hold half of a surrogate pair, which has no UTF-8 form, only an escaped one. What is
        # no JSON at all fails here again, with the TypeError that it deserves.
        separators = (",", ": ") if indent else (",", ":")
        return json.dumps(value, indent=2 if indent else None, separators=separators).encode() + b"\n"


@contextlib.contextmanager
def write_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A binary stream whose content stands at `path` when the block ends well, and nowhere when it does not.

    Temporary file in the same folder, fsync, rename. Raises HamError on a full disk or an unwritable folder.
    """
    import tempfile

    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield cast(BinaryIO, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _unwritable(target, error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> HamError:
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EACCES: "the folder may not be written (permission denied)",
        errno.EPERM: "the folder may not be written (permission denied)",
        errno.EROFS: "the file system is read-only",
        errno.ENOTDIR: "a part of the path is a file, not a folder",
        errno.EEXIST: "a part of the path is a file, not a folder",
        errno.EISDIR: "is a folder, not a file",
        errno.EBUSY: "the folder is in use by the system (a mount point?)",
    }
    reason = reasons.get(error.errno or 0, str(error))
    return HamError(f"cannot be written: {reason}", file=path, remedy="nothing was left half written")


def write_json(path: str | Path, value: Any, *, indent: bool = True) -> None:
    """Write one JSON document, whole or not at all."""
    with write_whole(path) as stream:
        stream.write(to_json(value, indent=indent))


def write_jsonl(path: str | Path, values: Iterable[Any]) -> None:
    """Write JSON Lines, one value a line, whole or not at all."""
    with write_whole(path) as stream:
        for value in values:
            stream.write(to_json(value))


@contextlib.contextmanager
def write_folder(path: str | Path, *, finished: str, force: bool = False) -> Iterator[Path]:
    """A temporary sibling folder that takes the place of `path` when the block ends well, and vanishes when not.

    `finished` is the file that marks a complete result. A folder that holds it is replaced only with `force`, and
    stays as it was until the new one is complete; a folder that holds anything else is never replaced, so that
    no other work can be lost. A link to a folder stays a link.
    """
    import shutil
    import tempfile

    refuse_overwrite(Path(path), finished=finished, force=force)
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    except OSError as error:
        raise _unwritable(Path(path), error) from error
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        for file in part.rglob("*"):
            if file.is_file():
                _sync(file)
        _swap(part, target)
    except OSError as error:
        raise _unwritable(Path(path), error) from error
    except HamError as error:
        if error.file is None or not Path(error.file).is_relative_to(part):
            raise
        # A file that the block wrote into the temporary folder, a name that the user has never seen.
        raise HamError(error.what, file=path, place=error.place, remedy=error.remedy) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(part: Path, target: Path) -> None:
    """Put `part` in the place of `target`. What stood there goes only when the new folder stands."""
    import shutil

    old = part.with_suffix(".old")
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(part, target)
    except BaseException:
        if old.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def refuse_overwrite(folder: Path, *, finished: str, force: bool) -> None:
    """Raise HamError if `folder` may not be written: it holds a finished result without `force`, or strange files."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise HamError("is a file, not a folder", file=folder)
    try:
        content = {item.name for item in folder.iterdir()}
    except OSError as error:
        raise unreadable(folder, error) from error
    if finished in content:
        if not force:
            raise HamError(
                "already holds a finished result", file=folder, remedy="choose another folder, or add --force"
            )
    elif content:
        raise HamError(
            f"is not empty and holds no {finished}", file=folder, remedy="choose another folder, or empty this one"
        )


def _sync(file: Path) -> None:
    with open(file, "r+b") as stream:  # for writing, without which some systems refuse
        os.fsync(stream.fileno())


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes as they lie on disk, in hexadecimal."""
    import hashlib

    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
