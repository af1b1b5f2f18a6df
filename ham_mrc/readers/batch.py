"""What a reader is given: the tensors of some questions and their passages, padded to the longest of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.layers.union import per_question, per_row


class Batch(NamedTuple):
    """`B` questions of up to `Q` tokens with `R` rows of passages of up to `P`; a token has up to `W` characters.

    A question has one row, or several where a dataset's passages are read each by itself. A row holds at least one
    token. Ids are int64. `start` and `end` are gold token positions in the row `row`, both inclusive; all three are -1
    where a question has no label. `index` is the place of each question in its columns.
    """

    passage: Tensor  # (R, P)
    question: Tensor  # (B, Q)
    passage_lengths: Tensor  # (R,)
    question_lengths: Tensor  # (B,)
    owner: Tensor  # (R,) which question of the batch a row belongs to, rising
    segment: Tensor  # (R, P) tokens of one span have one number; -1 where none may be: padding, separators, <null>
    row: Tensor  # (B,)
    start: Tensor  # (B,)
    end: Tensor  # (B,)
    index: Tensor  # type: ignore[assignment]  # (B,); hides the method `index` of tuples, which no batch needs
    null_row: Tensor | None = None  # (B,) the row whose first token is the null position, where there is one
    passage_chars: Tensor | None = None  # (R, P, W) characters of tokens: 0 is padding, 1 one outside of the alphabet
    question_chars: Tensor | None = None  # (B, Q, W)

    @property
    def questions(self) -> int:
        """B."""
        return self.question.shape[0]

    @property
    def single(self) -> bool:
        """Whether every question has one row, so that rows are questions."""
        return self.passage.shape[0] == self.question.shape[0]

    @property
    def passage_mask(self) -> Tensor:
        """(R, P), True on real tokens."""
        return lengths_to_mask(self.passage_lengths, self.passage.shape[1])

    @property
    def question_mask(self) -> Tensor:
        """(B, Q), True on real tokens."""
        return lengths_to_mask(self.question_lengths, self.question.shape[1])

    def to(self, device: torch.device) -> Batch:
        """The same batch with every tensor on `device`."""
        return Batch(*(None if tensor is None else tensor.to(device, non_blocking=True) for tensor in self))  # type: ignore[arg-type]


def word_match(batch: Batch) -> tuple[Tensor, Tensor]:
    """(R, P, 1) and (B, Q, 1): 1 where a passage word also stands in the question, and the other way round.

    A question's word counts where any of its rows holds it. Words are compared by id, so the vocabulary gives every
    word an id of its own, with a vector or without. Chen et al. 2017 (DrQA) found this the most useful input after the
    word vectors.
    """
    passage_mask, question_mask = batch.passage_mask, batch.question_mask
    question, real = per_row(batch.question, batch.owner), per_row(question_mask, batch.owner)  # (R, Q)
    same = batch.passage[:, :, None] == question[:, None]  # (R, P, Q)
    same = same & passage_mask[:, :, None] & real[:, None]
    in_passage = same.any(1).float()  # (R, Q)
    in_passage = per_question(in_passage, batch.owner, batch.questions).clamp(max=1)  # (B, Q)
    return same.any(2)[..., None].float(), in_passage[..., None]
