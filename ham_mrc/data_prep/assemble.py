"""Pieces to parts: columns under final word ids, references, vocabulary, and what parts share with each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.characters import CODE_POINTS, Alphabet, rank_characters
from ham_mrc.data_prep.dataset import ReferenceFormat
from ham_mrc.data_prep.encode import Encoded
from ham_mrc.data_prep.ledger import Ledger, Rows, first_of_each
from ham_mrc.data_prep.manifest import PartCounts
from ham_mrc.data_prep.piece import Piece, Tally
from ham_mrc.data_prep.shard_writer import PartWriter, renumber, token_counts
from ham_mrc.data_prep.spans import Reason
from ham_mrc.data_prep.vocab import Interner, Vocabulary, rank_words


class Assembly:
    """The parts of a prepared folder, growing by the pieces of one chunk at a time. A context manager.

    The first of `parts` is train. `scratch` is a folder for temporary files.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        parts: Sequence[str],
        references: ReferenceFormat,
        version: str,
    ) -> None:
        self.folder = folder
        self.parts = tuple(parts)
        self.interner = Interner()
        self._closing = ExitStack()
        self.writers = {
            part: self._closing.enter_context(PartWriter(folder / part, references, version)) for part in parts
        }
        self._characters = np.zeros(CODE_POINTS, np.int64)
        self._passages = Ledger(scratch, "passages", ("part", "question"))
        self._ids = Ledger(scratch, "ids", ("part",))

    def add(self, encoded: Encoded) -> None:
        """Append what one chunk holds."""
        new_ids = number_of_each(self.interner, encoded.words)
        for part, piece in encoded.pieces.items():
            self._note_keys(self.parts.index(part), self.writers[part].questions, piece)
            self.writers[part].add(piece, new_ids)
            if part == "train":
                self._characters[piece.characters[0]] += piece.characters[1]

    def _note_keys(self, part: int, first: int, piece: Piece) -> None:
        self._passages.add(piece.passage_keys, part=part, question=piece.passage_questions + first)
        self._ids.add(piece.id_keys, part=part)

    def number_words(self, *, min_count: int, vocab_size: int | None, lowercase: bool) -> Vocabulary:
        """Give the words their final ids, by their counts, in the columns of all parts, when those stand."""
        counts = {part: token_counts(self.folder / part, len(self.interner)) for part in self.parts}
        vocabulary, new_ids = rank_words(
            list(self.interner),
            counts["train"],
            np.sum(list(counts.values()), axis=0),
            min_count=min_count,
            vocab_size=vocab_size,
            lowercase=lowercase,
        )
        for part in self.parts:
            renumber(self.folder / part, new_ids)
        return vocabulary

    def alphabet(self, *, min_count: int) -> Alphabet:
        """The characters of the training part."""
        return rank_characters(self._characters, min_count=min_count)

    def counts(self) -> dict[str, PartCounts]:
        """What every part holds, and what it shares with train."""
        shared = _shared_passages(
            self._passages.buckets(), self.parts, {part: writer.questions for part, writer in self.writers.items()}
        )
        ids = _shared_ids(self._ids.buckets(), len(self.parts))
        return {
            part: part_counts(self.writers[part].tally, *shared[part], ids_in_train=int(ids[number]) if number else 0)
            for number, part in enumerate(self.parts)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)


def number_of_each(interner: Interner, words: Sequence[str]) -> npt.NDArray[np.int32]:
    """(len(words),) the ids of words; those that are new get the next ones, in their order."""
    return np.fromiter(map(interner.__getitem__, words), np.int32, len(words))


def part_counts(
    tally: Tally, passages: int = 0, passages_in_train: int = 0, questions_on_them: int = 0, *, ids_in_train: int = 0
) -> PartCounts:
    """A part's counts as the manifest has them."""
    return PartCounts(
        read=tally.read,
        kept=tally.kept,
        dropped=_by_reason(tally.dropped),
        unlabelled=_by_reason(tally.unlabelled),
        moved=tally.moved,
        repaired=tally.repaired,
        later_answer=tally.later_answer,
        without_answer=tally.without_answer,
        searched=tally.searched,
        match=tally.match / tally.searched if tally.searched else None,
        passages=passages,
        cut_passages=tally.cut_passages,
        cut_questions=tally.cut_questions,
        passages_in_train=passages_in_train,
        questions_on_train_passages=questions_on_them,
        ids_in_train=ids_in_train,
    )


def _by_reason(counts: dict[str, int]) -> dict[str, int]:
    """In the order in which the reasons are declared, so that the same input gives the same bytes."""
    return {reason.value: counts[reason.value] for reason in Reason if counts.get(reason.value)}


def _shared_passages(
    buckets: Iterable[Rows], parts: Sequence[str], questions: dict[str, int]
) -> dict[str, tuple[int, int, int]]:
    """part -> (different passages, those that are train's too, questions asked on one of these); train is number 0."""
    different, shared = np.zeros(len(parts), np.int64), np.zeros(len(parts), np.int64)
    on_them = [np.zeros(questions[part], bool) for part in parts]
    for rows in buckets:
        begins = first_of_each(rows)
        group = np.cumsum(begins) - 1
        in_train = np.zeros(int(begins.sum()), bool)
        in_train[group[rows["part"] == 0]] = True
        for part in range(len(parts)):
            mine = rows["part"] == part
            own = np.unique(group[mine])
            different[part] += len(own)
            if part:
                shared[part] += int(in_train[own].sum())
                on_them[part][rows["question"][mine & in_train[group]]] = True
    return {
        part: (int(different[number]), int(shared[number]), int(on_them[number].sum()))
        for number, part in enumerate(parts)
    }


def _shared_ids(buckets: Iterable[Rows], parts: int) -> npt.NDArray[np.int64]:
    """(parts,) different ids that are also train's, part number 0."""
    shared = np.zeros(parts, np.int64)
    for rows in buckets:
        group = np.cumsum(first_of_each(rows)) - 1
        train = np.unique(group[rows["part"] == 0])
        for part in range(1, parts):
            shared[part] += len(np.intersect1d(train, np.unique(group[rows["part"] == part]), assume_unique=True))
    return shared
