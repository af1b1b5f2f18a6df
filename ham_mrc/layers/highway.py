"""Highway layers: a gate between a vector and what a layer makes of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ham_mrc.layers.product import Linear


class Highway(nn.Module):
    """Srivastava, Greff & Schmidhuber 2015, as Seo et al. 2017 read words: (..., size) -> (..., size).

    A layer is y = t * relu(W_h x + b_h) + (1 - t) * x with t = sigmoid(W_t x + b_t). The carrying bias starts at -1, so
    that most of x passes at first; both papers leave a small negative number to choose.
    """

    def __init__(self, size: int, layers: int) -> None:
        super().__init__()
        maps = [Linear(size, 2 * size) for _ in range(layers)]
        with torch.no_grad():
            for layer in maps:
                layer.bias[size:] = -1.0
        self.layers = nn.ModuleList(maps)

    def forward(self, x: Tensor) -> Tensor:
        """(..., size)."""
        for layer in self.layers:
            new, gate = layer(x).chunk(2, -1)
            x = x + gate.sigmoid() * (new.relu() - x)
        return x
