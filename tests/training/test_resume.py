"""A run stopped anywhere and resumed ends like an unbroken one, byte for byte; what cannot be resumed says why."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from broken_runs import FILES, SETTINGS, complaint, killed_at, stopped, stopping, unlinked_until
from tiny_runs import outcome, tiny

from ham_mrc.config import Config
from ham_mrc.training import loop
from ham_mrc.training.loop import resume, train
from ham_mrc.training.run_folder import open_run


def test_stopped_at_every_place_where_it_looks(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = []
    for after in count():
        run = tmp_path / str(after) / "run"
        with monkeypatch.context() as patch:
            patch.setattr(loop, "stop_requested", stopping(after))
            try:
                train(river_data, run, config)
                break
            except KeyboardInterrupt as stop:
                messages.append(str(stop).replace(str(run), "RUN"))
        assert outcome(resume(run)) == unbroken, f"stopped at {after}"
    hint = "; go on with: ham-mrc train --resume RUN"
    # Before each of two updates, then after the batch of each of two parts, twice; then after that of the prediction.
    updates = [0, 1, 2, 2, 2, 3, 4, 4, 4]
    assert messages == [f"saved after update {update}{hint}" for update in updates]


@pytest.mark.parametrize("place", ["build_optimizer", "choose_device", "begin"])
def test_interrupted_before_the_first_update(
    tmp_path: Path,
    river_data: Path,
    config: Config,
    unbroken: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """A run that stands says how to go on, though nothing listens for signals yet; one that does not leaves nothing."""
    run = tmp_path / "run"

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, place, interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            train(river_data, run, config)
    begun = place != "begin"
    assert str(caught.value) == (f"go on with: ham-mrc train --resume {run}" if begun else "")
    assert run.exists() == begun
    assert outcome(resume(run) if begun else train(river_data, run, config)) == unbroken


def test_killed_before_every_file_that_it_writes(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk changes when a file takes its place, so these are all the states that a kill can leave."""
    for number, name in enumerate(FILES):
        run = tmp_path / str(number) / "run"
        assert killed_at(number, monkeypatch, lambda run=run: train(river_data, run, config)) == name
        assert list(run.rglob(f".{name}.*.part")), "a killed process leaves what it was writing"
        if number == 0:
            train(river_data, run, config)
        else:
            resume(run)
        assert outcome(run) == unbroken, f"killed at {name}, file {number}"
        assert not list(run.rglob("*.part"))
    run = tmp_path / "through" / "run"
    assert killed_at(len(FILES), monkeypatch, lambda: train(river_data, run, config)) is None
    assert outcome(run) == unbroken


def test_killed_while_it_takes_the_place_of_another_run(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With force over a finished run: whatever stands then, the new run can be begun again and ends the same."""
    old = train(river_data, tmp_path / "old" / "run", tiny(training={**SETTINGS, "seed": 5, "epochs": 3}))
    for number in count():
        run = tmp_path / str(number) / "run"
        shutil.copytree(old, run)
        seen = unlinked_until(number, monkeypatch, lambda run=run: train(river_data, run, config, force=True))
        if seen is None:
            assert number == 5
            return
        assert not (run / "scores.json").exists(), "half of the old run must not pass for a finished one"
        train(river_data, run, config, force=True)
        assert outcome(run) == unbroken


@pytest.mark.parametrize("number", [0, 2, 4, 6, 8, 15, 16])
def test_full_disk(
    tmp_path: Path,
    river_data: Path,
    config: Config,
    unbroken: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    numbers, run = count(), tmp_path / "run"

    def full(handle: int) -> None:
        if next(numbers) == number:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = complaint(lambda: train(river_data, run, config))
    assert message.startswith(f"{run}{os.sep}")
    assert message.endswith(f"{FILES[number]}: cannot be written: the disk is full; nothing was left half written")
    assert not list(run.rglob("*.part"))
    if number == 0:
        train(river_data, run, config)
    else:
        resume(run)
    assert outcome(run) == unbroken


def test_state_of_the_clock_decides_nothing(
    tmp_path: Path, river_data: Path, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saves every five minutes in place of every update, and a run killed in its second epoch."""
    seldom = tiny(training={**SETTINGS, "checkpoint_minutes": 5.0})
    run = tmp_path / "run"
    # Of FILES, the four after single updates are not written; the tenth is then the log of the second epoch.
    assert killed_at(9, monkeypatch, lambda: train(river_data, run, seldom)) == "log.jsonl"
    found, expected = outcome(resume(run)), dict(unbroken)
    for result in (found, expected):
        result.pop("config.toml")
        result.pop("scores.json")  # both hold checkpoint_minutes
    assert found == expected


def test_a_finished_run_is_left_alone(river_run: Path) -> None:
    def files() -> dict[str, tuple[int, bytes]]:
        return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in river_run.rglob("*.*")}

    before = files()
    assert resume(river_run, data=Path("wherever")) == river_run
    assert files() == before


