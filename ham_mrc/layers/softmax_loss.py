"""The loss of a softmax over a large vocabulary, computed together with its gradient and never held as a whole.

Letters for shapes: `N` predictions, `R` width of what is read out, `V` symbols.

    loss = sum_n (ln sum_v exp z_nv - z_n,target(n)),  z = hidden weight^T        (N, V)
    d loss / d z = softmax(z) - onehot(target)

z of one batch of lines is some 25 MB: written, read for the softmax, written again for its gradient, it costs more time
than the products themselves. Here a few rows at a time stay in the cache, and their gradient is made while they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy

from ham_mrc.layers.product import across_rows, linear

_ELEMENTS = 1 << 20  # of z at once: 4 MB in float32, and rows enough for a product to be quick


def softmax_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The summed cross-entropy, natural logarithm, of `targets` (N,) by `hidden` (N,R) and `weight` (V,R): a scalar.

    Accelerators have memory enough, and half precision: there it is torch's own two operations.
    """
    if hidden.device.type != "cpu" or hidden.dtype not in (torch.float32, torch.float64):
        return cross_entropy(linear(hidden, weight).float(), targets, reduction="sum")
    if not torch.is_grad_enabled():  # the function below cannot see that, and would make gradients for nobody
        hidden, weight = hidden.detach(), weight.detach()
    loss: Tensor = _SoftmaxLoss.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss


class _SoftmaxLoss(torch.autograd.Function):
    """(N,R), (V,R), (N,) -> the summed loss. The gradients wait in the context, to be scaled by what comes back."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        wanted = any(ctx.needs_input_grad[:2])
        d_hidden, d_weight = [], torch.zeros_like(weight.t()) if wanted else None  # (R, V)
        total = hidden.new_zeros(())
        size = max(1, _ELEMENTS // len(weight))
        for part, symbols in zip(torch.split(hidden, size), torch.split(targets, size), strict=True):
            z = linear(part, weight)  # (n, V)
            place = symbols[:, None]
            log_p = z.gather(1, place) - z.logsumexp(1, keepdim=True)
            total -= log_p.sum()
            if d_weight is not None:
                p = torch.softmax(z, 1)
                p.scatter_add_(1, place, p.new_full((), -1.0).expand_as(place))
                d_hidden.append(linear(p, weight.t()))
                d_weight += across_rows(part, p)
        if d_weight is not None:
            ctx.save_for_backward(torch.cat(d_hidden), d_weight)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight = ctx.saved_tensors
        return d_hidden * gradient, (d_weight * gradient).t().contiguous(), None
