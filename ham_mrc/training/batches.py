"""Columns to batches of similar length, in an order that a seed and an epoch decide and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ham_mrc.data_prep.characters import Alphabet
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import UNK
from ham_mrc.errors import HamError
from ham_mrc.readers.batch import Batch

WINDOW = 50
"""Batches that are sorted by length together: long enough for little padding, short enough to keep the order random."""

Rows = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Form:
    """How the columns of a prepared folder become batches; `of` takes it from the manifest's `reading`.

    joined      the rows of a question are one sequence, an unknown word between two passages
    null        a question's first row begins with the null position
    lead        how many tokens that are no passage (null, yes, no) stand in the first row; 0: all rows are passages
    alphabet    characters of tokens go into batches, up to `width` a token; None: they do not
    """

    joined: bool = False
    null: bool = False
    lead: int = 0
    alphabet: Alphabet | None = None
    width: int = 0

    @classmethod
    def of(cls, reading: Mapping[str, Any], alphabet: Alphabet | None = None, width: int = 0) -> Form:
        """`alphabet` and `width` are those that the reader wants, width 0 for none."""
        lead = bool(reading["null_position"]) + 2 * bool(reading["yes_no"])
        joined, null = reading["layout"] == "joined", bool(reading["null_position"])
        return cls(joined, null, lead, alphabet if width else None, width if alphabet is not None else 0)


def passage_lengths(columns: Columns) -> Rows:
    """(n,) tokens of each question's rows together."""
    first, count = columns.question_passage, columns.question_passages
    lengths: Rows = columns.passage_offsets[first + count] - columns.passage_offsets[first]
    return lengths


def longest_rows(columns: Columns, form: Form) -> Rows:
    """(n,) tokens of the longest sequence that a reader is given of each question."""
    if form.joined or not len(columns):
        return passage_lengths(columns)
    lengths = np.append(np.diff(columns.passage_offsets), 0)  # the 0 is where the last question's rows end
    first, count = columns.question_passage, columns.question_passages
    longest = np.maximum.reduceat(lengths, np.stack([first, first + count], 1).ravel())[::2]
    return np.where(count > 0, longest, 0)


def labelled_rows(columns: Columns) -> Rows:
    """The questions that can train: those with a gold span. Raises HamError where there is none."""
    rows = np.flatnonzero(columns.start >= 0)
    if not len(rows):
        raise HamError("has no question with a gold span to train on", file=columns.folder, remedy="prepare again")
    return rows


