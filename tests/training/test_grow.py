"""A run that grows from another: nearly the same function at more levels, which then learn; nothing else may differ."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_runs import complaint, killed_at
from safetensors.torch import load_file
from tiny_runs import VECTORS, log_of, outcome, prepare_rivers, tiny
from torch import nn

from ham_mrc.config import Config
from ham_mrc.layers.union import span_losses
from ham_mrc.training.batches import labelled_rows, make_batch
from ham_mrc.training.begin import begin as begin_run
from ham_mrc.training.distributed import ALONE
from ham_mrc.training.grow import Grown
from ham_mrc.training.loop import resume, train
from ham_mrc.training.parts import Parts, open_parts
from ham_mrc.training.run_folder import open_run
from ham_mrc.training.run_reader import load_reader

SETTINGS: dict[str, Any] = {"epochs": 4, "optimizer": "adam", "lr": 0.05, "patience": 0, "schedule": "constant"}


def at(depth: int, **sections: dict[str, Any]) -> Config:
    reader = {"depth": depth, "dropout": 0.0, **sections.pop("reader", {})}
    return tiny(reader=reader, training={**SETTINGS, **sections.pop("training", {})}, **sections)


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory, river_data: Path) -> dict[int, Path]:
    """Finished runs by their depth."""
    folder = tmp_path_factory.mktemp("shallow")
    return {depth: train(river_data, folder / str(depth), at(depth)) for depth in (1, 2)}


def loss(reader: nn.Module, parts: Parts) -> float:
    reader.eval()
    batch = make_batch(parts.train, labelled_rows(parts.train), parts.form)
    with torch.no_grad():
        start, end = reader(batch)
    return float(span_losses(start, end, batch.passage_mask, batch.owner, batch.row, batch.start, batch.end).mean())


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (2, 5)])
def test_the_loss_stays_where_it_was(
    tmp_path: Path, river_data: Path, shallow: dict[int, Path], before: int, after: int
) -> None:
    parts, old = open_parts(river_data), open_run(shallow[before])
    _, grown, _ = begin_run(river_data, tmp_path / "run", at(after), ALONE, Grown.open(shallow[before]))
    _, fresh, _ = begin_run(river_data, tmp_path / "fresh", at(after), ALONE)
    trained = loss(load_reader(old, old.vocabulary()), parts)
    assert abs(loss(grown, parts) - trained) < 1e-3
    assert abs(loss(fresh, parts) - trained) > 0.1, "or it shows nothing"
    assert dict(grown.named_parameters())["match.ham.c"].shape == (after,)


def test_the_new_level_learns_and_the_run_says_where_it_comes_from(
    tmp_path: Path, river_data: Path, shallow: dict[int, Path]
) -> None:
    run = train(river_data, tmp_path / "run", at(3, training={"epochs": 1, "lr": 1e-3}), grow=shallow[2])
    made = open_run(run).made
    assert made["grown_from"] == str(shallow[2])
    before = load_file(shallow[2] / "model.safetensors")["match.ham.c"]
    after = load_file(run / "model.safetensors")["match.ham.c"]
    assert after[2] != before.min() - 10
    assert after[2] == pytest.approx(before.min().item() - 10, abs=0.01)  # three updates at a rate of 0.001
    old = open_run(shallow[2])
    before_it = loss(load_reader(old, old.vocabulary()), open_parts(river_data))
    assert log_of(run)[0]["loss"] == pytest.approx(before_it, abs=0.1)


def test_killed_before_its_first_save_it_grows_again(
    tmp_path: Path, river_data: Path, shallow: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def grown(run: Path) -> Path:
        return train(river_data, run, at(3, training={"epochs": 1}), grow=shallow[2])

    whole = outcome(grown(tmp_path / "whole" / "run"))
    run = tmp_path / "killed" / "run"
    assert killed_at(2, monkeypatch, lambda: grown(run)) == "state.safetensors"
    assert outcome(resume(run)) == whole


def test_the_run_that_it_grew_from_is_another_now(
    tmp_path: Path, river_data: Path, shallow: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, run = tmp_path / "old", tmp_path / "run"
    shutil.copytree(shallow[2], old)
    killed_at(2, monkeypatch, lambda: train(river_data, run, at(3), grow=old))
    shutil.copy(train(river_data, tmp_path / "other", at(2, training={"seed": 3})) / "model.safetensors", old)
    assert complaint(lambda: resume(run)) == f"{old}: is not the run any more that this one grew from; train anew"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"reader": {"hidden": 9}}, "config.toml: has hidden = 8, and not 9: only the depth may differ from the run "),
        ({"reader": {"word_match": False}}, "config.toml: has word_match = True, and not False: only the depth may "),
        ({"reader": {"depth": 2}}, ": has depth 2, and grows to more levels, not to 2; --depth 3"),
        ({"reader": {"depth": 1}}, ": has depth 2, and grows to more levels, not to 1; --depth 3"),
        ({"embeddings": {"source": str(VECTORS)}}, "config.toml: has vectors_sha256 = '', and not '"),
        (
            {"embeddings": {"width": 9}},
            "config.toml: has width = 8, and not 9: only the depth may differ from ",
        ),
    ],
)
def test_other_settings(
    tmp_path: Path, river_data: Path, shallow: dict[int, Path], sections: dict[str, Any], message: str
) -> None:
    config = at(3, **sections)
    said = complaint(lambda: train(river_data, tmp_path / "run", config, grow=shallow[2]))
    assert said.startswith(str(shallow[2]))
    assert message in said
    assert list(tmp_path.iterdir()) == []


def test_other_words(tmp_path: Path, shallow: dict[int, Path]) -> None:
    data = prepare_rivers(tmp_path / "data", seed=5)
    assert "has vocabulary_sha256 = " in complaint(lambda: train(data, tmp_path / "run", at(3), grow=shallow[2]))


@pytest.mark.parametrize("fault", ["unfinished", "no run"])
def test_nothing_to_grow_from(tmp_path: Path, river_data: Path, shallow: dict[int, Path], fault: str) -> None:
    old = tmp_path / "old"
    shutil.copytree(shallow[2], old)
    (old / ("scores.json" if fault == "unfinished" else "config.toml")).unlink()
    message = {"unfinished": "the run has not finished; go on with: ", "no run": "is not a run folder"}
    assert complaint(lambda: train(river_data, tmp_path / "run", at(3), grow=old)).startswith(
        f"{old}: {message[fault]}"
    )
