"""One address to one file: gone on with where it was cut off, tried again while there is hope."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ham_mrc import __version__
from ham_mrc.errors import HamError
from ham_mrc.files import write_json
from ham_mrc.progress import Progress, silent

TRIES = 5
"""Failures in a row, with not a byte between them, before a file is given up: after waits of 1, 2, 4 and 8 seconds."""

LONGEST_WAIT = 60.0
"""Seconds. A server that asks for a longer pause is asked again all the same."""

BLOCK = 1 << 18


@dataclass(frozen=True)
class Line:
    """How one fetches: seconds without a byte after which a try has failed, what shows progress, what waits."""

    timeout: float = 30.0
    progress: Progress = silent
    wait: Callable[[float], None] = time.sleep


class Broken(Exception):
    """A try that failed as another may not; `after` are seconds that the server asks for.

    `hopeless`: before anybody mends the network, or the address, another try is a waste of time.
    """

    def __init__(self, what: str, *, after: float = 0.0, hopeless: bool = False) -> None:
        super().__init__(what)
        self.after = after
        self.hopeless = hopeless


class Part:
    """What has come of a file: NAME.part, and beside it NAME.part.json, which says of which version of the file."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self.name = target.name
        self.kept = self.size() > 0
        """Whether it holds bytes that an earlier call fetched."""

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def version(self, url: str) -> str | None:
        """The validator that the server gave with these bytes; None where they are not known to be from `url`."""
        try:
            note = json.loads(self._note.read_bytes())
            return str(note["version"]) if note["url"] == url and note["version"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, url: str, version: str | None) -> None:
        """Start with nothing, of that version."""
        self.discard()
        write_json(self._note, {"url": url, "version": version})

    def discard(self) -> None:
        """Remove both files."""
        self.kept = False
        try:
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise self.unwritable(error) from error

    def finish(self, target: Path) -> None:
        """Give the file its own name, once all of it is on the disk."""
        try:
            with open(self.path, "r+b") as stream:
                os.fsync(stream.fileno())
            os.replace(self.path, target)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise self.unwritable(error) from error

    def unwritable(self, error: OSError) -> HamError:
        return HamError(
            f"cannot be written ({error.strerror or error})",
            file=self.path,
            remedy="the same command goes on from what is there",
        )


def fetch(url: str, part: Part, *, size: int | None, blind: bool, line: Line) -> None:
    """Fetch what `part` lacks, in as many tries as it takes. `size` is the published number of bytes, if known.

    With `blind`, bytes of an unknown version are gone on with, because a checksum will tell. Raises Broken where
    there is no hope left, and HamError for a file of another size and for one that cannot be written.
    """
    failures = 0
    came = False
    while part.size() != size or size is None:
        before = part.size()
        try:
            return _try(url, part, size=size, blind=blind, line=line)
        except Broken as fault:
            grown = part.size() > before
            came = came or grown
            failures = 1 if grown else failures + 1
            if failures >= TRIES or (fault.hopeless and not came):
                raise
            delay = min(max(fault.after, 2.0 ** (failures - 1)), LONGEST_WAIT)
            with line.progress(part.name) as bar:
                bar.say(f"{part.name}: {fault}; trying again in {delay:.0f} s")
                line.wait(delay)


def _try(url: str, part: Part, *, size: int | None, blind: bool, line: Line) -> None:
    version = part.version(url)
    if part.size() and not version and not blind:
        part.discard()
    start = part.size()
    headers = {"User-Agent": f"ham-mrc/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and version:
        headers["If-Range"] = version
    try:
        response = _open(urllib.request.Request(url, headers=headers), line.timeout)
    except urllib.error.HTTPError as error:
        return _refused(error, part)
    with contextlib.closing(response):
        rest = response.status == 206
        total = _total_from(response.headers, start, version, part) if rest else response.length
        if size is not None and total not in (None, size):
            raise HamError(f"the server's file has {total:,} bytes, the published one {size:,}", file=url)
        total = size if total is None else total
        if total is None and not response.chunked:
            raise Broken("the server does not say how long the file is", hopeless=True)
        if not rest:
            part.begin(url, _version(response.headers))
        _receive(response, part, total, line)


def _open(request: urllib.request.Request, timeout: float) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError:
        raise
    except http.client.InvalidURL as error:
        raise Broken(str(error), hopeless=True) from error
    except urllib.error.URLError as error:
        reason = error.reason
        # No such name, nobody there, no way there, a certificate that is not trusted: the same in a few seconds.
        hopeless = isinstance(reason, (socket.gaierror, ConnectionRefusedError, ssl.SSLCertVerificationError))
        hopeless = hopeless or (isinstance(reason, OSError) and not isinstance(reason, (TimeoutError, ConnectionError)))
        raise Broken(_said(reason), hopeless=hopeless) from error
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_said(error)) from error


def _said(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


def _refused(error: urllib.error.HTTPError, part: Part) -> None:
    """What an answer without the file means: that all of it is here already, a pause, or the end."""
    with error:
        if error.code == 416:
            if error.headers.get("Content-Range") == f"bytes */{part.size()}":
                return
            part.discard()
            raise Broken("the server has no such range")
        again = error.code >= 500 or error.code in (408, 425, 429)
        pause = error.headers.get("Retry-After", "")
        said = f"the server answers {error.code} {error.reason}".rstrip()
        raise Broken(said, after=float(pause) if pause.isdecimal() else 0.0, hopeless=not again)


def _total_from(headers: Mapping[str, str], start: int, version: str | None, part: Part) -> int | None:
    """The size of the whole file, from the answer to a request for its rest. Checks that it is that rest."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if found is None or int(found[1]) != start:
        part.discard()
        raise Broken("the server sent another range than it was asked for")
    if version and _version(headers) not in (None, version):
        part.discard()
        raise Broken("the file has changed on the server")
    return None if found[2] == "*" else int(found[2])


def _version(headers: Mapping[str, str]) -> str | None:
    """What tells one version of a file from another, byte for byte: a strong ETag, else its date (RFC 9110, 13.1.5)."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified")


def _receive(response: Any, part: Part, total: int | None, line: Line) -> None:
    done = part.size()
    left = None if total is None else total - done
    try:
        with line.progress(part.name, total=left, unit="bytes") as bar, open(part.path, "ab") as stream:
            while total is None or done < total:
                block = _read(response)
                if not block:
                    break
                stream.write(block)
                done += len(block)
                bar.advance(len(block))
    except OSError as error:
        raise part.unwritable(error) from error
    if total is not None and done < total:
        raise Broken(f"cut off after {done:,} of {total:,} bytes")


def _read(response: Any) -> bytes:
    """What has arrived, up to BLOCK bytes; nothing at the end."""
    try:
        return bytes(response.read1(BLOCK))
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"cut off ({_said(error)})") from error
