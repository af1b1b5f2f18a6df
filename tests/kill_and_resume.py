"""A program for tests/training/test_kill.py: python kill_and_resume.py DATA OUT

Trains OUT/unbroken/run in one go, and OUT/killed/run in child processes that it ends with SIGKILL at chosen places and
at random moments, until one comes through. Prints the places where a kill landed. Children are forked, so that torch is
imported once.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tiny_runs import tiny

from ham_mrc.training.loop import resume, train

CONFIG = tiny(
    reader={"hard": "reinforce", "score": "dot"},
    training={
        "batch_size": 4,
        "accumulate": 3,
        "average": 0.9,
        "schedule": "halving",
        "halve_patience": 1,
        "lr": 0.05,
        "checkpoint_minutes": 0.0,
    },
)
"""All that has a memory: moments of the optimiser, the average, the halvings, what is expected of a choice."""

PLACES = ["config.toml", "last/state.safetensors", "model.safetensors", "log.jsonl", "predictions/dev.json"]
"""A kill follows as soon as this file stands."""

_move = os.replace


def move_slowly(source: str, target: Path) -> None:
    """As os.replace, with a pause in which the parent can see what has changed."""
    _move(source, target)
    time.sleep(0.02)


def started(data: Path, run: Path) -> int:
    """The id of a child process that begins or goes on with a run."""
    if child := os.fork():
        return child
    os.replace = move_slowly
    try:
        if (run / "config.toml").exists():
            resume(run)
        else:
            train(data, run, CONFIG)
    except BaseException as error:
        print(error, file=sys.stderr)
        os._exit(1)
    os._exit(0)


def killed(child: int, due: Callable[[], bool]) -> bool:
    """Kill a process when it is `due`; False where it ended before."""
    while not due():
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, f"the child failed with status {status}"
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(data: Path, out: Path) -> None:
    """See the beginning of this file."""
    torch.set_num_threads(1)
    unbroken, run = out / "unbroken" / "run", out / "killed" / "run"
    begun = time.monotonic()
    assert not killed(started(data, unbroken), lambda: False)
    longest = time.monotonic() - begun
    moments = random.Random(13)
    for number, place in enumerate(PLACES):
        if killed(started(data, run), lambda place=place: (run / place).exists()):
            print(place)
        at = time.monotonic() + moments.uniform(0, longest)
        if number % 2 and killed(started(data, run), lambda at=at: time.monotonic() >= at):
            print("a random moment")
    assert not killed(started(data, run), lambda: False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
