"""The options of Ham by themselves: their defaults, what cannot be had together, and the last level alone."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import torch
from layer_inputs import EXACT, SCORES, build, draw, only
from slow_ham import slow_ham

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham
from ham_mrc.layers.ham_options import HAM_DEFAULTS, HamOptions, complete_options
from ham_mrc.layers.site import build_ham


def test_every_option_has_a_default_of_its_type() -> None:
    hints = get_type_hints(HamOptions)
    assert list(HAM_DEFAULTS) == list(hints)
    for name, value in HAM_DEFAULTS.items():
        if not get_args(hints[name]):
            assert type(value) is hints[name], name
        else:
            assert get_origin(hints[name]) is not None
            assert value in get_args(hints[name]), name


def test_the_defaults_are_the_ordinary_attention() -> None:
    torch.manual_seed(1)
    ham = Ham(4, score="bilinear", **HAM_DEFAULTS)
    torch.manual_seed(1)
    assert torch.equal(ham.score.weight, Ham(4, score="bilinear").score.weight)
    assert ham.plain_levels
    assert not ham.has_policy
    assert ham.options == HAM_DEFAULTS == complete_options({})
    assert [name for name, _ in ham.named_parameters()] == ["score.weight"]


def test_the_options_can_be_read_without_torch() -> None:
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); sys.exit('torch' in sys.modules)"
    path = sys.modules[HamOptions.__module__].__file__
    assert path is not None
    subprocess.run([sys.executable, "-c", code, path], check=True)


# What cannot be had

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"depth": 0}, "depth is 0; it must be 1 or more"),
    ({"heads": -1}, "heads is -1; it must be 0 or more"),
    ({"local": "window", "radius": 0}, "radius is 0; it must be 1 or more"),
    ({"local": "topk", "keep": 0}, "keep is 0; it must be 1 or more"),
    ({"hard": "gumbel", "temperature": 0.0}, "temperature is 0.0; it must be above 0"),
    ({"hard": "gumbel", "temperature": float("nan")}, "temperature is nan; it must be above 0"),
    ({"attention": "deep"}, "attention is 'deep'; there are ham, multilevel"),
    ({"local": "near"}, "local is 'near'; there are none, window, gaussian, topk"),
    ({"hard": "sample"}, "hard is 'sample'; there are none, straight_through, gumbel, reinforce"),
    ({"heads_share": "all"}, "heads_share is 'all'; there are layer, head"),
    (
        {"dept": 2},
        "no option 'dept' of Ham; there are depth, init_levels, attention, refresh_keys, heads, heads_share, local, "
        "radius, keep, recenter, hard, temperature, no_repeat",
    ),
    (
        {"attention": "multilevel", "init_levels": "first"},
        'init_levels = "first" is of no use without attention = "ham"; leave it away',
    ),
    ({"heads_share": "head"}, 'heads_share = "head" is of no use without heads of 1 or more; leave it away'),
    ({"radius": 3}, 'radius = 3 is of no use without local = "window" or "gaussian"; leave it away'),
    ({"local": "topk", "radius": 3}, 'radius = 3 is of no use without local = "window" or "gaussian"; leave it away'),
    ({"local": "window", "keep": 3}, 'keep = 3 is of no use without local = "topk"; leave it away'),
    (
        {"local": "window", "recenter": False},
        'recenter = false is of no use without local = "gaussian" or "topk"; leave it away',
    ),
    (
        {"hard": "reinforce", "temperature": 0.5},
        'temperature = 0.5 is of no use without hard = "gumbel"; leave it away',
    ),
    (
        {"no_repeat": True},
        'no_repeat = true is of no use without hard = "straight_through", "gumbel" or "reinforce"; leave it away',
    ),
    (
        {"refresh_keys": True, "heads": 2},
        "refresh_keys and heads do not go together: after the first level no weight is on a key given",
    ),
    ({"heads": 2, "hidden": 3}, "this score has no inner width, but hidden = 3 was given"),
    ({"heads": 3}, "3 heads do not divide the keys' width 4"),
    (
        {"heads": 2, "score": "additive"},
        'heads compare by scaled dot products of their own, not by score = "additive"; set score = "scaled_dot"',
    ),
    (
        {"score": "dot", "requery": "key"},
        'requery = "key" is for score = "additive" alone, not "dot"; leave it away',
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        Ham(4, **options)
    assert str(raised.value) == message
    if "self_attention" not in options:
        with pytest.raises(ShapeError) as raised:
            build_ham(4, **{"score": "scaled_dot", "self_attention": True, **options})
        assert str(raised.value) == message


def test_what_only_self_attention_can_have() -> None:
    for options, message in (
        (
            {"refresh_keys": True},
            "refresh_keys is for self attention: elsewhere a level's outputs are no keys; leave it away",
        ),
        (
            {"local": "window"},
            'local = "window" is for self attention: elsewhere a query has no position among the keys; '
            'take local = "gaussian" or "topk"',
        ),
    ):
        with pytest.raises(ShapeError) as raised:
            build_ham(4, score="dot", **options)
        assert str(raised.value) == message
        assert isinstance(build_ham(4, score="dot", self_attention=True, **options), Ham)


# The last level alone


@pytest.mark.parametrize("score", SCORES)
def test_multilevel_is_so_many_nested_calls(score: str) -> None:
    x = draw(2)
    ham, single = build(score, 4, attention="multilevel"), build(score, 1)
    assert "c" not in ham.state_dict()
    single.score.load_state_dict(ham.score.state_dict())
    nested = x.query
    for _ in range(4):
        nested, a = single(nested, x.keys, x.own_mask)
    out, weights = ham(x.query, x.keys, x.own_mask)
    torch.testing.assert_close(out, nested, **EXACT)
    torch.testing.assert_close(weights, a, **EXACT)
    torch.testing.assert_close(out, slow_ham(ham, x.query, x.keys, x.own_mask).out, **EXACT)
    mixed = build(score, 4)
    mixed.load_state_dict({**ham.state_dict(), "c": only(4, 4)})
    torch.testing.assert_close(mixed(x.query, x.keys, x.own_mask)[0], out, **EXACT)


def test_multilevel_has_the_last_level_weight_1_and_no_c_to_set() -> None:
    ham = Ham(4, depth=3, attention="multilevel")
    assert ham.level_weights().tolist() == [0, 0, 1]
    assert Ham(4, attention="multilevel").level_weights().tolist() == [1]
    with pytest.raises(ShapeError) as raised:
        ham.set_levels(torch.zeros(3))
    assert str(raised.value) == 'attention = "multilevel" has no level weights c to set'
    x = draw(3, dtype=torch.float32)
    plain = Ham(4, score="dot", attention="multilevel")(x.query, x.keys, x.key_mask)[0]
    assert torch.equal(plain, Ham(4, score="dot")(x.query, x.keys, x.key_mask)[0])  # depth 1 is the ordinary attention
