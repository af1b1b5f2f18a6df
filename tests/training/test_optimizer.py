"""Optimisers: the rate of every update, and a group of their own for the level weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
from torch import nn

from ham_mrc.config import TrainingSettings
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers import READERS
from ham_mrc.training.optimizer import OPTIMIZERS, build_optimizer, clip_gradients, rate_at, set_rate


def settings(**changed: object) -> TrainingSettings:
    return replace(TrainingSettings(lr=0.2), **changed)  # type: ignore[arg-type]


class Levels(nn.Module):
    """One ordinary weight and one site of attention with level weights."""

    def __init__(self) -> None:
        super().__init__()
        self.site = nn.ParameterDict({"c": torch.zeros(1)})
        self.weight = nn.Parameter(torch.ones(1))


def test_rates_by_hand() -> None:
    linear = settings(schedule="linear")
    assert [rate_at(linear, update, 4) for update in range(4)] == pytest.approx([0.2, 0.15, 0.1, 0.05])
    assert [rate_at(settings(), update, 4) for update in range(4)] == [0.2] * 4


def test_halved_rates() -> None:
    halving = settings(schedule="halving")
    assert [rate_at(halving, 7, 9, halvings) for halvings in range(4)] == [0.2, 0.1, 0.05, 0.025]
    assert rate_at(settings(), 7, 9, 3) == 0.2


def test_adadelta_has_the_memory_of_the_papers() -> None:
    """Zeiler 2012: E[g2] = rho E[g2] + (1 - rho) g2, dx = -sqrt(E[dx2] + eps) / sqrt(E[g2] + eps) g."""
    for given, rho, eps in (({}, 0.95, 1e-6), ({"rho": 0.8, "eps": 1e-4}, 0.8, 1e-4)):
        module = Levels()
        optimizer = build_optimizer(module, settings(optimizer="adadelta", lr=0.5, **given))
        x, squares, steps = 1.0, 0.0, 0.0
        for _ in range(4):
            optimizer.zero_grad()
            (module.weight**2).sum().backward()
            optimizer.step()
            gradient = 2 * x
            squares = rho * squares + (1 - rho) * gradient**2
            step = math.sqrt(steps + eps) / math.sqrt(squares + eps) * gradient
            steps = rho * steps + (1 - rho) * step**2
            x -= 0.5 * step
        assert module.weight.item() == pytest.approx(x, rel=1e-5)
        assert 1 - x > 1e-4


@pytest.mark.parametrize(("name", "usual"), [("adam", 1e-8), ("adamax", 1e-8), ("adadelta", 1e-6)])
def test_eps(name: str, usual: float) -> None:
    assert build_optimizer(Levels(), settings(optimizer=name)).param_groups[0]["eps"] == usual
    assert build_optimizer(Levels(), settings(optimizer=name, eps=1e-3)).param_groups[0]["eps"] == 1e-3


def test_clipping() -> None:
    module = Levels()
    for clip, left in ((2.5, 2.5), (5.0, 5.0), (6.0, 5.0), (0.0, 5.0)):
        module.weight.grad, module.site["c"].grad = torch.tensor([3.0]), torch.tensor([4.0])
        assert clip_gradients(module, clip).item() == pytest.approx(5.0)
        assert math.hypot(module.weight.grad.item(), module.site["c"].grad.item()) == pytest.approx(left, rel=1e-5)


def test_level_weights_have_their_own_rate_and_no_decay() -> None:
    module = Levels()
    optimizer = build_optimizer(module, settings(weight_decay=0.1, c_lr_scale=3.0))
    set_rate(optimizer, 0.25)
    found = {id(group["params"][0]): (group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert found == {id(module.weight): (0.25, 0.1), id(module.site["c"]): (0.75, 0.0)}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_downhill(name: str) -> None:
    module = Levels()
    optimizer = build_optimizer(module, settings(optimizer=name))
    for _ in range(3):
        optimizer.zero_grad()
        (module.weight**2 + (module.site["c"] - 1) ** 2).sum().backward()
        optimizer.step()
    assert 0 < module.weight.item() < 1
    assert 0 < module.site["c"].item() < 1


def test_every_optimizer_can_be_chosen() -> None:
    assert set(get_args(get_type_hints(TrainingSettings)["optimizer"])) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", READERS)
def test_frozen_vectors_are_out_of_reach(name: str) -> None:
    reader = READERS[name](WordEmbedding(3, 2, torch.ones(4, 3)), 5, depth=2, hidden=4)
    optimizer = build_optimizer(reader, settings(weight_decay=0.5))
    trained = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    assert trained == {id(parameter) for parameter in reader.parameters()}
    assert id(reader.get_submodule("embedding").vectors) not in trained
