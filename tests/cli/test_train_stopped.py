"""`ham-mrc train` stopped by a signal: what was done is saved, one line says how to go on, and the end is the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import outcome, prepare_rivers, river_questions

from ham_mrc.cli.main import run
from ham_mrc.layers.union import span_losses
from ham_mrc.training import training, update

QUICK = ["--hidden", "6", "--epochs", "2", "--batch-size", "12", "--set", "embeddings.width=6"]


def signalling(at: int, *numbers: signal.Signals) -> Callable[..., Any]:
    """`span_losses` that sends signals to its own process in the middle of update `at`, counted from 1."""
    updates = count(1)

    def loss(*given: Any) -> Any:
        if next(updates) == at:
            for number in numbers:
                os.kill(os.getpid(), number)
        return span_losses(*given)

    return loss


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, river_data: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    assert run(["train", str(river_data), "--out", str(folder), *QUICK, "-q"]) == 0
    return outcome(folder)


@pytest.mark.skipif(os.name == "nt", reason="signals are a Unix matter")
@pytest.mark.parametrize(
    ("numbers", "saved"),
    [((signal.SIGINT,), 3), ((signal.SIGTERM,), 3), ((signal.SIGINT, signal.SIGINT), 2), ((signal.SIGTERM,) * 2, 2)],
)
def test_a_signal_saves_and_a_second_one_ends_at_once(
    tmp_path: Path,
    river_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    unbroken: dict[str, Any],
    numbers: tuple[signal.Signals, ...],
    saved: int,
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(update, "span_losses", signalling(3, *numbers))
        assert run(["train", str(river_data), "--out", str(folder), *QUICK, "-q"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"interrupted; saved after update {saved}; go on with: ham-mrc train --resume {folder}\n"
    assert run(["train", "--resume", str(folder), "-q"]) == 0
    assert outcome(folder) == unbroken


@pytest.mark.skipif(os.name == "nt", reason="signals are a Unix matter")
@pytest.mark.parametrize(("call", "saved"), [(1, 2), (2, 2), (4, 4), (5, 4)])
def test_a_signal_while_it_scores_or_predicts(
    tmp_path: Path,
    river_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    unbroken: dict[str, Any],
    call: int,
    saved: int,
) -> None:
    """Calls 1 to 4 score choice and dev in two epochs, call 5 is the prediction at the end."""
    folder, predict, calls = tmp_path / "run", training.predict, count(1)

    def predict_and_signal(*given: Any, **options: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGINT)
        return predict(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(training, "predict", predict_and_signal)
        assert run(["train", str(river_data), "--out", str(folder), *QUICK, "-q"]) == 130
    assert capsys.readouterr().err == (
        f"interrupted; saved after update {saved}; go on with: ham-mrc train --resume {folder}\n"
    )
    assert run(["train", "--resume", str(folder), "-q"]) == 0
    assert outcome(folder) == unbroken


def test_data_that_have_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, moved, folder = prepare_rivers(tmp_path / "a", river_questions()), tmp_path / "moved", tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(update, "span_losses", signalling(3, signal.SIGINT))
        assert run(["train", str(data), "--out", str(folder), *QUICK, "-q"]) == 130
    data.rename(moved)
    capsys.readouterr()
    assert run(["train", "--resume", str(folder)]) == 2
    assert capsys.readouterr().err == (
        f"error: {data}: is no prepared folder (it holds no manifest.json); where has it moved? "
        f"ham-mrc train DATA --resume {folder}\n"
    )
    assert run(["train", str(moved), "--resume", str(folder), "-q"]) == 0
    assert run(["eval", str(folder), "-q"]) == 0
