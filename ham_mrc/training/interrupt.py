"""Ctrl-C and SIGTERM during training: a wish to stop at the next good moment, not a blow in the middle of an update."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from ham_mrc.progress import Bar, Progress
from ham_mrc.training.run_folder import CONFIG


@contextlib.contextmanager
def stop_requested(*, once: bool = False) -> Iterator[Callable[[], bool]]:
    """Within the block the first SIGINT or SIGTERM only makes the function return True; a second one interrupts.

    With `once` it does not: of several processes each hears one Ctrl-C twice, from the terminal and from torchrun.
    Outside the main thread, where signals cannot be caught, the function is always False.
    """
    asked = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def ask(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and not once:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def resumable(run: Path, command: str) -> Iterator[None]:
    """Where the folder `run` stands, an interruption that says nothing says: go on with `command`."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if str(stop) or not (run / CONFIG).exists():
            raise
        raise KeyboardInterrupt(f"go on with: {command}") from None


class StoppableBar:
    """A bar whose next move raises KeyboardInterrupt once a stop was asked for: for work that can be done again."""

    def __init__(self, bar: Bar, stop: Callable[[], bool]) -> None:
        self._bar, self._stop = bar, stop

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count, then stop if asked to."""
        self._bar.advance(count, note)
        if self._stop():
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """Print one line that stays."""
        self._bar.say(text)


def stoppable(progress: Progress, stop: Callable[[], bool]) -> Progress:
    """The same progress, whose bars are StoppableBars."""

    @contextlib.contextmanager
    def opened(title: str, *, total: int | None = None, unit: str = "") -> Iterator[Bar]:
        with progress(title, total=total, unit=unit) as bar:
            yield StoppableBar(bar, stop)

    return opened
