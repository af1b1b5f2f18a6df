"""The beginning of a run, new or going on: all is opened and checked before the first file is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ham_mrc.config import Config
from ham_mrc.data_prep.characters import CHARACTERS, Alphabet
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.vectors import GLOVE, read_vectors
from ham_mrc.errors import HamError
from ham_mrc.files import sha256
from ham_mrc.text import TOKENIZER
from ham_mrc.training.device import choose_device
from ham_mrc.training.distributed import Group
from ham_mrc.training.grow import Grown
from ham_mrc.training.parts import Parts, open_parts
from ham_mrc.training.run_folder import VOCABULARY, RunFolder, create_run, open_run, resume_command
from ham_mrc.training.run_reader import blank_reader, build_reader

Begun = tuple[RunFolder, nn.Module, Parts]


def begin(data: Path, out: Path, config: Config, group: Group, grown: Grown | None = None) -> Begun:
    """A new run on the prepared folder `data`, with fresh weights, or with those that have `grown`."""
    manifest = Manifest.load(data)
    if manifest.reading["segment"] == "characters" and manifest.tokenizer != TOKENIZER:
        what = f"holds tokens of {manifest.tokenizer}, and this version of ham-mrc cuts {TOKENIZER}"
        raise HamError(what, file=data, remedy="prepare again")
    vocabulary = manifest.load_vocabulary(data / VOCABULARY)
    alphabet = Alphabet.load(data / CHARACTERS, sha256=manifest.vocabulary["characters_sha256"])
    choose_device(config.training.device, config.training.precision, group.local_rank)  # fails now, and not later
    parts = open_parts(data, config.training.choose_by)
    config = with_absolute_source(config)
    vectors = read_vectors(config.embeddings.source, vocabulary.words) if config.embeddings.source else None
    rows, null = None if vectors is None else torch.from_numpy(vectors.rows), parts.form.null
    reader = build_reader(config, vocabulary, rows, characters=len(alphabet), null=null)
    parts = parts.with_characters(alphabet, characters_wanted(reader))
    if grown is not None:
        grown.into(reader, config, vocabulary, vectors, parts.form.alphabet)
    group.wait()  # all have looked at `out` before the leader puts the first file there
    if group.leader:
        made = {} if grown is None else grown.recorded()
        create_run(out, config, data, manifest, vocabulary, vectors, parts.form.alphabet, made)
    group.wait()
    return open_run(out), reader, parts


def go_on(run: RunFolder, data: Path, group: Group) -> Begun:
    """A run that was stopped, on its prepared folder, which may have moved. Its state is still to be loaded."""
    parts, vocabulary = open_parts(data, run.config.training.choose_by), run.vocabulary()
    reader = blank_reader(run, vocabulary)
    parts = parts.with_characters(run.alphabet(), characters_wanted(reader))
    if group.leader and data.resolve() != run.data:
        run = run.moved(data)
    return run, reader, parts


def characters_wanted(reader: nn.Module) -> int:
    """How many characters of each token a reader wants in its batches."""
    wanted = reader.characters
    assert isinstance(wanted, int)
    return wanted


def with_absolute_source(config: Config) -> Config:
    """So that `predict` finds the vectors from whatever folder it is called."""
    source = config.embeddings.source
    if source in ("", GLOVE):
        return config
    return replace(config, embeddings=replace(config.embeddings, source=str(Path(source).resolve())))


def check_same_data(run: RunFolder, data: Path) -> None:
    """Raise HamError where `data` is not the prepared folder that the run began with."""
    if not (data / MANIFEST).is_file():
        remedy = f"where has it moved? {resume_command(run.path, 'DATA')}"
        raise HamError(f"is no prepared folder (it holds no {MANIFEST})", file=data, remedy=remedy)
    if sha256(data / MANIFEST) != run.facts["manifest_sha256"]:
        raise HamError("is not the prepared data that the run began with", file=data, remedy="train a new run on it")
