"""benchmarks/table1.sh: every cell once, nothing twice, and one line where a file is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import VECTORS, river_questions

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "table1.sh"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="a script for bash")


def table1(out: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HAM_MRC": f"{sys.executable} -m ham_mrc", "DATASETS": "squad", **variables}
    environment |= {"SQUAD_EMBEDDINGS": str(VECTORS), "PREPARE": "--min-count 1 -q", "DEPTHS": "1 2"}
    environment |= {"TRAIN": "--hidden 6 --epochs 1 -q", "PYTHONPATH": str(SCRIPT.parents[1])}
    return subprocess.run(["bash", str(SCRIPT), str(out)], env=environment, capture_output=True, text=True)


def test_cells_are_done_once(tmp_path: Path) -> None:
    raw, out = tmp_path / "rivers.json", tmp_path / "out"
    raw.write_text(json.dumps(river_questions()))
    first = table1(out, SQUAD=str(raw))
    assert first.returncode == 0, first.stderr
    runs = [out / "squad-depth-1", out / "squad-depth-2"]
    assert [json.loads((run / "scores.json").read_text())["run"]["depth"] for run in runs] == [1, 2]
    assert "| squad-depth-2" in (out / "squad.md").read_text()
    assert "published" in (out / "squad.md").read_text()
    times = [(run / "scores.json").stat().st_mtime_ns for run in runs]
    (runs[1] / "scores.json").unlink()  # as if it had been stopped at the very end
    again = table1(out, SQUAD=str(raw))
    assert again.returncode == 0, again.stderr
    assert f"finished: {runs[0]}" in again.stderr
    assert (runs[0] / "scores.json").stat().st_mtime_ns == times[0]
    assert (runs[1] / "scores.json").stat().st_mtime_ns > times[1]


def test_a_file_is_missing(tmp_path: Path) -> None:
    found = table1(tmp_path / "out", SQUAD="nowhere.json")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: nowhere.json: no such file; name raw files in ")
    assert not (tmp_path / "out").exists()
