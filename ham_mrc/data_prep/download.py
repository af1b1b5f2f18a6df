"""Published datasets to a folder: fetched, checked, and under their names only when they are whole."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ham_mrc.data_prep.fetch import Broken, Line, Part, fetch
from ham_mrc.data_prep.known_files import COLLECTIONS, Collection, KnownFile
from ham_mrc.errors import HamError
from ham_mrc.files import sha256

How = Literal["fetched", "resumed", "already there"]


@dataclass(frozen=True)
class Fetched:
    """A file that is there, whole, and how it came; `sha256` is that of its bytes, whatever `file` says."""

    file: KnownFile
    url: str
    path: Path
    bytes: int
    sha256: str
    how: How


def choose(dataset: str, only: Sequence[str] = ()) -> tuple[Collection, list[KnownFile]]:
    """The collection of that name, and those of its files that match one of the patterns (`*v1.1*`), all for none.

    Raises HamError for a name that is not known, and for a pattern that matches no file.
    """
    if dataset not in COLLECTIONS:
        raise HamError(f'no dataset "{dataset}" to download', remedy=f"known are {', '.join(COLLECTIONS)}")
    collection = COLLECTIONS[dataset]
    if not only:
        return collection, list(collection.files)
    for pattern in only:
        if not any(fnmatch.fnmatchcase(file.name, pattern) for file in collection.files):
            names = ", ".join(file.name for file in collection.files)
            raise HamError(f'no file of {dataset} matches "{pattern}"', remedy=f"there are {names}")
    return collection, [
        file for file in collection.files if any(fnmatch.fnmatchcase(file.name, pattern) for pattern in only)
    ]


def download(files: Sequence[KnownFile], out: Path, *, base_url: str | None = None, line: Line) -> Iterator[Fetched]:
    """Fetch the files one after the other to `out`, from where they are published or from a mirror, `base_url`/NAME.

    A file that is there already is only checked. Until a file is whole and has its published size and SHA-256 it is
    NAME.part, from which a later call goes on. Raises HamError where a file cannot be had or is not the published one,
    and KeyboardInterrupt with a word on what remains.
    """
    if base_url is not None and (urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).netloc):
        raise HamError(f'"{base_url}" is no address of a mirror', remedy="give http://... or https://...")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HamError(f"cannot be made ({error.strerror})", file=out) from error
    for file in files:
        url = file.url if base_url is None else f"{base_url.rstrip('/')}/{file.name}"
        target = out / file.name
        yield _there(file, url, target) if target.exists() else _fetched(file, url, target, line)


def _there(file: KnownFile, url: str, target: Path) -> Fetched:
    found = _describe(file, url, target, target, "already there")
    if fault := _fault(found):
        raise HamError(fault, file=target, remedy="move it away and run the same command again")
    Part(target).discard()
    return found


def _fetched(file: KnownFile, url: str, target: Path, line: Line) -> Fetched:
    part = Part(target)
    try:
        _fetch(file, url, target, part, line)
        found = _describe(file, url, target, part.path, "resumed" if part.kept else "fetched")
        if _fault(found) and part.kept:
            # The fault may lie in what was here before; only a file that came in one go condemns the server.
            part.discard()
            _fetch(file, url, target, part, line)
            found = _describe(file, url, target, part.path, "fetched")
    except KeyboardInterrupt as stop:
        if not part.size() or not (file.sha256 or part.version(url)):
            raise
        raise KeyboardInterrupt(f"the same command goes on after {part.size():,} bytes of {file.name}") from stop
    if fault := _fault(found):
        part.discard()
        raise HamError(f"{fault}; it was removed", file=url, remedy="try again, or give a mirror by --base-url")
    part.finish(target)
    return found


def _fetch(file: KnownFile, url: str, target: Path, part: Part, line: Line) -> None:
    try:
        fetch(url, part, size=file.bytes, blind=file.sha256 is not None, line=line)
    except Broken as fault:
        raise HamError(
            f"{file.name} cannot be fetched from {urlsplit(url).netloc}: {fault}",
            remedy=f"fetch {file.url} by hand and put it at {target}, or give a mirror by --base-url",
        ) from fault


def _describe(file: KnownFile, url: str, target: Path, content: Path, how: How) -> Fetched:
    return Fetched(file, url, target, content.stat().st_size, sha256(content), how)


def _fault(found: Fetched) -> str | None:
    """How the file differs from the published one, as far as anything is published about it."""
    if found.file.bytes not in (None, found.bytes):
        return f"has {found.bytes:,} bytes, not the published {found.file.bytes:,}"
    if found.file.sha256 not in (None, found.sha256):
        return f"has the SHA-256 {found.sha256}, not the published {found.file.sha256}"
    return None
