"""A run stopped anywhere and resumed ends like an unbroken one, byte for byte; what cannot be resumed says why."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file
from tiny_runs import outcome, prepare_rivers, tiny

from ham_mrc.config import Config
from ham_mrc.errors import HamError
from ham_mrc.training import loop
from ham_mrc.training.loop import resume, train
from ham_mrc.training.run_folder import open_run

SETTINGS = {"batch_size": 12, "lr": 0.05, "patience": 0, "checkpoint_minutes": 0.0}


class Killed(BaseException):
    """As sudden as kill -9: nobody catches it, nobody saves."""


@pytest.fixture(scope="module")
def config() -> Config:
    """Two epochs of two updates, with a save after each."""
    return tiny(training=SETTINGS)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, river_data: Path, config: Config) -> dict[str, Any]:
    return outcome(train(river_data, tmp_path_factory.mktemp("unbroken") / "run", config))


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def stopping(after: int) -> Callable[[], Any]:
    """In place of `stop_requested`: the user asks to stop at the question number `after` whether he does."""
    asked = count()

    @contextmanager
    def stop_requested() -> Iterator[Callable[[], bool]]:
        yield lambda: next(asked) >= after

    return stop_requested


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


FILES = [
    *("config.toml", "vocab.txt", "state.safetensors"),  # before the first update
    *("state.safetensors", "state.safetensors"),  # after each of two updates
    *("state.safetensors", "model.safetensors", "state.safetensors", "log.jsonl"),  # as the epoch closes
    *("state.safetensors", "state.safetensors", "state.safetensors", "state.safetensors", "log.jsonl"),
    *("log.jsonl", "dev.json", "scores.json"),
]
"""What the run of this file writes, in this order; its second epoch is no better than the first."""


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


def killed_at(number: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> str | None:
    """Do `work` and die when file `number` should take its place: the file's name, or None where it came through."""
    numbers, move = count(), os.replace

    def move_or_die(source: Any, target: Any) -> None:
        if next(numbers) == number:
            # A Python exception would clean up behind itself, a killed process cannot.
            patch.setattr(Path, "unlink", lambda *args, **options: None)
            raise Killed(Path(target).name)
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", move_or_die)
        try:
            work()
        except Killed as killed:
            return str(killed)
    return None


