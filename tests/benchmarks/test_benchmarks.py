"""Every benchmark runs on a toy; what it measures is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_match_lstm_prints_a_row_for_each_depth_and_form() -> None:
    toy = ["--depths", "1", "2", "--passage", "6", "--question", "3", "--hidden", "4", "--repeats", "1", "--readable"]
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "match_lstm.py", *toy], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["1", "fast"], ["1", "readable"], ["2", "fast"], ["2", "readable"]]
    assert all(float(cell) > 0 for row in rows for cell in row[2:])


def test_every_benchmark_is_tried_here() -> None:
    assert {file.stem for file in BENCHMARKS.glob("*.py")} == {"match_lstm"}
