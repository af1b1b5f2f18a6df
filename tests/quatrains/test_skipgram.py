"""Vectors of characters: near where characters stand near each other, and a seed's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from poem_builders import nonsense, prepared
from torch import Tensor
from torch.nn.functional import cosine_similarity

from ham_mrc.quatrains import skipgram as module
from ham_mrc.quatrains.skipgram import skipgram, train_skipgram


def lines(count: int = 400) -> list[Tensor]:
    """Symbols 6 to 10 stand with each other alone, and so do 11 to 15."""
    generator = torch.Generator().manual_seed(0)
    low = torch.randint(6, 11, (count, 5), generator=generator)
    return [torch.cat([low, low + 5]), torch.randint(11, 16, (count, 7), generator=generator)]


def test_characters_that_stand_together_lie_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 64)
    vectors = skipgram(lines(), 20, 8, seed=3, epochs=6)
    alike = cosine_similarity(vectors[6:16, None], vectors[None, 6:16], dim=-1)
    own = torch.block_diag(torch.ones(5, 5), torch.ones(5, 5)).bool() & ~torch.eye(10).bool()
    other = torch.block_diag(torch.ones(5, 5), torch.ones(5, 5)) == 0
    assert alike[own].min() > alike[other].max() + 0.3


def test_a_neighbour_is_another_character_of_the_line_within_the_window() -> None:
    places = torch.arange(40 * 7).view(40, 7)
    generator = torch.Generator().manual_seed(0)
    seen: set[int] = set()
    for centre, near in module._pairs([places] * 10, 3, generator):
        assert torch.equal(centre // 7, near // 7)  # of the same line
        gaps = (near - centre).tolist()
        assert all(0 < abs(gap) <= module.WINDOW for gap in gaps)
        seen |= set(gaps)
    assert seen == {gap for gap in range(-5, 6) if gap}


def test_every_character_is_seen_once_an_epoch() -> None:
    pairs = module._pairs([torch.arange(30).view(6, 5)], 2, torch.Generator().manual_seed(1))
    assert sorted(torch.cat([centre for centre, _ in pairs]).tolist()) == sorted([*range(30)] * 2)


def test_the_vectors_of_a_folder_are_a_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EPOCHS", 1)
    folder = prepared(tmp_path, nonsense(60))
    torch.manual_seed(1)
    first, second = train_skipgram(folder, 6, 5), train_skipgram(folder, 6, 5)
    assert first.shape == (len(folder.characters), 6)
    assert torch.equal(first, second)
    assert not torch.equal(first, train_skipgram(folder, 6, 6))
    assert bool(first.isfinite().all())
