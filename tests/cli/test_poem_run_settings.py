"""What `poem eval` stores of a run's settings: those that its system has, by which `compare` tells rows apart."""

from __future__ import annotations

from pathlib import Path

from tiny_poems import tiny_poems

from ham_mrc.cli.poem_scoring import run_settings
from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.training.poem_run import create_poem_run, open_poem_run


def test_a_system_in_one_pass_has_a_seed_and_no_epochs(tmp_path: Path, poem_folder: PoemFolder) -> None:
    create_poem_run(tmp_path / "smt", tiny_poems("smt"), poem_folder)
    found = run_settings(open_poem_run(tmp_path / "smt"))
    assert found["seed"] == 13
    assert not {"epochs", "lr", "batch_size", "optimizer", "max_answer_tokens"} & set(found)


def test_settings_of_readers_are_not_those_of_a_network_that_writes(tmp_path: Path, poem_folder: PoemFolder) -> None:
    create_poem_run(tmp_path / "ppg", tiny_poems(training={"epochs": 3}), poem_folder)
    found = run_settings(open_poem_run(tmp_path / "ppg"))
    assert (found["system"], found["epochs"]) == ("ppg", 3)
    assert not {"choose_by", "max_answer_tokens"} & set(found)
