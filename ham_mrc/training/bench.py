"""Speed and memory of readers at several depths, and speed of metrics: every cell measured in a process of its own.

All seconds come with the yards that they are (bench_yard.py), measured in the same process beside them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from ham_mrc import __version__
from ham_mrc.config import build_config
from ham_mrc.progress import Progress, silent
from ham_mrc.readers import READERS
from ham_mrc.training.bench_metric import QUESTIONS
from ham_mrc.training.bench_process import run_cell
from ham_mrc.training.bench_reader import WIDTH, Sizes
from ham_mrc.training.bench_yard import BATCH, HIDDEN, INPUT, clock_name
from ham_mrc.training.device import Device, choose_device

SCHEMA = 1

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Conditions:
    """How everything is measured: the fastest of `repeats` runs, or as many as `minutes` for all cells allow.

    `native` switches compiled layers on or off; None leaves that to the environment.
    """

    sizes: Sizes = field(default_factory=Sizes)
    threads: int | None = None
    device: str = "auto"
    precision: str = "auto"
    repeats: int = 5
    minutes: float | None = None
    native: bool | None = None
    seed: int = 13

    def choose(self) -> tuple[Device, int]:
        """The device and the number of threads. Raises HamError where there is no such device."""
        return choose_device(self.device, self.precision), self.threads or torch.get_num_threads()


@dataclass(frozen=True, slots=True)
class ReaderCell:
    """A reader with the settings of `sections` at one depth; `readable`: with the match as the paper writes it."""

    preset: str
    sections: Sections
    depth: int
    readable: bool = False

    @property
    def reader(self) -> str:
        """The reader's name."""
        return str(self.sections["reader"]["name"])

    @property
    def title(self) -> str:
        """What progress calls it."""
        return f"{self.preset} at depth {self.depth}" + (", readable" if self.readable else "")

    def order(self) -> dict[str, Any]:
        """What a process needs to know of it. Raises ConfigError for wrong settings."""
        sections = {name: dict(values) for name, values in self.sections.items()}
        sections["reader"]["depth"] = self.depth
        build_config(sections, READERS)
        return {"sections": sections, "readable": self.readable}


@dataclass(frozen=True, slots=True)
class MetricCell:
    """The official figures of a dataset."""

    name: str
    questions: int = QUESTIONS

    @property
    def title(self) -> str:
        """What progress calls it."""
        return f"metrics of {self.name}"

    def order(self) -> dict[str, Any]:
        """What a process needs to know of it."""
        return {"metric": self.name, "questions": self.questions}


Cell = ReaderCell | MetricCell


@dataclass(frozen=True, slots=True)
class Result:
    """What a cell's process answered: seconds and the like, or `failed` and why."""

    cell: Cell
    answer: Mapping[str, Any]

    @property
    def failed(self) -> str | None:
        """Why there are no figures, None where there are."""
        return self.answer.get("failed")

    def yards(self, work: str) -> float | None:
        """How many yards a run of `work` takes; None where it was not measured."""
        return None if self.failed else self.answer[work] / self.answer["yard"]


