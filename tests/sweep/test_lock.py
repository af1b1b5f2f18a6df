"""One sweep at a time: the lock lasts as long as the last process that inherited it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ham_mrc.errors import HamError
from ham_mrc.sweep.lock import locked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


def test_a_second_sweep_is_refused(tmp_path: Path) -> None:
    told: list[str] = []
    file = tmp_path / "new" / ".lock"
    with (
        locked(file, told.append),
        pytest.raises(HamError) as fault,
        locked(file, told.append, patience=0.3),
    ):
        pass
    assert str(fault.value) == f"{tmp_path / 'new'}: another sweep is at work here; wait until it is done, or stop it"
    assert told == ["another sweep is at work here, or its last runs are still saving; waiting"]


def test_children_of_a_sweep_that_was_killed_keep_it(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    with locked(file, print) as keep:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=keep
        )
    with pytest.raises(HamError), locked(file, print, patience=0.0):
        pass
    child.communicate()
    with locked(file, print, patience=0.0):
        pass
