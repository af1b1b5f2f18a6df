"""How long work tells how far it is, whatever shows it: a terminal, a log, or nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class Bar(Protocol):
    """One piece of work under way."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more units done; `note` (say, "loss 3.21") stands beside the bar until the next one."""

    def say(self, text: str) -> None:
        """Print one line that stays, above the bar."""


class Progress(Protocol):
    """Opens a bar: `with progress("training", total=27000, unit="examples") as bar: ...`."""

    def __call__(self, title: str, *, total: int | None = None, unit: str = "") -> AbstractContextManager[Bar]:
        """A bar for `total` units of work, or for an unknown number if None."""


class _Silent:
    def advance(self, count: int = 1, note: str = "") -> None:
        pass

    def say(self, text: str) -> None:
        pass


@contextlib.contextmanager
def silent(title: str, *, total: int | None = None, unit: str = "") -> Iterator[Bar]:
    """A `Progress` that shows nothing: the default wherever one is asked for."""
    yield _Silent()


def duration(seconds: float) -> str:
    """Seconds as people say them: 4s, 3m05s, 2h10m."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"
