"""An update is the mean over its questions, in however many pieces they come, in either precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from broken_runs import SETTINGS, stopped
from tiny_runs import log_of, outcome, tiny
from torch import nn

from ham_mrc.config import Config
from ham_mrc.layers.union import span_losses
from ham_mrc.training import update
from ham_mrc.training.average import Average
from ham_mrc.training.batches import labelled_rows, make_batch
from ham_mrc.training.checkpoint import Progressed
from ham_mrc.training.device import Device
from ham_mrc.training.loop import resume, train
from ham_mrc.training.optimizer import build_optimizer
from ham_mrc.training.parts import open_parts
from ham_mrc.training.run_folder import RunFolder
from ham_mrc.training.run_reader import build_reader
from ham_mrc.training.training import Training
from ham_mrc.training.update import Objective, make_update

CALM: dict[str, Any] = {"dropout": 0.0}


def training(data: Path, **sections: dict[str, Any]) -> Training:
    """A run that has not begun."""
    from ham_mrc.data_prep.manifest import Manifest

    config = tiny(**{"reader": CALM, **sections})
    vocabulary = Manifest.load(data).load_vocabulary(data / "vocab.txt")
    reader, device = build_reader(config, vocabulary, None), Device(torch.device("cpu"), "float32")
    return Training(
        run=RunFolder(data, config, {}, {}),
        reader=reader,
        objective=Objective(reader, device),
        optimizer=build_optimizer(reader, config.training),
        average=Average(reader, config.training.average),
        device=device,
        parts=open_parts(data),
        progressed=Progressed(),
        progress=lambda *given, **options: None,  # type: ignore[arg-type, return-value]
        stop=lambda: False,
    )


def gradients(reader: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in reader.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("size", "pieces"), [(7, 1), (3, 3), (1, 7), (6, 2), (100, 1)])
def test_pieces_make_the_gradient_of_the_mean_loss(
    river_data: Path, monkeypatch: pytest.MonkeyPatch, size: int, pieces: int
) -> None:
    """Seven questions: pieces of 3 leave one of 1, which must not count as much as the others."""
    made = training(river_data, training={"batch_size": size, "clip": 0.0})
    rows = labelled_rows(made.parts.train)[:7]
    batch = make_batch(made.parts.train, rows, made.parts.form)
    start, end = made.reader(batch)
    losses = span_losses(start, end, batch.passage_mask, batch.owner, batch.row, batch.start, batch.end)
    assert losses.std() > 1e-3, "equal losses would show nothing"
    losses.mean().backward()
    expected = gradients(made.reader)
    seen: list[int] = []
    monkeypatch.setattr(update, "make_batch", lambda c, r, f: seen.append(len(r)) or make_batch(c, r, f))
    loss, norm = make_update(made, rows, 0.0)
    assert (len(seen), sum(seen)) == (pieces, 7)
    assert loss == pytest.approx(losses.mean().item(), rel=1e-6)
    found = gradients(made.reader)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7)
    assert norm == pytest.approx(sum(float((g**2).sum()) for g in expected.values()) ** 0.5, rel=1e-5)


def test_the_whole_gradient_is_clipped_and_not_its_pieces(river_data: Path) -> None:
    made = training(river_data, training={"batch_size": 2, "clip": 1e-3})
    rows = labelled_rows(made.parts.train)[:6]
    _, norm = make_update(made, rows, 0.0)
    assert norm > 0.01
    left = sum(float((g**2).sum()) for g in gradients(made.reader).values()) ** 0.5
    assert left == pytest.approx(1e-3, rel=1e-2)


def test_sites_that_choose_by_chance_learn_from_how_it_turned_out(
    river_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row's reward is minus the loss of its question; padding does not count; the log keeps to the loss itself."""
    made = training(river_data, reader={**CALM, "hard": "reinforce", "score": "dot"})
    given: list[Any] = []

    def added(site: Any, rewards: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        given.extend((site, rewards, mask))
        return site.hard.remembered()[0].sum() * 0 + 7.0

    monkeypatch.setattr(update, "policy_loss", added)
    batch = make_batch(made.parts.train, labelled_rows(made.parts.train)[:5], made.parts.form)
    found: list[torch.Tensor] = []
    monkeypatch.setattr(update, "span_losses", lambda *given: found.append(span_losses(*given)) or found[0])
    objective, total = made.objective(batch)
    (losses,) = found
    assert objective.item() == pytest.approx(losses.sum().item() + 7)
    assert total.item() == pytest.approx(losses.sum().item())
    site, rewards, mask = given
    assert site is made.reader.ham_sites()["match"]  # type: ignore[operator]
    assert rewards.tolist() == pytest.approx((-losses).tolist() * 2)  # the rows of both directions
    assert torch.equal(mask, torch.cat([batch.passage_mask, batch.passage_mask]))


def test_other_sites_are_asked_for_no_policy(river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = training(river_data, reader={**CALM, "hard": "straight_through", "score": "dot"})
    monkeypatch.setattr(update, "policy_loss", None)
    batch = make_batch(made.parts.train, labelled_rows(made.parts.train)[:5], made.parts.form)
    objective, total = made.objective(batch)
    assert torch.equal(objective.detach(), total)


def test_a_run_of_pieces_is_a_run_of_whole_batches(tmp_path: Path, river_data: Path) -> None:
    """Three batches of 4 an update are one of 12: the same questions, the same losses, the same weights."""

    def run(name: str, **settings: Any) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
        from safetensors.torch import load_file

        training = {"epochs": 3, "optimizer": "adadelta", "lr": 1.0, "patience": 0, **settings}
        path = train(river_data, tmp_path / name, tiny(reader=CALM, training=training))
        return log_of(path), load_file(path / "model.safetensors")

    (log, whole), (other, pieces) = run("whole", batch_size=12), run("pieces", batch_size=4, accumulate=3)
    for one, two in zip(log, other, strict=True):
        assert (two["updates"], two["examples"]) == (one["updates"], one["examples"])
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert two["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)
    for name, tensor in whole.items():
        torch.testing.assert_close(pieces[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("more", [{"accumulate": 3, "batch_size": 4}, {"schedule": "halving", "halve_patience": 1}])
def test_stopped_and_resumed(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    config: Config = tiny(training={**SETTINGS, "epochs": 4, **more})
    whole = outcome(train(river_data, tmp_path / "whole" / "run", config))
    for after in (1, 5, 9):
        run = stopped(tmp_path / str(after) / "run", river_data, config, monkeypatch, after=after)
        assert outcome(resume(run)) == whole


@pytest.mark.parametrize("settings", [{"batch_size": 24}, {"batch_size": 8, "accumulate": 3}])
def test_bfloat16_trains(tmp_path: Path, river_data: Path, settings: dict[str, Any]) -> None:
    common = {"epochs": 12, "optimizer": "adam", "lr": 0.03, "schedule": "constant", **settings}
    losses = {}
    for precision in ("float32", "bfloat16"):
        run = train(river_data, tmp_path / precision, tiny(reader=CALM, training={**common, "precision": precision}))
        losses[precision] = [entry["loss"] for entry in log_of(run)]
    half, whole = losses["bfloat16"], losses["float32"]
    assert half != whole
    assert half[0] == pytest.approx(whole[0], rel=1e-2)
    assert half[-1] < 0.75 * half[0]
