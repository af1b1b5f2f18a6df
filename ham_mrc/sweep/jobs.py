"""The runs of a sweep as child processes, so many side by side, each a command line that one could type."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ham_mrc.progress import Bar
from ham_mrc.sweep.grid import Cell

POLL = 0.2
"""Seconds between two looks at the children."""

WRONG_INPUT, OUR_BUG = 2, 70


@dataclass(frozen=True, slots=True)
class Work:
    """One run to be trained: the command's words, where its epochs are logged, where what it says goes."""

    cell: Cell
    words: Sequence[str]
    epochs: int
    log: Path
    said: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not come through: its exit code (negative: killed by that signal) and its last words."""

    cell: Cell
    code: int
    message: str


class Job:
    """A run under way."""

    def __init__(self, work: Work, program: Sequence[str], threads: int | None, keep: Sequence[int]) -> None:
        self.work, self.epochs, self.begun = work, count_lines(work.log), time.monotonic()
        work.said.parent.mkdir(parents=True, exist_ok=True)
        limits = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
        # A session of its own: Ctrl-C at the terminal reaches the sweep alone, which passes on one wish to stop.
        with work.said.open("ab") as said:
            self.process = subprocess.Popen(
                [*program, *work.words],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                env={**os.environ, **limits},
                start_new_session=True,
                pass_fds=keep,
            )

    def new_epochs(self) -> int:
        """How many epochs were logged since the last call."""
        before, self.epochs = self.epochs, max(self.epochs, count_lines(self.work.log))
        return self.epochs - before

    def stop(self) -> None:
        """Ask it to save and end; asked again it ends at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def failure(self) -> Failure | None:
        """What went wrong, once it has ended."""
        code = self.process.returncode
        return None if code == 0 else Failure(self.work.cell, code, last_words(self.work.said, code))


def run_jobs(
    works: Sequence[Work],
    *,
    program: Sequence[str],
    jobs: int,
    threads: int | None,
    keep: Sequence[int],
    stop: Callable[[], bool],
    bar: Bar,
    ended: Callable[[Work, Failure | None, float], None],
) -> None:
    """Train them all, in their order, `jobs` at a time; `ended` is told of each with the seconds it took.

    A failure does not end the others. Raises KeyboardInterrupt once `stop` says so and all children have saved.
    """
    waiting, running = list(works), list[Job]()
    try:
        while waiting or running:
            if stop():
                raise KeyboardInterrupt
            while waiting and len(running) < jobs:
                running.append(Job(waiting.pop(0), program, threads, keep))
            time.sleep(POLL)
            for job in list(running):
                _look(job, running, bar, ended)
    except BaseException:
        _stop_all(running)
        raise


def _look(job: Job, running: list[Job], bar: Bar, ended: Callable[[Work, Failure | None, float], None]) -> None:
    done = job.process.poll() is not None
    if new := job.new_epochs():
        bar.advance(new, f"{job.work.cell}: epoch {job.epochs}")
    if done:
        running.remove(job)
        _close(job)
        bar.advance(max(0, job.work.epochs - job.epochs))
        ended(job.work, job.failure(), time.monotonic() - job.begun)


def _stop_all(running: Sequence[Job]) -> None:
    """Wait until all have saved; a second wish to stop is passed on too."""
    for job in running:
        job.stop()
    try:
        for job in running:
            job.process.wait()
    except KeyboardInterrupt:
        for job in running:
            job.stop()
        for job in running:
            job.process.wait()
        raise
    finally:
        for job in running:
            _close(job)


def _close(job: Job) -> None:
    if job.process.stdin is not None:
        job.process.stdin.close()


def count_lines(file: Path) -> int:
    """How many lines a file has, 0 where there is none."""
    try:
        return file.read_bytes().count(b"\n")
    except OSError:
        return 0


def last_words(said: Path, code: int) -> str:
    """Why a process ended, in one line: its error, else its last line; the signal, where one killed it."""
    if code < 0:
        return f"killed by signal {-code}" + ("; out of memory?" if code == -9 else "")
    try:
        lines = [line for line in said.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or [f"ended with exit code {code} and no word"])[-1].strip()


def exit_code(failures: Sequence[Failure]) -> int:
    """That of the whole: 70 where a run met a bug of ours, else 2. 1 is kept for checks that fail."""
    return OUR_BUG if any(failure.code == OUR_BUG for failure in failures) else WRONG_INPUT


def threads_each(jobs: int, environment: Mapping[str, str] = os.environ) -> int | None:
    """The threads of each of several jobs: those there are, divided; None, all of them, for a single job."""
    if jobs < 2:
        return None
    given = environment.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, (int(given) if given.isdigit() and int(given) else cores) // jobs)
