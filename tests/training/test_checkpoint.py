"""Weights and state: back as they were, the same bytes for the same weights, one line for a damaged file."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from tiny_runs import tiny
from torch import nn

from ham_mrc.config import Config, TrainingSettings
from ham_mrc.errors import HamError
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers import READERS
from ham_mrc.training.average import Average
from ham_mrc.training.checkpoint import Progressed, fingerprint, load_state, load_weights, save_state, save_weights
from ham_mrc.training.optimizer import OPTIMIZERS, build_optimizer

NONE = Average(nn.Module(), 0.0)
"""No average."""


def reader(seed: int = 1, hidden: int = 4) -> nn.Module:
    """A reader that shares its encoder between two modules, which safetensors would refuse to write twice."""
    torch.manual_seed(seed)
    return READERS["match-lstm"](WordEmbedding(3, 5), 0, depth=2, hidden=hidden, share_encoder=True)


def train_a_little(module: nn.Module, optimizer: torch.optim.Optimizer, updates: int) -> None:
    for _ in range(updates):
        optimizer.zero_grad()
        sum((parameter**2).sum() for parameter in module.parameters()).backward()  # type: ignore[union-attr]
        optimizer.step()


def weights(module: nn.Module) -> dict[str, list[float]]:
    return {name: tensor.flatten().tolist() for name, tensor in module.state_dict().items()}


def test_weights_come_back(tmp_path: Path) -> None:
    saved, loaded = reader(1), reader(2)
    save_weights(tmp_path / "w", saved)
    assert weights(saved) != weights(loaded)
    load_weights(tmp_path / "w", loaded)
    assert weights(saved) == weights(loaded)


def test_same_weights_same_bytes(tmp_path: Path) -> None:
    # safetensors writes the keys of its header in an order that it draws anew for every file.
    for number in range(20):
        save_weights(tmp_path / str(number), reader(1))
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_nothing_had_happened(tmp_path: Path, name: str) -> None:
    config = tiny(training={"optimizer": name})
    unbroken, broken = reader(1), reader(1)
    train_a_little(unbroken, build_optimizer(unbroken, config.training), 5)
    optimizer = build_optimizer(broken, config.training)
    train_a_little(broken, optimizer, 3)
    save_state(tmp_path, broken, optimizer, NONE, Progressed(update=3))
    resumed = reader(2)
    optimizer = build_optimizer(resumed, config.training)
    assert load_state(tmp_path, config, resumed, optimizer, NONE).update == 3
    train_a_little(resumed, optimizer, 2)
    assert weights(resumed) == weights(unbroken)


@given(
    numbers=st.lists(st.integers(0, 2**53), min_size=4, max_size=4),
    sums=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    log=st.lists(st.dictionaries(st.text(max_size=3), st.none() | st.floats(allow_nan=False, allow_infinity=False))),
)
def test_progress_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], sums: list[float], log: list[dict[str, Any]]
) -> None:
    epoch, position, update, examples = numbers
    loss_sum, norm_sum, seconds, best_score = sums
    done = Progressed(
        epoch=epoch,
        position=position,
        update=update,
        examples=examples,
        loss_sum=loss_sum,
        norm_sum=norm_sum,
        seconds=seconds,
        best_score=best_score,
        halvings=epoch,
        flat_since_halving=position,
        finished=True,
        log=log,
    )
    folder, module = tmp_path_factory.mktemp("state"), nn.Linear(1, 1)
    optimizer = build_optimizer(module, tiny().training)
    save_state(folder, module, optimizer, NONE, done)
    assert asdict(load_state(folder, tiny(), module, optimizer, NONE)) == asdict(done)


def test_the_average_comes_back(tmp_path: Path) -> None:
    module, other = reader(1), reader(2)
    average, empty = Average(module, 0.5), Average(other, 0.5)
    train_a_little(module, build_optimizer(module, tiny().training), 1)
    average.follow(1)
    save_state(tmp_path, module, build_optimizer(module, tiny().training), average, Progressed())
    load_state(tmp_path, tiny(), other, build_optimizer(other, tiny().training), empty)
    assert empty.shadow.keys() == average.shadow.keys()
    assert all(torch.equal(tensor, average.shadow[name]) for name, tensor in empty.shadow.items())
    assert any(not torch.equal(tensor, dict(other.named_parameters())[name]) for name, tensor in empty.shadow.items())


def test_counting_by_hand() -> None:
    done = Progressed()
    done.count_update(8, 2.0, 0.5, 1.5)
    done.count_update(4, 5.0, 0.25, 0.5)
    assert (done.position, done.update, done.examples) == (2, 2, 12)
    assert (done.loss_sum, done.norm_sum, done.seconds, done.epoch_seconds) == (36.0, 0.75, 2.0, 2.0)
    done.count_epoch({"epoch": 1}, 40.0, 2)
    assert (done.epoch, done.position, done.update, done.examples) == (2, 0, 2, 0)
    assert (done.loss_sum, done.norm_sum, done.seconds, done.epoch_seconds) == (0.0, 0.0, 2.0, 0.0)
    assert (done.best_score, done.best_epoch, done.flat_epochs) == (40.0, 1, 0)
    done.count_epoch({"epoch": 2}, None, 2)
    assert (done.best_score, done.best_epoch, done.flat_epochs) == (40.0, 1, 1)
    done.count_epoch({"epoch": 3}, 50.0, 2)
    assert (done.best_score, done.best_epoch, done.flat_epochs) == (50.0, 3, 0)
    assert done.log == [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]


def test_halvings_by_hand() -> None:
    done = Progressed()
    found = []
    for best in (1.0, None, None, None, None, None, 2.0, None, None):
        done.count_epoch({}, best, 2)
        found.append((done.halvings, done.flat_since_halving, done.flat_epochs))
    # Two flat epochs halve the rate, and the next two again; a better one begins to count anew, and keeps the rate.
    assert found == [(0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3), (2, 0, 4), (2, 1, 5), (2, 0, 0), (2, 1, 1), (3, 0, 2)]


def changed(config: Config, **settings: Any) -> Config:
    return replace(config, training=replace(config.training, **settings))


def test_fingerprint_is_of_all_that_decides_the_weights() -> None:
    config = tiny()
    other = {"optimizer": "adam", "schedule": "constant", "choose_by": "exact_match", "precision": "bfloat16"}
    free = {"device": "cpu", "max_minutes": 3.0, "checkpoint_minutes": 1.0}
    for item in fields(TrainingSettings):
        value = getattr(config.training, item.name)
        new = free.get(item.name) or other.get(item.name) or value + 1
        same = fingerprint(changed(config, **{item.name: new})) == fingerprint(config)
        assert same == (item.name in free), item.name
    assert fingerprint(replace(config, reader_settings={**config.reader_settings, "depth": 3})) != fingerprint(config)
    moved = replace(config, embeddings=replace(config.embeddings, source="elsewhere.txt"))
    assert fingerprint(moved) == fingerprint(config)


def saved_run(folder: Path) -> Path:
    """A run folder with nothing but a state, of the settings `tiny()`."""
    module = reader()
    progressed = Progressed(fingerprint=fingerprint(tiny()))
    save_state(folder, module, build_optimizer(module, tiny().training), NONE, progressed)
    return folder / "last" / "state.safetensors"


def load(folder: Path, config: Config | None = None, hidden: int = 4) -> str:
    """What loading the state complains of."""
    module = reader(hidden=hidden)
    with pytest.raises(HamError) as caught:
        load_state(folder, config or tiny(), module, build_optimizer(module, tiny().training), NONE)
    return str(caught.value)


def test_state_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "last" / "state.safetensors"
    assert load(tmp_path) == f"{file}: no such file; train anew"


@pytest.mark.parametrize("content", [b"", b"not tensors at all", b"\xff" * 64])
def test_state_that_is_no_state(tmp_path: Path, content: bytes) -> None:
    file = saved_run(tmp_path)
    file.write_bytes(content)
    assert load(tmp_path).startswith(f"{file}: is damaged or no safetensors file (")
    assert load(tmp_path).endswith("); train anew")


def test_state_that_was_cut_off(tmp_path: Path) -> None:
    file = saved_run(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    assert load(tmp_path).startswith(f"{file}: is damaged or no safetensors file (")


def test_state_of_another_version(tmp_path: Path) -> None:
    file = saved_run(tmp_path)
    for metadata in ({"schema": "1"}, None):
        save_file({}, file, metadata)
        assert load(tmp_path) == f"{file}: was written by another version of ham-mrc; train anew"


@pytest.mark.parametrize("progressed", ["{", "{}x", '{"epok": 3}', "3", "null"])
def test_state_without_its_place(tmp_path: Path, progressed: str) -> None:
    file = saved_run(tmp_path)
    save_file({}, file, {"schema": "2", "progressed": progressed})
    assert load(tmp_path) == f"{file}: does not say how far the run was; train anew"


def test_state_of_other_settings(tmp_path: Path) -> None:
    saved_run(tmp_path)
    assert load(tmp_path, tiny(training={"lr": 1.0})) == (
        f"{tmp_path / 'config.toml'}: does not hold the settings that the run began with; "
        "put them back, or begin a new run with --config"
    )


def test_weights_of_another_shape(tmp_path: Path) -> None:
    file = tmp_path / "w"
    save_weights(file, nn.Linear(3, 2))
    with pytest.raises(HamError) as caught:
        load_weights(file, nn.Linear(4, 2))
    assert (
        str(caught.value) == f"{file}: weights weight have the shape (2, 3), not (2, 4); it belongs to other settings"
    )


@pytest.mark.parametrize(
    ("saved", "wanted", "what"),
    [(False, True, "lacks the weights bias"), (True, False, "holds weights bias that this reader lacks")],
)
def test_weights_of_another_reader(tmp_path: Path, saved: bool, wanted: bool, what: str) -> None:
    file = tmp_path / "w"
    save_weights(file, nn.Linear(3, 2, bias=saved))
    with pytest.raises(HamError) as caught:
        load_weights(file, nn.Linear(3, 2, bias=wanted))
    assert str(caught.value) == f"{file}: {what}; it belongs to other settings or another version: train anew"
