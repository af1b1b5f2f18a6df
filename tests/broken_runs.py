"""Ways to stop a run: as a user does, as kill -9 does, and as a full disk does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.config import Config
from ham_mrc.errors import HamError
from ham_mrc.training import loop
from ham_mrc.training.loop import train

SETTINGS: dict[str, Any] = {"batch_size": 12, "lr": 0.05, "patience": 0, "checkpoint_minutes": 0.0}
"""Of [training], over `tiny_runs.tiny`: two epochs of two updates, with a save after each update."""

FILES = [
    *("config.toml", "vocab.txt", "state.safetensors"),  # before the first update
    *("state.safetensors", "state.safetensors"),  # after each of two updates
    *("state.safetensors", "model.safetensors", "state.safetensors", "log.jsonl"),  # as the epoch closes
    *("state.safetensors", "state.safetensors", "state.safetensors", "state.safetensors", "log.jsonl"),
    *("log.jsonl", "dev.json", "scores.json"),
]
"""What the run of this file writes, in this order; its second epoch is no better than the first."""


class Killed(BaseException):
    """As sudden as kill -9: nobody catches it, nobody saves."""


def stopping(after: int) -> Callable[[], Any]:
    """In place of `stop_requested`: the user asks to stop at the question number `after` whether he does."""
    asked = count()

    @contextmanager
    def stop_requested(**options: bool) -> Iterator[Callable[[], bool]]:
        yield lambda: next(asked) >= after

    return stop_requested


def stopped(run: Path, data: Path, config: Config, monkeypatch: pytest.MonkeyPatch, after: int = 3) -> Path:
    """A run stopped in its second epoch."""
    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_requested", stopping(after))
        with pytest.raises(KeyboardInterrupt):
            train(data, run, config)
    return run


def killed_at(number: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> str | None:
    """Do `work` and die when file `number` should take its place: the file's name, or None where it came through."""
    numbers, move = count(), os.replace

    def move_or_die(source: Any, target: Any) -> None:
        if next(numbers) == number:
            # A Python exception would clean up behind itself, a killed process cannot.
            patch.setattr(Path, "unlink", lambda *args, **options: None)
            raise Killed(Path(target).name)
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", move_or_die)
        try:
            work()
        except Killed as killed:
            return str(killed)
    return None


def unlinked_until(number: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> str | None:
    """Do `work` and die after removal `number` of a file that exists."""
    numbers, unlink = count(), Path.unlink

    def unlink_or_die(path: Path, missing_ok: bool = False) -> None:
        existed = path.exists()
        unlink(path, missing_ok=missing_ok)
        if existed and next(numbers) == number:
            raise Killed(path.name)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink_or_die)
        try:
            work()
        except Killed as killed:
            return str(killed)
    return None


def complaint(work: Callable[[], object]) -> str:
    with pytest.raises(HamError) as caught:
        work()
    return str(caught.value)
