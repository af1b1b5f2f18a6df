"""The average of the weights: the numbers of its rule, and a reader that is bit for bit itself again after scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import log_of, outcome, tiny
from torch import nn

from ham_mrc.eval.results import load_result
from ham_mrc.training.average import Average
from ham_mrc.training.checkpoint import load_state
from ham_mrc.training.loop import resume, train
from ham_mrc.training.optimizer import build_optimizer
from ham_mrc.training.run_folder import open_run
from ham_mrc.training.run_reader import blank_reader, build_reader, load_reader

AVERAGED = {"average": 0.5, "schedule": "constant", "epochs": 1, "lr": 0.05}
"""One epoch of three updates: the best there is, so that what is kept is the last average."""


class Weights(nn.Module):
    """One trained number, and one that is not."""

    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.trained = nn.Parameter(torch.tensor([value]))
        self.register_buffer("frozen", torch.tensor([7.0]))

    def become(self, value: float) -> None:
        with torch.no_grad():
            self.trained.fill_(value)


@given(
    decay=st.floats(0.01, 0.9999),
    values=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30),
)
def test_the_rule_number_by_number(decay: float, values: list[float]) -> None:
    module = Weights(3.0)
    average, expected = Average(module, decay), 3.0
    for update, value in enumerate(values, 1):
        module.become(value)
        average.follow(update)
        beta = min(decay, (1 + update) / (10 + update))
        expected = beta * expected + (1 - beta) * value
    assert average.shadow["trained"].item() == pytest.approx(expected, rel=1e-4, abs=1e-3)
    assert average.shadow.keys() == {"trained"}


def test_the_first_three_by_hand() -> None:
    # Decays 2/11, 3/12, 4/13: 11 -> 2/11 * 11 + 9/11 * 0 = 2 -> 2/4 + 3/4 * 4 = 3.5 -> 4/13 * 3.5 + 9/13 * 10.
    module = Weights(11.0)
    average = Average(module, 0.999)
    found = []
    for update, value in enumerate((0.0, 4.0, 10.0), 1):
        module.become(value)
        average.follow(update)
        found.append(average.shadow["trained"].item())
    assert found == pytest.approx([2.0, 3.5, 8.0])


def test_in_place_and_back() -> None:
    module = Weights(0.1)
    average = Average(module, 0.9)
    module.become(0.3)
    before, place = module.trained.clone(), module.trained.data_ptr()
    with average.in_place():
        assert torch.equal(module.trained, torch.tensor([0.1]))
        assert module.trained.data_ptr() == place
    assert torch.equal(module.trained, before)
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    assert torch.equal(module.trained, before)
    assert module.frozen.item() == 7.0


def test_no_average_holds_nothing() -> None:
    module = Weights(0.1)
    average = Average(module, 0.0)
    average.follow(1)
    with average.in_place():
        assert module.trained.item() == pytest.approx(0.1)
    assert average.shadow == {}


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory, river_data: Path) -> Path:
    return train(river_data, tmp_path_factory.mktemp("averaged") / "run", tiny(training=AVERAGED))


def states(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The last raw weights, the last average, and the weights that were kept, of trained parameters."""
    run = open_run(path)
    reader = blank_reader(run, run.vocabulary())
    average = Average(reader, run.config.training.average)
    load_state(path, run.config, reader, build_optimizer(reader, run.config.training), average)
    kept = dict(load_reader(run, run.vocabulary()).named_parameters())
    return dict(reader.named_parameters()), average.shadow, {name: tensor.data for name, tensor in kept.items()}


def test_the_average_is_scored_and_kept_and_training_goes_on_from_the_raw(averaged: Path, river_data: Path) -> None:
    raw, shadow, kept = states(averaged)
    assert all(torch.equal(kept[name], shadow[name]) for name in shadow)
    assert any(not torch.equal(raw[name], shadow[name]) for name in shadow)
    # Scores of the kept weights, which `finish` found, are those that the log tells of the best epoch.
    assert load_result(averaged).scores.metrics == log_of(averaged)[-1]["scores"]["dev"]


def test_raw_weights_are_those_of_a_run_without_average(tmp_path: Path, averaged: Path, river_data: Path) -> None:
    plain = train(river_data, tmp_path / "run", tiny(training={**AVERAGED, "average": 0.0}))
    raw, _, _ = states(averaged)
    assert all(torch.equal(raw[name], tensor) for name, tensor in states(plain)[0].items())
    assert [entry["loss"] for entry in log_of(averaged)] == [entry["loss"] for entry in log_of(plain)]


def test_an_unfinished_average_goes_on(tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from broken_runs import stopped

    config: Any = tiny(training={**AVERAGED, "epochs": 3, "checkpoint_minutes": 0.0})
    whole = outcome(train(river_data, tmp_path / "whole" / "run", config))
    for after in (2, 4, 6, 9):
        run = stopped(tmp_path / str(after) / "run", river_data, config, monkeypatch, after=after)
        assert outcome(resume(run)) == whole


def test_the_first_update_is_number_one(tmp_path: Path, river_data: Path) -> None:
    settings = {**AVERAGED, "average": 0.999, "batch_size": 24}
    path = train(river_data, tmp_path / "run", tiny(training=settings))
    raw, shadow, _ = states(path)
    run = open_run(path)
    start = dict(build_reader(run.config, run.vocabulary(), None).named_parameters())
    for name, tensor in shadow.items():
        torch.testing.assert_close(tensor, 2 / 11 * start[name].data + 9 / 11 * raw[name].data, rtol=1e-5, atol=1e-7)
