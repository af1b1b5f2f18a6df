"""The list of all runs, DIR/runs.json: none is left out of it, whatever it scored."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ham_mrc.eval.results import load_result
from ham_mrc.files import read_jsonl, write_json
from ham_mrc.sweep.folder import Sweep, earlier_grids, state
from ham_mrc.sweep.grid import Cell
from ham_mrc.sweep.jobs import Failure

SCHEMA = 1
RUNS = "runs.json"


def list_runs(sweep: Sweep, failures: Mapping[Cell, Failure]) -> list[dict[str, Any]]:
    """Every run of the grid with its state: "finished", "failed", "stopped", or "new" for one that has not begun."""
    return [_entry(sweep, cell, failures.get(cell)) for cell in sweep.grid]


def _entry(sweep: Sweep, cell: Cell, failure: Failure | None) -> dict[str, Any]:
    found = state(sweep, cell)
    entry: dict[str, Any] = {
        "reader": cell.reader,
        "depth": cell.depth,
        "seed": cell.seed,
        "folder": cell.folder.as_posix(),
        "state": "failed" if failure is not None and found != "finished" else found,
        "command": shlex.join(["ham-mrc", *sweep.words(cell)]),
    }
    if failure is not None:
        entry |= {"exit_code": failure.code, "error": failure.message, "log": cell.log.as_posix()}
    if found == "finished":
        run = sweep.run(cell)
        log = log_of(run)
        result = load_result(run)
        entry |= {
            "part": (result.run or {}).get("part"),
            "metrics": dict(result.scores.metrics),
            "epochs": len(log),
            "best_epoch": best_epoch(log)["epoch"],
            "training_seconds": log[-1]["training_seconds"],
        }
    return entry


def write_runs(sweep: Sweep, failures: Mapping[Cell, Failure]) -> None:
    """Write runs.json as things are now."""
    content = {
        "schema": SCHEMA,
        "data": str(sweep.data),
        "grid": str(sweep.grid),
        "earlier_grids": earlier_grids(sweep.out),
        "runs": list_runs(sweep, failures),
    }
    write_json(sweep.out / RUNS, content)


def log_of(run: Path) -> list[dict[str, Any]]:
    """The epochs of a run."""
    return [entry for _, entry in read_jsonl(run / "log.jsonl")]


def best_epoch(log: list[dict[str, Any]]) -> dict[str, Any]:
    """The epoch whose weights a run kept."""
    return [entry for entry in log if entry["best"]][-1]
