"""Every system from its run folder: it writes what was trained, and an unfinished run opens none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from poem_builders import nonsense, prepared
from safetensors.torch import load_file
from tiny_poems import tiny_poems

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.errors import HamError
from ham_mrc.quatrains import SYSTEMS, open_system
from ham_mrc.quatrains.ppg_system import PPGSystem
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.training.poem_training import train_poems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(50))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_finished_run_writes(name: str, folder: PoemFolder, tmp_path: Path) -> None:
    run = train_poems(folder.path, tmp_path / "run", tiny_poems(name))
    system = open_system(run)
    assert system.name == name
    one = folder.poems("test")[0]
    request = LineRequest(one.poem.length, one.poem.lines[:1], one.keywords[1])
    ((written,),) = system.write([request], beam=2, n=1)
    assert len(written.line) == one.poem.length
    assert system.write([request], beam=2, n=1) == open_system(run).write([request], beam=2, n=1)


def test_ppg_has_its_best_weights_and_rests(folder: PoemFolder, tmp_path: Path) -> None:
    run = train_poems(folder.path, tmp_path / "run", tiny_poems())
    system = open_system(run)
    assert isinstance(system, PPGSystem)
    assert not system.network.training
    saved = load_file(run / "model.safetensors")
    own = system.network.state_dict()
    assert saved.keys() == own.keys()
    assert all(torch.equal(saved[name], own[name].cpu()) for name in saved)


def test_an_unfinished_run_opens_none(folder: PoemFolder, tmp_path: Path) -> None:
    run = train_poems(folder.path, tmp_path / "run", tiny_poems())
    (run / "scores.json").unlink()
    with pytest.raises(HamError, match="the run has not finished; go on with: ham-mrc poem train"):
        open_system(run)
