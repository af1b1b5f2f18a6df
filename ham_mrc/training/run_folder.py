"""A run's folder: what made it, and everything needed to use or to continue it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ham_mrc import __version__
from ham_mrc.config import Config, build_config, read_toml
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.vectors import Vectors, read_vectors
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.files import sha256, write_whole
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers import READERS
from ham_mrc.text import TOKENIZER
from ham_mrc.training.checkpoint import load_weights

SCHEMA = 1
WEIGHTS, VOCABULARY, CONFIG, FINISHED = "model.safetensors", "vocab.txt", "config.toml", "scores.json"

NEEDED = {
    "folder",
    "dataset",
    "manifest_sha256",
    "tokenizer",
    "lowercase",
    "passage_tokens",
    "question_tokens",
    "trained_words",
    "vocabulary_sha256",
    "vector_width",
    "vectors_sha256",
}
"""What [data] of a run's config.toml must say."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run and what its config.toml says: the settings, the prepared folder, the vocabulary's facts."""

    path: Path
    config: Config
    facts: dict[str, Any]

    @property
    def data(self) -> Path:
        """The prepared folder that the run trained on."""
        return Path(self.facts["folder"])

    def vocabulary(self) -> Vocabulary:
        """The run's own copy, checked against the run. Raises HamError where it or the tokeniser is another."""
        facts = self.facts
        if facts["tokenizer"] != TOKENIZER:
            raise HamError(
                f"the run was trained on tokens of {facts['tokenizer']}, this version of ham-mrc cuts {TOKENIZER}",
                file=self.path / CONFIG,
                remedy=f"use ham-mrc {facts['made_by']}, or prepare and train anew",
            )
        return Vocabulary.load(
            self.path / VOCABULARY,
            trained=facts["trained_words"],
            lowercase=facts["lowercase"],
            sha256=facts["vocabulary_sha256"],
        )


def create_run(
    path: Path, config: Config, data: Path, manifest: Manifest, vocabulary: Vocabulary, vectors: Vectors | None
) -> RunFolder:
    """A new run folder with its config.toml and vocabulary in it."""
    facts: dict[str, Any] = {
        "folder": str(data.resolve()),
        "dataset": manifest.dataset,
        "manifest_sha256": sha256(data / MANIFEST),
        "tokenizer": TOKENIZER,
        "lowercase": vocabulary.lowercase,
        "passage_tokens": manifest.settings["evaluation_passage_tokens"],
        "question_tokens": manifest.settings["evaluation_question_tokens"],
        "trained_words": vocabulary.trained,
        "vocabulary_sha256": vocabulary.sha256,
        "vector_width": 0 if vectors is None else vectors.width,
        "vectors_sha256": "" if vectors is None else vectors.sha256,
        "words_with_vectors": 0 if vectors is None else int(vectors.found.sum()),
    }
    run = {"schema": SCHEMA, "made_by": __version__, "torch": torch.__version__}
    vocabulary.save(path / VOCABULARY)
    with write_whole(path / CONFIG) as stream:
        stream.write(config.to_toml(run=run, data=facts).encode())
    return RunFolder(path, config, {**run, **facts})


def open_run(path: Path) -> RunFolder:
    """A run folder that exists. Raises HamError where it is none, or another version made it."""
    if not (path / CONFIG).is_file():
        raise HamError(f"is not a run folder (it holds no {CONFIG})", file=path, remedy="name what `train --out` wrote")
    sections = read_toml(path / CONFIG)
    run, data = sections.get("run", {}), sections.get("data", {})
    if run.get("schema") != SCHEMA:
        raise HamError(
            f"was made by ham-mrc {run.get('made_by', 'unknown')} (run schema {run.get('schema')}); "
            f"this is ham-mrc {__version__}, which reads schema {SCHEMA}",
            file=path / CONFIG,
            remedy="use that version, or train anew",
        )
    if missing := NEEDED - set(data):
        raise HamError(f"lacks {', '.join(sorted(missing))} in [data]", file=path / CONFIG, remedy="train anew")
    return RunFolder(path, build_config(sections, READERS, file=path / CONFIG), {**run, **data})


def build_reader(config: Config, vocabulary: Vocabulary, vectors: torch.Tensor | None) -> nn.Module:
    """The reader of `config` with fresh weights, drawn from the run's seed; `vectors` (words, width) are frozen."""
    torch.manual_seed(config.training.seed)
    width = config.embeddings.width if vectors is None else vectors.shape[1]
    return READERS[config.reader](WordEmbedding(width, vocabulary.trained, vectors), **config.reader_settings)


def load_reader(run: RunFolder, vocabulary: Vocabulary) -> nn.Module:
    """The run's reader with its best weights, in evaluation mode."""
    width = run.facts["vector_width"]
    reader = build_reader(run.config, vocabulary, torch.zeros(len(vocabulary), width) if width else None)
    load_weights(run.path / WEIGHTS, reader)
    return reader.eval()


def extend_vectors(reader: nn.Module, run: RunFolder, words: list[str]) -> int:
    """Give a frozen embedding one row more for each of `words` from the run's own vectors; how many it found.

    A reader that trained its embeddings takes every further word for the unknown one, and nothing is done. Raises
    HamError, with the rows added as zeros, where the vectors cannot be read any more or are others: such words are
    then still matched between question and passage, but not understood.
    """
    embedding = reader.get_submodule("embedding")
    assert isinstance(embedding, WordEmbedding)
    if not embedding.frozen or not words:
        return 0
    rows, found = torch.zeros(len(words), embedding.width), 0
    try:
        vectors = read_vectors(run.config.embeddings.source, words)
        if vectors.sha256 != run.facts["vectors_sha256"]:
            raise HamError("holds other vectors than the run was trained with", file=run.config.embeddings.source)
        rows, found = torch.from_numpy(vectors.rows), int(vectors.found.sum())
    finally:
        embedding.vectors = torch.cat([embedding.vectors, rows.to(embedding.vectors.device)])
    return found
