"""Punkt models made to order, in the files and the folder where NLTK looks for its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

ENGLISH = Path("tokenizers", "punkt_tab", "english")


@pytest.fixture
def punkt_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that installs a model; until it is called there is none, whatever this machine has."""
    data = pytest.importorskip("nltk.data")
    tokenize = pytest.importorskip("nltk.tokenize")
    monkeypatch.setattr(data, "path", [str(tmp_path)])

    def install(
        abbreviations: tuple[str, ...] = (),
        collocations: tuple[tuple[str, str], ...] = (),
        starters: tuple[str, ...] = (),
        contexts: Mapping[str, int] | None = None,
    ) -> None:
        folder = tmp_path / ENGLISH
        folder.mkdir(parents=True, exist_ok=True)
        lines = {
            "abbrev_types.txt": abbreviations,
            "collocations.tab": ["\t".join(pair) for pair in collocations],
            "sent_starters.txt": starters,
            "ortho_context.tab": [f"{word}\t{bits}" for word, bits in (contexts or {}).items()],
        }
        for name, rows in lines.items():
            (folder / name).write_text("\n".join(rows), encoding="utf-8")
        tokenize._get_punkt_tokenizer.cache_clear()

    tokenize._get_punkt_tokenizer.cache_clear()
    yield install
    tokenize._get_punkt_tokenizer.cache_clear()
