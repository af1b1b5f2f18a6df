"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ham_mrc.cli.output import notice, wants_color
from ham_mrc.progress import Bar, Progress, duration, silent

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINE_EVERY = 15.0
"""Seconds between two plain lines."""


def reporter(quiet: bool = False) -> Progress:
    """What to hand to a function that takes a `Progress`."""
    if quiet:
        return silent
    return live if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown") else plain


class Count:
    """How far a piece of work is, in words."""

    def __init__(self, title: str, total: int | None, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self.note = ""
        self._clock = clock
        self._start = clock()

    def add(self, count: int, note: str) -> None:
        """`count` more units; an empty `note` leaves the last one standing."""
        self.done += count
        self.note = note or self.note

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return self._clock() - self._start

    def short(self) -> str:
        """Units done, in all, and a second: `1,200 of 26,000 examples, 85/s`."""
        total = f" of {self.total:,}" if self.total is not None else ""
        rate = self.done / max(self.seconds, 1e-3)
        return f"{self.done:,}{total} {self.unit}".rstrip() + f", {rate:,.{0 if rate >= 10 else 1}f}/s"

    def line(self) -> str:
        """All that is known: `training: 1,200 of 26,000 examples, 85/s, 4m52s left, loss 3.21`."""
        parts = [f"{self.title}: {self.short()}"]
        if self.total and self.done:
            parts.append(f"{duration(self.seconds / self.done * (self.total - self.done))} left")
        return ", ".join([*parts, self.note] if self.note else parts)

    def last_line(self) -> str:
        """What was done, when it is: `training: 26,000 examples in 5m06s`."""
        return f"{self.title}: " + f"{self.done:,} {self.unit}".rstrip() + f" in {duration(self.seconds)}"


@contextlib.contextmanager
def plain(
    title: str, *, total: int | None = None, unit: str = "", clock: Callable[[], float] = time.monotonic
) -> Iterator[Bar]:
    """A line every LINE_EVERY seconds of `clock` on standard error; work that ends sooner prints none."""
    bar = _PlainBar(Count(title, total, unit, clock))
    yield bar
    if bar.printed_at:
        notice(bar.count.last_line())


class _PlainBar:
    def __init__(self, count: Count) -> None:
        self.count = count
        self.printed_at = 0.0

    def advance(self, count: int = 1, note: str = "") -> None:
        self.count.add(count, note)
        if self.count.seconds - self.printed_at >= LINE_EVERY:
            self.printed_at = self.count.seconds
            notice(self.count.line())

    def say(self, text: str) -> None:
        notice(text)


@contextlib.contextmanager
def live(title: str, *, total: int | None = None, unit: str = "") -> Iterator[Bar]:
    """A bar with count, rate and time left, drawn on standard error and gone when the work is done."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    console = Console(stderr=True, no_color=not wants_color(sys.stderr))
    with RichProgress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        yield _LiveBar(progress, Count(title, total, unit))


class _LiveBar:
    def __init__(self, progress: RichProgress, count: Count) -> None:
        self._progress = progress
        self._count = count
        self._task = progress.add_task(count.title, total=count.total, count="", note="")

    def advance(self, count: int = 1, note: str = "") -> None:
        self._count.add(count, note)
        self._progress.update(self._task, advance=count, count=self._count.short(), note=self._count.note)

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)
