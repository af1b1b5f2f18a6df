"""Word ids to vectors: pretrained and frozen, or random and trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PAD, UNK = 0, 1
"""The ids of padding and of the unknown word, in every vocabulary."""


class WordEmbedding(nn.Module):
    """One vector a word id: (B, T) -> (B, T, width).

    Frozen vectors are a buffer and not a parameter, so that no optimiser, weight decay or average can move them.
    Trained vectors exist for the first `trained` ids alone (the words of the training part); every id beyond reads
    the row of the unknown word. The row of padding is zero and stays so, in either case. `null` is the id of a word
    that no text holds (the null position): among frozen vectors its own is trained all the same.
    """

    vectors: Tensor

    def __init__(self, width: int, trained: int, pretrained: Tensor | None = None, *, null: int | None = None) -> None:
        super().__init__()
        self.width, self.trained, self.frozen = width, trained, pretrained is not None
        self.null = null if self.frozen else None
        if self.null is not None:
            self.null_vector = nn.Parameter(torch.randn(width) * 0.1)
        if pretrained is not None:
            self.register_buffer("vectors", pretrained.float().index_fill(0, torch.tensor([PAD]), 0.0))
        else:
            self.vectors = nn.Parameter(torch.randn(trained, width) * 0.1)
            with torch.no_grad():
                self.vectors[PAD] = 0.0

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, width)."""
        if not self.frozen:
            ids = torch.where(ids < self.trained, ids, UNK)
        vectors = nn.functional.embedding(ids, self.vectors, padding_idx=PAD)
        if self.null is None:
            return vectors
        return torch.where((ids == self.null)[..., None], self.null_vector, vectors)
