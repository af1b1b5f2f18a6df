"""Hierarchical attention (Ham) of any depth.

Dou & Zhang, "Hierarchical Attention: What Really Counts in Various NLP Tasks":

    q_0 = query
    S_i = f(q_{i-1}, keys)             i = 1..depth; the parameters of f are shared by all levels
    a_i = softmax(S_i)                 over real keys only
    q_i = a_i keys
    w   = softmax(c)                   c: `depth` trained numbers
    out = sum_i w_i q_i

Depth 1 is ordinary attention, bit for bit. Letters for shapes: `B` batch, `M` queries, `N` keys, `Dq` width of a
query, `D` width of a key, `Dv` width of a value (the values are the keys unless given), `A` width inside a score,
`h` heads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Unpack

import torch
from torch import Tensor

from ham_mrc.errors import ShapeError
from ham_mrc.layers.affine import Prepared
from ham_mrc.layers.attention import SCORERS, Additive, Scorer
from ham_mrc.layers.ham_options import HamOptions, complete_options
from ham_mrc.layers.hard import Hard
from ham_mrc.layers.levels import Levels
from ham_mrc.layers.local import Local
from ham_mrc.layers.masks import at_least_float32
from ham_mrc.layers.mixture import Mixture
from ham_mrc.layers.multi_head import MultiHead
from ham_mrc.layers.native_levels import LevelMap, native_levels, usable
from ham_mrc.layers.trace import Trace


class Ham(Mixture):
    """Attention applied `depth` times, each level's output being the next level's query.

    >>> ham = Ham(300, depth=5)                            # scaled dot products of vectors of width 300
    >>> out, weights = ham(query, keys, key_mask)          # (B,M,300), (B,N,300), (B,N) -> (B,M,300), (B,M,N)
    >>> out, weights = ham(passage, passage, key_mask)     # self attention (Ham-S)

    `score` is one of SCORERS; `hidden` is A for `additive` and `projected_dot` (default: D); `requery` is for
    `additive`. All else is in HamOptions: `attention = "multilevel"` has no c, and gives the last level alone; with
    `refresh_keys` every level of a self attention attends over the last level's outputs instead of the keys given:
    the Transformer-like reading of "d times consecutively", which collapses to one repeated row and is here for
    comparison.

    Raises ShapeError for options that do not exist or do not fit together, and where depth is above 1 and the widths
    differ.
    """

    def __init__(
        self,
        query_size: int,
        key_size: int | None = None,
        *,
        score: str = "scaled_dot",
        hidden: int | None = None,
        requery: str = "word",
        **options: Unpack[HamOptions],
    ) -> None:
        o = complete_options(options)
        super().__init__(o)
        key_size = query_size if key_size is None else key_size
        self.options, self.refresh_keys = o, o["refresh_keys"]
        if score not in SCORERS:
            raise ShapeError(f"no score {score!r}; there are {', '.join(SCORERS)}")
        if self.depth > 1 and query_size != key_size:
            raise ShapeError(
                f"at depth {self.depth} a level's output, of the keys' width {key_size}, is the next level's query, "
                f"but queries have width {query_size}"
            )
        self.score = _make_score(query_size, key_size, score, hidden, requery, o)
        self.local: Local | None = None
        self.hard: Hard | None = None
        if o["local"] != "none":
            width = self.score.place_size if isinstance(self.score, MultiHead) else query_size
            self.local = Local(o["local"], width, radius=o["radius"], keep=o["keep"], recenter=o["recenter"])
        if o["hard"] != "none":
            self.hard = Hard(o["hard"], temperature=o["temperature"], no_repeat=o["no_repeat"])
        self.fast = True  # False: level by level, as written above
        self._trace: Trace | None = None

    @property
    def plain_levels(self) -> bool:
        """Whether each level is a softmax over one score of all keys, mixed by c or the last alone: no variant."""
        return self.local is None and self.hard is None and not self.refresh_keys and not self.options["heads"]

    @property
    def has_policy(self) -> bool:
        """Whether `policy_loss` of layers/hard.py is to be added to the loss in training."""
        return self.hard is not None and self.hard.kind == "reinforce"

    def forward(
        self,
        query: Tensor,
        keys: Tensor,
        key_mask: Tensor | None = None,
        *,
        values: Tensor | None = None,
        first_weights: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The mixture of all levels (B,M,Dv), and its weights over the keys sum_i w_i a_i (B,M,N).

        `key_mask` is (B,N) or (B,M,N), True on real keys; a row without a real key gives zeros. `values` (B,N,Dv)
        are read out in place of the keys; levels recurse on the keys all the same. `first_weights` (B,M,N) are level
        1's, where they come from elsewhere (BiDAF's attention from query to context): zero on padded keys, and the
        query (B,M,Dq) then counts for nothing except under `requery = "add"`. `positions` (B,M) are those of the
        queries among the keys, for a window; in self attention they are 0 to M - 1 unless given.
        """
        if positions is None and query is keys:
            positions = torch.arange(keys.shape[1], device=keys.device).expand(keys.shape[:2])
        if self.refresh_keys:
            if query is not keys or values is not None or first_weights is not None:
                raise ShapeError("refresh_keys is for self attention: one tensor as query and keys, and nothing else")
            return self._refreshed(keys, key_mask, positions)
        prepared = self.prepare(keys)
        return self.attend(
            self.project(query),
            prepared,
            key_mask,
            values=values,
            first_weights=first_weights,
            query=query,
            positions=positions,
        )

    def project(self, query: Tensor) -> Tensor:
        """(B,M,Dq) -> what `attend` wants of the queries, one (B,M,...) tensor."""
        return self.score.project(query)

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
        query: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`forward` from `project(query)` and `prepare(keys)`: one step of a recurrent cell.

        `state` (B,M,A), or (B,M,D) for the scores without an inner width, is the cell's projected memory, which the
        score adds to the projected query. `query` (B,M,Dq) itself is read by `local = "gaussian"` alone.
        """
        if state is None and (how := self._level_map(projected, prepared, key_mask)) is not None:
            first = self.score.scores(projected, prepared) if first_weights is None else first_weights
            given = first_weights is not None
            weights = native_levels(first, self.level_shares(), how, key_mask, given=given)
            return weights @ (prepared.keys if values is None else values), weights
        mask = _for_each_query(key_mask)  # (B,1 or M,N)
        headed = self.score if isinstance(self.score, MultiHead) else None
        levels = Levels(self.local, self.hard, mask, positions, headed=headed is not None)
        if first_weights is None:
            place = query if query is None or headed is None else headed.place(query)
            a = levels.add(self.score.scores(projected, prepared, state), place)  # level 1 (B,M,N); (B,h,M,N)
        else:
            a = levels.add_given(at_least_float32(first_weights), headed.heads if headed else None)
        for _ in range(1, self.depth):
            last = a.to(prepared.keys.dtype)
            scores = self.score.rescore(last, prepared, projected, state)
            place = None
            if self.local is not None and self.local.reads_query:
                place = last @ prepared.keys if headed is None else headed.place_again(last, prepared)
            a = levels.add(scores, place)  # level i
        levels.finish()
        weights = self.mix(levels.weights)
        self._record(levels.weights, prepared, mask)
        if headed is not None:
            return headed.read(weights, prepared, values), weights.mean(1)
        read = prepared.keys if values is None else values
        return weights.to(read.dtype) @ read, weights

    def _level_map(self, projected: Tensor, prepared: Prepared, key_mask: Tensor | None) -> LevelMap | None:
        """What compiled code needs to do all levels at once; None where they are done here, one after the other."""
        if self.depth == 1 or not (self.fast and self.plain_levels) or self.tracing:
            return None
        one_mask = key_mask is None or key_mask.dim() == 2
        if not (one_mask and usable(projected) and usable(prepared.keys)):
            return None
        assert not isinstance(self.score, MultiHead)
        return self.score.level_map(prepared)

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

    def _record(self, levels: list[Tensor], prepared: Prepared, mask: Tensor | None) -> None:
        if self._trace is None:
            return
        outputs = None
        if isinstance(self.score, MultiHead):
            outputs = [self.score.read(a, prepared, None) for a in levels]
            levels = [a.mean(1) for a in levels]
        self._trace.record(levels, prepared.keys, mask, outputs)

    def _refreshed(self, keys: Tensor, key_mask: Tensor | None, positions: Tensor | None) -> tuple[Tensor, Tensor]:
        """X_i = a_i X_{i-1} with X_0 = keys. Its weights over the keys as they were given are a_i a_{i-1} .. a_1."""
        assert not isinstance(self.score, MultiHead)
        mask = _for_each_query(key_mask)
        levels = Levels(self.local, self.hard, mask, positions)
        overall: list[Tensor] = []
        x = keys
        for _ in range(self.depth):
            scores = self.score.scores(self.score.project(x), self.score.prepare(x, again=False))
            a = levels.add(scores, x)
            overall.append(a if not overall else (a @ overall[-1]).to(a.dtype))
            x = overall[-1].to(keys.dtype) @ keys  # level i (B,N,D)
        levels.finish()
        weights = self.mix(overall)
        if self._trace is not None:
            self._trace.record(overall, keys, mask)
        return weights.to(keys.dtype) @ keys, weights


def _make_score(
    query_size: int, key_size: int, score: str, hidden: int | None, requery: str, options: HamOptions
) -> Scorer | MultiHead:
    if score != "additive" and requery != "word":
        what = f'requery = "{requery}" is for score = "additive" alone, not "{score}"'
        raise ShapeError(what, remedy="leave it away")
    if options["heads"]:
        if score != "scaled_dot":
            raise ShapeError(
                f'heads compare by scaled dot products of their own, not by score = "{score}"',
                remedy='set score = "scaled_dot"',
            )
        return MultiHead(query_size, key_size, hidden, heads=options["heads"], share=options["heads_share"])
    if score == "additive":
        return Additive(query_size, key_size, hidden, requery=requery, depth=options["depth"])
    return SCORERS[score](query_size, key_size, hidden)


def _for_each_query(key_mask: Tensor | None) -> Tensor | None:
    return key_mask[:, None] if key_mask is not None and key_mask.dim() == 2 else key_mask  # (B,1 or M,N)
