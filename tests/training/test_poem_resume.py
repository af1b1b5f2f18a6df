"""A run of a poem system stopped anywhere and resumed ends like an unbroken one; what cannot go on says why."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from broken_runs import Killed, complaint, stopping
from poem_builders import nonsense, prepared
from tiny_poems import OFTEN, poem_log, poem_outcome, tiny_poems

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.training import loop, poem_training
from ham_mrc.training.poem_run import open_poem_run
from ham_mrc.training.poem_training import resume_poems, train_poems
from ham_mrc.training.run_folder import open_run


def test_stopped_at_every_place_where_it_looks(
    tmp_path: Path, poem_folder: PoemFolder, poem_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = []
    for after in count(0, 3):
        run = tmp_path / str(after) / "run"
        with monkeypatch.context() as patch:
            patch.setattr(loop, "stop_requested", stopping(after))
            try:
                train_poems(poem_folder.path, run, tiny_poems(training=OFTEN))
                break
            except KeyboardInterrupt as stop:
                messages.append(str(stop).replace(str(run), "RUN"))
        assert poem_outcome(resume_poems(run)) == poem_outcome(poem_run), f"stopped at {after}"
    assert len(messages) > 5
    assert {message.split("; ")[1] for message in messages} == {"go on with: ham-mrc poem train --resume --out RUN"}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 20, -5, -4, -3, -2, -1])
def test_killed_before_a_file_that_it_writes(
    tmp_path: Path, poem_folder: PoemFolder, poem_run: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    written: list[str] = []
    move = os.replace

    def moving(source: Any, target: Any) -> None:
        written.append(Path(target).name)
        if len(written) == fatal:
            patch.setattr(Path, "unlink", lambda *args, **options: None)
            raise Killed
        move(source, target)

    fatal, run = 0, tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", moving)
        train_poems(poem_folder.path, tmp_path / "counted" / "run", tiny_poems(training=OFTEN))
        fatal = (number % len(written)) + 1
        name = written[fatal - 1]
        written.clear()
        with pytest.raises(Killed):
            train_poems(poem_folder.path, run, tiny_poems(training=OFTEN))
    assert list(run.rglob(f".{name}.*.part")), "a killed process leaves what it was writing"
    if number == 0:
        train_poems(poem_folder.path, run, tiny_poems(training=OFTEN))
    else:
        resume_poems(run)
    assert poem_outcome(run) == poem_outcome(poem_run), f"killed at {name}"
    assert not list(run.rglob("*.part"))


def stopped(run: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_requested", stopping(3))
        with pytest.raises(KeyboardInterrupt):
            train_poems(poem_folder.path, run, tiny_poems(training=OFTEN))
    return run


def test_another_limit_of_time_and_another_place(
    tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, moved = stopped(tmp_path / "run", poem_folder, monkeypatch), tmp_path / "moved"
    shutil.copytree(poem_folder.path, moved)
    resume_poems(run, data=moved, max_minutes=1e-9)
    opened = open_poem_run(run)
    assert (opened.data, opened.config.training.max_minutes) == (moved, 1e-9)
    assert poem_log(run)[-1]["cut_short"]


def test_what_cannot_go_on_says_why(tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stopped(tmp_path / "run", poem_folder, monkeypatch)
    other = prepared(tmp_path, nonsense(50, seed=3))
    assert complaint(lambda: resume_poems(run, data=other.path)) == (
        f"{other.path}: is not the prepared data that the run was trained on; name that with --data, or train a new "
        "run on this"
    )
    assert complaint(lambda: train_poems(poem_folder.path, run, tiny_poems())) == (
        f"{run}: holds a run that was stopped; go on with: ham-mrc poem train --resume --out {run}; or add --force to "
        "begin anew"
    )
    assert complaint(lambda: open_poem_run(run).need_finished()) == (
        f"{run}: the run has not finished; go on with: ham-mrc poem train --resume --out {run}"
    )
    vocabulary = run / "vocab.txt"
    vocabulary.write_bytes(vocabulary.read_bytes()[:-4])
    assert complaint(lambda: resume_poems(run)).startswith(f"{vocabulary}: is not the table of characters")
    config = run / "config.toml"
    config.write_text(config.read_text().replace("depth = 3", "depth = 2"))
    shutil.copy(poem_folder.path / "vocab.txt", vocabulary)
    assert complaint(lambda: resume_poems(run)).startswith(
        f"{config}: does not hold the settings that the run began with"
    )


def test_runs_of_readers_and_of_poems_are_told_apart(poem_run: Path, river_run: Path, tmp_path: Path) -> None:
    assert complaint(lambda: open_poem_run(river_run)) == (
        f"{river_run}: is a run of a reader, not of a poem system; see ham-mrc poem train --help"
    )
    assert complaint(lambda: open_run(poem_run)) == (
        f"{poem_run}: is a run of a poem system, not of a reader; see ham-mrc poem --help"
    )
    assert complaint(lambda: open_poem_run(tmp_path)) == (
        f"{tmp_path}: is not a run folder (it holds no config.toml); name what `ham-mrc poem train --out` wrote"
    )
    copy = tmp_path / "copy"
    shutil.copytree(poem_run, copy)
    config = copy / "config.toml"
    config.write_text(config.read_text().replace("schema = 1", "schema = 9"))
    assert "(run schema 9); this is ham-mrc" in complaint(lambda: open_poem_run(copy))
    config.write_text(config.read_text().replace("schema = 9", "schema = 1").replace("split = ", "spilt = "))
    assert complaint(lambda: open_poem_run(copy)) == f'{config}: [data]: lacks "split"'
    config.write_text(config.read_text().replace("spilt = ", "split = ").replace('folder = "', 'folder = 5 # "'))
    assert complaint(lambda: open_poem_run(copy)) == f"{config}: [data] folder = 5: is not what train wrote here"
    for text in ("", '[run]\nkind = "poem"\n'):
        config.write_text(text)
        assert complaint(lambda: open_poem_run(copy)) == (
            f"{config}: is damaged ([run] does not say what made it); train the run again"
        )


PLACES = [
    (loop, "build_optimizer"),  # before the loop listens for signals
    (poem_training, "start_vectors"),
    (poem_training, "to_the_end"),
    (poem_training, "open_poem_run"),
    (PoemFolder, "check"),
]


@pytest.mark.parametrize(("module", "name"), PLACES)
def test_interrupted_before_the_first_update(
    tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """Wherever Ctrl-C strikes: a run that stands says how to go on, and one that does not leaves no folder."""
    run = tmp_path / "run"
    begun = name != "check"

    def interrupt(*given: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            train_poems(poem_folder.path, run, tiny_poems(training=OFTEN))
    assert str(caught.value) == (f"go on with: ham-mrc poem train --resume --out {run}" if begun else "")
    assert run.exists() == begun


@pytest.mark.parametrize("name", ["check", "build_optimizer"])
def test_interrupted_while_it_takes_up_a_run(
    tmp_path: Path, poem_folder: PoemFolder, poem_run: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = stopped(tmp_path / "run", poem_folder, monkeypatch)

    def interrupt(*given: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PoemFolder if name == "check" else loop, name, interrupt)
        with pytest.raises(KeyboardInterrupt, match=f"^go on with: ham-mrc poem train --resume --out {run}$"):
            resume_poems(run)
    assert poem_outcome(resume_poems(run)) == poem_outcome(poem_run)


@pytest.mark.parametrize("name", ["ppg", "smt"])
@pytest.mark.parametrize("part", ["train", "valid"])
def test_damaged_data_are_found_before_training(tmp_path: Path, name: str, part: str) -> None:
    """The network itself reads columns; what plans keywords reads the poems, hours later."""
    data, run = prepared(tmp_path, nonsense(50)).path, tmp_path / "run"
    file = data / "poems" / f"{part}.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.rindex("春".encode()) + 1])
    assert complaint(lambda: train_poems(data, run, tiny_poems(name))).endswith("); prepare again")
    assert not run.exists()
    file.write_bytes(whole)
    (data / "taxonomy.jsonl").unlink()
    assert complaint(lambda: train_poems(data, run, tiny_poems(name))) == (
        f"{data / 'taxonomy.jsonl'}: no such file; prepare again"
    )
    assert not run.exists()


def test_a_planner_that_has_gone_is_trained_again(tmp_path: Path, poem_folder: PoemFolder, poem_run: Path) -> None:
    run = shutil.copytree(poem_run, tmp_path / "run")
    assert resume_poems(run, data=tmp_path / "gone") == run, "a whole run needs no data"
    (run / "planner.safetensors").unlink()
    gone = tmp_path / "gone"
    assert complaint(lambda: resume_poems(run, data=gone)).startswith(f"{gone}: is no prepared folder of poems")
    assert poem_outcome(resume_poems(run)) == poem_outcome(poem_run)


def test_nothing_of_an_older_run_survives(tmp_path: Path, poem_folder: PoemFolder, poem_run: Path) -> None:
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems("smt"))
    (run / "poems.json").write_text("{}")
    (run / "lines").mkdir()
    (run / "lines" / "test-planned.jsonl").write_text("{}")
    train_poems(poem_folder.path, run, tiny_poems(training=OFTEN), force=True)
    assert poem_outcome(run) == poem_outcome(poem_run)
    left = {file.name for file in run.rglob("*") if file.is_file()}
    assert not left & {"smt.json", "smt.safetensors", "poems.json", "test-planned.jsonl"}


def test_settings_that_do_not_fit_leave_no_folder(tmp_path: Path, poem_folder: PoemFolder) -> None:
    wrong = tiny_poems(system={"attention": "additive"})
    assert complaint(lambda: train_poems(poem_folder.path, tmp_path / "run", wrong)).startswith(
        'attention = "additive" has one level, not depth = 3'
    )
    assert not (tmp_path / "run").exists()
