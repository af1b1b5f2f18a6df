"""One sweep at a time in a folder. The lock is let go when the last process that inherited it has ended, not before."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ham_mrc.errors import HamError

PATIENCE = 60.0
"""Seconds to wait for the runs of a sweep that was killed: they hear of it, finish their update and save."""


@contextlib.contextmanager
def locked(file: Path, tell: Callable[[str], None], patience: float | None = None) -> Iterator[tuple[int, ...]]:
    """Hold the lock; yields the descriptors that children are to inherit, so that it lasts as long as they do.

    Raises HamError where another sweep keeps it for longer than `patience`, PATIENCE seconds if None. Where the system
    has no such locks (Windows) nothing is held.
    """
    try:
        import fcntl
    except ImportError:
        yield ()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    end, told = time.monotonic() + (PATIENCE if patience is None else patience), False
    with file.open("a") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    remedy = "wait until it is done, or stop it"
                    raise HamError("another sweep is at work here", file=file.parent, remedy=remedy) from None
                if not told:
                    tell("another sweep is at work here, or its last runs are still saving; waiting")
                told = True
                time.sleep(0.1)
        yield (stream.fileno(),)