def test_killed_while_it_takes_the_place_of_another_run(
    tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --force over a finished run: whatever stands then, the new run can be begun or resumed, and ends the same."""
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


def unlinked_until(number: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> str | None:
    """Do `work` and die after removal `number` of a file that exists."""
    numbers, unlink = count(), Path.unlink

    def unlink_or_die(path: Path, missing_ok: bool = False) -> None:
        existed = path.exists()
        unlink(path, missing_ok=missing_ok)
        if existed and next(numbers) == number:
            raise Killed(path.name)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink_or_die)
        try:
            work()
        except Killed as killed:
            return str(killed)
    return None


def stopped(run: Path, data: Path, config: Config, monkeypatch: pytest.MonkeyPatch, after: int = 3) -> Path:
    """A run stopped in its second epoch."""
    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_requested", stopping(after))
        with pytest.raises(KeyboardInterrupt):
            train(data, run, config)
    return run


def complaint(work: Callable[[], object]) -> str:
    with pytest.raises(HamError) as caught:
        work()
    return str(caught.value)


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


def test_a_finished_run_is_not_overwritten(tmp_path: Path, river_data: Path, river_run: Path) -> None:
    before = outcome(river_run)
    assert complaint(lambda: train(river_data, river_run, tiny())) == (
        f"{river_run}: already holds a finished run; choose another folder, or add --force"
    )
    assert outcome(river_run) == before


def test_nothing_of_an_older_run_survives(tmp_path: Path, prepared_rivers: Path, river_data: Path) -> None:
    run = train(prepared_rivers, tmp_path / "run", tiny())
    assert (run / "predictions" / "test.json").exists()
    train(river_data, run, tiny(), force=True)
    assert not (run / "predictions" / "test.json").exists()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["notes.txt", "scores.json", "config.toml", ".hidden.part"])
def test_other_files_are_not_overwritten(tmp_path: Path, river_data: Path, name: str, force: bool) -> None:
    (tmp_path / name).write_text("[run]\n")
    assert complaint(lambda: train(river_data, tmp_path, tiny(), force=force)) == (
        f"{tmp_path}: holds files that are no run's; choose another folder, or empty this one"
    )
    assert (tmp_path / name).read_text() == "[run]\n"


def test_out_is_a_file(tmp_path: Path, river_data: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert complaint(lambda: train(river_data, file, tiny())) == f"{file}: is a file, not a folder"
    assert complaint(lambda: train(river_data, file / "run", tiny())) == (
        f"{file / 'run' / 'config.toml'}: cannot be written: a part of the path is a file, not a folder; "
        "nothing was left half written"
    )


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


def test_data_that_are_others(
    tmp_path: Path, river_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(tmp_path / "run", river_data, config, monkeypatch)
    other = prepare_rivers(tmp_path / "other", seed=5)
    assert complaint(lambda: resume(run, data=other)) == (
        f"{other}: is not the prepared data that the run began with; train a new run on it"
    )
    assert open_run(run).data == river_data


def test_a_vocabulary_that_is_another(
    tmp_path: Path, river_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(tmp_path / "run", river_data, config, monkeypatch)
    words = (run / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words[5], words[6] = words[6], words[5]
    remedy = f"copy it anew from {river_data / 'vocab.txt'}, or train anew"
    for content, what in (
        ("\n".join(words), "is not the vocabulary that was written here"),
        ("nonsense", "is not a vocabulary of ham-mrc"),
        (None, "no such file"),
    ):
        (run / "vocab.txt").unlink(missing_ok=True)
        if content is not None:
            (run / "vocab.txt").write_text(content, encoding="utf-8")
        assert complaint(lambda: resume(run)) == f"{run / 'vocab.txt'}: {what}; {remedy}"


def test_a_state_that_is_damaged(
    tmp_path: Path, river_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(tmp_path / "run", river_data, config, monkeypatch)
    state = run / "last" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:100])
    assert complaint(lambda: resume(run)).startswith(f"{state}: is damaged or no safetensors file (")
    save_file({}, state, {"schema": "0"})
    assert complaint(lambda: resume(run)) == f"{state}: was written by another version of ham-mrc; train anew"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "was made by ham-mrc 0.1.0 (run schema 2); this is ham-mrc 0.1.0, which reads"),
        ("[run]", "[ran]", "was made by ham-mrc unknown (run schema None); this is ham-mrc 0.1.0, which reads"),
        ("[run]", "run = 3\n[ran]", '"run" is not a section; write [section] above settings'),
        ("[data]", "[date]", '[data]: lacks "folder"; [data]: lacks "dataset"; [data]: lacks "manifest_sha256"; '),
        ("trained_words = ", "trained_words = 1.", "[data] trained_words = 1."),
        ("lr = 0.05", 'lr = "fast"', "[training] lr = 'fast': is not a finite number"),
        ("lr = 0.05", "lr = 0.06", "does not hold the settings that the run began with; put them back, or begin a "),
        ("hidden = 8", "hidden = 9", "does not hold the settings that the run began with; put them back, or begin a "),
        ("depth = 2", "dept = 2", '[reader]: no option "dept"; did you mean "depth"?'),
        ("[run]", "[run", "is not a TOML file (Expected ']' at the end of a table declaration (at line 1, column 5))"),
        ('"words-v1"', '"words-v2"', "the run was trained on tokens of words-v2, this version of ham-mrc cuts words-v1"),
    ],
)
def test_settings_that_were_edited(
    tmp_path: Path,
    river_data: Path,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    message: str,
) -> None:
    run = stopped(tmp_path / "run", river_data, config, monkeypatch)
    file = run / "config.toml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    assert complaint(lambda: resume(run)).startswith(f"{file}: {message}")


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


def test_folder_that_is_no_run(tmp_path: Path, river_data: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere", river_data):
        assert complaint(lambda folder=folder: resume(folder)) == (
            f"{folder}: is not a run folder (it holds no config.toml); name what `train --out` wrote"
        )


def test_state_holds_the_log(tmp_path: Path, river_data: Path, config: Config, unbroken: dict[str, Any]) -> None:
    """log.jsonl is written anew from the state, so that a line lost or doubled by a kill comes right."""
    run = train(river_data, tmp_path / "run", config)
    (run / "log.jsonl").write_text(json.dumps({"epoch": 1}))
    (run / "scores.json").unlink()
    assert outcome(resume(run)) == unbroken
