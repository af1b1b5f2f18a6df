"""One place of attention in a reader: its Ham, and what reads what it said."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.ham_options import HamOptions
from ham_mrc.layers.multi_head import MultiHead
from ham_mrc.layers.parts import Part


def build_ham(
    query_size: int,
    key_size: int | None = None,
    *,
    score: str,
    hidden: int | None = None,
    requery: str = "word",
    self_attention: bool = False,
    **options: Unpack[HamOptions],
) -> Ham:
    """The Ham of one site of a reader. `self_attention`: whether its queries are its keys, position by position.

    Raises ShapeError, besides what Ham raises, for `refresh_keys` and a window where they are not.
    """
    if not self_attention and options.get("refresh_keys"):
        raise ShapeError(
            "refresh_keys is for self attention: elsewhere a level's outputs are no keys", remedy="leave it away"
        )
    if not self_attention and options.get("local") == "window":
        raise ShapeError(
            'local = "window" is for self attention: elsewhere a query has no position among the keys',
            remedy='take local = "gaussian" or "topk"',
        )
    return Ham(query_size, key_size, score=score, hidden=hidden, requery=requery, **options)


def context_part(score: nn.Module, context: Tensor, weights: Tensor, keys: Tensor) -> Part:
    """What attention said, as a part of what reads it: from few keys, their mixture is multiplied the quicker."""
    if isinstance(score, MultiHead) or 2 * keys.shape[1] > keys.shape[2]:
        return Part(context)
    return Part(weights.to(keys.dtype), keys=keys, made=context)