def test_a_stopped_run_is_not_overwritten(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(tmp_path / "my run" / "run", river_data, tiny(training={**SETTINGS, "seed": 5}), monkeypatch)
    assert complaint(lambda: train(river_data, run, config)) == (
        f"{run}: holds a run that was stopped; go on with: ham-mrc train --resume '{run}'; or add --force to begin anew"
    )
    assert outcome(train(river_data, run, config, force=True)) == unbroken


def test_nothing_of_an_older_run_survives(tmp_path: Path, prepared_rivers: Path, river_data: Path) -> None:
    run = train(prepared_rivers, tmp_path / "run", tiny())
    assert (run / "predictions" / "test.json").exists()
    train(river_data, run, tiny(), force=True)
    assert not (run / "predictions" / "test.json").exists()


def test_an_empty_folder_will_do(tmp_path: Path, river_data: Path, unbroken: dict[str, Any], config: Config) -> None:
    (tmp_path / "run").mkdir()
    assert outcome(train(river_data, tmp_path / "run", config)) == unbroken


def test_data_that_have_moved(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(river_data, first)
    run = stopped(tmp_path / "run", first, config, monkeypatch)
    first.rename(second)
    assert complaint(lambda: resume(run)) == (
        f"{first}: is no prepared folder (it holds no manifest.json); where has it moved? "
        f"ham-mrc train DATA --resume {run}"
    )
    found = outcome(resume(run, data=second))
    assert open_run(run).data == second
    moved = unbroken["config.toml"].replace(str(river_data).encode(), str(second).encode())
    assert found == {**unbroken, "config.toml": moved}


def test_settings_that_may_be_edited(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(tmp_path / "run", river_data, config, monkeypatch)
    file = run / "config.toml"
    text = file.read_text().replace('device = "auto"', 'device = "cpu"').replace("max_minutes = 0.0", "max_minutes = 9")
    file.write_text(text.replace("checkpoint_minutes = 0.0", "checkpoint_minutes = 5.0"))
    assert outcome(resume(run))["model.safetensors"] == unbroken["model.safetensors"]


def test_a_run_cut_by_time_while_it_is_scored(
    tmp_path: Path, river_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its last update and its end, it must not train on when it comes back."""
    hurried = replace(config, training=replace(config.training, max_minutes=1e-9))
    expected = outcome(train(river_data, tmp_path / "a" / "run", hurried))
    run = stopped(tmp_path / "b" / "run", river_data, hurried, monkeypatch, after=1)
    assert outcome(resume(run)) == expected
    assert expected["log"][0]["updates"] == 1


def test_state_holds_the_log(tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any]) -> None:
    """log.jsonl is written anew from the state, so that a line lost or doubled by a kill comes right."""
    run = train(river_data, tmp_path / "run", config)
    (run / "log.jsonl").write_text(json.dumps({"epoch": 1}))
    (run / "scores.json").unlink()
    assert outcome(resume(run)) == unbroken
