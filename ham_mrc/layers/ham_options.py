"""The settings of hierarchical attention that every reader has, by name: no torch in here, so that a config can ask.

A reader takes them as `**ham: Unpack[HamOptions]` and hands them to `build_ham` for each place where it attends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypedDict, get_args

from ham_mrc.errors import ShapeError

InitLevels = Literal["uniform", "first"]
Attention = Literal["ham", "multilevel"]
HeadsShare = Literal["layer", "head"]
LocalKind = Literal["none", "window", "gaussian", "topk"]
HardKind = Literal["none", "straight_through", "gumbel", "reinforce"]


class HamOptions(TypedDict, total=False):
    """Each is explained where it is made use of; the short of it:

    - `depth`: how often the attention is applied, 1 or more.
    - `attention`: "ham", the learnt mixture of all levels, or "multilevel", the last level alone.
    - `init_levels`: the mixture begins as the mean of the levels ("uniform") or with 0.9 on the first ("first").
    - `refresh_keys`: self attention over the outputs of the level before, instead of over the keys given.
    - `heads`: how many heads, 0 for the plain attention; `heads_share`: a level is a whole multi-head attention
      ("layer"), or each head is a hierarchical attention of its own ("head"). See multi_head.py.
    - `local`: attend near the query's own position ("window"), near a position that is guessed ("gaussian"), or to
      the best keys only ("topk"); `radius` in tokens, `keep` in keys; `recenter`: find the place anew at each level.
      See local.py.
    - `hard`: one key a level; `temperature` of "gumbel"; `no_repeat`: never a key that an earlier level took. See
      hard.py.
    """

    depth: int
    init_levels: InitLevels
    attention: Attention
    refresh_keys: bool
    heads: int
    heads_share: HeadsShare
    local: LocalKind
    radius: int
    keep: int
    recenter: bool
    hard: HardKind
    temperature: float
    no_repeat: bool


HAM_DEFAULTS: HamOptions = {
    "depth": 1,
    "init_levels": "uniform",
    "attention": "ham",
    "refresh_keys": False,
    "heads": 0,
    "heads_share": "layer",
    "local": "none",
    "radius": 10,
    "keep": 8,
    "recenter": True,
    "hard": "none",
    "temperature": 1.0,
    "no_repeat": False,
}
"""What an option is where it is not given."""

INITS: tuple[str, ...] = get_args(InitLevels)
_CHOICES: dict[str, tuple[str, ...]] = {
    "attention": get_args(Attention),
    "heads_share": get_args(HeadsShare),
    "local": get_args(LocalKind),
    "hard": get_args(HardKind),
}
_AT_LEAST = {"heads": 0, "radius": 1, "keep": 1}

# What an option needs to have any effect: the message's words, and the test on the others.
_NEEDS: dict[str, tuple[str, Callable[[HamOptions], bool]]] = {
    "init_levels": ('attention = "ham"', lambda o: o["attention"] == "ham"),
    "heads_share": ("heads of 1 or more", lambda o: o["heads"] > 0),
    "radius": ('local = "window" or "gaussian"', lambda o: o["local"] in ("window", "gaussian")),
    "keep": ('local = "topk"', lambda o: o["local"] == "topk"),
    "recenter": ('local = "gaussian" or "topk"', lambda o: o["local"] in ("gaussian", "topk")),
    "temperature": ('hard = "gumbel"', lambda o: o["hard"] == "gumbel"),
    "no_repeat": ('hard = "straight_through", "gumbel" or "reinforce"', lambda o: o["hard"] != "none"),
}


def complete_options(options: HamOptions) -> HamOptions:
    """All options, those left away at their defaults.

    Raises ShapeError for a name or value that does not exist, an option that the others leave without effect, and
    options that cannot be had together.
    """
    given: dict[str, Any] = dict(options)
    if unknown := sorted(given.keys() - HAM_DEFAULTS.keys()):
        raise ShapeError(f"no option {unknown[0]!r} of Ham; there are {', '.join(HAM_DEFAULTS)}")
    full: Any = HAM_DEFAULTS | options
    _check_values(full)
    defaults: Any = HAM_DEFAULTS
    for name, (needed, met) in _NEEDS.items():
        if full[name] != defaults[name] and not met(full):
            raise ShapeError(f"{name} = {_shown(full[name])} is of no use without {needed}", remedy="leave it away")
    if full["refresh_keys"] and full["heads"]:
        raise ShapeError("refresh_keys and heads do not go together: after the first level no weight is on a key given")
    checked: HamOptions = full
    return checked


def _check_values(full: dict[str, Any]) -> None:
    if full["depth"] < 1:
        raise ShapeError(f"depth is {full['depth']}; it must be 1 or more")
    if full["init_levels"] not in INITS:
        raise ShapeError(
            f"no starting value {full['init_levels']!r} of the level weights; there are {', '.join(INITS)}"
        )
    for name, choices in _CHOICES.items():
        if full[name] not in choices:
            raise ShapeError(f"{name} is {full[name]!r}; there are {', '.join(choices)}")
    for name, least in _AT_LEAST.items():
        if full[name] < least:
            raise ShapeError(f"{name} is {full[name]}; it must be {least} or more")
    if not full["temperature"] > 0:
        raise ShapeError(f"temperature is {full['temperature']}; it must be above 0")


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
