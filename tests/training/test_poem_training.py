"""Runs of poem networks: what they measure, which epoch they keep, and what they leave behind."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_poems import OFTEN, poem_log, poem_outcome, tiny_poems

from ham_mrc.config import read_preset
from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import END
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.training.checkpoint import load_weights
from ham_mrc.training.device import Device
from ham_mrc.training.poem_batches import LineRows, WholePoems
from ham_mrc.training.poem_config import PRESETS
from ham_mrc.training.poem_networks import build_network, start_vectors
from ham_mrc.training.poem_run import open_poem_run
from ham_mrc.training.poem_task import PoemObjective, PoemTask, epochs_done, line_levels, perplexity
from ham_mrc.training.poem_training import resume_poems, train_poems
from ham_mrc.training.training import Training

CPU = Device(torch.device("cpu"), "float32")


def by_hand(network: Any, poem_folder: PoemFolder, part: str) -> float:
    """Perplexity line by line from the log-probabilities, each line a batch of its own."""
    rows, total, symbols = LineRows(poem_folder.triples(part)), 0.0, 0
    for row in range(len(rows)):
        batch = rows.batch(torch.tensor([row]).numpy())
        log_p = network(batch)[0]
        written = [*batch.line[0].tolist(), END]
        total -= sum(float(log_p[i, symbol]) for i, symbol in enumerate(written))
        symbols += len(written)
    return math.exp(total / symbols)


def test_perplexity_is_that_of_every_symbol(poem_folder: PoemFolder) -> None:
    network = build_network(tiny_poems(), poem_folder.characters).eval()
    rows = LineRows(poem_folder.triples("valid"))
    found = {perplexity(network, rows, CPU, size) for size in (1, 7, 256)}
    assert max(found) - min(found) < 1e-3
    with torch.no_grad():
        assert found.pop() == pytest.approx(by_hand(network, poem_folder, "valid"), rel=1e-5)


def test_an_untrained_network_is_about_as_good_as_chance(poem_folder: PoemFolder) -> None:
    network = build_network(tiny_poems(), poem_folder.characters)
    found = perplexity(network, LineRows(poem_folder.triples("valid")), CPU, 64)
    assert found == pytest.approx(len(poem_folder.characters), rel=0.05)


def test_the_objective_is_a_mean_over_symbols_summed_over_rows(poem_folder: PoemFolder) -> None:
    network = build_network(tiny_poems(), poem_folder.characters)
    rows = LineRows(poem_folder.triples("train"))
    batch = rows.batch(rows.plain_order(16)[-1])
    loss, symbols = network.loss(batch)  # type: ignore[operator]
    total, told = PoemObjective(network, CPU)(batch)
    assert symbols == len(batch.line) * (batch.length + 1)
    assert float(total.detach()) == pytest.approx(float(loss.detach()) / (batch.length + 1), rel=1e-6)
    assert (told.requires_grad, float(told)) == (False, float(total.detach()))


def test_the_published_rnnpg_steps_by_the_sum_over_a_poems_symbols(poem_folder: PoemFolder) -> None:
    """Its program adds every character's gradient at the preset's rate: a mean would learn 18 or 24 times slower."""
    network = build_network(tiny_poems("rnnpg"), poem_folder.characters)
    rows = WholePoems(poem_folder.triples("train"))
    batch = rows.batch(rows.plain_order(1)[0])
    loss, symbols = network.loss(batch)  # type: ignore[operator]
    assert symbols == 3 * (batch.length + 1)
    task = PoemTask("rnnpg", read_preset("rnnpg-original", PRESETS)["training"]["loss"])
    total, _ = task.objective(network, CPU)(batch)
    assert float(total.detach()) == pytest.approx(float(loss.detach()))
    mean, _ = PoemTask("rnnpg").objective(network, CPU)(batch)
    assert float(mean.detach()) == pytest.approx(float(loss.detach()) / symbols)


def test_levels_are_looked_at_on_the_first_rows_of_the_last_group(
    poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = LineRows(poem_folder.triples("train"))
    network, seen = build_network(tiny_poems(), poem_folder.characters), []
    monkeypatch.setattr("ham_mrc.training.poem_task.trace", lambda _, batch, __: seen.append(batch) or {"line": None})
    monkeypatch.setattr("ham_mrc.training.poem_task.site_figures", lambda *_: [])
    line_levels(network, rows, CPU, limit=5)
    columns = rows.columns
    last = (columns.length == 7) & (columns.position == 4)
    last &= columns.keyword_length == columns.keyword_length[last].max()
    assert last.sum() % 5  # else the last piece of five were the same
    assert last.sum() > 5
    torch.testing.assert_close(seen[0].line, torch.from_numpy(columns.line[last][:5].astype("int64")))


def test_what_a_run_leaves_behind(poem_run: Path, poem_folder: PoemFolder) -> None:
    names = {file.relative_to(poem_run).as_posix() for file in poem_run.rglob("*") if file.is_file()}
    left = {"config.toml", "vocab.txt", "model.safetensors", "planner.safetensors", "log.jsonl", "scores.json"}
    assert names == {*left, "last/state.safetensors"}
    log, scores = poem_log(poem_run), json.loads((poem_run / "scores.json").read_text())
    assert [entry["epoch"] for entry in log] == [1, 2]
    assert log[-1]["rows"] == log[-1]["examples"] == len(poem_folder.triples("train").line)
    best = next(entry for entry in log if entry["epoch"] == scores["best_epoch"])
    assert scores["perplexity"] == best["scores"]["valid"]["perplexity"]
    assert (scores["system"], scores["epochs"], scores["cut_short"]) == ("ppg", 2.0, False)
    assert scores["settings"]["depth"] == 3
    for level in best["levels"]["line"]:
        assert set(level) == {"weight", "change", "entropy", "spread"}
    assert sum(level["weight"] for level in best["levels"]["line"]) == pytest.approx(1, abs=1e-6)


def test_the_weights_are_those_of_the_best_epoch(poem_run: Path, poem_folder: PoemFolder) -> None:
    run = open_poem_run(poem_run)
    network = build_network(run.config, run.characters())
    load_weights(poem_run / "model.safetensors", network)
    found = perplexity(network, LineRows(poem_folder.triples("valid")), CPU, 64)
    assert found == pytest.approx(min(entry["scores"]["valid"]["perplexity"] for entry in poem_log(poem_run)), rel=1e-5)


@pytest.mark.parametrize(
    ("patience", "best"),
    [(0, [True, True, False, False, True, False]), (2, [True, True, False, False]), (1, [True, True, False])],
)
def test_a_smaller_perplexity_is_better(
    tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch, patience: int, best: list[bool]
) -> None:
    figures = [90.0, 50.0, 50.0, 70.0, 40.0, 45.0]
    monkeypatch.setattr(PoemTask, "score", lambda self, training, bar: figures.pop(0))
    settings = {"epochs": 6, "batch_size": 256, "patience": patience}
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems(training=settings))
    assert [entry["best"] for entry in poem_log(run)] == best


def test_training_lowers_the_loss_and_the_perplexity(tmp_path: Path, poem_folder: PoemFolder) -> None:
    """Fourteen words make up all lines, so that a few epochs leave a fraction of the perplexity of chance."""
    wide = {"embedding": 16, "hidden": 24}
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems(system=wide, training={"epochs": 12, "lr": 0.03}))
    log = poem_log(run)
    assert log[-1]["loss"] < 0.6 * log[0]["loss"]
    assert log[-1]["scores"]["valid"]["perplexity"] < 0.2 * len(poem_folder.characters)


def test_poems_of_rnnpg(tmp_path: Path, poem_folder: PoemFolder) -> None:
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems("rnnpg", training={"batch_size": 8}))
    log = poem_log(run)
    assert log[0]["examples"] == log[0]["rows"] == len(WholePoems(poem_folder.triples("train")))
    assert log[0]["levels"] == {}
    assert {"smt.json", "smt.safetensors", "planner.safetensors"} <= {file.name for file in run.iterdir()}


def test_smt_in_one_pass(tmp_path: Path, poem_folder: PoemFolder) -> None:
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems("smt"))
    assert open_poem_run(run).finished
    scores = json.loads((run / "scores.json").read_text())
    assert (scores["system"], scores["settings"]["seed"]) == ("smt", 13)
    assert resume_poems(run) == run


def test_the_seed_decides_all(tmp_path: Path, poem_folder: PoemFolder, poem_run: Path) -> None:
    again = train_poems(poem_folder.path, tmp_path / "again" / "run", tiny_poems(training=OFTEN))
    other = train_poems(poem_folder.path, tmp_path / "other" / "run", tiny_poems(training={**OFTEN, "seed": 14}))
    assert poem_outcome(again) == poem_outcome(poem_run)
    for name in ("model.safetensors", "planner.safetensors"):
        assert poem_outcome(other)[name] != poem_outcome(poem_run)[name]


def test_the_planner_is_one_for_all_systems_of_a_seed(tmp_path: Path, poem_folder: PoemFolder, poem_run: Path) -> None:
    smt = train_poems(poem_folder.path, tmp_path / "smt", tiny_poems("smt"))
    assert (smt / "planner.safetensors").read_bytes() == (poem_run / "planner.safetensors").read_bytes()


def test_the_time_is_over(tmp_path: Path, poem_folder: PoemFolder) -> None:
    run = train_poems(poem_folder.path, tmp_path / "run", tiny_poems(training={"max_minutes": 1e-9}))
    (entry,) = poem_log(run)
    scores = json.loads((run / "scores.json").read_text())
    assert (entry["updates"], entry["cut_short"], scores["cut_short"]) == (1, True, True)
    assert scores["epochs"] == pytest.approx(entry["examples"] / len(poem_folder.triples("train").line))


def test_epochs_done() -> None:
    whole = {"cut_short": False, "examples": 8, "rows": 8}
    assert epochs_done([whole, whole]) == 2.0
    assert epochs_done([whole, {"cut_short": True, "examples": 2, "rows": 8}]) == 1.25
    assert epochs_done([{"cut_short": True, "examples": 2, "rows": 8}]) == 0.25


def test_plain_sgd(tmp_path: Path, poem_folder: PoemFolder) -> None:
    """One update at rate r moves a weight by r times its gradient, clipped nowhere: w - r (g + decay w)."""
    settings = {"optimizer": "sgd", "lr": 0.5, "schedule": "constant", "clip": 0.0, "weight_decay": 0.1, "epochs": 1}
    config = tiny_poems(training={**settings, "batch_size": 1024, "max_minutes": 1e-9})
    run = train_poems(poem_folder.path, tmp_path / "run", config)
    network = build_network(config, poem_folder.characters)
    assert isinstance(network, PPG)
    rows = LineRows(poem_folder.triples("train"))
    torch.manual_seed(0)
    batch = rows.batch(rows.order(1024, seed=13, epoch=1)[0])
    loss, symbols = network.loss(batch)
    (loss / symbols).backward()
    expected = {
        name: p.detach() - 0.5 * (p.grad if p.grad is not None else 0)
        for name, p in network.named_parameters()
        if p.grad is not None
    }
    decayed = {name: p.detach() * (0.5 * 0.1) for name, p in network.named_parameters()}
    load_weights(run / "model.safetensors", network)
    for name, parameter in network.named_parameters():
        if name in expected:
            wanted = expected[name] - (0 if name.endswith("ham.c") else decayed[name])
            torch.testing.assert_close(parameter.detach(), wanted, rtol=1e-4, atol=1e-6)


def test_a_run_holds_its_task(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, poem_folder: PoemFolder) -> None:
    """The loop scores by the task it was given, and not by that of readers."""
    seen: list[str] = []
    score = Training.score
    monkeypatch.setattr(Training, "score", lambda self, bar: seen.append(type(self.task).__name__) or score(self, bar))
    train_poems(poem_folder.path, tmp_path / "run", tiny_poems(training={"epochs": 1}))
    assert seen == ["PoemTask"]


def test_the_table_starts_from_vectors_of_the_training_lines(poem_folder: PoemFolder) -> None:
    from ham_mrc.quatrains.skipgram import train_skipgram

    config = tiny_poems(system={"vectors": "skipgram"})
    network, plain = (build_network(one, poem_folder.characters) for one in (config, tiny_poems()))
    start_vectors(plain, poem_folder, 13)
    assert torch.equal(plain.embedding.weight, network.embedding.weight), "random vectors stay"
    start_vectors(network, poem_folder, 13)
    assert torch.equal(network.embedding.weight, train_skipgram(poem_folder, width=8, seed=13))
