"""Every combination of the variants of Ham that can be had, by a readable name."""

from __future__ import annotations

import itertools
from typing import Any

Options = dict[str, Any]

LOCAL: dict[str, Options] = {
    "whole": {},
    "window": {"local": "window", "radius": 1},
    "gaussian": {"local": "gaussian", "radius": 2},
    "gaussian once": {"local": "gaussian", "radius": 2, "recenter": False},
    "topk": {"local": "topk", "keep": 2},
    "topk once": {"local": "topk", "keep": 2, "recenter": False},
}
HARD: dict[str, Options] = {
    "soft": {},
    "straight anew": {"hard": "straight_through", "no_repeat": True},
    "gumbel": {"hard": "gumbel", "temperature": 0.5},
    "reinforce": {"hard": "reinforce"},
}
HEADS: dict[str, Options] = {
    "one": {},
    "layer": {"heads": 2},
    "head": {"heads": 2, "heads_share": "head"},
}
LAST: dict[str, Options] = {"last": {"attention": "multilevel"}}


def combined(*tables: dict[str, Options]) -> dict[str, Options]:
    """One entry of each table, in all ways."""
    found = {}
    for chosen in itertools.product(*(table.items() for table in tables)):
        merged: Options = {}
        for _, options in chosen:
            merged |= options
        found[", ".join(name for name, _ in chosen)] = merged
    return found


VARIANTS = combined(LOCAL, HARD, HEADS) | combined({"whole": {}}, HARD, HEADS, LAST)
"""84 of them."""
ONE_HEAD = combined(LOCAL, HARD)
