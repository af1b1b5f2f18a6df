"""Local attention by hand: which keys a level may look at, and where a guessed centre lies."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_inputs import EXACT, build, draw
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.local import Local, best_keys, near_keys

SOME = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def mask(text: str) -> Tensor:
    """(1, 1, N): "x" is a real key."""
    return torch.tensor([[[letter == "x" for letter in text]]])


def kept(focus: Tensor) -> str:
    return "".join("x" if left else "." for left in focus[0, 0].tolist())


WINDOWS = [  # position, radius, real keys, keys left
    (3, 1, "xxxxxxx", "..xxx.."),
    (0, 2, "xxxxxxx", "xxx...."),
    (6, 2, "xxxxxxx", "....xxx"),
    (3, 1, "xxx.xxx", "..x.x.."),
    (3, 9, "xx.xx..", "xx.xx.."),  # a window wider than the passage changes nothing
    (3, 1, "x.....x", "x......"),  # none within: the nearest, and the first of two equally near
    (4, 1, "x.....x", "......x"),
    (6, 2, "xxx....", "..x...."),
    (9, 1, "xxx....", "..x...."),  # a padded query
    (3, 1, ".......", "......."),
]


@pytest.mark.parametrize(("position", "radius", "real", "left"), WINDOWS)
def test_a_window(position: int, radius: int, real: str, left: str) -> None:
    focus = near_keys(torch.tensor([[position]]), mask(real), radius, len(real))
    assert kept(focus) == left


BEST = [  # scores, real keys, keep, keys left
    ([3, 1, 2, 5, 4], "xxxxx", 2, "...xx"),
    ([3, 1, 2, 5, 4], "xxx.x", 2, "x...x"),
    ([3, 1, 2, 5, 4], "xx...", 3, "xx..."),  # fewer than that are real
    ([3, 1, 2, 5, 4], ".....", 3, "....."),
    ([3, 1, 2, 5, 4], "xxxxx", 9, "xxxxx"),
    ([1, 2, 2, 2, 1], "xxxxx", 2, ".xx.."),  # the first of equals
    ([2, 2, 2, 2, 2], ".xxxx", 3, ".xxx."),
    ([-1e30, -1e30, -1e38, -1e30, 0], "xxxx.", 3, "xx.x."),
]


@pytest.mark.parametrize(("scores", "real", "keep", "left"), BEST)
def test_the_best_keys(scores: list[float], real: str, keep: int, left: str) -> None:
    assert kept(best_keys(torch.tensor([[scores]], dtype=torch.float32), mask(real), keep)) == left


@SOME
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12), st.integers(1, 13))
def test_the_best_keys_are_the_head_of_the_sorted_real_ones(rows: list[tuple[int, bool]], keep: int) -> None:
    """Small whole numbers, so that equal scores are common."""
    order = sorted((i for i, (_, real) in enumerate(rows) if real), key=lambda i: (-rows[i][0], i))
    expected = "".join("x" if i in order[:keep] else "." for i in range(len(rows)))
    scores = torch.tensor([[[float(score) for score, _ in rows]]])
    assert kept(best_keys(scores, torch.tensor([[[real for _, real in rows]]]), keep)) == expected


@SOME
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 14), st.integers(1, 5))
def test_a_window_is_never_empty_where_a_key_is_real(real: list[bool], position: int, radius: int) -> None:
    focus = near_keys(torch.tensor([[position]]), torch.tensor([[real]]), radius, len(real))[0, 0].tolist()
    distances = {j: abs(j - position) for j, is_real in enumerate(real) if is_real}
    within = {j for j, distance in distances.items() if distance <= radius}
    nearest = {min(distances, key=lambda j: (distances[j], j))} if distances else set()
    assert {j for j, left in enumerate(focus) if left} == (within or nearest)


def test_a_guessed_centre_by_hand() -> None:
    """v.tanh(W q) = 2 tanh(1) for q = (1, 0): of 5 real keys the centre is 4 sigmoid(2 tanh 1); s = 3 / 2."""
    local = Local("gaussian", 2, radius=3, keep=1, recenter=True).double()
    with torch.no_grad():
        local.query_map.weight.copy_(torch.eye(2))
        local.vector.copy_(torch.tensor([2.0, 5.0]))
    query = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    scores = torch.zeros(1, 1, 7, dtype=torch.float64)
    focus = local.focus(scores, mask("xx.xxx."), query, None)[0, 0]
    centre = 4 / (1 + math.exp(-2 * math.tanh(1)))
    for key, place in {0: 0, 1: 1, 3: 2, 4: 3, 5: 4}.items():  # places among the real keys
        assert focus[key].item() == pytest.approx(-((place - centre) ** 2) / (2 * 1.5**2), rel=1e-12)


def test_the_widest_gaussian_is_the_plain_attention() -> None:
    x = draw(1, keys=6)
    ham, plain = build("scaled_dot", 3, local="gaussian", radius=10**9), build("scaled_dot", 3)
    plain.set_levels(ham.c.detach())
    for mine, other in zip(ham(x.query, x.keys, x.own_mask), plain(x.query, x.keys, x.own_mask), strict=True):
        torch.testing.assert_close(mine, other, **EXACT)


@pytest.mark.parametrize("options", [{"local": "window", "radius": 6}, {"local": "topk", "keep": 6}])
def test_a_focus_on_all_keys_is_the_plain_attention_bit_for_bit(options: dict[str, object]) -> None:
    x = draw(2, keys=6, dtype=torch.float32)
    ham, plain = build("dot", 3, dtype=torch.float32, **options), build("dot", 3, dtype=torch.float32)
    plain.fast = False  # level by level, as what looks at a part of the keys always is
    for mine, other in zip(ham(x.keys, x.keys, x.key_mask), plain(x.keys, x.keys, x.key_mask), strict=True):
        assert torch.equal(mine, other)


def test_self_attention_knows_its_own_positions() -> None:
    """Each level of a window of 1 sees one key more on either side: three levels reach three keys away."""
    x = draw(3, keys=9)
    _, weights = build("dot", 1, local="window", radius=1)(x.keys, x.keys)
    band = (torch.arange(9)[:, None] - torch.arange(9)).abs() <= 1
    assert torch.equal(weights[0] > 0, band)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 9, dtype=torch.float64), **EXACT)


@pytest.mark.parametrize("kind", ["gaussian", "topk"])
def test_recenter_finds_the_place_anew_at_each_level(kind: str) -> None:
    x = draw(4, keys=8)
    size = {"gaussian": {"radius": 1}, "topk": {"keep": 2}}[kind]
    anew, once = (build("dot", 3, local=kind, recenter=recenter, **size) for recenter in (True, False))
    once.load_state_dict(anew.state_dict())
    with anew.trace() as moving, once.trace() as still:
        anew(x.query, x.keys)
        once(x.query, x.keys)
    assert torch.equal(moving.weights()[0], still.weights()[0])
    assert not torch.allclose(moving.weights()[2], still.weights()[2], rtol=0, atol=1e-3)
    if kind == "topk":
        assert bool(((still.weights() > 0) == (still.weights()[0] > 0)).all())


def test_the_parameters_of_a_guessed_centre_learn() -> None:
    x = draw(5, keys=6)
    ham = build("scaled_dot", 2, local="gaussian", radius=2)
    ham(x.query, x.keys, x.key_mask)[0].square().sum().backward()
    assert isinstance(ham.local, nn.Module)
    for name in ("local.query_map.weight", "local.vector"):
        assert ham.get_parameter(name).grad.abs().max() > 1e-6


def test_what_is_missing_is_named() -> None:
    x = draw(6)
    ham = build("dot", 2, local="window", radius=1)
    with pytest.raises(ShapeError) as raised:
        ham(x.query, x.keys, x.key_mask)
    assert str(raised.value) == ('local = "window" needs the positions of the queries among the keys: pass positions=')
    ham = build("dot", 2, local="gaussian", radius=1)
    with pytest.raises(ShapeError) as raised:
        ham.attend(ham.project(x.query), ham.prepare(x.keys), x.key_mask)
    assert str(raised.value) == 'local = "gaussian" guesses its centre from the query: pass query= to attend'
