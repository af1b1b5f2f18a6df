"""From a trained model of few levels to one of more that is the same function, and has room to learn.

Dou & Zhang's theorem 2: a model of depth d + 1 whose new level has c = -inf is the one of depth d. At -inf its gradient
is 0, so growing begins at the least c there is minus 10: the new level weighs e^-10 of the least one, 5e-5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.ham import Ham

GAP = 10.0
"""How far below the least c a new level begins."""


def grow_levels(shallow: nn.Module, deeper: nn.Module, *, gap: float = GAP) -> None:
    """Give `deeper` all weights of `shallow`: two models that differ in the depth of their Hams alone.

    Raises ShapeError where they differ in more, or some Ham has no level weights to grow by.
    """
    sites = {name: module for name, module in deeper.named_modules() if isinstance(module, Ham)}
    before = {name: module for name, module in shallow.named_modules() if isinstance(module, Ham)}
    if sites.keys() != before.keys():
        raise ShapeError("the two models do not attend at the same places, so one cannot grow from the other")
    state = dict(shallow.state_dict())
    for name, site in sites.items():
        if site.depth != before[name].depth:
            state = grown_state(state, before[name].depth, site.depth, {name: site}, gap=gap)
    try:
        deeper.load_state_dict(state)
    except RuntimeError as error:  # torch's names the weights, over several lines
        raise ShapeError(f"the two models differ in more than their depth: {error}") from error


def grown_state(
    state: Mapping[str, Tensor],
    from_depth: int,
    to_depth: int,
    sites: Mapping[str, Ham] | None = None,
    *,
    gap: float = GAP,
) -> dict[str, Tensor]:
    """The state dict `state` of a model of `from_depth`, for the same model of `to_depth`.

    `sites` are the Hams of the deeper model, or of one of that depth, by their names in the state dict ("match.ham");
    without them every weight whose name ends in `.c` is that of a site, which from depth 1, where there is none, cannot
    be. All new levels begin at min(c) - `gap`, the least taken over the levels that are on; an infinite gap switches
    them off exactly. A requery of its own, which depth 1 does not have, starts as the map of the query.

    Raises ShapeError for a depth that does not grow, and where there are no level weights to grow by.
    """
    if not 1 <= from_depth < to_depth:
        raise ShapeError(f"a model grows from fewer levels to more, not from {from_depth} to {to_depth}")
    if sites is None:
        if from_depth == 1:
            raise ShapeError("depth 1 has no level weights c to find the sites by: name them")
        names = [name for name in state if name == "c" or name.endswith(".c")]
    else:
        if alone := [name for name, site in sites.items() if site.attention == "multilevel"]:
            where = f" of {alone[0]}" if alone[0] else ""
            raise ShapeError(f'attention = "multilevel"{where} is the last level alone: with one more it is another')
        names = [_joined(name, "c") for name in sites]
    grown = dict(state)
    for name in names:
        c = grown.get(name, torch.zeros(1))
        if c.shape[-1] != from_depth:
            raise ShapeError(f"{name} holds {c.shape[-1]} levels, but the depth to grow from is {from_depth}")
        grown[name] = grown_levels(c, to_depth, gap)
    for name, site in (sites or {}).items():
        _add_first_weights(grown, name, site)
    return grown


def grown_levels(c: Tensor, to_depth: int, gap: float = GAP) -> Tensor:
    """c (from_depth,) or (heads, from_depth) -> (.., to_depth): the new ones `gap` below the least that is not -inf."""
    least = c.masked_fill(c == -math.inf, math.inf).amin(-1, keepdim=True)
    return torch.cat([c, (least - gap).expand(*c.shape[:-1], to_depth - c.shape[-1])], -1)


def _add_first_weights(grown: dict[str, Tensor], name: str, site: Ham) -> None:
    """What the deeper site has and depth 1 does not: a c for each head, and the requery's own map."""
    own, query_map = _joined(name, "score.again_weight"), _joined(name, "score.query_map.weight")
    if own not in grown and "again_weight" in dict(site.score.named_parameters()):
        grown[own] = grown[query_map].clone()
    c = grown[_joined(name, "c")]
    if c.dim() < site.c.dim():
        grown[_joined(name, "c")] = c.expand(site.c.shape).clone()


def _joined(site: str, name: str) -> str:
    return f"{site}.{name}" if site else name
