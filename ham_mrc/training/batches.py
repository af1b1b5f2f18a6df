"""Columns to batches of similar length, in an order that a seed and an epoch decide and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError
from ham_mrc.readers.batch import Batch

WINDOW = 50
"""Batches that are sorted by length together: long enough for little padding, short enough to keep the order random."""

Rows = npt.NDArray[np.int64]


def passage_lengths(columns: Columns) -> Rows:
    """(n,) tokens of each question's passage."""
    return np.diff(columns.passage_offsets)[columns.question_passage]


def labelled_rows(columns: Columns) -> Rows:
    """The questions that can train: those with a gold span. Raises HamError where there is none."""
    rows = np.flatnonzero(columns.start >= 0)
    if not len(rows):
        raise HamError("has no question with a gold span to train on", file=columns.folder, remedy="prepare again")
    return rows


def training_order(columns: Columns, batch_size: int, *, seed: int, epoch: int) -> list[Rows]:
    """The batches of one epoch: questions shuffled, sorted by passage length within windows, batches shuffled."""
    random = np.random.default_rng([seed, epoch])
    rows = random.permutation(labelled_rows(columns))
    lengths = passage_lengths(columns)
    batches: list[Rows] = []
    for first in range(0, len(rows), batch_size * WINDOW):
        window = rows[first : first + batch_size * WINDOW]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches += [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def prediction_order(columns: Columns, batch_size: int) -> list[Rows]:
    """Batches over every question whose passage has a token, the longest first: memory runs out at once or never."""
    lengths = passage_lengths(columns)
    rows = np.argsort(-lengths, kind="stable")
    rows = rows[lengths[rows] > 0]
    return [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]


def padding_share(columns: Columns, batches: Sequence[Rows]) -> float:
    """The share of padding among all passage positions of the batches, 0 to 1."""
    lengths = passage_lengths(columns)
    read = sum(int(lengths[rows].sum()) for rows in batches)
    held = sum(int(lengths[rows].max()) * len(rows) for rows in batches)
    return 1 - read / held if held else 0.0


def make_batch(columns: Columns, rows: Rows) -> Batch:
    """The tensors of the questions in `rows`, one passage each."""
    passages = columns.question_passage[rows]
    passage, lengths = _pad(columns.passage_tokens, columns.passage_offsets, passages)
    question, asked = _pad(columns.question_tokens, columns.question_offsets, rows)
    start, end = (torch.from_numpy(column[rows].astype(np.int64)) for column in (columns.start, columns.end))
    return Batch(passage, question, lengths, asked, start, end, torch.from_numpy(np.asarray(rows, np.int64)))


def _pad(flat: npt.NDArray[np.int32], offsets: Rows, rows: Rows) -> tuple[Tensor, Tensor]:
    begins, ends = offsets[rows], offsets[rows + 1]
    lengths = ends - begins
    ids = np.zeros((len(rows), max(1, int(lengths.max()))), np.int64)  # 0 is padding
    for i, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        ids[i, : end - begin] = flat[begin:end]
    return torch.from_numpy(ids), torch.from_numpy(lengths)
