"""BiDAF's attention in both directions at once: Seo et al. 2017 (arXiv 1611.01603), section 2, layer 4.

Letters for shapes: `R` rows of passages, `P` passage tokens, `Q` question tokens, `D` width of an encoding; of a score,
`M` queries and `N` keys.
"""

from __future__ import annotations

from typing import Literal, Unpack

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.affine import Prepared
from ham_mrc.layers.attention import Scorer, inner_width
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.ham_options import HamOptions
from ham_mrc.layers.masks import at_least_float32, masked_softmax
from ham_mrc.layers.multi_head import MultiHead
from ham_mrc.layers.native_levels import LevelMap
from ham_mrc.layers.parts import Part, Parts
from ham_mrc.layers.site import build_ham, context_part

Sites = Literal["c2q,q2c", "c2q", "q2c"]
"""Which directions of the attention are hierarchical; the other is ordinary attention."""


class AttentionFlow(nn.Module):
    """Both directions of the attention under one score: (R, P, D), (R, Q, D) -> G (R, P, 4D), equations 1 and 2.

    c2q: levels mix question vectors, and each mixture takes the place of the passage token that asked. q2c: the
    weights of level 1 are given by the largest score of each passage token; what they mix, h in passage space, takes
    the question's place from level 2 on: f(H_t, h). Each direction has level weights c of its own.
    """

    def __init__(self, size: int, *, score: str, hidden: int, ham_sites: Sites, **ham: Unpack[HamOptions]) -> None:
        super().__init__()
        self.hierarchical = ham_sites.split(",")
        inner = inner_width(score, hidden)
        self.c2q = build_ham(size, score=score, hidden=inner, **(ham if "c2q" in self.hierarchical else {}))
        self.q2c = build_ham(size, score=score, hidden=inner, **(_summary_options(ham) if "q2c" in ham_sites else {}))
        # One f for both. Heads compare by matrices of their own, and then it is the plain score that S is made of.
        score_of_both = self.q2c.score if isinstance(self.c2q.score, MultiHead) else self.c2q.score
        assert not isinstance(score_of_both, MultiHead)
        self.score = score_of_both
        self.q2c.score = Turned(self.score)  # type: ignore[assignment]  # has every call of a score, and no kin

    def sites(self) -> dict[str, Ham]:
        """The hierarchical ones of the two directions."""
        return {site: getattr(self, site) for site in self.hierarchical}

    def forward(self, passage: Tensor, question: Tensor, passage_mask: Tensor, question_mask: Tensor) -> Tensor:
        """Masks are (R, P) and (R, Q). Rows of padding mean nothing; a question without a token adds nothing."""
        return self.parts(passage, question, passage_mask, question_mask).whole()

    def parts(self, passage: Tensor, question: Tensor, passage_mask: Tensor, question_mask: Tensor) -> Parts:
        """G as the parts that it is made of."""
        context, weights = self.c2q(passage, question, question_mask)  # (R, P, D), (R, P, Q)
        scores = self.score.scores(self.score.project(passage), self.score.prepare(question, again=False))  # (R, P, Q)
        first = masked_softmax(_largest(scores, question_mask), passage_mask)[:, None]  # (R, 1, P)
        nothing = torch.zeros_like(passage[:, :1])  # level 1 of q2c has weights, and no query
        summary, _ = self.q2c(nothing, passage, passage_mask, first_weights=first)  # (R, 1, D)
        mixed = context_part(self.c2q.score, context, weights, question)
        return Parts([Part(passage), mixed, Part(passage * context), Part(passage, scale=summary)])


class Turned(nn.Module):
    """A score with its sides exchanged, f'(q, k) = f(k, q), with the calls of a score and no weights of its own.

    Under `trilinear` the passage keeps w_q and what takes the question's place keeps w_k, under `additive` W_q and
    W_k: in both directions of the attention each weight multiplies what it was made for.
    """

    def __init__(self, score: Scorer) -> None:
        super().__init__()
        self.score = score
        self.query_size, self.key_size = score.key_size, score.query_size

    def project(self, query: Tensor) -> Tensor:
        """(R, M, D), as it is: here the keys are what is projected."""
        return query

    def prepare(self, keys: Tensor, *, again: bool = True) -> Prepared:
        """The keys (R, N, D) as the queries of f. No Gram matrix: few queries on many keys are cheaper without."""
        return Prepared(keys, self.score.project(keys), None)

    def scores(self, projected: Tensor, prepared: Prepared, state: Tensor | None = None) -> Tensor:
        """(R, M, N) from queries (R, M, D)."""
        return self.score.scores(prepared.first, self.score.prepare(projected, again=False), state).mT

    def rescore(self, weights: Tensor, prepared: Prepared, projected: Tensor, state: Tensor | None = None) -> Tensor:
        """(R, M, N) for the next level from the last weights (R, M, N)."""
        return self.scores(weights @ prepared.keys, prepared, state)

    def level_map(self, prepared: Prepared) -> LevelMap | None:
        """`rescore` as a map of the keys alone."""
        return self.score.turned_map(prepared)


def _summary_options(ham: HamOptions) -> HamOptions:
    """What q2c can have of the options: at depth 1 it has no query, to guess a centre from."""
    if ham.get("heads"):
        raise ShapeError("heads split a query, and q2c has none at level 1", remedy='set ham_sites = "c2q"')
    options = ham.copy()
    if ham.get("depth", 1) == 1 and ham.get("local") == "gaussian":
        for name in ("local", "radius", "recenter"):
            options.pop(name, None)  # type: ignore[misc]
    return options


def _largest(scores: Tensor, question_mask: Tensor) -> Tensor:
    """(R, P, Q), (R, Q) -> (R, P): the largest score of each passage token; 0 where the question has no token."""
    scores = at_least_float32(scores)
    lowest = torch.finfo(scores.dtype).min
    largest = scores.masked_fill(~question_mask[:, None], lowest).amax(-1)
    # The lowest number would not do for an empty question: padding of the passage has it, and would share the weight.
    return largest.masked_fill(~question_mask.any(-1)[:, None], 0.0)
