"""What cannot be resumed, or written over, is left as it is, and one line says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_runs import complaint, stopped
from safetensors.torch import save_file
from tiny_runs import outcome, prepare_rivers, tiny

from ham_mrc.config import Config
from ham_mrc.training.loop import resume, train
from ham_mrc.training.run_folder import open_run


def test_a_finished_run_is_not_overwritten(tmp_path: Path, river_data: Path, river_run: Path) -> None:
    before = outcome(river_run)
    assert complaint(lambda: train(river_data, river_run, tiny())) == (
        f"{river_run}: already holds a finished run; choose another folder, or add --force"
    )
    assert outcome(river_run) == before


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
        ("schema = 2", "schema = 3", "was made by ham-mrc 0.1.0 (run schema 3); this is ham-mrc 0.1.0, which reads"),
        ("[run]", "[ran]", "was made by ham-mrc unknown (run schema None); this is ham-mrc 0.1.0, which reads"),
        ("[run]", "run = 3\n[ran]", '"run" is not a section; write [section] above settings'),
        ("[data]", "[date]", '[data]: lacks "folder"; [data]: lacks "dataset"; [data]: lacks "version"; '),
        ("trained_words = ", "trained_words = 1.", "[data] trained_words = 1."),
        ("lr = 0.05", 'lr = "fast"', "[training] lr = 'fast': is not a finite number"),
        ("lr = 0.05", "lr = 0.06", "does not hold the settings that the run began with; put them back, or begin a "),
        ("hidden = 8", "hidden = 9", "does not hold the settings that the run began with; put them back, or begin a "),
        ("depth = 2", "dept = 2", '[reader]: no option "dept"; did you mean "depth"?'),
        ("[run]", "[run", "is not a TOML file (Expected ']' at the end of a table declaration (at line 1, column 5))"),
        (
            '"words-v1"',
            '"words-v2"',
            "the run was trained on tokens of words-v2, this version of ham-mrc cuts words-v1",
        ),
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


def test_folder_that_is_no_run(tmp_path: Path, river_data: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere", river_data):
        assert complaint(lambda folder=folder: resume(folder)) == (
            f"{folder}: is not a run folder (it holds no config.toml); name what `train --out` wrote"
        )
