"""Compatibility functions f(q, k): how well a query fits a key. All have the same calls: Ham stacks any of them.

Letters for shapes: `B` batch, `M` queries, `N` keys, `Dq` width of a query, `D` width of a key, `A` width inside a
scorer.

From level 2 on a query is a mixture of keys, q = sum_j a_j k_j, so nothing but the weights `a` of the last level is
needed to score it again, and what depends on keys alone is prepared once:

- `dot`, `scaled_dot`, `bilinear`, `trilinear` are affine in q. A mixture of keys therefore scores as the mixture of
  the keys' own scores: f(q, .) = a G with the Gram matrix G = f(K, K), as the weights sum to 1.
- `projected_dot`, `additive` bend q, but only after a linear map W_q: W_q q = a (K W_q).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ham_mrc.errors import ShapeError
from ham_mrc.layers.affine import Affine, Bilinear, Dot, Prepared, ScaledDot, Trilinear
from ham_mrc.layers.native_levels import LevelMap
from ham_mrc.layers.product import Linear, linear

REQUERY = ("word", "key", "own", "add", "drop_state")
"""What stands in the query's place from level 2 on, in a recurrent cell (see `Additive`)."""

_CHUNK = 1 << 24  # elements of (B, M, N, A) that `additive` holds at once: 64 MB in float32


