"""The yardstick of `ham-mrc bench`, and how everything is timed: in turn with the yard, the fastest run of each counts.

One yard is a one-layer bidirectional torch.nn.LSTM (input 50, hidden 150, batch 32, as many tokens as the passages that
are measured), forward and backward in float32. Seconds belong to a machine and an hour; their ratio to a yard of the
same process carries over.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

INPUT, HIDDEN, BATCH = 50, 150, 32

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to measure: so many `repeats`, or until the time `until` (seconds since the epoch), at least once."""

    repeats: int = 5
    until: float | None = None

    def goes_on(self, done: int) -> bool:
        """Whether another round is due after `done` of them."""
        if self.until is None:
            return done < self.repeats
        return done == 0 or time.time() < self.until


def yard(length: int, device: torch.device) -> Work:
    """One yard at a time."""
    lstm = nn.LSTM(INPUT, HIDDEN, batch_first=True, bidirectional=True).to(device)
    inputs = torch.randn(BATCH, length, INPUT, device=device)

    def run() -> None:
        lstm.zero_grad(set_to_none=True)
        lstm(inputs)[0].sum().backward()

    return run


def fastest(works: Mapping[str, Work], device: torch.device, pace: Pace) -> tuple[dict[str, float], int]:
    """Seconds of the fastest run of each, and how many runs each had.

    All are run in turn, for a machine that slows down meanwhile must slow all of them. The first round does not count:
    memory is taken, libraries are loaded and code is compiled in it.
    """
    for work in works.values():
        _seconds(work, device)
    times: dict[str, list[float]] = {name: [] for name in works}
    done = 0
    while pace.goes_on(done):
        for name, work in works.items():
            times[name].append(_seconds(work, device))
        done += 1
    return {name: min(found) for name, found in times.items()}, done


def _seconds(work: Work, device: torch.device) -> float:
    clock = CLOCKS[clock_name(device.type, torch.get_num_threads())]
    _wait_for(device)
    begun = clock()
    work()
    _wait_for(device)
    return clock() - begun


CLOCKS: dict[str, Callable[[], float]] = {"processor": time.process_time, "wall": time.perf_counter}


def clock_name(device: str, threads: int) -> str:
    """Which clock tells the seconds: that of the processor for one thread on a CPU, else the one on the wall.

    A yard is short and fits between the turns of other programs, a step is long and does not: by the wall, a machine
    with other work on it makes steps look slow in yards too. Several threads, or a GPU, have no processor's seconds.
    """
    return "processor" if device == "cpu" and threads == 1 else "wall"


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_bytes(device: torch.device) -> int | None:
    """The most memory so far: of tensors on the GPU, or of this whole process; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        # What getrusage tells on Linux begins with the peak of the process that started this one.
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return _resident_peak()


def _resident_peak() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
