"""The reader of a run: fresh, blank for a state to be loaded into, or with its best weights."""

from __future__ import annotations

import torch
from torch import nn

from ham_mrc.config import Config
from ham_mrc.data_prep.part_encoder import NULL
from ham_mrc.data_prep.vectors import read_vectors
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers import READERS
from ham_mrc.training.checkpoint import load_weights
from ham_mrc.training.run_folder import WEIGHTS, RunFolder, resume_command


def build_reader(
    config: Config, vocabulary: Vocabulary, vectors: torch.Tensor | None, *, characters: int = 0, null: bool = False
) -> nn.Module:
    """The reader of `config` with fresh weights, drawn from the run's seed; `vectors` (words, width) are frozen.

    `characters` is the number of their ids, and `null` says that texts begin with the null position.
    """
    torch.manual_seed(config.training.seed)
    width = config.embeddings.width if vectors is None else vectors.shape[1]
    word = vocabulary.encode([NULL])[0] if null else None
    embedding = WordEmbedding(width, vocabulary.trained, vectors, null=word)
    return READERS[config.reader](embedding, characters, **config.reader_settings)


def blank_reader(run: RunFolder, vocabulary: Vocabulary) -> nn.Module:
    """The run's reader, of the right shape for weights to be loaded into."""
    facts = run.facts
    vectors = torch.zeros(len(vocabulary), facts["vector_width"]) if facts["vector_width"] else None
    null = bool(run.reading.null_position)
    return build_reader(run.config, vocabulary, vectors, characters=facts["characters"], null=null)


def load_reader(run: RunFolder, vocabulary: Vocabulary) -> nn.Module:
    """The run's reader with its best weights, in evaluation mode. Raises HamError where the run has not finished."""
    if not run.finished:
        raise HamError("the run has not finished", file=run.path, remedy=f"go on with: {resume_command(run.path)}")
    reader = blank_reader(run, vocabulary)
    load_weights(run.path / WEIGHTS, reader)
    return reader.eval()


def extend_vectors(reader: nn.Module, run: RunFolder, words: list[str]) -> tuple[int, HamError | None]:
    """Give a frozen embedding one row more for each of `words`: how many vectors were found, and why none could be.

    A reader that trained its embeddings takes every further word for the unknown one, and nothing is done. Where the
    run's vectors cannot be read any more, or are others, the rows are zeros: such words are then still matched
    between question and passage, but not understood.
    """
    embedding = reader.get_submodule("embedding")
    assert isinstance(embedding, WordEmbedding)
    if not embedding.frozen or not words:
        return 0, None
    source, fault = run.config.embeddings.source, None
    rows, found = torch.zeros(len(words), embedding.width), 0
    try:
        vectors = read_vectors(source, words)
        if vectors.sha256 != run.facts["vectors_sha256"]:
            raise HamError("holds other vectors than the run was trained with", file=source)
        rows, found = torch.from_numpy(vectors.rows), int(vectors.found.sum())
    except HamError as error:
        fault = error
    embedding.vectors = torch.cat([embedding.vectors, rows.to(embedding.vectors.device)])
    return found, fault
