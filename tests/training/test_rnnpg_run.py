"""Runs of RNNPG: the decoder is built around the best weights by the run's seed, and a stop changes no byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_runs import stopping
from poem_builders import nonsense, prepared
from safetensors.torch import load_file
from tiny_poems import poem_log, poem_outcome, tiny_poems

from ham_mrc.config import merge, read_preset
from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.rnnpg_system import add_decoder
from ham_mrc.quatrains.skipgram import train_skipgram
from ham_mrc.quatrains.smt_build import build_smt
from ham_mrc.training import loop
from ham_mrc.training.poem_config import PRESETS, PoemConfig, build_poem_config
from ham_mrc.training.poem_networks import build_network
from ham_mrc.training.poem_run import open_poem_run
from ham_mrc.training.poem_systems import settings_of_systems
from ham_mrc.training.poem_task import PoemTask
from ham_mrc.training.poem_training import resume_poems, train_poems

FIGURES = (50.0, 60.0, 40.0, 45.0)
"""Perplexities that epochs are said to have: the third is the best, and the published rate is halved before it."""


@pytest.fixture(autouse=True)
def said_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    score = PoemTask.score

    def said(self: PoemTask, training: Any, bar: Any) -> float:
        score(self, training, bar)
        return FIGURES[training.progressed.epoch - 1]

    monkeypatch.setattr(PoemTask, "score", said)


def table(**training: Any) -> PoemConfig:
    """Four epochs of a network in its decoder."""
    settings = {"epochs": 4, "lr": 0.1, "batch_size": 8, **training}
    return tiny_poems("rnnpg", system={"features": "table"}, training=settings)


def found(run: Path) -> dict[str, Any]:
    """The decoder's weights and how they were found."""
    words: dict[str, Any] = json.loads((run / "smt.json").read_bytes())
    return {name: words[name] for name in ("weights", "tuning")}


def around(weights: dict[str, torch.Tensor], run: Path, folder: PoemFolder, out: Path, seed: int) -> dict[str, Any]:
    """The same of a decoder built around some weights of a run's network."""
    opened = open_poem_run(run)
    network = build_network(opened.config, opened.characters())
    network.load_state_dict(weights)
    assert isinstance(network, RNNPG)
    add_decoder(network, folder, out, seed=seed)
    return found(out)


def test_the_decoder_is_tuned_around_the_best_weights_by_the_seed(tmp_path: Path) -> None:
    folder = prepared(tmp_path, nonsense(80))
    run = train_poems(folder.path, tmp_path / "run", table(seed=14))
    assert [entry["best"] for entry in poem_log(run)] == [True, False, True, False]
    best = load_file(run / "model.safetensors")
    state = load_file(run / "last" / "state.safetensors")
    last = {name: state[f"model.{name}"] for name in best}
    assert found(run) == around(best, run, folder, tmp_path / "best", 14)
    assert found(run) != around(last, run, folder, tmp_path / "last", 14)
    assert found(run) != around(best, run, folder, tmp_path / "seed", 13)


def test_the_seed_tunes_smt(tmp_path: Path, poem_folder: PoemFolder) -> None:
    settings = {"tuning_rounds": 3, "width": 10}
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems("smt", system=settings, training={"seed": 14}))
    own = open_poem_run(run).config.settings
    for seed in (13, 14):
        build_smt(poem_folder, tmp_path / str(seed), settings_of_systems()["smt"](**own), seed=seed)
    assert found(run) == found(tmp_path / "14") != found(tmp_path / "13")


def test_it_starts_from_vectors_of_the_training_lines(tmp_path: Path, poem_folder: PoemFolder) -> None:
    still = {"epochs": 1, "optimizer": "sgd", "lr": 1e-30, "weight_decay": 0.0}
    run = train_poems(
        poem_folder.path, tmp_path / "run", tiny_poems("rnnpg", system={"vectors": "skipgram"}, training=still)
    )
    weights = load_file(run / "model.safetensors")
    assert torch.equal(weights["embedding.weight"], train_skipgram(poem_folder, width=8, seed=13))
    assert not torch.equal(weights["given.weight"], weights["embedding.weight"])


def original() -> PoemConfig:
    """The published training at a tiny size."""
    preset = read_preset("rnnpg-original", PRESETS)
    tiny = merge(preset, {"system": {"width": 8, "classes": 4}}, {"training": {"epochs": 4, "lr": 0.02}})
    return build_poem_config(tiny, settings_of_systems())


def outcome(run: Path) -> dict[str, Any]:
    """Everything that a stop must not change."""
    return {**poem_outcome(run), **{name: (run / name).read_bytes() for name in ("smt.json", "smt.safetensors")}}


@pytest.mark.parametrize("config", [original, table], ids=["as published", "adam"])
def test_stopped_and_resumed_it_ends_with_the_same_bytes(
    config: Callable[[], PoemConfig], tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    @contextmanager
    def never(**options: bool) -> Iterator[Callable[[], bool]]:
        def ask() -> bool:
            nonlocal asked
            asked += 1
            return False

        yield ask

    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_requested", never)
        unbroken = train_poems(poem_folder.path, tmp_path / "unbroken" / "run", config())
    for after in sorted({*range(1, asked - 12, asked // 4), asked - 12}):  # the last in the decoder or the planner
        run = tmp_path / str(after) / "run"
        with monkeypatch.context() as patch:
            patch.setattr(loop, "stop_requested", stopping(after))
            with pytest.raises(KeyboardInterrupt):
                train_poems(poem_folder.path, run, config())
        assert outcome(resume_poems(run)) == outcome(unbroken), f"stopped at {after}"
