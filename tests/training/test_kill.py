"""kill -9, in earnest and several times over: the run ends with the bytes of an unbroken one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kill_and_resume
import pytest
from tiny_runs import outcome

import ham_mrc


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed with a Unix signal")
def test_killed_again_and_again(tmp_path: Path, river_data: Path) -> None:
    script = Path(kill_and_resume.__file__)
    packages = os.pathsep.join([str(Path(ham_mrc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script), str(river_data), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": packages},
    )
    assert done.stderr == ""
    assert done.returncode == 0
    kills = done.stdout.splitlines()
    # On a busy machine a child may get past a place before it is seen there.
    assert len(kills) >= 3, kills
    assert outcome(tmp_path / "killed" / "run") == outcome(tmp_path / "unbroken" / "run")
    assert not list((tmp_path / "killed").rglob("*.part"))
