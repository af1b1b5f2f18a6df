"""A program for tests/training/test_distributed.py, which torchrun starts in two processes:

    train_in_processes.py runs DATA OUT           the runs of CONFIGS, each in OUT/NAME/run
    train_in_processes.py FAULT ARGUMENTS         ham-mrc itself, where a fault befalls one of the processes

FAULT is RANK:UPDATE:WHAT, in the middle of an update: "interrupt" is a signal, "error" a message for the user, "kill"
is kill -9.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tiny_runs import tiny

from ham_mrc.cli.main import main
from ham_mrc.errors import HamError
from ham_mrc.training import loop
from ham_mrc.training.distributed import Group, together

# 24 questions in batches of 23 leave one, of which a second process has no share.
EXACT: dict[str, Any] = {"epochs": 2, "batch_size": 23, "optimizer": "adadelta", "lr": 1.0, "patience": 0}
ODD: dict[str, Any] = {"epochs": 2, "batch_size": 5, "accumulate": 2, "average": 0.9, "patience": 0}
CONFIGS = {
    "whole": tiny(reader={"dropout": 0.0}, training=EXACT),
    "pieces": tiny(reader={"dropout": 0.0}, training={**EXACT, "batch_size": 3, "accumulate": 5}),
    "chance": tiny(reader={"dropout": 0.3, "hard": "reinforce", "score": "dot"}, training=ODD),
    "stopped": tiny(reader={"dropout": 0.3, "hard": "reinforce", "score": "dot"}, training=ODD),
}
"""Runs that several processes train; one process must come to the same where nothing is drawn."""


@contextmanager
def faulty(rank: int, update: int, what: str) -> Iterator[None]:
    """Within the block something befalls the process `rank` at the beginning of an update."""
    make_update = loop.make_update

    def with_fault(training: Any, *given: Any) -> Any:
        if (training.group.rank, training.progressed.update) == (rank, update):
            if what == "error":
                raise HamError("the sky has fallen", remedy="prop it up")
            os.kill(os.getpid(), {"interrupt": signal.SIGINT, "kill": signal.SIGKILL}[what])
        return make_update(training, *given)

    loop.make_update = with_fault
    yield
    loop.make_update = make_update


def runs(data: Path, out: Path, group: Group) -> None:
    for name, config in CONFIGS.items():
        run = out / name / "run"
        if name != "stopped":
            loop.train(data, run, config, group=group)
            continue
        with faulty(1, 4, "interrupt"):
            try:
                loop.train(data, run, config, group=group)
            except KeyboardInterrupt as stop:
                print(f"{group.rank} {stop}\n", end="")  # in one piece: two processes write to one pipe
        group.wait()
        loop.resume(run, group=group)


if __name__ == "__main__":
    fault = sys.argv.pop(1)
    if fault == "runs":
        with together() as group:
            runs(Path(sys.argv[1]), Path(sys.argv[2]), group)
    else:
        rank, update, what = fault.split(":")
        with faulty(int(rank), int(update), what):
            main()
