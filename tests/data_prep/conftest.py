"""The command `prepare` at work in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_inputs import Workplace


@pytest.fixture
def workplace(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """See Workplace. What it prints is plain, whatever terminal runs the tests."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Workplace(tmp_path, capsys)
