"""Products of matrices in float32 on a CPU by oneDNN: nn.Linear in half of its time on some processors, never needed.

torch computes float32 products in MKL where it has it. MKL uses no AVX-512 on AMD processors; oneDNN, which torch
holds as well, uses what there is and reads its arguments by any strides. On one thread of an AMD EPYC it takes 0.4 to
0.5 of MKL's time forward and for the gradient of x, and 0.4 to 0.65 for that of the weight. It sums in another order,
so numbers differ by rounding. What it cannot have goes to torch.nn.functional.linear, which is the reference.

Letters for shapes: `N` rows, `K` width of a row, `M` width of what becomes of it.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ham_mrc.layers.native import SWITCH

SMALLEST = 3 << 20
"""N K M of the smallest product that oneDNN is given: below, what it saves is less than a call of Python costs."""


class Linear(nn.Linear):
    """torch.nn.Linear with the same parameters and the same meaning, by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """(..., K) -> (..., M)."""
        return linear(input, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b: (..., K), (M, K), (M,) -> (..., M). A weight's strides may be any, so `linear(x, w.t())` is x w."""
    if not usable(x, weight, bias):
        return functional.linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    if torch.is_grad_enabled():
        found: Tensor = _Linear.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    else:
        found = _product(rows, weight, bias)
    return found.view(*x.shape[:-1], -1)


def across_rows(x: Tensor, y: Tensor) -> Tensor:
    """x^T y, the sum over N: (N, K), (N, M) -> (K, M). A weight's gradient is one."""
    x, y = x.contiguous(), y.contiguous()
    # What stands first is copied column by column, which takes its time: let it be the narrower one.
    return linear(x.t(), y.t()) if x.shape[1] <= y.shape[1] else linear(y.t(), x.t()).t()


def usable(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    """Whether `linear` gives these to oneDNN: large, float32, on a CPU, outside of autocast, and it is there."""
    tensors = (x, weight) if bias is None else (x, weight, bias)
    return (
        x.numel() * len(weight) >= SMALLEST
        and len(weight) > 1
        and all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
        and not torch.is_autocast_enabled("cpu")
        and bool(torch.backends.mkldnn.enabled)
        and why_not() is None
    )


@functools.cache
def why_not() -> str | None:
    """Why oneDNN does not compute products here; None where it does. Found out once, by a product of whole numbers."""
    if os.environ.get(SWITCH, "1") == "0":
        return f"switched off by {SWITCH}=0"
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return "this torch was built without oneDNN"
    x, weight = torch.arange(6.0).view(2, 3), torch.arange(15.0).view(3, 5).t()
    try:
        right = torch.equal(_product(x, weight, torch.ones(5)), x @ weight.t() + 1)
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):  # no such operation, or with other arguments
        right = False
    return None if right else "this torch gives its float32 products no oneDNN"


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(N, K), (M, K), (M,) -> (N, M). torch makes a copy of an x that is not dense."""
    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        weight = weight.contiguous()  # of one with gaps oneDNN would take the product a thousand times slower
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        gradient = gradient.contiguous()  # once for both products
        with torch.autocast("cpu", enabled=False):  # autograd does not bring back the forward pass's
            return (
                linear(gradient, weight.t()) if of_x else None,
                across_rows(gradient, x) if of_weight else None,
                gradient.sum(0) if of_bias else None,
            )
