"""Random inputs and Hams for the tests of ham_mrc.layers, all from a seed."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers import Ham
from ham_mrc.layers.attention import SCORERS

DEPTHS = (1, 2, 3, 4, 5, 6, 10, 20)
SCORES = tuple(SCORERS)
KEYS = {"gram": 5, "direct": 9}  # N < 2D and N >= 2D for D = 4: the affine scorers take another road in each
EXACT = {"rtol": 0.0, "atol": 1e-12}  # float64


class Inputs(NamedTuple):
    """One batch; `key_mask` is the same for all queries of an example, `own_mask` each query's own."""

    query: Tensor  # (B, M, D)
    keys: Tensor  # (B, N, D)
    values: Tensor  # (B, N, D + 1)
    key_mask: Tensor  # (B, N)
    own_mask: Tensor  # (B, M, N)
    state: Tensor  # (B, M, D), which is also A here


def draw(
    seed: int = 0, *, batch: int = 2, queries: int = 3, keys: int = 5, size: int = 4, dtype: torch.dtype = torch.float64
) -> Inputs:
    """Unit-scale vectors. The last query of the last example has no real key in `own_mask`."""
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64).to(dtype)

    key_mask = torch.rand(batch, keys, generator=source) < 0.7
    key_mask[:, 0] = True
    own_mask = torch.rand(batch, queries, keys, generator=source) < 0.6
    own_mask[..., -1] = True
    own_mask[-1, -1] = False
    return Inputs(
        normal(batch, queries, size),
        normal(batch, keys, size),
        normal(batch, keys, size + 1),
        key_mask,
        own_mask,
        normal(batch, queries, size),
    )


def build(
    score: str, depth: int, seed: int = 0, *, size: int = 4, dtype: torch.dtype = torch.float64, **options: Any
) -> Ham:
    """A Ham in `dtype` whose parameters, c included, are no longer at their starting values."""
    torch.manual_seed(seed)
    ham = Ham(size, depth=depth, score=score, **options).to(dtype)
    with torch.no_grad():
        for parameter in ham.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return ham


def only(level: int, depth: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """c (depth,) whose softmax is exactly one-hot on `level`, counted from 1."""
    c = torch.full((depth,), -torch.inf, dtype=dtype)
    c[level - 1] = 0.0
    return c
