"""RNNPG in its decoder and alone: first lines, scores, perplexity, and the decoder that is built once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from poem_builders import nonsense, prepared

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import END
from ham_mrc.errors import HamError
from ham_mrc.quatrains.batch import PoemLines
from ham_mrc.quatrains.constraints import Constraints
from ham_mrc.quatrains.request import LineRequest, Sampling
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.rnnpg_system import RNNPGSystem, add_decoder, open_rnnpg
from ham_mrc.quatrains.smt_model import FEATURES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("rnnpg"), nonsense(120))


def system(folder: PoemFolder, run: Path, features: str) -> RNNPGSystem:
    torch.manual_seed(4)
    network = RNNPG(folder.characters, width=8, features=features)  # type: ignore[arg-type]
    run.mkdir(exist_ok=True)
    add_decoder(network, folder, run, seed=1)
    return open_rnnpg(network, run)


@pytest.fixture(scope="module")
def with_table(folder: PoemFolder, tmp_path_factory: pytest.TempPathFactory) -> RNNPGSystem:
    return system(folder, tmp_path_factory.mktemp("table"), "table")


@pytest.fixture(scope="module")
def alone(folder: PoemFolder, tmp_path_factory: pytest.TempPathFactory) -> RNNPGSystem:
    return system(folder, tmp_path_factory.mktemp("rnn"), "rnn")


def log_p(network: RNNPG, before: tuple[str, ...], line: str) -> float:
    """By the pass that trains."""
    lines = (*before, line, *["春" * len(line)] * (3 - len(before)))
    batch = PoemLines(torch.tensor([[network.characters.encode(one) for one in lines]]), len(line))
    with torch.no_grad():
        rows = network(batch)[0, len(before) - 1]
    return sum(rows[i, symbol].item() for i, symbol in enumerate([*network.characters.encode(line), END]))


BEFORE = ("春风明月来", "青山流水去")


def test_alone_the_score_is_log_p(alone: RNNPGSystem) -> None:
    found = alone.write([LineRequest(5, BEFORE)], beam=5, n=3)[0]
    assert len(found) == 3
    for one in found:
        assert one.score == pytest.approx(log_p(alone.network, BEFORE, one.line), abs=1e-4)


def test_in_the_decoder_log_p_is_one_of_four_features(with_table: RNNPGSystem) -> None:
    decoder = with_table.decoder
    used = {name for name, weight in zip(FEATURES, decoder.weights[5], strict=True) if weight}
    assert used <= {"inverse_phrase", "inverse_lexical", "trigram", "network"}
    assert decoder.tuning["5"]["lines"] > 0
    weights = np.array([{"network": 1.0, "trigram": 1e-9}.get(name, 0.0) for name in FEATURES])
    best = decoder.lines(LineRequest(5, BEFORE), weights, width=20, n=3)
    for one in best:
        line = with_table.network.characters.decode(one.characters)
        assert one.score == pytest.approx(log_p(with_table.network, BEFORE, line), abs=1e-3)


@pytest.mark.parametrize("features", ["table", "rnn"])
def test_first_lines_are_the_decoders(features: str, request: pytest.FixtureRequest) -> None:
    opened: RNNPGSystem = request.getfixturevalue({"table": "with_table", "rnn": "alone"}[features])
    asked = [LineRequest(7, (), "明月", Constraints(first="明"))]
    assert opened.write(asked, beam=5)[0][0].line[0] == "明"
    assert (opened.name, opened.uses_keywords) == ("rnnpg", False)
    assert opened.write([]) == []


def test_drawn_lines_follow_the_seed(alone: RNNPGSystem) -> None:
    asked = [LineRequest(5, BEFORE)]
    first = alone.write(asked, sample=Sampling(seed=1))
    assert first == alone.write(asked, sample=Sampling(seed=1))
    assert first != alone.write(asked, sample=Sampling(seed=2))


def test_perplexity_is_that_of_every_symbol_by_hand(folder: PoemFolder, alone: RNNPGSystem) -> None:
    total, symbols = 0.0, 0
    for prepared_poem in folder.poems("valid"):
        lines = prepared_poem.poem.lines
        for i in (1, 2, 3):
            total -= log_p(alone.network, lines[:i], lines[i])
            symbols += len(lines[i]) + 1
    found = alone.perplexity(folder.poems("valid"), keywords="planned")
    assert found == pytest.approx(math.exp(total / symbols), rel=1e-5)


def test_a_decoder_is_built_once(folder: PoemFolder, tmp_path: Path) -> None:
    network = RNNPG(folder.characters, width=8, features="rnn")
    add_decoder(network, folder, tmp_path, seed=1)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    add_decoder(network, folder, tmp_path, seed=1)
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    assert open_rnnpg(network, tmp_path).decoder.tuning == {}


def test_a_missing_decoder_is_named(folder: PoemFolder, tmp_path: Path) -> None:
    with pytest.raises(HamError, match=r"smt\.json"):
        open_rnnpg(RNNPG(folder.characters, width=8), tmp_path)
