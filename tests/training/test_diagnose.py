"""What the levels do: a row for each level of each site, by the formulas of docs/training.md."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_runs import log_of, prepare_rivers, river_questions, tiny

from ham_mrc.data_prep.characters import Alphabet
from ham_mrc.data_prep.shards import Columns
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers import READERS
from ham_mrc.training.batches import Form, make_batch
from ham_mrc.training.device import choose_device
from ham_mrc.training.diagnose import diagnose, trace
from ham_mrc.training.loop import train

CPU = choose_device("cpu", "float32")


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("depth", [1, 3])
def test_a_row_for_every_level_of_every_site(river_data: Path, name: str, depth: int) -> None:
    torch.manual_seed(1)
    reader = READERS[name](WordEmbedding(6, 40), 30, depth=depth, hidden=5)
    reader.train()
    columns = Columns.open(river_data / "dev")
    form = Form(alphabet=Alphabet("abcdefghijklmnopqrstuvwxyzAB"), width=reader.characters)
    form = form if reader.characters else Form()
    found = diagnose(reader, columns, form, CPU)
    assert reader.training, "left as it came"
    assert found == diagnose(reader, columns, form, CPU), "dropout is off, so twice the same"
    assert found.keys() == reader.ham_sites().keys()
    for site, levels in found.items():
        weights = reader.ham_sites()[site].level_weights().tolist()
        assert [level["weight"] for level in levels] == weights
        assert sum(weights) == pytest.approx(1)
        assert [level["change"] is None for level in levels] == [True] + [False] * (depth - 1)
        for level in levels:
            assert level.keys() == {"weight", "change", "entropy", "spread"}
            assert 0 <= level["entropy"] <= 1 + 1e-6
            assert level["spread"] >= 0


def test_figures_by_a_slow_loop(tmp_path: Path) -> None:
    content = river_questions()
    for number, paragraph in enumerate(content["data"][0]["paragraphs"]):
        paragraph["context"] += " So they say." * (number % 3)
    torch.manual_seed(1)
    reader = READERS["match-lstm"](WordEmbedding(6, 60), 0, depth=2, hidden=5).eval()
    columns = Columns.open(prepare_rivers(tmp_path, content) / "dev")
    batch = make_batch(columns, torch.arange(len(columns)).numpy(), Form())
    traced = trace(reader, batch, CPU)["match"]
    weights, keys = traced.weights(), traced.calls[0].keys  # (2, S, P, Q), (S, Q, D)
    rows = len(columns)
    assert len(set(batch.passage_lengths.tolist())) > 1, "without padding this test shows less"
    entropies, changes, spreads = [], [], []
    for row in range(2 * rows):
        p, q = int(batch.passage_lengths[row % rows]), int(batch.question_lengths[row % rows])
        outputs = [weights[level, row, :p, :q] @ keys[row, :q] for level in (0, 1)]
        for t in range(p):
            a = weights[1, row, t, :q]
            entropies.append(float(-(a * a.log()).sum() / torch.tensor(float(q)).log()))
            changes.append(float((outputs[1][t] - outputs[0][t]).norm() / outputs[1][t].norm()))
            spreads.append(float((outputs[1][t] - outputs[1].mean(0)).norm() / outputs[1][t].norm()))
    level = diagnose(reader, columns, Form(), CPU)["match"][1]
    for name, values in (("entropy", entropies), ("change", changes), ("spread", spreads)):
        assert level[name] == pytest.approx(sum(values) / len(values), rel=1e-4), name


def test_a_part_without_text_has_no_figures(river_data: Path) -> None:
    columns = Columns.open(river_data / "dev")
    columns.passage_offsets = columns.passage_offsets * 0
    assert diagnose(READERS["match-lstm"](WordEmbedding(6, 40), 0, hidden=5), columns, Form(), CPU) == {}


def test_they_are_logged_each_epoch(river_run: Path) -> None:
    for entry in log_of(river_run):
        assert [len(levels) for levels in entry["levels"].values()] == [2]
    first, second = (entry["levels"]["match"] for entry in log_of(river_run))
    assert first[0]["weight"] != 0.5, "c has moved"
    assert first != second


def test_depth_one_is_logged_as_ordinary_attention(tmp_path: Path, river_data: Path) -> None:
    run = train(river_data, tmp_path / "run", tiny(reader={"depth": 1}, training={"epochs": 1}))
    (level,) = log_of(run)[0]["levels"]["match"]
    assert (level["weight"], level["change"]) == (1.0, None)
