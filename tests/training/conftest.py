"""What the tests of training share: the outcome of a run that nothing disturbs, and a disk that does not tarry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from broken_runs import SETTINGS
from tiny_runs import outcome, tiny

from ham_mrc.config import Config
from ham_mrc.training.loop import train


@pytest.fixture(scope="session")
def config() -> Config:
    """Settings of a run of four updates that is saved after each."""
    return tiny(training=SETTINGS)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory, river_data: Path, config: Config) -> dict[str, Any]:
    """What such a run leaves behind when nothing disturbs it."""
    return outcome(train(river_data, tmp_path_factory.mktemp("unbroken") / "run", config))


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
