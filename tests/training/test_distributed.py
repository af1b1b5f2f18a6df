"""Two processes train what one does, stop together, and go on to the same bytes; one of them speaks for both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import train_in_processes
from safetensors.torch import load_file
from tiny_runs import log_of, outcome
from torch import nn
from train_in_processes import CONFIGS

import ham_mrc
from ham_mrc.errors import HamError
from ham_mrc.training.batches import Rows
from ham_mrc.training.device import choose_device
from ham_mrc.training.distributed import ALONE, Group, together
from ham_mrc.training.loop import resume, train


def launch(*arguments: str) -> tuple[str, str]:
    """What two processes of tests/train_in_processes.py print, without torchrun's own words."""
    script = Path(train_in_processes.__file__)
    packages = os.pathsep.join([str(Path(ham_mrc.__file__).parents[1]), str(script.parent)])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": packages}, timeout=600
    )
    ours = [line for line in done.stderr.splitlines() if line.startswith(("error: ", "interrupted", "warning"))]
    assert done.returncode == 0 or ours, done.stderr
    return done.stdout, "\n".join(ours)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, river_data: Path) -> tuple[Path, str]:
    """The folder with the runs of two processes, and what was printed."""
    out = tmp_path_factory.mktemp("processes")
    return out, launch("runs", str(river_data), str(out))[0]


@pytest.mark.parametrize("name", ["whole", "pieces"])
def test_two_processes_train_what_one_does(
    tmp_path: Path, river_data: Path, finished: tuple[Path, str], name: str
) -> None:
    """Also where an update has a single question, so that one process has none."""
    alone = train(river_data, tmp_path / "run", CONFIGS[name])
    both = finished[0] / name / "run"
    for one, two in zip(log_of(alone), log_of(both), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
        assert two["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)
        for key in ("epoch", "updates", "examples", "scores", "best", "lr", "padding"):
            assert two[key] == one[key]
    weights, other = (load_file(run / "model.safetensors") for run in (alone, both))
    assert weights.keys() == other.keys()
    for key, tensor in weights.items():
        torch.testing.assert_close(other[key], tensor, rtol=0, atol=1e-6)
    assert (both / "scores.json").exists()


def test_stopped_and_resumed_in_two_processes(finished: tuple[Path, str]) -> None:
    """With dropout, choices by chance and an average, whose numbers all belong to the state."""
    out, printed = finished
    assert outcome(out / "stopped" / "run") == outcome(out / "chance" / "run")
    said = f"saved after update 5; go on with: ham-mrc train --resume {out / 'stopped' / 'run'}"
    assert sorted(printed.splitlines()) == [f"0 {said}", f"1 {said}"]


CLI = ["--hidden", "6", "--epochs", "1", "--batch-size", "12", "--set", "embeddings.width=6", "--device", "cpu"]


def test_a_fault_of_one_process_ends_both_with_one_line(tmp_path: Path, river_data: Path) -> None:
    run = tmp_path / "run"
    out, said = launch("1:1:error", "train", str(river_data), "--out", str(run), *CLI)
    assert (out, said) == ("", "error: the sky has fallen; prop it up")
    assert not (run / "scores.json").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process is killed with a Unix signal")
def test_a_process_that_dies_takes_the_other_along_and_one_can_go_on_alone(tmp_path: Path, river_data: Path) -> None:
    run = tmp_path / "run"
    out, said = launch("1:1:kill", "train", str(river_data), "--out", str(run), *CLI)
    assert (out, said) == (
        "",
        "error: another process of this run has ended or cannot be reached; go on with --resume when all are there",
    )
    assert (resume(run) / "scores.json").exists()


def test_a_ctrl_c_that_one_process_hears_stops_both(tmp_path: Path, river_data: Path) -> None:
    run = tmp_path / "run"
    out, said = launch("1:0:interrupt", "train", str(river_data), "--out", str(run), *CLI)
    assert (out, said) == ("", f"interrupted; saved after update 1; go on with: ham-mrc train --resume {run}")


def rows(count: int) -> Rows:
    return torch.arange(count).numpy()


@pytest.mark.parametrize(("questions", "size"), [(7, 3), (2, 3), (6, 2), (0, 2), (5, 1)])
def test_shares_are_the_whole(questions: int, size: int) -> None:
    shares = [Group(rank, size).share(rows(questions)).tolist() for rank in range(size)]
    assert sorted(number for share in shares for number in share) == list(range(questions))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_seeds_differ_by_process_and_update_and_the_leaders_are_those_of_one_process() -> None:
    # On a CPU torch reads the lower half of a seed's bits alone.
    seeds = {Group(rank, 4).seed(13, update) % 2**32 for rank in range(4) for update in range(1000)}
    assert len(seeds) == 4000
    assert Group(0, 4).seed(13, 7) == ALONE.seed(13, 7) == 13 * 1_000_003 + 7
    assert 0 <= Group(3, 4).seed(2**32 - 1, 10**6) < 2**63


def test_alone_nothing_is_asked_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    module: Any = nn.Linear(1, 1)
    with together() as group:
        assert group == ALONE
        assert group.total(3, True) == [3, True]
        assert group.told("text") == "text"
        assert group.joined(module) is module
    monkeypatch.setenv("WORLD_SIZE", "2")  # of another program than torchrun
    with together() as group:
        assert group == ALONE


def test_a_process_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto", "float32", 1).torch == torch.device("cuda", 1)
    assert choose_device("cpu", "float32", 2).torch == torch.device("cpu")
    with pytest.raises(HamError) as caught:
        choose_device("auto", "float32", 2)
    assert str(caught.value) == (
        "process 3 of this machine has no GPU of its own; "
        "start as many processes as there are GPUs, or use --device cpu"
    )
