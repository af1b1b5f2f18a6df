"""Hierarchical attention (Ham) of any depth.

Dou & Zhang, "Hierarchical Attention: What Really Counts in Various NLP Tasks":

    q_0 = query
    S_i = f(q_{i-1}, keys)             i = 1..depth; the parameters of f are shared by all levels
    a_i = softmax(S_i)                 over real keys only
    q_i = a_i keys
    w   = softmax(c)                   c: `depth` trained numbers
    out = sum_i w_i q_i

Depth 1 is ordinary attention, bit for bit. Letters for shapes: `B` batch, `M` queries, `N` keys, `Dq` width of a
query, `D` width of a key, `Dv` width of a value (the values are the keys unless given), `A` width inside a score.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.attention import SCORERS, Prepared, Scorer
from ham_mrc.layers.masks import at_least_float32, masked_softmax
from ham_mrc.layers.trace import Trace

INITS = ("uniform", "first")
"""Starting values of the level weights: the mean of the levels, or 0.9 on the first."""


class Ham(nn.Module):
    """Attention applied `depth` times, each level's output being the next level's query.

    >>> ham = Ham(300, depth=5)                            # scaled dot products of vectors of width 300
    >>> out, weights = ham(query, keys, key_mask)          # (B,M,300), (B,N,300), (B,N) -> (B,M,300), (B,M,N)
    >>> out, weights = ham(passage, passage, key_mask)     # self attention (Ham-S)

    `score` is one of SCORERS; `hidden` is A for `additive` and `projected_dot` (default: D); further options go to the
    score (`requery` of `additive`). `init_levels` is "uniform" (c = 0, the mean of the levels) or "first" (w_1 = 0.9).
    With `refresh_keys` every level of a self attention attends over the last level's outputs instead of the keys
    given: the Transformer-like reading of "d times consecutively", which collapses to one repeated row and is here
    for comparison.

    Raises ShapeError where depth is below 1, a name is unknown, or depth is above 1 and the widths differ.
    """

    def __init__(
        self,
        query_size: int,
        key_size: int | None = None,
        *,
        depth: int = 1,
        score: str = "scaled_dot",
        hidden: int | None = None,
        init_levels: str = "uniform",
        refresh_keys: bool = False,
        **score_options: Any,
    ) -> None:
        super().__init__()
        key_size = query_size if key_size is None else key_size
        if depth < 1:
            raise ShapeError(f"depth is {depth}; it must be 1 or more")
        if score not in SCORERS:
            raise ShapeError(f"no score {score!r}; there are {', '.join(SCORERS)}")
        if depth > 1 and query_size != key_size:
            raise ShapeError(
                f"at depth {depth} a level's output, of the keys' width {key_size}, is the next level's query, "
                f"but queries have width {query_size}"
            )
        self.depth, self.refresh_keys = depth, refresh_keys
        if score == "additive":
            score_options["depth"] = depth
        self.score: Scorer = SCORERS[score](query_size, key_size, hidden, **score_options)
        c = starting_levels(depth, init_levels)
        if depth > 1:  # set without random numbers: two depths built from one seed share all other weights
            self.c = nn.Parameter(c)
        self._trace: Trace | None = None
        self.register_load_state_dict_pre_hook(_check_loaded_levels)  # type: ignore[no-untyped-call]

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        key_mask: Tensor | None = None,
        *,
        values: Tensor | None = None,
        first_weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The mixture of all levels (B,M,Dv), and its weights over the keys sum_i w_i a_i (B,M,N).

        `key_mask` is (B,N) or (B,M,N), True on real keys; a row without a real key gives zeros. `values` (B,N,Dv)
        are read out in place of the keys; levels recurse on the keys all the same. `first_weights` (B,M,N) are level
        1's, where they come from elsewhere (BiDAF's attention from query to context): zero on padded keys, and the
        query (B,M,Dq) then counts for nothing except under `requery = "add"`.
        """
        if self.refresh_keys:
            if query is not keys or values is not None or first_weights is not None:
                raise ShapeError("refresh_keys is for self attention: one tensor as query and keys, and nothing else")
            return self._refreshed(keys, key_mask)
        projected = self.score.project(query)
        return self.attend(projected, self.prepare(keys), key_mask, values=values, first_weights=first_weights)

    def prepare(self, keys: Tensor) -> Prepared:
        """What depends on the keys (B,N,D) alone, for any number of calls of `attend`."""
        if self.refresh_keys:
            raise ShapeError("refresh_keys makes new keys at every level, so none can be prepared; call the Ham itself")
        return self.score.prepare(keys, again=self.depth > 1)

    def attend(
        self,
        projected: Tensor,
        prepared: Prepared,
        key_mask: Tensor | None = None,
        *,
        state: Tensor | None = None,
        values: Tensor | None = None,
        first_weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`forward` from `score.project(query)` and `prepare(keys)`: one step of a recurrent cell.

        `state` (B,M,A), or (B,M,D) for the scores without an inner width, is the cell's projected memory, which the
        score adds to the projected query.
        """
        mask = _for_each_query(key_mask)  # (B,1 or M,N)
        if first_weights is None:
            a = masked_softmax(self.score.scores(projected, prepared, state), mask)  # level 1 (B,M,N)
        else:
            a = at_least_float32(first_weights)
        levels = [a]
        for _ in range(1, self.depth):
            scores = self.score.rescore(a.to(prepared.keys.dtype), prepared, projected, state)
            a = masked_softmax(scores, mask)  # level i (B,M,N)
            levels.append(a)
        weights = self.mix(levels)
        if self._trace is not None:
            self._trace.record(levels, prepared.keys, mask)
        read = prepared.keys if values is None else values
        return weights.to(read.dtype) @ read, weights

    def mix(self, levels: list[Tensor]) -> Tensor:
        """sum_i w_i a_i over the levels' weights (B,M,N), in float32 at least. A single level comes back untouched."""
        if self.depth == 1:
            return levels[0]
        w = self.level_weights()
        total = w[0] * levels[0]
        for w_i, a_i in zip(w[1:], levels[1:], strict=True):
            total = total + w_i * a_i
        return total

    def level_weights(self) -> Tensor:
        """w = softmax(c), (depth,), float32 at least; exactly one-hot where all but one of c are -inf."""
        return torch.ones(1) if self.depth == 1 else at_least_float32(self.c).softmax(0)

    def set_levels(self, c: Tensor) -> None:
        """Set c (depth,). -inf switches a level off; +inf, NaN and -inf everywhere are refused with ShapeError."""
        if self.depth == 1:
            raise ShapeError("depth 1 has no level weights c to set")
        if c.shape != (self.depth,):
            raise ShapeError(f"c has shape {tuple(c.shape)}, but depth {self.depth} needs ({self.depth},)")
        check_levels(c)
        with torch.no_grad():
            self.c.copy_(c)

    @property
    def tracing(self) -> bool:
        """Whether calls are being recorded."""
        return self._trace is not None

    @contextlib.contextmanager
    def trace(self) -> Iterator[Trace]:
        """Within the block every call records each level's weights, detached; see `Trace` for what to read off it."""
        outer, self._trace = self._trace, Trace()
        try:
            yield self._trace
        finally:
            self._trace = outer

    def _refreshed(self, keys: Tensor, key_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """X_i = a_i X_{i-1} with X_0 = keys. Its weights over the keys as they were given are a_i a_{i-1} .. a_1."""
        mask = _for_each_query(key_mask)
        levels: list[Tensor] = []
        x = keys
        for _ in range(self.depth):
            a = masked_softmax(self.score.scores(self.score.project(x), self.score.prepare(x, again=False)), mask)
            levels.append(a if not levels else (a @ levels[-1]).to(a.dtype))
            x = levels[-1].to(keys.dtype) @ keys  # level i (B,N,D)
        weights = self.mix(levels)
        if self._trace is not None:
            self._trace.record(levels, keys, mask)
        return weights.to(keys.dtype) @ keys, weights


def starting_levels(depth: int, init_levels: str) -> Tensor:
    """c (depth,): zeros for "uniform"; for "first" c_1 = ln(9 (depth - 1)), which makes w_1 = 0.9."""
    if init_levels not in INITS:
        raise ShapeError(f"no starting value {init_levels!r} of the level weights; there are {', '.join(INITS)}")
    c = torch.zeros(depth)
    if init_levels == "first" and depth > 1:
        c[0] = math.log(9 * (depth - 1))
    return c


def check_levels(c: Tensor) -> None:
    """Raise ShapeError where softmax(c) would not be a set of weights."""
    if bool(torch.isnan(c).any()) or bool((c == math.inf).any()):
        raise ShapeError("the level weights c hold NaN or +inf; only finite numbers and -inf (level off) are allowed")
    if bool((c == -math.inf).all()):
        raise ShapeError("the level weights c are all -inf: at least one level must be on")


def _for_each_query(key_mask: Tensor | None) -> Tensor | None:
    return key_mask[:, None] if key_mask is not None and key_mask.dim() == 2 else key_mask  # (B,1 or M,N)


def _check_loaded_levels(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    if (c := state.get(f"{prefix}c")) is not None:
        check_levels(c)
