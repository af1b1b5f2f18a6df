"""The learnt mixture of the levels of a Ham: out = sum_i w_i q_i with w = softmax(c).

Letters for shapes as in `ham.py`: `B` batch, `M` queries, `N` keys, `h` heads.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.ham_options import HamOptions, InitLevels
from ham_mrc.layers.masks import at_least_float32


class Mixture(nn.Module):
    """The part of a Ham that puts its levels together, from all of its options.

    `c` is (depth,), or (h,depth) where each head is a Ham of its own. Depth 1 has none, and neither has
    `attention = "multilevel"`, whose output is the last level alone.
    """

    def __init__(self, options: HamOptions) -> None:
        super().__init__()
        self.depth, self.attention = options["depth"], options["attention"]
        if self.has_levels:  # set without random numbers: two depths built from one seed share all other weights
            c = starting_levels(self.depth, options["init_levels"])
            by_head = options["heads"] > 0 and options["heads_share"] == "head"
            self.c = nn.Parameter(c.repeat(options["heads"], 1) if by_head else c)
        self.register_load_state_dict_pre_hook(_check_loaded_levels)  # type: ignore[no-untyped-call]

    @property
    def has_levels(self) -> bool:
        """Whether there are level weights c."""
        return self.depth > 1 and self.attention == "ham"

    def mix(self, levels: list[Tensor]) -> Tensor:
        """sum_i w_i a_i over the levels' weights (B,M,N), in float32 at least. A single level comes back untouched."""
        if not self.has_levels:
            return levels[-1]
        w = at_least_float32(self.c).softmax(-1)
        if w.dim() == 2:  # one c for each head
            w = w.T[..., None, None]  # (depth,h,1,1)
        total = w[0] * levels[0]
        for w_i, a_i in zip(w[1:], levels[1:], strict=True):
            total = total + w_i * a_i
        return total

    def level_shares(self) -> Tensor:
        """w (depth,) with its gradient, where heads have none of their own: of the last level alone without c."""
        return at_least_float32(self.c).softmax(-1) if self.has_levels else torch.eye(self.depth)[-1]

    def level_weights(self) -> Tensor:
        """w = softmax(c), (depth,), float32 at least; exactly one-hot where all but one of c are -inf.

        Where every head has its own, the mean over the heads.
        """
        if not self.has_levels:
            return torch.eye(self.depth)[-1]
        w = at_least_float32(self.c).softmax(-1)
        return w if w.dim() == 1 else w.mean(0)

    def set_levels(self, c: Tensor) -> None:
        """Set c, (depth,) or (h,depth). -inf switches a level off; +inf, NaN and -inf everywhere: ShapeError."""
        if not self.has_levels:
            which = "depth 1" if self.depth == 1 else f'attention = "{self.attention}"'
            raise ShapeError(f"{which} has no level weights c to set")
        if c.shape != self.c.shape:
            wanted = tuple(self.c.shape)
            raise ShapeError(f"c has shape {tuple(c.shape)}, but depth {self.depth} needs {wanted}")
        check_levels(c)
        with torch.no_grad():
            self.c.copy_(c)


def starting_levels(depth: int, init_levels: InitLevels) -> Tensor:
    """c (depth,): zeros for "uniform"; for "first" c_1 = ln(9 (depth - 1)), which makes w_1 = 0.9."""
    c = torch.zeros(depth)
    if init_levels == "first" and depth > 1:
        c[0] = math.log(9 * (depth - 1))
    return c


def check_levels(c: Tensor) -> None:
    """Raise ShapeError where softmax(c) over the last dimension would not be a set of weights."""
    if bool(torch.isnan(c).any()) or bool((c == math.inf).any()):
        raise ShapeError("the level weights c hold NaN or +inf; only finite numbers and -inf (level off) are allowed")
    if bool((c == -math.inf).all(-1).any()):
        raise ShapeError("the level weights c are all -inf: at least one level must be on")


def _check_loaded_levels(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """`check_levels` on what is about to be loaded: a hook of nn.Module.load_state_dict."""
    if (c := state.get(f"{prefix}c")) is not None:
        check_levels(c)
