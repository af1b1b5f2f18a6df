"""Compatibility functions that are affine in the query, and what every one makes of the keys beforehand.

f(q, .) of a mixture q = a K of keys is the mixture a G of the keys' own scores, G = f(K, K), for the weights a sum
to 1: levels 2 to depth need no product as wide as a key. Letters for shapes as in attention.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.native_levels import LevelMap


class Prepared(NamedTuple):
    """What a scorer makes of the keys, once: for a recurrent cell, once a passage and not once a step."""

    keys: Tensor  # (B, N, D)
    first: Tensor  # keys as level 1 wants them: (B, N, A), or the keys themselves
    again: Tensor | None  # what the last weights are multiplied by: (B, N, N) or (B, N, A); None: keys then `project`


class Affine(nn.Module):
    """Scorers affine in the query: no inner width, and a Gram matrix of the keys scores every level after the first.

    A recurrent cell forms its query as a sum, of which `state` (B, M, D) is a part: it is added to the projected query
    at level 1, and is gone with the query from level 2 on.
    """

    def __init__(self, query_size: int, key_size: int, hidden: int | None = None) -> None:
        super().__init__()
        self.query_size, self.key_size = query_size, key_size
        if hidden is not None:
            raise ShapeError(f"this score has no inner width, but hidden = {hidden} was given")

    def project(self, query: Tensor) -> Tensor:
        """(B, M, Dq) -> (B, M, D): the query as the keys are multiplied with it. Unchanged but in `Bilinear`."""
        return query

    def prepare(self, keys: Tensor, *, again: bool = True) -> Prepared:
        """The Gram form costs M N N a level and the direct one 2 M N D, so short key sets get the Gram matrix."""
        prepared = Prepared(keys, keys, None)
        if not again or keys.shape[1] >= 2 * keys.shape[2]:
            return prepared
        return prepared._replace(again=self.scores(self.project(keys), prepared))

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(B, M, N) from the projected queries (B, M, D) of level 1."""
        query = projected if state is None else projected + state
        return query @ prepared.first.mT

    def rescore(self, weights: Tensor, prepared: Prepared, projected: Tensor, state: Tensor | None = None) -> Tensor:
        """(B, M, N) for the next level from the last weights (B, M, N). Reads neither the query nor the state."""
        if prepared.again is None:
            return self.scores(self.project(weights @ prepared.keys), prepared)
        return weights @ prepared.again

    def level_map(self, prepared: Prepared) -> LevelMap:
        """`rescore` as a map of the keys alone."""
        if prepared.again is not None:
            return LevelMap(prepared.again)
        return LevelMap(self.project(prepared.keys), *self._against(prepared.keys))

    def turned_map(self, prepared: Prepared) -> LevelMap:
        """The same for f(k, q), the score with its sides exchanged, from `project(keys)` as `prepared.first`."""
        return LevelMap(prepared.keys, *self._against(prepared.first, turned=True))

    def _against(self, x: Tensor, *, turned: bool = False) -> tuple[Tensor, Tensor | None]:
        """What the other side is multiplied with (B, N, D), and what is added (B, N)."""
        return x, None


class Dot(Affine):
    """f(q, k) = q . k"""

    def __init__(self, query_size: int, key_size: int, hidden: int | None = None) -> None:
        super().__init__(query_size, key_size, hidden)
        if query_size != key_size:
            raise ShapeError(f"a dot product needs equal widths, not a query of {query_size} and keys of {key_size}")


class ScaledDot(Dot):
    """f(q, k) = q . k / sqrt(D), Vaswani et al. 2017, equation 1."""

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(B, M, N) from queries (B, M, D) of level 1."""
        return super().scores(projected, prepared, state) / math.sqrt(self.key_size)

    def _against(self, x: Tensor, *, turned: bool = False) -> tuple[Tensor, Tensor | None]:
        return x / math.sqrt(self.key_size), None


class Bilinear(Affine):
    """f(q, k) = q^T W k, Luong et al. 2015, "general"."""

    def __init__(self, query_size: int, key_size: int, hidden: int | None = None) -> None:
        super().__init__(query_size, key_size, hidden)
        self.weight = nn.Parameter(torch.empty(query_size, key_size))
        nn.init.xavier_uniform_(self.weight)

    def project(self, query: Tensor) -> Tensor:
        """(B, M, Dq) -> (B, M, D): q^T W."""
        return query @ self.weight


class Trilinear(Affine):
    """f(q, k) = w_q . q + w_k . k + w_m . (q * k), Seo et al. 2017, equation 1.

    The term of the query is the same for all keys and a softmax over keys ignores it; BiDAF's maximum over the
    question does not, so it stays.
    """

    def __init__(self, query_size: int, key_size: int, hidden: int | None = None) -> None:
        super().__init__(query_size, key_size, hidden)
        if query_size != key_size:
            raise ShapeError(f"trilinear needs equal widths, not a query of {query_size} and keys of {key_size}")
        bound = 1 / math.sqrt(3 * key_size)
        self.query_weight, self.key_weight, self.product_weight = (
            nn.Parameter(torch.empty(key_size).uniform_(-bound, bound)) for _ in range(3)
        )

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(B, M, N) from queries (B, M, D) of level 1."""
        query = projected if state is None else projected + state
        products = (query * self.product_weight) @ prepared.first.mT
        return products + (query @ self.query_weight)[:, :, None] + (prepared.first @ self.key_weight)[:, None, :]

    def _against(self, x: Tensor, *, turned: bool = False) -> tuple[Tensor, Tensor | None]:
        return x * self.product_weight, x @ (self.query_weight if turned else self.key_weight)
