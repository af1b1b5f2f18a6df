"""Prepared poems to batches without padding, in an order that a seed and an epoch decide and nothing else.

Letters for shapes: `N` triples, `P` poems, `B` rows of a batch, `L` characters of a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ham_mrc.data_prep.poem_columns import Ints, Triples
from ham_mrc.errors import HamError
from ham_mrc.quatrains.batch import PoemBatch, PoemLines
from ham_mrc.training.batches import Rows

__all__ = ["LineRows", "PoemBatch", "PoemLines", "PoemRows", "WholePoems"]


class PoemRows(Protocol):
    """One part as a network reads it: rows that are batched within groups of one shape."""

    def __len__(self) -> int:
        """How many rows there are."""

    def order(self, size: int, *, seed: int, epoch: int) -> list[Rows]:
        """The batches of an epoch, shuffled within groups and among each other."""

    def plain_order(self, size: int) -> list[Rows]:
        """All rows in batches, group by group, for scoring."""

    def batch(self, rows: Rows) -> PoemBatch | PoemLines:
        """The tensors of rows of one group."""


class LineRows:
    """Triples, one line to learn each; a group is of one length, place and length of keyword."""

    def __init__(self, triples: Triples) -> None:
        self.columns = Triples(*map(np.ascontiguousarray, triples))  # in memory: 16 MB for 290,000 triples
        self._groups = groups_of(triples.length, triples.position, triples.keyword_length)

    def __len__(self) -> int:
        return len(self.columns.line)

    def order(self, size: int, *, seed: int, epoch: int) -> list[Rows]:
        """See PoemRows."""
        return shuffled(self._groups, size, seed=seed, epoch=epoch)

    def plain_order(self, size: int) -> list[Rows]:
        """See PoemRows."""
        return cut(self._groups, size)

    def batch(self, rows: Rows) -> PoemBatch:
        """`rows` (B,) of one group."""
        columns, first = self.columns, rows[0]
        length, position = int(columns.length[first]), int(columns.position[first])
        widths = int(columns.keyword_length[first]), int(columns.text_length[first]), length
        keyword, text, line = (
            _tensor(column[rows, :width])
            for column, width in zip((columns.keyword, columns.text, columns.line), widths, strict=True)
        )
        lengths = _tensor(columns.keyword_length[rows]), _tensor(columns.text_length[rows])
        return PoemBatch(keyword, lengths[0], text, lengths[1], line, length, position)


class WholePoems:
    """Poems of four lines; a group is of one length."""

    def __init__(self, triples: Triples) -> None:
        self.lines, self.lengths = whole_poems(triples)
        self._groups = groups_of(self.lengths)

    def __len__(self) -> int:
        return len(self.lines)

    def order(self, size: int, *, seed: int, epoch: int) -> list[Rows]:
        """See PoemRows."""
        return shuffled(self._groups, size, seed=seed, epoch=epoch)

    def plain_order(self, size: int) -> list[Rows]:
        """See PoemRows."""
        return cut(self._groups, size)

    def batch(self, rows: Rows) -> PoemLines:
        """`rows` (B,) of one length."""
        length = int(self.lengths[rows[0]])
        return PoemLines(_tensor(self.lines[rows, :, :length]), length)


def whole_poems(triples: Triples) -> tuple[Ints, Ints]:
    """Lines (P, 4, 7) and lengths (P,) of the poems that triples tell line by line, in their own order.

    Raises HamError where a poem does not have its four lines.
    """
    count = int(triples.poem.max(initial=-1)) + 1
    lines = np.zeros((count, 4, triples.line.shape[1]), triples.line.dtype)
    lengths, seen = np.zeros(count, triples.length.dtype), np.zeros((count, 4), bool)
    lines[triples.poem, triples.position - 1] = triples.line
    seen[triples.poem, triples.position - 1] = True
    lengths[triples.poem] = triples.length
    if not seen.all():
        raise HamError(f"{int((~seen).any(1).sum())} poems lack a line", remedy="prepare the poems again")
    return lines, lengths


def groups_of(*columns: Ints) -> list[Rows]:
    """The rows with the same values in all `columns`, each group's in rising order."""
    _, number = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
    by_group = np.argsort(number.ravel(), kind="stable")
    return np.split(by_group, np.flatnonzero(np.diff(number.ravel()[by_group])) + 1) if len(by_group) else []


def shuffled(groups: Sequence[Rows], size: int, *, seed: int, epoch: int) -> list[Rows]:
    """Every row once, in batches of up to `size` from one group each; rows and batches in random order."""
    random = np.random.default_rng([seed, epoch])
    batches = cut([random.permutation(group) for group in groups], size)
    return [batches[i] for i in random.permutation(len(batches))]


def cut(groups: Sequence[Rows], size: int) -> list[Rows]:
    """Every group in pieces of up to `size`, in order."""
    return [group[i : i + size] for group in groups for i in range(0, len(group), size)]


def _tensor(column: Ints) -> Tensor:
    return torch.from_numpy(column.astype(np.int64))
