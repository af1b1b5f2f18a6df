"""From the tokens of a sequence to one vector. Letters for shapes: `B` sequences, `Q` tokens, `D` width, `A` hidden."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ham_mrc.layers.masks import masked_softmax
from ham_mrc.layers.product import Linear


class AttentivePooling(nn.Module):
    """R-NET's r^Q (Wang et al. 2017, equation 11): sum_j a_j u_j, a = softmax(v . tanh(W u_j + b)).

    The report writes W_v V_r for b, with V_r a trained vector and W_v a trained matrix; whatever the two are, they add
    one vector to every token, so that vector itself is trained. HKUST-KnowComp/R-Net has it so too; baidu/DuReader's
    pooling by a random trained vector is the same function again.
    """

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.map = Linear(size, hidden)  # W and b
        self.vector = Linear(hidden, 1, bias=False)  # v

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, Q, D), (B, Q) -> (B, D); a sequence without a real token gives zeros."""
        scores = self.vector(torch.tanh(self.map(tokens))).squeeze(-1)  # (B, Q)
        weights = masked_softmax(scores, mask).to(tokens.dtype)
        return (weights[:, None] @ tokens).squeeze(1)  # (B, D)
