"""An input made of parts, and its product with a matrix without the input itself.

What BiDAF's modelling layer reads, [h ; u ; h*u ; h*s], holds less than its width says: s is one vector a row, and u
mixes a few question vectors. With a matrix W = [W_1 W_2 W_3 W_4] and u = a U

    W [h ; u ; h*u ; h*s] = (W_1 + W_4 diag(s)) h + (W_2 U^T) a + W_3 (h*u)

which is half of the multiplications, in training as in prediction. What differs from row to row then is the matrix:
row_products.py. Letters for shapes: `R` rows, `P` tokens, `Q` keys of a mixture, `E` width of the input, `K` width of a
part, `W` matrices that read the input (the directions of a recurrent layer), each with dropout of its own, `M` width of
the product of each.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers.product import linear
from ham_mrc.layers.row_products import Term, row_products, usable


class Part(NamedTuple):
    """Some columns of an input: `base` (R,P,K), or `base` * `scale` (R,1,K), or `base` (R,P,Q) @ `keys` (R,Q,K).

    Without a `base`, `scale` stands at every token. `made` is the part itself, where it is there already.
    """

    base: Tensor | None
    scale: Tensor | None = None
    keys: Tensor | None = None
    made: Tensor | None = None

    @property
    def width(self) -> int:
        """K."""
        return next(tensor.shape[-1] for tensor in (self.keys, self.scale, self.base) if tensor is not None)

    def whole(self, tokens: int) -> Tensor:
        """(R,P,K)."""
        if self.made is not None:
            return self.made
        if self.base is None:
            assert self.scale is not None
            return self.scale.expand(-1, tokens, -1)
        if self.keys is not None:
            return self.base @ self.keys
        return self.base if self.scale is None else self.base * self.scale


class Parts:
    """An input (R,P,E): its parts side by side. The first one has a base."""

    def __init__(self, parts: Sequence[Part], before: Parts | None = None) -> None:
        self.before, self.added = before, tuple(parts)
        self._whole: Tensor | None = None

    @property
    def all(self) -> tuple[Part, ...]:
        """The parts in their order."""
        return self.added if self.before is None else self.before.all + self.added

    @property
    def first(self) -> Tensor:
        """(R,P,K), the first base."""
        base = self.all[0].base
        assert base is not None
        return base

    def and_then(self, *others: Part) -> Parts:
        """The input with more columns behind it."""
        return Parts(others, self)

    def whole(self) -> Tensor:
        """(R,P,E), what the parts say. Made once, and once for all that have more columns behind it."""
        if self._whole is None:
            start = [] if self.before is None else [self.before.whole()]
            self._whole = torch.cat([*start, *(part.whole(self.first.shape[1]) for part in self.added)], -1)
        return self._whole

    def product(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, masks: Sequence[Tensor | None]
    ) -> Tensor:
        """(R,P,W M): (x * mask) W^T + b of each weight (M,E), bias (M,) and mask (R,1,E), None for no mask."""
        saves = any(part.scale is not None or part.keys is not None for part in self.all)
        if saves and usable(self.first):
            return self._short_product(weights, biases, masks)
        x = self.whole()
        given = zip(weights, biases or itertools.repeat(None, len(weights)), masks, strict=True)
        return torch.cat([linear(x if mask is None else x * mask, weight, bias) for weight, bias, mask in given], -1)

    def _short_product(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, masks: Sequence[Tensor | None]
    ) -> Tensor:
        bases: list[Tensor] = []
        terms: list[Term] = []
        bias = torch.cat(list(biases)) if biases else weights[0].new_zeros(len(weights) * len(weights[0]))
        bias = bias.expand(len(self.first), -1)  # (R,W M)
        at = 0
        for part in self.all:
            columns = slice(at, at := at + part.width)
            own = [weight[:, columns] for weight in weights]
            own_masks = [None if mask is None else mask[..., columns] for mask in masks]
            if part.base is None:
                bias = bias + _each(part.scale, own_masks, own)[:, 0]
                continue
            place = next((i for i, base in enumerate(bases) if base is part.base), len(bases))
            if place == len(bases):
                bases.append(part.base)
            if part.keys is not None:
                terms.append(Term(place, _each(part.keys, own_masks, own)))
            else:
                scales = [_times(part.scale, mask) for mask in own_masks]
                given = [scale for scale in scales if scale is not None]
                terms.append(Term(place, torch.cat(own), torch.cat(given, 1) if given else None))
        return row_products(bases, terms, bias)


def _times(scale: Tensor | None, mask: Tensor | None) -> Tensor | None:
    return mask if scale is None else scale if mask is None else scale * mask


def _each(x: Tensor | None, masks: list[Tensor | None], weights: list[Tensor]) -> Tensor:
    """(R,n,K) -> (R,n,W M): what every weight makes of x under its mask."""
    assert x is not None
    given = zip(masks, weights, strict=True)
    return torch.cat([linear(x if mask is None else x * mask, weight) for mask, weight in given], -1)
