"""The grid and what it would take: how far each run is, and an estimate of the time for those that are left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ham_mrc.config import Config
from ham_mrc.progress import Progress, duration, silent
from ham_mrc.sweep.folder import SWEEP, Sweep, check, refuse_strange, state
from ham_mrc.sweep.grid import Cell
from ham_mrc.sweep.timing import Speed
from ham_mrc.tables import Table, make_table

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One reader at one depth: its seeds, how many of its runs are finished, its speed, None where none is left.

    `run_seconds` are those of one whole run of all its epochs.
    """

    reader: str
    depth: int
    seeds: tuple[int, ...]
    finished: int
    stopped: int
    speed: Speed | None
    run_seconds: float

    @property
    def seconds(self) -> float:
        """Of all its runs that are left, one after the other; one that was stopped counts as a whole one."""
        return (len(self.seeds) - self.finished) * self.run_seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a grid, and how many runs go on side by side."""

    sweep: Sweep
    rows: tuple[PlanRow, ...]
    jobs: int

    @property
    def seconds(self) -> float:
        """Of all runs that are left, side by side: the work divided, but no less than the longest run takes."""
        left = [row for row in self.rows if row.finished < len(row.seeds)]
        longest = max((row.run_seconds for row in left), default=0.0)
        return max(longest, sum(row.seconds for row in left) / self.jobs)


def make_plan(sweep: Sweep, measure: Callable[[Config], Speed], *, jobs: int, progress: Progress = silent) -> Plan:
    """The plan of a sweep; `measure` times the settings of a run. Nothing is trained and nothing written.

    Raises HamError where the folder is not this sweep's.
    """
    refuse_strange(sweep.out)
    if (sweep.out / SWEEP).exists():
        check(sweep)
    grid, rows = sweep.grid, []
    with progress("timing", total=len(grid.readers) * len(grid.depths), unit="readers x depths") as bar:
        for reader in grid.readers:
            for depth in grid.depths:
                rows.append(_row(sweep, reader, depth, measure))
                bar.advance(1, f"{reader}, depth {depth}")
    return Plan(sweep, tuple(rows), jobs)


def _row(sweep: Sweep, reader: str, depth: int, measure: Callable[[Config], Speed]) -> PlanRow:
    cells = [Cell(reader, depth, seed) for seed in sweep.grid.seeds]
    states = [state(sweep, cell) for cell in cells]
    finished, stopped = states.count("finished"), states.count("stopped")
    config = sweep.configs[cells[0]]
    speed = measure(config) if finished < len(cells) else None
    settings = config.training
    seconds = 0.0 if speed is None else speed.run(settings.epochs, settings.max_minutes)
    return PlanRow(reader, depth, sweep.grid.seeds, finished, stopped, speed, seconds)


def plan_table(plan: Plan) -> Table:
    """A row for each reader and depth, and below it how long all of it takes at most."""
    headers = ("reader", "depth", "runs", "finished", "stopped", "an epoch", "epochs", "a run", "all that is left")
    rows = []
    for row in plan.rows:
        epochs = plan.sweep.configs[Cell(row.reader, row.depth, row.seeds[0])].training.epochs
        counts = (str(row.depth), str(len(row.seeds)), str(row.finished), str(row.stopped))
        speed = row.speed
        times = ("", str(epochs), "", "") if speed is None else (
            duration(speed.epoch + speed.scoring), str(epochs), duration(row.run_seconds), duration(row.seconds)
        )  # fmt: skip
        rows.append([row.reader, *counts, *times])
    runs = sum(len(row.seeds) - row.finished for row in plan.rows)
    side = f", {plan.jobs} side by side" if plan.jobs > 1 else ", one after the other"
    notes = [
        f"{runs} of {len(plan.sweep.grid)} runs are left: at most about {duration(plan.seconds)}{side}.",
        "Estimated from a few seconds of updates and answers of each reader and depth on this data and this machine as "
        "busy as it is now, for all epochs; patience may end a run sooner. Metrics and reading vectors are not in it.",
    ]
    if plan.jobs > 1:
        notes.append("Timed alone with its share of the threads: side by side, runs also share memory and caches.")
    return make_table(headers, rows, right=headers[1:], title=f"plan: {plan.sweep.grid}", notes=notes)


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as one JSON object; times in seconds."""
    rows = [{**asdict(row), "seconds": row.seconds} for row in plan.rows]
    grid = asdict(plan.sweep.grid)
    return {"schema": SCHEMA, "grid": grid, "jobs": plan.jobs, "rows": rows, "seconds": plan.seconds}
