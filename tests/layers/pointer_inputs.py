"""Questions with one row of passage tokens or several, for the tests of pointers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from slow_layers import Array, array
from torch import Tensor

from ham_mrc.layers.masks import lengths_to_mask

WIDTH, ASKED = 4, 5
ONE_EACH, SEVERAL = ((5,), (3,), (1,)), ((5, 2), (3,), (1, 1, 4))
"""Tokens in the rows of each question."""


class Given(NamedTuple):
    """What pointers ask of a batch, and the tensors themselves: `passage` (R, P, D), `question` (B, Q, U)."""

    passage: Tensor
    question: Tensor
    passage_mask: Tensor
    question_mask: Tensor
    owner: Tensor
    questions: int
    state: Tensor  # (B, H)

    def tokens(self, b: int) -> Array:
        """All real tokens of question `b`, (tokens, D)."""
        return np.concatenate([array(self.passage[r][self.passage_mask[r]]) for r in self.rows(b)])

    def rows(self, b: int) -> list[int]:
        return (self.owner == b).nonzero().flatten().tolist()

    def of(self, logits: Tensor, b: int) -> Tensor:
        """The logits of all real tokens of question `b`."""
        return torch.cat([logits[r][self.passage_mask[r]] for r in self.rows(b)])


def draw(rows: tuple[tuple[int, ...], ...], *, padding: int = 0, hidden: int = 3) -> Given:
    """The same real tokens for every `padding`; those on padding are far from zero."""
    source = torch.Generator().manual_seed(3)

    def sequences(lengths: Tensor, size: int) -> Tensor:
        filled = torch.full((len(lengths), int(lengths.max()) + padding, size), 50.0, dtype=torch.float64)
        for row, length in zip(filled, lengths.tolist(), strict=True):
            row[:length] = torch.randn(length, size, generator=source, dtype=torch.float64)
        return filled

    lengths = torch.tensor([length for own in rows for length in own])
    asked = torch.tensor([2, 4, 1])[: len(rows)]
    passage, question = sequences(lengths, WIDTH), sequences(asked, ASKED)
    return Given(
        passage,
        question,
        lengths_to_mask(lengths, passage.shape[1]),
        lengths_to_mask(asked, question.shape[1]),
        torch.tensor([b for b, own in enumerate(rows) for _ in own]),
        len(rows),
        torch.randn(len(rows), hidden, generator=source, dtype=torch.float64),
    )


def moved(pointer: torch.nn.Module) -> torch.nn.Module:
    """The pointer in float64, no parameter at its starting value."""
    with torch.no_grad():
        for parameter in pointer.double().parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return pointer
