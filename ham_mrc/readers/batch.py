"""What a reader is given: the tensors of some questions, padded to the longest of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers.masks import lengths_to_mask


class Batch(NamedTuple):
    """`B` questions with their passages of up to `P` tokens and questions of up to `Q`.

    Ids are int64, lengths count real tokens and are at least 1 for passages. `start` and `end` are gold token
    positions, both inclusive, -1 where a question has no label. `index` is the row of each question in its columns.
    """

    passage: Tensor  # (B, P)
    question: Tensor  # (B, Q)
    passage_lengths: Tensor  # (B,)
    question_lengths: Tensor  # (B,)
    start: Tensor  # (B,)
    end: Tensor  # (B,)
    index: Tensor  # type: ignore[assignment]  # (B,); hides the method `index` of tuples, which no batch needs

    @property
    def passage_mask(self) -> Tensor:
        """(B, P), True on real tokens."""
        return lengths_to_mask(self.passage_lengths, self.passage.shape[1])

    @property
    def question_mask(self) -> Tensor:
        """(B, Q), True on real tokens."""
        return lengths_to_mask(self.question_lengths, self.question.shape[1])

    def to(self, device: torch.device) -> Batch:
        """The same batch with every tensor on `device`."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))


def word_match(batch: Batch) -> tuple[Tensor, Tensor]:
    """(B, P, 1) and (B, Q, 1): 1 where a passage word also stands in the question, and the other way round.

    Words are compared by id, so the vocabulary gives every word an id of its own, with a vector or without.
    Chen et al. 2017 (DrQA) found this the most useful input after the word vectors.
    """
    passage_mask, question_mask = batch.passage_mask, batch.question_mask
    same = batch.passage[:, :, None] == batch.question[:, None]  # (B, P, Q)
    same = same & passage_mask[:, :, None] & question_mask[:, None]
    return same.any(2)[..., None].float(), same.any(1)[..., None].float()
