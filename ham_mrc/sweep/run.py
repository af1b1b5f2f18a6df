"""A sweep from its request to its finished runs: what is done is left alone, what was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ham_mrc.eval.datasets import MAIN, metrics_of
from ham_mrc.eval.results import load_result
from ham_mrc.progress import Progress, duration
from ham_mrc.sweep.folder import LOCK, Sweep, refuse_strange, settle, state
from ham_mrc.sweep.grid import Cell
from ham_mrc.sweep.jobs import Failure, Work, count_lines, run_jobs, threads_each
from ham_mrc.sweep.lock import locked
from ham_mrc.sweep.runs import write_runs


@dataclass(frozen=True, slots=True)
class How:
    """The way a sweep is run, which changes nothing in what is trained.

    `program` begins every child's command; `tell` is given a line for the user.
    """

    program: Sequence[str]
    jobs: int
    progress: Progress
    tell: Callable[[str], None]


def run_sweep(sweep: Sweep, how: How, *, force: bool = False) -> dict[Cell, Failure]:
    """Train every run that is not finished; the failures, empty where all came through.

    Raises HamError where the folder is not this sweep's, and KeyboardInterrupt, whose message says how to go on, once
    all runs under way have saved.
    """
    from ham_mrc.training.interrupt import stop_requested

    refuse_strange(sweep.out)
    failures: dict[Cell, Failure] = {}
    with locked(sweep.out / LOCK, how.tell) as keep:
        settle(sweep, force=force)
        works = works_left(sweep)
        write_runs(sweep, failures)
        done = len(sweep.grid) - len(works)
        if done:
            how.tell(f"{done} of {len(sweep.grid)} runs are finished and left as they are")

        def ended(work: Work, failure: Failure | None, seconds: float) -> None:
            if failure is not None:
                failures[work.cell] = failure
            write_runs(sweep, failures)
            bar.say(_line(sweep, work.cell, failure, seconds))

        try:
            with stop_requested() as stop, how.progress("sweep", total=_epochs(works), unit="epochs") as bar:
                run_jobs(
                    works,
                    program=how.program,
                    jobs=how.jobs,
                    threads=threads_each(how.jobs),
                    keep=keep,
                    stop=stop,
                    bar=bar,
                    ended=ended,
                )
        except KeyboardInterrupt:
            write_runs(sweep, failures)
            raise KeyboardInterrupt(f"all runs are saved; go on with: {sweep.command()}") from None
    return failures


def works_left(sweep: Sweep) -> list[Work]:
    """What is still to be trained, in the order of the grid."""
    found = []
    for cell in sweep.grid:
        how_far = state(sweep, cell)
        if how_far == "finished":
            continue
        words = sweep.words(cell) if how_far == "new" else sweep.go_on_words(cell)
        run = sweep.run(cell)
        found.append(Work(cell, words, sweep.configs[cell].training.epochs, run / "log.jsonl", sweep.out / cell.log))
    return found


def _epochs(works: Sequence[Work]) -> int:
    """At most; a run may end sooner."""
    return sum(max(0, work.epochs - count_lines(work.log)) for work in works)


def _line(sweep: Sweep, cell: Cell, failure: Failure | None, seconds: float) -> str:
    if failure is not None:
        return f"FAILED: {cell}: {failure.message} (see {sweep.out / cell.log})"
    scores = load_result(sweep.run(cell)).scores
    known = metrics_of(scores.dataset, scores.version)
    figures = " ".join(f"{known[name].label} {scores.metrics[name]:.2f}" for name in MAIN[scores.dataset])
    return f"{cell}: {figures}, in {duration(seconds)}"
