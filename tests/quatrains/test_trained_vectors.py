"""Skip-gram vectors: which lines they learn from, what they are held against, and that a network starts with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from poem_builders import nonsense, prepared
from torch import Tensor

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.quatrains import skipgram as module
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.quatrains.rnnpg import RNNPG
from ham_mrc.quatrains.skipgram import skipgram, train_skipgram


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(60))


def tables(folder: PoemFolder, parts: tuple[str, ...]) -> list[Tensor]:
    """The lines of some parts, those of five before those of seven."""
    poems = [one.poem for part in parts for one in folder.poems(part)]
    return [
        torch.tensor([folder.characters.encode(line) for poem in poems if poem.length == length for line in poem.lines])
        for length in (5, 7)
    ]


def test_vectors_learn_from_the_training_lines_alone(folder: PoemFolder) -> None:
    size, found = len(folder.characters), train_skipgram(folder, 6, 5)
    assert torch.equal(found, skipgram(tables(folder, ("train",)), size, 6, seed=5))
    for other in ("valid", "test"):
        assert not torch.equal(found, skipgram(tables(folder, ("train", other)), size, 6, seed=5))


def test_negative_samples_follow_counts_to_the_power_of_three_quarters(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []
    loss = module._loss

    def watched(*args: Any) -> Tensor:
        drawn.append(args[-1])
        return loss(*args)

    monkeypatch.setattr(module, "_loss", watched)
    monkeypatch.setattr(module, "BATCH", 64)
    # 6 stands sixteen times as often as 7, so it is drawn eight times as often.
    text = torch.tensor([6] * 1600 + [7] * 100).view(-1, 5)
    skipgram([text], 9, 2, seed=0, epochs=20)
    counts = torch.bincount(torch.cat(drawn), minlength=9)
    assert counts.sum() > 30_000
    assert counts[[0, 5, 8]].tolist() == [0, 0, 0]
    assert float(counts[6] / counts[7]) == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("kind", [PPG, RNNPG])
def test_a_network_takes_vectors_over_as_its_own(kind: Any, folder: PoemFolder) -> None:
    network = kind(folder.characters, **({"embedding": 8, "hidden": 8} if kind is PPG else {"width": 8}))
    others = {name: p.clone() for name, p in network.named_parameters() if name != "embedding.weight"}
    vectors = torch.arange(8.0 * len(folder.characters)).view(-1, 8)
    network.set_vectors(vectors)
    assert torch.equal(network.embedding.weight, vectors)
    assert network.embedding.weight.requires_grad
    assert all(torch.equal(network.get_parameter(name), before) for name, before in others.items())
    with torch.no_grad():
        network.embedding.weight.zero_()
    assert vectors[1, 0] == 8