def training_order(columns: Columns, form: Form, batch_size: int, *, seed: int, epoch: int) -> list[Rows]:
    """The batches of one epoch: questions shuffled, sorted by passage length within windows, batches shuffled."""
    random = np.random.default_rng([seed, epoch])
    rows = random.permutation(labelled_rows(columns))
    lengths = longest_rows(columns, form)
    batches: list[Rows] = []
    for first in range(0, len(rows), batch_size * WINDOW):
        window = rows[first : first + batch_size * WINDOW]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches += [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def prediction_order(columns: Columns, form: Form, batch_size: int) -> list[Rows]:
    """Batches over every question whose passages have a token, the longest first: memory runs out at once or never."""
    lengths = longest_rows(columns, form)
    rows = np.argsort(-lengths, kind="stable")
    rows = rows[lengths[rows] > 0]
    return [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]


def padding_share(columns: Columns, form: Form, batches: Sequence[Rows]) -> float:
    """The share of padding among all passage positions of the batches, 0 to 1."""
    lengths, longest = passage_lengths(columns), longest_rows(columns, form)
    counts = np.ones(len(columns), np.int64) if form.joined else columns.question_passages
    read = sum(int(lengths[rows].sum()) for rows in batches)
    held = sum(int(longest[rows].max()) * int(counts[rows].sum()) for rows in batches)
    return 1 - read / held if held else 0.0


@dataclass(slots=True)
class Place:
    """A piece of a sequence: the tokens `begin` to `end` of the columns, from position `at` on.

    `passage` counts among the question's rows. Positions before `at` hold earlier pieces and separators.
    """

    passage: int
    begin: int
    end: int
    at: int


def sequences(columns: Columns, question: int, form: Form) -> list[list[Place]]:
    """The rows of a batch that one question gives, each as its pieces in order. Passages without a token are no row."""
    first, count = int(columns.question_passage[question]), int(columns.question_passages[question])
    bounds = columns.passage_offsets[first : first + count + 1].tolist()
    pieces = [Place(i, bounds[i], bounds[i + 1], 0) for i in range(count) if bounds[i] < bounds[i + 1]]
    if not form.joined:
        return [[piece] for piece in pieces]
    at = 0
    for piece in pieces:
        piece.at = at
        separator = 0 if form.lead and piece.passage == 0 else 1
        at += piece.end - piece.begin + separator
    return [pieces] if pieces else []


def make_batch(columns: Columns, rows: Rows, form: Form) -> Batch:
    """The tensors of the questions in `rows`, each of which has a passage with a token."""
    by_question = [sequences(columns, int(row), form) for row in rows]
    flat = [pieces for sequence in by_question for pieces in sequence]
    owner = np.repeat(np.arange(len(rows)), [len(sequence) for sequence in by_question])
    lengths = np.array([pieces[-1].at + pieces[-1].end - pieces[-1].begin for pieces in flat], np.int64)
    passage = np.zeros((len(flat), max(1, int(lengths.max(initial=1)))), np.int64)  # 0 is padding
    segment = np.full(passage.shape, -1, np.int64)
    for r, pieces in enumerate(flat):
        passage[r, : lengths[r]] = UNK
        for piece in pieces:
            here = slice(piece.at, piece.at + piece.end - piece.begin)
            passage[r, here] = columns.passage_tokens[piece.begin : piece.end]
            segment[r, here] = _segments(piece, form)
    question, asked = _pad(columns.question_tokens, columns.question_offsets, rows)
    batch = Batch(
        passage=torch.from_numpy(passage),
        question=question,
        passage_lengths=torch.from_numpy(lengths),
        question_lengths=asked,
        owner=torch.from_numpy(owner.astype(np.int64)),
        segment=torch.from_numpy(segment),
        **_labels(columns, rows, by_question),
        index=torch.from_numpy(np.asarray(rows, np.int64)),
        null_row=torch.from_numpy(_first_rows(by_question)) if form.null else None,
    )
    if form.alphabet is None:
        return batch
    passage_chars = _passage_characters(columns, rows[owner], flat, passage.shape, form)
    return batch._replace(
        passage_chars=passage_chars, question_chars=_question_characters(columns, rows, question.shape, form)
    )


def _segments(piece: Place, form: Form) -> int | Ints:
    """One number for a passage. Null, yes and no are answers of one token each; null is no span but a decision."""
    if piece.passage > 0 or not form.lead:
        return form.lead + piece.passage
    numbers = np.arange(piece.end - piece.begin, dtype=np.int32)
    return np.where(numbers == 0, -1, numbers) if form.null else numbers


def _labels(columns: Columns, rows: Rows, by_question: list[list[list[Place]]]) -> dict[str, Tensor]:
    """Gold row and positions of each question, -1 where it has none."""
    found = np.full((3, len(rows)), -1, np.int64)
    first = 0
    for b, (row, sequences_) in enumerate(zip(rows.tolist(), by_question, strict=True)):
        gold = int(columns.answer_passage[row])
        for r, pieces in enumerate(sequences_):
            for piece in pieces:
                if columns.start[row] >= 0 and piece.passage == gold:
                    found[:, b] = first + r, piece.at + columns.start[row], piece.at + columns.end[row]
        first += len(sequences_)
    return dict(zip(("row", "start", "end"), map(torch.from_numpy, found), strict=True))


def _first_rows(by_question: list[list[list[Place]]]) -> Rows:
    counts = np.array([len(sequence) for sequence in by_question], np.int64)
    return counts.cumsum() - counts


def _pad(flat: npt.NDArray[np.int32], offsets: Rows, rows: Rows) -> tuple[Tensor, Tensor]:
    begins, ends = offsets[rows], offsets[rows + 1]
    lengths = ends - begins
    ids = np.zeros((len(rows), max(1, int(lengths.max()))), np.int64)  # 0 is padding
    for i, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        ids[i, : end - begin] = flat[begin:end]
    return torch.from_numpy(ids), torch.from_numpy(lengths)


def _passage_characters(
    columns: Columns, questions: Rows, flat: list[list[Place]], shape: tuple[int, ...], form: Form
) -> Tensor:
    """(R, P, W) character ids; the separator and <null> have none. `questions` (R,) are those of the rows."""
    assert form.alphabet is not None
    found = np.zeros((*shape, form.width), np.int64)
    for r, (first, pieces) in enumerate(zip(columns.question_passage[questions].tolist(), flat, strict=True)):
        for piece in pieces:
            starts, ends = (
                c[piece.begin : piece.end] for c in (columns.passage_char_starts, columns.passage_char_ends)
            )
            ids = form.alphabet.ids(columns.passage_text(first + piece.passage), starts, ends, form.width)
            found[r, piece.at : piece.at + len(ids)] = ids
    return torch.from_numpy(found)


def _question_characters(columns: Columns, rows: Rows, shape: tuple[int, ...], form: Form) -> Tensor:
    """(B, Q, W) character ids."""
    assert form.alphabet is not None
    found = np.zeros((*shape, form.width), np.int64)
    for b, row in enumerate(rows.tolist()):
        begin, end = columns.question_offsets[row : row + 2].tolist()
        starts, ends = (column[begin:end] for column in (columns.question_char_starts, columns.question_char_ends))
        found[b, : end - begin] = form.alphabet.ids(columns.question_text(row), starts, ends, form.width)
    return torch.from_numpy(found)
