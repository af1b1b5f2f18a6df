"""Results of made-up runs, and a sweep of them, for tests of grids, tables and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_results import made_scores
from tiny_runs import tiny

from ham_mrc.eval.results import Result
from ham_mrc.sweep.folder import Sweep
from ham_mrc.sweep.grid import Cell, Grid
from ham_mrc.sweep.request import Request


def made_run(cell: Cell, f1: Sequence[float], **changes: Any) -> Result:
    """A run's result on questions q0, q1, ... with these F1; exact match is 100 where F1 is 100."""
    run = {"reader": cell.reader, "preset": "", "part": "dev", "depth": cell.depth, "seed": cell.seed}
    return Result(f"seed-{cell.seed}", made_scores(f1, **changes), run, f"{cell.folder}/scores.json")


def made_runs(scores: Mapping[tuple[str, int, int], Sequence[float]]) -> dict[Cell, Result]:
    """A result for each (reader, depth, seed)."""
    return {Cell(*key): made_run(Cell(*key), f1) for key, f1 in scores.items()}


def tiny_sweep(data: Path, out: Path, grid: Grid, **sections: dict[str, Any]) -> Sweep:
    """A sweep whose runs have the settings of `tiny`, with `sections` over them."""
    configs = {}
    for cell in grid:
        own = {
            "reader": {"name": cell.reader, **sections.get("reader", {}), "depth": cell.depth},
            "training": {**sections.get("training", {}), "seed": cell.seed},
        }
        configs[cell] = tiny(**own)
    return Sweep(out, data, Request(grid, sections=dict(sections)), configs)


def level(change: float | None, weight: float = 1.0, entropy: float = 0.5, spread: float = 0.5) -> dict[str, Any]:
    """What a log says of a level."""
    return {"weight": weight, "change": change, "entropy": entropy, "spread": spread}
