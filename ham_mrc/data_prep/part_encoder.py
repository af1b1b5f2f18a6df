"""Examples to the piece of one part: labelled, cut, each passage stored once, everything counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ham_mrc.data_prep.coded_texts import Coded, CodedTexts
from ham_mrc.data_prep.dataset import Dataset, Reading
from ham_mrc.data_prep.piece import Ids, Piece, PieceColumns, Tally
from ham_mrc.data_prep.request import Limits
from ham_mrc.data_prep.spans import Label, Reason, label_by_offset
from ham_mrc.data_prep.split import Assignment, passages_digest
from ham_mrc.files import to_json
from ham_mrc.records import Example
from ham_mrc.text import Tokens

NULL = "<null>"
"""The word of the null position. No tokeniser cuts it out of a text, so it is never a word of the data."""
YES_NO = "yes no"
"""The text of the row before the passages, where yes and no can be pointed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How chunks become pieces; the same for all chunks of a preparation.

    `assignment` says which part a group of the split inputs belongs to; None where every file is a part of its own.
    """

    dataset: str
    reading: Reading
    training: Limits
    evaluation: Limits
    lowercase: bool
    split_by: str = "question"
    seed: int = 13
    assignment: Assignment | None = None
    strict: bool = False

    def limits(self, part: str) -> Limits:
        """Where the texts of a part are cut."""
        return self.training if part == "train" else self.evaluation


def prefix_tokens(reading: Reading) -> Tokens:
    """The tokens of the row before the passages: the null position, then yes and no, as far as they are wanted."""
    rows = [(NULL, 0, 0)] if reading.null_position else []
    rows += [("yes", 0, 3), ("no", 4, 6)] if reading.yes_no else []
    return Tokens([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


class PartEncoder:
    """One part's piece as it grows. `texts` are those of all examples that will be added."""

    def __init__(self, name: str, dataset: Dataset, encoding: Encoding, texts: CodedTexts) -> None:
        self._dataset = dataset
        self._texts = texts
        self._training = name == "train"
        self._limits = encoding.limits(name)
        self._reading = encoding.reading
        self._prefix = prefix_tokens(self._reading)
        self._tally = Tally()
        self._columns = PieceColumns()
        self._rows: dict[object, tuple[int, list[bytes]]] = {}
        self._kept: list[Example] = []

    def add(self, example: Example, *, duplicate: bool) -> Reason | None:
        """Count the example, keep it if it may be kept, and say what is wrong with its label, if anything is."""
        self._tally.read += 1
        if duplicate:
            self._tally.dropped[Reason.DUPLICATE_ID.value] += 1
            return Reason.DUPLICATE_ID
        if not example.passages:  # a row without tokens stands for them
            words = example.words and replace(example.words, passages=((),))
            example = replace(example, passages=("",), words=words)
        passages, question = self._texts.passages(example), self._texts.question(example)
        kept = self._kept_tokens(passages)
        found = self._label(example, passages, question, kept)
        if isinstance(found, Label):
            self._tally.label(found, free=self._dataset.label is not label_by_offset)
            self._write(example, passages, question, kept, found)
            return found.repaired
        if self._training:
            self._tally.dropped[found.value] += 1
        else:
            self._tally.unlabelled[found.value] += 1
            self._write(example, passages, question, kept, None)
        return found

    def _kept_tokens(self, passages: Sequence[Coded]) -> list[int]:
        """How many tokens each passage keeps: up to the limit each, or all together where they are read joined."""
        limit = self._limits.passage
        if self._reading.layout == "separate":
            return [min(len(tokens), limit) for tokens in passages]
        kept = []
        for tokens in passages:
            kept.append(min(len(tokens), limit))
            limit -= kept[-1]
        return kept

    def _label(self, example: Example, passages: list[Coded], question: Coded, kept: list[int]) -> Label | Reason:
        """The gold span; passage -1 is the row before the passages."""
        if not len(question):
            return Reason.EMPTY_QUESTION
        if not any(len(tokens) for tokens in passages):
            return Reason.EMPTY_PASSAGE
        if example.impossible:
            if not self._reading.null_position:
                return Reason.IMPOSSIBLE
            self._tally.without_answer += 1
            return Label(-1, 0, 0)
        found = self._dataset.label(example, passages, kept, self._reading)
        if found is Reason.YES_NO and self._reading.yes_no:
            word = example.answers[0].text.strip().rstrip(".").lower()
            number = self._prefix.words.index(word)
            return Label(-1, number, number)
        return found

    def _write(
        self, example: Example, passages: list[Coded], question: Coded, kept: list[int], label: Label | None
    ) -> None:
        self._tally.kept += 1
        self._tally.cut_questions += len(question) > self._limits.question
        self._kept.append(example)
        key = (example.passages, example.words and example.words.passages)
        if key not in self._rows:
            self._rows[key] = (self._columns.passages, [passages_digest((text,)) for text in example.passages])
            self._write_passages(example.passages, passages, kept)
        row, digests = self._rows[key]
        if label is not None and self._prefix.words:
            label = label._replace(passage=label.passage + 1)
        self._columns.add_question(
            example.id,
            example.question,
            to_json(dict(example.facts)).rstrip() if example.facts else b"",
            self._question_tokens(question),
            rows=(row, len(passages) + bool(self._prefix.words)),
            label=label,
            passage_keys=digests,
        )

    def _write_passages(self, texts: Sequence[str], passages: list[Coded], kept: list[int]) -> None:
        if self._prefix.words:
            text = YES_NO if self._reading.yes_no else ""
            self._columns.add_passage(text, self._texts.code(self._prefix.words), *self._prefix[1:])
        for text, tokens, length in zip(texts, passages, kept, strict=True):
            self._tally.cut_passages += len(tokens) > length
            columns = (tokens.ids, tokens.char_starts, tokens.char_ends)
            self._columns.add_passage(text, *(column[:length] for column in columns))

    def _question_tokens(self, question: Coded) -> tuple[Ids, Ids, Ids]:
        kept = slice(self._limits.question)
        ids, starts, ends = question.ids[kept], question.char_starts[kept], question.char_ends[kept]
        if not self._reading.null_position:
            return ids, starts, ends
        return np.concatenate((self._texts.code([NULL]), ids)), [0, *starts], [0, *ends]

    def piece(self) -> Piece:
        """The piece, when all examples were added."""
        return self._columns.piece(self._dataset.references.fragment(self._kept), self._tally)
