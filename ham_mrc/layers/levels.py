"""The levels of one call of a Ham, from scores to weights: where every variant comes in.

Letters for shapes as in `ham.py`: `B` batch, `M` queries, `N` keys, `h` heads. With heads every tensor of scores or
weights is (B,h,M,N).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ham_mrc.layers.hard import Hard
from ham_mrc.layers.local import Local
from ham_mrc.layers.masks import masked_softmax


class Levels:
    """The weights of all levels so far, and what a later level must know of the earlier ones.

    `mask` is (B,1 or M,N), True on real keys, or None; `positions` (B,M) those of the queries among the keys, or None.
    """

    def __init__(
        self,
        local: Local | None,
        hard: Hard | None,
        mask: Tensor | None,
        positions: Tensor | None,
        *,
        headed: bool = False,
    ) -> None:
        self.local, self.hard = local, hard
        self.mask = mask[:, None] if headed and mask is not None else mask
        self.positions = positions[:, None] if headed and positions is not None else positions
        self.weights: list[Tensor] = []
        self._focus: Tensor | None = None  # what `local` made of the first level it saw, or of the last one
        self._taken: Tensor | None = None  # True on keys that `hard` chose at earlier levels
        self._chances: list[tuple[Tensor, Tensor]] = []  # of each level: log-probability of the choice, and entropy

    def add(self, scores: Tensor, place: Tensor | None) -> Tensor:
        """The weights of the next level from its scores (B,M,N). `place` (B,M,D): its query, for a guessed centre."""
        if self.local is not None:
            mask = _concrete(self.mask, scores)
            if self._focus is None or self.local.moves:
                self._focus = self.local.focus(scores, mask, place, self.positions)
            return self._weigh(*_focused(scores, mask, self._focus))
        return self._weigh(scores, self.mask)

    def add_given(self, given: Tensor, heads: int | None = None) -> Tensor:
        """The first level where its weights (B,M,N) come from elsewhere: a softmax that is done already.

        A variant that chooses among keys (`topk`, a window, `hard`) does so with their logarithms. A guessed centre
        has no query here to be guessed from, and begins at level 2.
        """
        if heads is not None:
            given = given[:, None].expand(-1, heads, -1, -1)
        if self.hard is None and (self.local is None or self.local.reads_query):
            self.weights.append(given)
            return given
        # Not below the smallest number: the gradient of log 0 would be NaN even where the mask covers it.
        logits = given.clamp(min=torch.finfo(given.dtype).tiny).log()
        if self.local is not None and not self.local.reads_query:
            return self.add(logits, None)
        return self._weigh(logits, self.mask)

    def finish(self) -> None:
        """Hand what was chosen to `hard`, for the loss of REINFORCE. To be called once, after the last level."""
        if self.hard is not None and self._chances:
            log_chance, entropy = (torch.stack(parts).sum(0) for parts in zip(*self._chances, strict=True))
            heads = log_chance.dim() == 3
            self.hard.remember(*((x.sum(1) if heads else x) for x in (log_chance, entropy)))  # (B,M) each

    def _weigh(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        if self.hard is None:
            a = masked_softmax(scores, mask)
        else:
            mask = _concrete(mask, scores)
            choice = self.hard.choose(scores, mask, self._taken)
            a, self._taken = choice.weights, choice.taken
            if choice.chance is not None:
                self._chances.append(choice.chance)
        self.weights.append(a)
        return a


def _concrete(mask: Tensor | None, scores: Tensor) -> Tensor:
    return scores.new_ones(scores.shape[-1], dtype=torch.bool) if mask is None else mask


def _focused(scores: Tensor, mask: Tensor, focus: Tensor) -> tuple[Tensor, Tensor]:
    """A focus of True and False says which keys are left; one of numbers is added to the scores."""
    return (scores, mask & focus) if focus.dtype == torch.bool else (scores + focus, mask)