class ProjectedDot(nn.Module):
    """f(q, k) = relu(W_q q + state) . relu(W_k k) / sqrt(A), as HKUST-KnowComp/R-Net has it.

    `hidden` is A, the keys' width unless given. The state (B, M, A) of a recurrent cell stays at every level.
    """

    def __init__(self, query_size: int, key_size: int, hidden: int | None = None) -> None:
        super().__init__()
        self.query_size, self.key_size, self.hidden = query_size, key_size, _inner_width(hidden, key_size)
        self.query_map = Linear(query_size, self.hidden, bias=False)
        self.key_map = Linear(key_size, self.hidden, bias=False)

    def project(self, query: Tensor) -> Tensor:
        """(B, M, Dq) -> (B, M, A): W_q q."""
        return linear(query, self.query_map.weight)

    def prepare(self, keys: Tensor, *, again: bool = True) -> Prepared:
        """relu(W_k k) for every level, W_q k for the levels after the first."""
        return Prepared(keys, torch.relu(self.key_map(keys)), self.project(keys) if again else None)

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(B, M, N) from projected queries (B, M, A) and the state (B, M, A)."""
        query = projected if state is None else projected + state
        return torch.relu(query) @ prepared.first.mT / math.sqrt(self.hidden)

    def rescore(self, weights: Tensor, prepared: Prepared, projected: Tensor, state: Tensor | None = None) -> Tensor:
        """(B, M, N) for the next level from the last weights (B, M, N)."""
        assert prepared.again is not None, "prepared for depth 1 only"
        return self.scores(weights @ prepared.again, prepared, state)

    def level_map(self, prepared: Prepared) -> LevelMap:
        """`rescore` without a state, as a map of the keys alone."""
        assert prepared.again is not None, "prepared for depth 1 only"
        return LevelMap(prepared.again, prepared.first / math.sqrt(self.hidden), bend=True)

    def turned_map(self, prepared: Prepared) -> LevelMap:
        """The same for f(k, q), the score with its sides exchanged, from `project(keys)` as `prepared.first`."""
        return LevelMap(self.key_map(prepared.keys), torch.relu(prepared.first) / math.sqrt(self.hidden), bend=True)


class Additive(nn.Module):
    """f(q, k) = v . tanh(W_q q + W_k k + b + state), Bahdanau et al. 2015; the attention of Match-LSTM and R-NET.

    `hidden` is A, the keys' width unless given; `depth` that of the Ham around it. `requery` says what stands in the
    place of W_q q from level 2 on, where q_i is the output of the level before and q the query itself:

    - `word`: W_q q_i: the mixture of keys takes the place of the passage word;
    - `key`: W_k q_i, because q_i is a mixture of keys;
    - `own`: W_a q_i with a matrix W_a of its own (A D more parameters beyond depth 1), which starts as W_q;
    - `add`: W_q (q + q_i): the word is never forgotten. Not Ham as written, but the control to run beside it;
    - `drop_state`: as `word`, but without the state (B, M, A) of the recurrent cell, which otherwise stays.
    """

    def __init__(
        self, query_size: int, key_size: int, hidden: int | None = None, *, requery: str = "word", depth: int = 1
    ) -> None:
        super().__init__()
        if requery not in REQUERY:
            raise ShapeError(f"no requery {requery!r}; there are {', '.join(REQUERY)}")
        self.query_size, self.key_size, self.hidden = query_size, key_size, _inner_width(hidden, key_size)
        self.requery = requery
        self.query_map = Linear(query_size, self.hidden, bias=False)
        self.key_map = Linear(key_size, self.hidden)  # its bias is b
        self.vector = nn.Parameter(torch.empty(self.hidden).uniform_(-1, 1) / math.sqrt(self.hidden))
        if requery == "own" and depth > 1:  # a copy, and no draw: a deeper reader leaves the other weights as they are
            self.again_weight = nn.Parameter(self.query_map.weight.detach().clone())

    def project(self, query: Tensor) -> Tensor:
        """(B, M, Dq) -> (B, M, A): W_q q."""
        return linear(query, self.query_map.weight)

    def prepare(self, keys: Tensor, *, again: bool = True) -> Prepared:
        """W_k k + b for every level, and the map of k that the levels after the first read through."""
        return Prepared(keys, self.key_map(keys), self._again(keys) if again else None)

    def _again(self, keys: Tensor) -> Tensor:
        if self.requery == "key":
            return linear(keys, self.key_map.weight)
        return linear(keys, self.again_weight) if self.requery == "own" else self.project(keys)

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(B, M, N) from projected queries (B, M, A) and the state (B, M, A)."""
        query = projected if state is None else projected + state
        batch, queries, hidden = query.shape
        chunk = max(1, _CHUNK // max(1, batch * prepared.first.shape[1] * hidden))
        if queries <= chunk:
            return _compare(query, prepared.first, self.vector)
        # A (B, M, N, A) tensor a level is too much for long passages: hold one part at a time, and compute it again
        # in the backward pass (no random number in it, so the generator need not be kept for that).
        parts = [
            checkpoint(_compare, part, prepared.first, self.vector, use_reentrant=False, preserve_rng_state=False)
            for part in torch.split(query, chunk, 1)
        ]
        return torch.cat(parts, 1)

    def rescore(self, weights: Tensor, prepared: Prepared, projected: Tensor, state: Tensor | None = None) -> Tensor:
        """(B, M, N) for the next level from the last weights (B, M, N)."""
        assert prepared.again is not None, "prepared for depth 1 only"
        query = weights @ prepared.again
        if self.requery == "add":
            query = query + projected
        return self.scores(query, prepared, None if self.requery == "drop_state" else state)

    def level_map(self, prepared: Prepared) -> None:
        """None: tanh stands between query and key, and no map of the keys alone scores again."""

    turned_map = level_map


def _inner_width(hidden: int | None, key_size: int) -> int:
    if hidden is not None and hidden < 1:
        raise ShapeError(f"hidden is {hidden}; it must be 1 or more")
    return key_size if hidden is None else hidden


def _compare(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    return torch.tanh(query[:, :, None] + keys[:, None]) @ vector  # (B, M, N)


SCORERS: dict[str, type[Affine] | type[ProjectedDot] | type[Additive]] = {
    "dot": Dot,
    "scaled_dot": ScaledDot,
    "bilinear": Bilinear,
    "trilinear": Trilinear,
    "projected_dot": ProjectedDot,
    "additive": Additive,
}
"""Every compatibility function by its name."""

Scorer = Affine | ProjectedDot | Additive


def inner_width(score: str, hidden: int) -> int | None:
    """`hidden` for a score that maps query and keys to a width of its own, None for the others."""
    return hidden if score in ("additive", "projected_dot") else None