@dataclass(frozen=True, slots=True)
class Bench:
    """The results of all cells, in their order, and what they were measured on, by which clock (bench_yard.CLOCKS)."""

    conditions: Conditions
    device: str
    precision: str
    threads: int
    clock: str
    results: Sequence[Result]

    def to_depth_1(self, result: Result, work: str) -> float | None:
        """Yards by the yards of the same cell at depth 1; None where one of them was not measured."""
        own = result.yards(work)
        first = next((other for other in self.results if _at_depth_1(other.cell, result.cell)), None)
        least = None if first is None else first.yards(work)
        return None if own is None or least is None else own / least

    def to_json(self) -> dict[str, Any]:
        """All of it as one JSON object. Figures that were not measured are null, `failed` says why."""
        readers = [self._reader(result, result.cell) for result in self.results if isinstance(result.cell, ReaderCell)]
        metrics = [_metric(result, result.cell) for result in self.results if isinstance(result.cell, MetricCell)]
        conditions = self.conditions
        return {
            "schema": SCHEMA,
            "version": __version__,
            "torch": torch.__version__,
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "clock": self.clock,
            **asdict(conditions.sizes),
            "vector_width": WIDTH,
            "repeats": None if conditions.minutes is not None else conditions.repeats,
            "minutes": conditions.minutes,
            "native": conditions.native,
            "seed": conditions.seed,
            "yard": {"input": INPUT, "hidden": HIDDEN, "batch_size": BATCH, "length": conditions.sizes.passage},
            "readers": readers,
            "metrics": metrics,
        }

    def _reader(self, result: Result, cell: ReaderCell) -> dict[str, Any]:
        speeds = {name: self._speed(result, work) for name, work in (("train", "step"), ("predict", "predict"))}
        own = {"preset": cell.preset, "reader": cell.reader, "depth": cell.depth, "readable": cell.readable}
        get = result.answer.get
        yards = {"yard_seconds": get("yard"), "settled_yard_seconds": get("settled_yard")}
        facts = {name: get(name) for name in ("peak_bytes", "runs", "compiled", "not_compiled")}
        return {**own, **speeds, **yards, **facts, "failed": result.failed}

    def _speed(self, result: Result, work: str) -> dict[str, float | None] | None:
        if result.failed:
            return None
        seconds = result.answer[work]
        return {
            "seconds": seconds,
            "examples_per_second": self.conditions.sizes.batch_size / seconds,
            "yards": result.yards(work),
            "to_depth_1": self.to_depth_1(result, work),
        }


def _at_depth_1(cell: Cell, like: Cell) -> bool:
    if not (isinstance(cell, ReaderCell) and isinstance(like, ReaderCell)):
        return False
    return (cell.preset, cell.readable, cell.depth) == (like.preset, like.readable, 1)


def _metric(result: Result, cell: MetricCell) -> dict[str, Any]:
    seconds, yards = result.answer.get("score"), result.yards("score")
    return {
        "dataset": cell.name,
        "questions": cell.questions,
        "seconds": seconds,
        "questions_per_second": None if seconds is None else cell.questions / seconds,
        "yards_per_1000": None if yards is None else 1000 * yards / cell.questions,
        "yard_seconds": result.answer.get("yard"),
        "runs": result.answer.get("runs"),
        "failed": result.failed,
    }


def run_bench(cells: Sequence[Cell], conditions: Conditions, *, progress: Progress = silent) -> Bench:
    """Measure every cell, one after the other. A cell that cannot run is a result that says why.

    With `minutes` each cell has an equal share of the time that is left, and is run once at least unless all time is
    over. Raises HamError, before anything is measured, for wrong settings and for a device that is not there.
    """
    device, threads = conditions.choose()
    fixed = {"sizes": asdict(conditions.sizes), "threads": threads, "seed": conditions.seed}
    fixed |= {"device": device.torch.type, "precision": device.precision, "repeats": conditions.repeats}
    orders = [{**fixed, **cell.order()} for cell in cells]
    end = None if conditions.minutes is None else time.time() + 60 * conditions.minutes
    results = []
    with progress("bench", total=len(cells), unit="cells") as bar:
        for place, (cell, order) in enumerate(zip(cells, orders, strict=True)):
            bar.advance(0, cell.title)
            now = time.time()
            until = None if end is None else now + (end - now) / (len(cells) - place)
            results.append(Result(cell, run_cell({**order, "until": until}, native=conditions.native, end=end)))
            bar.advance(1)
    clock = clock_name(device.torch.type, threads)
    return Bench(conditions, _name(device), device.precision, threads, clock, results)


def _name(device: Device) -> str:
    return torch.cuda.get_device_name(device.torch) if device.torch.type == "cuda" else device.torch.type
