"""Multi-head attention as a score of Ham: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2.

    head_h = softmax(q W_h^Q (K W_h^K)^T / sqrt(D / h)) K W_h^V        MultiHead(q, K, K) = [head_1 .. head_h] W^O

There are two ways to put levels on it, and depth 1 of both is this:

    layer   a level is the whole of it, q_i = MultiHead(q_{i-1}, K, K), and all levels share its four matrices
    head    queries and keys are projected once; each head is a Ham over K W_h^K with a c of its own, read out through
            (sum_i w_{h,i} a_{h,i}) K W_h^V, and W^O joins the heads

Letters for shapes: `B` batch, `M` queries, `N` keys, `Dq` width of a query, `D` width of a key, `h` heads, `E` = D / h.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.affine import Prepared
from ham_mrc.layers.ham_options import HeadsShare
from ham_mrc.layers.product import Linear


class MultiHead(nn.Module):
    """Scores by head (B,h,M,N), with the calls of every other score, and the read-out through W^V and W^O.

    Raises ShapeError where the heads do not divide the keys' width, or a width inside is asked for.
    """

    def __init__(
        self, query_size: int, key_size: int, hidden: int | None = None, *, heads: int, share: HeadsShare
    ) -> None:
        super().__init__()
        if hidden is not None:
            raise ShapeError(f"this score has no inner width, but hidden = {hidden} was given")
        if key_size % heads:
            raise ShapeError(f"{heads} heads do not divide the keys' width {key_size}")
        self.query_size, self.key_size, self.heads, self.share = query_size, key_size, heads, share
        self.query_map = Linear(query_size, key_size, bias=False)  # W^Q of all heads
        self.key_map = Linear(key_size, key_size, bias=False)  # W^K
        self.value_map = Linear(key_size, key_size, bias=False)  # W^V
        self.out_map = Linear(key_size, key_size, bias=False)  # W^O; no bias: a row without a real key stays 0
        for linear in (self.query_map, self.key_map, self.value_map, self.out_map):
            nn.init.xavier_uniform_(linear.weight)

    @property
    def place_size(self) -> int:
        """The width of what `place` gives."""
        return self.query_size if self.share == "layer" else self.key_size // self.heads

    def project(self, query: Tensor) -> Tensor:
        """(B,M,Dq) -> (B,M,D): q W^Q, the heads one after the other."""
        return nn.functional.linear(query, self.query_map.weight)

    def prepare(self, keys: Tensor, *, again: bool = True) -> Prepared:
        """K W^K and K W^V by head. `again` changes nothing: the values are read at every depth."""
        return Prepared(keys, self._by_head(self.key_map(keys)), self._by_head(self.value_map(keys)))

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(B,h,M,N) from projected queries (B,M,D); `state` (B,M,Dq) is a part of the query that comes later."""
        query = projected if state is None else projected + self.project(state)
        return self._compare(self._by_head(query), prepared)

    def rescore(self, weights: Tensor, prepared: Prepared, projected: Tensor, state: Tensor | None = None) -> Tensor:
        """(B,h,M,N) for the next level from the last weights (B,h,M,N). Reads neither the query nor the state."""
        if self.share == "head":
            return self._compare(weights @ prepared.first, prepared)
        return self._compare(self._by_head(self.project(self.read(weights, prepared))), prepared)

    def read(self, weights: Tensor, prepared: Prepared, values: Tensor | None = None) -> Tensor:
        """(B,M,D): the heads' mixtures of the values (the keys unless given), joined by W^O."""
        if values is not None and values.shape[-1] != self.key_size:
            raise ShapeError(f"heads read values of the keys' width {self.key_size}, not of {values.shape[-1]}")
        by_head = prepared.again if values is None else self._by_head(self.value_map(values))
        assert by_head is not None
        heads = weights.to(by_head.dtype) @ by_head  # (B,h,M,E)
        joined: Tensor = self.out_map(heads.transpose(1, 2).flatten(2))
        return joined

    def place(self, query: Tensor) -> Tensor:
        """What a head guesses its centre from at level 1: (B,1,M,Dq), or its own query (B,h,M,E)."""
        return query[:, None] if self.share == "layer" else self._by_head(self.project(query))

    def place_again(self, weights: Tensor, prepared: Prepared) -> Tensor:
        """The same for the next level, from the last weights (B,h,M,N)."""
        return self.read(weights, prepared)[:, None] if self.share == "layer" else weights @ prepared.first

    def _compare(self, query: Tensor, prepared: Prepared) -> Tensor:
        return query @ prepared.first.mT / math.sqrt(query.shape[-1])

    def _by_head(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, -1, (self.heads, -1)).transpose(1, 2)  # (B,T,D) -> (B,h,T,E)
