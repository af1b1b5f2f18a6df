"""A chunk of raw records to pieces of parts: tokenised, labelled, cut, each passage stored once, everything counted.

`encode_chunk` is a pure function of what it is given, so it runs in any process on any machine with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.chunks import Chunk, no_collection
from ham_mrc.data_prep.coded_texts import CodedTexts
from ham_mrc.data_prep.fields import shown
from ham_mrc.data_prep.part_encoder import Encoding, PartEncoder
from ham_mrc.data_prep.piece import Piece
from ham_mrc.data_prep.spans import FAULTY_LABEL, describe
from ham_mrc.data_prep.split import group_key, group_rank, text_digest
from ham_mrc.errors import HamError
from ham_mrc.records import Example


class Portion(NamedTuple):
    """A chunk, and what only a look at the whole corpus tells of it.

    `part` is the part that its file is, None where the assignment decides. `limit` is how many of its questions
    count, None for all; `duplicates` the numbers of those whose id stood earlier. `checksum` is of its ids.
    """

    chunk: Chunk
    part: str | None = None
    limit: int | None = None
    duplicates: frozenset[int] = frozenset()
    checksum: bytes | None = None


class Encoded(NamedTuple):
    """The pieces of a chunk by part, and the words that their columns number, in the order of first sight."""

    words: list[str]
    pieces: dict[str, Piece]


def encode_chunk(encoding: Encoding, portion: Portion) -> Encoded:
    """The pieces that a chunk adds to each part.

    Raises HamError for a faulty record, with `strict` for a faulty label, and where the file has changed since the
    ids in it were looked at.
    """
    with no_collection():
        work = _Chunk(encoding, portion)
        work.read()
        return work.encoded()


def encode_examples(encoding: Encoding, examples: Iterable[Example], part: str, seen: set[str]) -> Encoded:
    """The piece that `examples` add to one part. An id in `seen` is a repeated one; new ids are put there."""
    work = _Chunk(encoding, Portion(Chunk("", ())))
    for example in examples:
        work.add(example, part, example.id in seen)
        seen.add(example.id)
    return work.encoded()


def checksum(ids: Iterable[str]) -> bytes:
    """What stands for the ids of a chunk in their order."""
    return text_digest("\0".join(ids))


def changed(file: str) -> HamError:
    """What to raise where a file is not the one that was looked at first."""
    return HamError("changed while it was read", file=file, remedy="prepare again")


class _Chunk:
    """One portion on its way to pieces. Words are numbered in the order of first sight."""

    def __init__(self, encoding: Encoding, portion: Portion) -> None:
        self._encoding = encoding
        self._dataset = DATASETS[encoding.dataset]
        self._portion = portion
        self._wanted: list[tuple[Example, str, bool]] = []

    def read(self) -> None:
        """Take in the examples of the portion."""
        chunk = self._portion.chunk
        ids: list[str] = []
        for record, examples in chunk.examples(self._dataset, self._encoding.reading):
            parts = [self._part_of(example) for example in examples]
            trained = examples
            if self._dataset.trains_apart and "train" in parts:
                trained = chunk.parse(record, self._dataset, self._encoding.reading, training=True)
            for example, other, part in zip(examples, trained, parts, strict=True):
                number = len(ids)
                ids.append(example.id)
                if self._portion.limit is None or number < self._portion.limit:
                    self.add(other if part == "train" else example, part, number in self._portion.duplicates)
        if self._portion.checksum is not None and checksum(ids) != self._portion.checksum:
            raise changed(chunk.file)

    def add(self, example: Example, part: str, duplicate: bool) -> None:
        """Take in one example."""
        self._wanted.append((example, part, duplicate))

    def _part_of(self, example: Example) -> str:
        if self._portion.part is not None:
            return self._portion.part
        assert self._encoding.assignment is not None
        rank = group_rank(self._encoding.seed, group_key(example, self._encoding.split_by))
        return self._encoding.assignment.part(rank)

    def encoded(self) -> Encoded:
        """Everything that was taken in."""
        segment = self._encoding.reading.segment
        texts = CodedTexts(segment, self._encoding.lowercase, (example for example, _, _ in self._wanted))
        parts: dict[str, PartEncoder] = {}
        for example, name, duplicate in self._wanted:
            if name not in parts:
                parts[name] = PartEncoder(name, self._dataset, self._encoding, texts)
            fault = parts[name].add(example, duplicate=duplicate)
            if fault in FAULTY_LABEL and self._encoding.strict:
                raise HamError(
                    describe(fault, example),
                    file=self._portion.chunk.file,
                    place=f"question {shown(example.id)}",
                    remedy="mend it, or leave out --strict, to have it repaired or dropped from training, and counted",
                )
        return _compact(texts.words, {name: part.piece() for name, part in parts.items()})


def _compact(words: list[str], pieces: dict[str, Piece]) -> Encoded:
    """The same with only those words that stand in a column: what was dropped or cut away has none."""
    columns = [piece.columns[name] for piece in pieces.values() for name in ("passage_tokens", "question_tokens")]
    used = np.zeros(len(words), bool)
    for column in columns:
        used[column] = True
    numbers = np.cumsum(used, dtype=np.int32) - 1
    for piece in pieces.values():
        for name in ("passage_tokens", "question_tokens"):
            piece.columns[name] = numbers[piece.columns[name]].astype(np.int32)
    return Encoded([words[number] for number in np.flatnonzero(used).tolist()], pieces)
