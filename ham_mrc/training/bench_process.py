"""A cell of `ham-mrc bench` measured by a process of its own, whatever becomes of that process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from ham_mrc.layers.native import SWITCH

COMMAND = [sys.executable, "-P", "-m", "ham_mrc.training.bench_cell"]


def run_cell(order: Mapping[str, Any], *, native: bool | None = None, end: float | None = None) -> dict[str, Any]:
    """The answer of bench_cell.py to `order`, or `failed` and why. It is killed at the time `end` (since the epoch).

    `native` switches compiled layers on or off, None leaves that to the environment.
    """
    left = None if end is None else end - time.time()
    if left is not None and left <= 0:
        return {"failed": "not begun when the minutes were over"}
    try:
        done = subprocess.run(
            COMMAND, input=json.dumps(order), capture_output=True, text=True, timeout=left, env=_environment(native)
        )
    except subprocess.TimeoutExpired:
        return {"failed": "not done when the minutes were over"}
    return _said(done)


def _environment(native: bool | None) -> dict[str, str]:
    """This process's own, with the same places to import from, however this one came to them."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    return found if native is None else {**found, SWITCH: str(int(native))}


def _said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a process answered, or why it did not."""
    if done.returncode == 0:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
    if done.returncode == -9:
        return {"failed": "killed by the system (signal 9), most likely for want of memory"}
    lines = done.stderr.strip().splitlines()
    return {"failed": lines[-1] if lines else f"its process ended with exit code {done.returncode}"}
