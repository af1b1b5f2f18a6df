"""What workers are given to do in test_pool.py, where processes of their own can import it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.pool import open_pool
from ham_mrc.errors import HamError


def triple(shared: int, task: int) -> int:
    """Slow where `task` is a multiple of 5, so that later ones are done first."""
    time.sleep(0.05 if task % 5 == 0 else 0)
    return shared * task


def process_id(shared: Any, task: Any) -> int:
    time.sleep(0.02)
    return os.getpid()


def unpickled(shared: Counted, task: Any) -> int:
    """How often `shared` has been unpickled in this process."""
    time.sleep(0.01)
    return Counted.times


class Counted:
    times = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        type(self).times += 1
        self.__dict__ = state

    def __getstate__(self) -> dict[str, Any]:
        return {"some": "thing"}


def size(shared: bytes, task: bytes) -> bytes:
    return shared + task


class Unportable(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def fail(shared: str, task: int) -> int:
    """Task 3 fails in the way that `shared` says; the tasks after it fail otherwise, and sooner."""
    if task < 3:
        return task
    if task > 3:
        raise ZeroDivisionError("too soon")
    time.sleep(0.2)
    if shared == "ham":
        raise HamError("is not JSON", file="a.json", place="line 7", remedy="mend it")
    if shared == "value":
        raise ValueError("of no use")
    if shared == "unportable":
        raise Unportable(1, 2)
    if shared == "memory":
        raise MemoryError
    if shared == "result":
        return lambda: 3  # type: ignore[return-value]  # does not pickle
    if shared == "exit":
        os._exit(5)
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def die_while_sending(shared: Any, task: int) -> bytes:
    """Killed with half of a large result in the pipe."""
    if task == 1:
        import threading

        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(200_000_000 if task == 1 else 1)


def hold(folder: str, task: int) -> int:
    """As `nap`, and deaf: the interpreter never gets from this one call to anything else."""
    Path(folder, str(os.getpid())).touch()
    re.match("(a+)+$", "a" * 60 + "b")
    return task


def nap(folder: str, task: int) -> int:
    """Say who works, in a file named after the process, and be long about it."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)
    return task


def parent(workers: str, folder: str) -> None:
    """A process with a pool, to be interrupted."""
    try:
        with open_pool(int(workers)) as pool:
            list(pool.map(nap, range(1000), shared=folder))
    except KeyboardInterrupt:
        print("interrupted")


if __name__ == "__main__":
    parent(*sys.argv[1:])
