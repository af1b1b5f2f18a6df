"""Local attention: a level looks at a part of the keys only.

After Luong et al. 2015, "Effective Approaches to Attention-based Neural Machine Translation", section 3.2, with one
difference: the term goes to the logits, before the softmax. Their product of the softmax with a Gaussian, which is not
normalised again, has weights that do not sum to 1 and outputs outside the keys' convex hull. With `j` a key's position,
`r` the radius, `n` the number of real keys and `q` the level's query:

    window      nothing where |j - p| <= r, else masked; p is the position of the query, given or its own
    gaussian    - (j - p)^2 / 2 s^2,  p = (n - 1) sigmoid(v . tanh(W q)),  s = r / 2     equations 9 and 10
    topk        nothing on the `keep` best keys, else masked

Letters for shapes: `B` batch, `M` queries, `N` keys, `D` width of a query. A further dimension of heads may stand after
the batch, in all tensors alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.ham_options import LocalKind
from ham_mrc.layers.masks import at_least_float32
from ham_mrc.layers.product import Linear


class Local(nn.Module):
    """Where the levels of a Ham may look.

    `radius` is r, in tokens; `keep` the number of keys of "topk", of which fewer stay where fewer are real. A window
    without a real key falls back to the nearest one (the first of two equally near). With `recenter` the centre and
    the best keys are found anew at each level, otherwise level 1's stay; a window's centre never moves. `query_size` is
    the width of the queries that "gaussian" guesses its centre from.
    """

    def __init__(self, kind: LocalKind, query_size: int, *, radius: int, keep: int, recenter: bool) -> None:
        super().__init__()
        self.kind, self.radius, self.keep = kind, radius, keep
        self.moves = recenter and kind != "window"
        if self.reads_query:
            self.query_map = Linear(query_size, query_size, bias=False)  # W
            self.vector = nn.Parameter(torch.empty(query_size).uniform_(-1, 1) / math.sqrt(query_size))  # v

    @property
    def reads_query(self) -> bool:
        """Whether `focus` wants the query itself."""
        return self.kind == "gaussian"

    def focus(self, scores: Tensor, mask: Tensor, query: Tensor | None, positions: Tensor | None) -> Tensor:
        """(B,M,N): True on the keys left, or for "gaussian" the term to be added to the scores (B,M,N).

        `mask` broadcasts to the scores; `query` is (B,M,D), `positions` (B,M). Raises ShapeError where the one that is
        needed was not given.
        """
        if self.kind == "topk":
            return best_keys(scores, mask, self.keep)
        if self.kind == "gaussian":
            if query is None:
                raise ShapeError('local = "gaussian" guesses its centre from the query: pass query= to attend')
            return self._gaussian(query, mask)
        if positions is None:
            raise ShapeError('local = "window" needs the positions of the queries among the keys: pass positions=')
        return near_keys(positions, mask, self.radius, scores.shape[-1])

    def _gaussian(self, query: Tensor, mask: Tensor) -> Tensor:
        share = at_least_float32(torch.tanh(self.query_map(query)) @ self.vector).sigmoid()  # (B,M)
        rank = mask.cumsum(-1) - 1  # (B,1 or M,N): a key's place among the real ones
        centre = mask.sum(-1).sub(1) * share  # (B,M); nothing to look at where no key is real
        return -2 * ((rank - centre[..., None]) / self.radius).square()  # 2 s^2 = r^2 / 2


def near_keys(positions: Tensor, mask: Tensor, radius: int, count: int) -> Tensor:
    """(B,M,N): True on real keys at most `radius` from a query's position (B,M), else on the nearest real key."""
    distance = (torch.arange(count, device=positions.device) - positions[..., None]).abs()  # (B,M,N)
    near = mask & (distance <= radius)
    # A real key is nearer than any position that is not; of equals argmin gives the first.
    nearest = distance.masked_fill(~mask, torch.iinfo(distance.dtype).max).argmin(-1, keepdim=True)
    alone = torch.zeros_like(near).scatter(-1, nearest, True) & mask
    return torch.where(near.any(-1, keepdim=True), near, alone)


def best_keys(scores: Tensor, mask: Tensor, keep: int) -> Tensor:
    """(B,M,N): True on the `keep` real keys of the highest scores (the first of equals); all where they are fewer."""
    if scores.shape[-1] <= keep:
        return mask.expand_as(scores)
    scores = at_least_float32(scores.detach())
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    least = scores.topk(keep, -1).values[..., -1:]
    above, equal = scores > least, scores == least
    room = keep - above.sum(-1, keepdim=True)
    return mask & (above | (equal & (equal.cumsum(-1) <= room)))
