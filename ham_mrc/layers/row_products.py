"""The product of several tensors, side by side, with a matrix that differs from row to row.

    out_r = bias_r + sum over terms of base_r (weight diag(scale_r))^T, or of base_r weight_r

A row's matrix is made when its turn comes, in one place for all rows, which stays in the cache; so the product of a
row is as quick as if all rows shared a matrix. Letters for shapes: `R` rows, `P` tokens, `K` width of a base, `W`
matrices that read the bases, `M` width of the product of each.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ham_mrc.layers.product import across_rows, linear, why_not


class Term(NamedTuple):
    """What the base of this number is multiplied with: (W M,K), its columns scaled by (R,W,K) where that is given.

    Or (R,K,W M), which is another matrix in every row.
    """

    base: int
    weight: Tensor
    scale: Tensor | None = None

    def by_way(self, matrix: Tensor) -> Tensor:
        """(W M,K) -> (W,M,K), a view."""
        assert self.scale is not None
        return matrix.view(self.scale.shape[1], -1, matrix.shape[1])

    def of_row(self, r: int) -> Tensor:
        """(W,1,K), the scale."""
        assert self.scale is not None
        return self.scale[r][:, None]

    def write(self, place: Tensor, r: int, *, add: bool) -> None:
        """Put the matrix of row r into (W M,K), or add it to what stands there."""
        if self.scale is None:
            matrix = self.weight[r].t() if self.weight.dim() == 3 else self.weight
            place.add_(matrix) if add else place.copy_(matrix)
        elif add:
            self.by_way(place).addcmul_(self.by_way(self.weight), self.of_row(r))
        else:
            torch.mul(self.by_way(self.weight), self.of_row(r), out=self.by_way(place))

    def back(self, r: int, gradient: Tensor, d_weight: Tensor | None, d_scale: Tensor | None) -> None:
        """Add to the gradients of weight and scale what the gradient of row r's matrix (W M,K) says of them."""
        if d_weight is not None and self.weight.dim() == 3:
            d_weight[r] = gradient.t()
        elif d_weight is not None and self.scale is None:
            d_weight.add_(gradient)
        elif d_weight is not None:
            self.by_way(d_weight).addcmul_(self.by_way(gradient), self.of_row(r))
        if d_scale is not None:
            d_scale[r] = self.by_way(gradient * self.weight).sum(1)


def usable(base: Tensor) -> bool:
    """Whether products of single rows are quick: on a CPU, in full precision."""
    on_cpu = base.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    return on_cpu and base.dtype in (torch.float32, torch.float64) and why_not() is None


def row_products(bases: Sequence[Tensor], terms: Sequence[Term], bias: Tensor) -> Tensor:
    """(R,P,W M), from bases (R,P,K) and a bias (R,W M). Every base has a term."""
    tensors = [x for term in terms for x in (term.weight, term.scale)]
    places = [term.base for term in terms]
    found: Tensor = _RowProducts.apply(places, len(bases), bias, *bases, *tensors)  # type: ignore[no-untyped-call]
    return found


class _RowProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, places: list[int], count: int, bias: Tensor, *tensors: Any) -> Tensor:
        ctx.places, ctx.count = places, count
        ctx.save_for_backward(bias, *tensors)
        matrices = _Matrices(places, tensors[:count], tensors[count:], bias.shape[1])
        found = bias.new_empty(*tensors[0].shape[:2], bias.shape[1])
        for r, own in enumerate(bias.unbind()):
            found[r] = linear(matrices.read(r), matrices.of_row(r), own)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        bias, *tensors = ctx.saved_tensors
        matrices = _Matrices(ctx.places, tensors[: ctx.count], tensors[ctx.count :], bias.shape[1])
        needed = ctx.needs_input_grad[3:]
        found = [torch.zeros_like(x) if need else None for x, need in zip(tensors, needed, strict=True)]
        d_bias = torch.empty_like(bias)
        for r, own in enumerate(gradient.contiguous().unbind()):
            d_bias[r] = own.sum(0)
            d_read = linear(own, matrices.of_row(r).t())
            for base, columns in zip(found[: ctx.count], matrices.columns, strict=True):
                if base is not None:
                    base[r] = d_read[:, columns]
            matrices.back(r, across_rows(own, matrices.read(r)), found[ctx.count :])
        return None, None, d_bias, *found


class _Matrices:
    """The matrices of all rows, one at a time in one place."""

    def __init__(self, places: list[int], bases: Sequence[Tensor], tensors: Sequence[Any], width: int) -> None:
        self.bases = bases
        self.terms = [Term(*given) for given in zip(places, tensors[::2], tensors[1::2], strict=True)]
        bounds = itertools.accumulate((base.shape[-1] for base in bases), initial=0)
        self.columns = [slice(*pair) for pair in itertools.pairwise(bounds)]
        self.own = bases[0].new_empty(width, self.columns[-1].stop)

    def read(self, r: int) -> Tensor:
        """(P, all K): the bases of a row side by side."""
        return torch.cat([base[r] for base in self.bases], -1)

    def of_row(self, r: int) -> Tensor:
        """(W M, all K). Columns that are the same in every row are written for the first one."""
        for base, columns in enumerate(self.columns):
            terms = [term for term in self.terms if term.base == base]
            if r == 0 or any(term.weight.dim() == 3 or term.scale is not None for term in terms):
                for number, term in enumerate(terms):
                    term.write(self.own[:, columns], r, add=number > 0)
        return self.own

    def back(self, r: int, gradient: Tensor, found: list[Tensor | None]) -> None:
        """Add to `found` what the gradient of a row's matrix says of all terms."""
        for term, d_weight, d_scale in zip(self.terms, found[::2], found[1::2], strict=True):
            term.back(r, gradient[:, self.columns[term.base]], d_weight, d_scale)
