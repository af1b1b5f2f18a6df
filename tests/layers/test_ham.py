"""Ham against a loop anyone can check, and the contracts that make a depth sweep a fair comparison."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
from layer_inputs import DEPTHS, EXACT, SCORES, build, draw, only
from slow_ham import slow_ham
from torch import Tensor, nn

from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers import Ham, attention
from ham_mrc.layers.attention import REQUERY
from ham_mrc.layers.ham import INITS

KEYS = {"gram": 5, "direct": 9}  # N < 2D and N >= 2D for D = 4: the affine scorers take another road in each


# The nested loop


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("score", SCORES)
def test_agrees_with_the_slow_loop(score: str, keys: int, depth: int) -> None:
    x = draw(depth, keys=keys)
    ham = build(score, depth, seed=depth)
    for mask in (x.key_mask, x.own_mask):
        slow = slow_ham(ham, x.query, x.keys, mask)
        out, weights = ham(x.query, x.keys, mask)
        torch.testing.assert_close(out, slow.out, **EXACT)
        torch.testing.assert_close(weights, slow.weights, **EXACT)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("score", SCORES)
def test_agrees_in_single_precision(score: str, keys: int, depth: int) -> None:
    x = draw(depth, keys=keys, dtype=torch.float32)
    ham = build(score, depth, dtype=torch.float32)
    out, weights = ham(x.query, x.keys, x.own_mask)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask)
    torch.testing.assert_close(out.double(), slow.out, rtol=0, atol=1e-5)
    torch.testing.assert_close(weights.double(), slow.weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", SCORES)
def test_self_attention_values_and_no_mask(score: str, depth: int) -> None:
    x = draw(3)
    ham = build(score, depth)
    torch.testing.assert_close(ham(x.keys, x.keys)[0], slow_ham(ham, x.keys, x.keys).out, **EXACT)
    out, weights = ham(x.query, x.keys, x.own_mask, values=x.values)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, values=x.values)
    assert out.shape == (2, 3, 5)
    torch.testing.assert_close(out, slow.out, **EXACT)
    torch.testing.assert_close(weights, slow.weights, **EXACT)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", SCORES)
def test_the_state_of_a_recurrent_cell(score: str, depth: int) -> None:
    x = draw(4)
    ham = build(score, depth)
    out, weights = ham.attend(ham.score.project(x.query), ham.prepare(x.keys), x.own_mask, state=x.state)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, state=x.state)
    torch.testing.assert_close(out, slow.out, **EXACT)
    torch.testing.assert_close(weights, slow.weights, **EXACT)
    assert not torch.allclose(out, ham(x.query, x.keys, x.own_mask)[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("requery", REQUERY)
def test_every_requery(requery: str, depth: int) -> None:
    x = draw(5)
    ham = build("additive", depth, requery=requery, hidden=3)
    state = x.state[..., :3]
    out, _ = ham.attend(ham.score.project(x.query), ham.prepare(x.keys), x.own_mask, state=state)
    torch.testing.assert_close(out, slow_ham(ham, x.query, x.keys, x.own_mask, state=state).out, **EXACT)
    torch.testing.assert_close(ham(x.query, x.keys)[0], slow_ham(ham, x.query, x.keys).out, **EXACT)


def given_weights(mask: Tensor) -> Tensor:
    given = torch.rand(mask.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64) * mask
    return given / given.sum(-1, keepdim=True).clamp(min=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("score", SCORES)
def test_first_weights_take_the_place_of_level_1(score: str, depth: int) -> None:
    x = draw(6)
    ham = build(score, depth)
    given = given_weights(x.own_mask)
    out, weights = ham(x.query, x.keys, x.own_mask, first_weights=given)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, first_weights=given)
    torch.testing.assert_close(out, slow.out, **EXACT)
    torch.testing.assert_close(weights, slow.weights, **EXACT)
    assert torch.equal(out, ham(x.query + 1, x.keys, x.own_mask, first_weights=given)[0])  # the query is not read


def test_first_weights_with_a_requery_that_reads_the_query() -> None:
    x = draw(6)
    ham = build("additive", 3, requery="add", hidden=3)
    given = given_weights(x.own_mask)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, first_weights=given)
    torch.testing.assert_close(ham(x.query, x.keys, x.own_mask, first_weights=given)[0], slow.out, **EXACT)


# Depth 1 is the ordinary attention


class Ordinary(nn.Module):
    """Attention as in any library, with the parameters drawn in the order in which Ham's scorers draw them."""

    def __init__(self, score: str, size: int, hidden: int) -> None:
        super().__init__()
        self.kind = score
        self.score = nn.Module()
        if score == "bilinear":
            self.score.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(size, size)))
        elif score == "trilinear":
            for name in ("query_weight", "key_weight", "product_weight"):
                bound = 1 / math.sqrt(3 * size)
                setattr(self.score, name, nn.Parameter(torch.empty(size).uniform_(-bound, bound)))
        elif score in ("projected_dot", "additive"):
            self.score.query_map = nn.Linear(size, hidden, bias=False)
            self.score.key_map = nn.Linear(size, hidden, bias=score == "additive")
            if score == "additive":
                self.score.vector = nn.Parameter(torch.empty(hidden).uniform_(-1, 1) / math.sqrt(hidden))

    def forward(self, q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
        p = self.score
        if self.kind == "bilinear":
            scores = q @ p.weight @ k.mT
        elif self.kind == "trilinear":
            scores = (q * p.product_weight) @ k.mT + (q @ p.query_weight)[:, :, None] + (k @ p.key_weight)[:, None]
        elif self.kind == "projected_dot":
            scores = p.query_map(q).relu() @ p.key_map(k).relu().mT / math.sqrt(p.query_map.out_features)
        elif self.kind == "additive":
            scores = (p.query_map(q)[:, :, None] + p.key_map(k)[:, None]).tanh() @ p.vector
        else:
            scores = q @ k.mT / (math.sqrt(k.shape[-1]) if self.kind == "scaled_dot" else 1)
        return scores.masked_fill(~mask[:, None], torch.finfo(scores.dtype).min).softmax(-1) @ k


HIDDEN = {score: 3 if score in ("additive", "projected_dot") else None for score in SCORES}


@pytest.mark.parametrize("score", SCORES)
def test_depth_1_is_the_ordinary_attention_bit_for_bit(score: str) -> None:
    """Trap 5 of the design notes: also after three steps of training, in single precision, and to the last bit."""
    x = draw(7, dtype=torch.float32)
    torch.manual_seed(7)
    ham = Ham(4, score=score, hidden=HIDDEN[score])
    drawn = torch.get_rng_state()
    torch.manual_seed(7)
    ordinary = Ordinary(score, 4, 3)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert [name for name, _ in ham.named_parameters()] == [name for name, _ in ordinary.named_parameters()]

    def train(module: nn.Module, attend: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
        seen = []
        for step in range(4):
            query, keys = x.query.clone().requires_grad_(), x.keys.clone().requires_grad_()
            out = attend(query, keys)
            (out.square() * (step + 1)).sum().backward()
            seen += [out.detach(), query.grad, keys.grad]
            with torch.no_grad():
                for parameter in module.parameters():
                    seen.append(parameter.grad.clone())
                    parameter -= 0.1 * parameter.grad
                    parameter.grad = None
        return seen

    ours = train(ham, lambda query, keys: ham(query, keys, x.key_mask)[0])
    theirs = train(ordinary, lambda query, keys: ordinary(query, keys, x.key_mask))
    for i, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert torch.equal(mine, other), i


OPTIONS = [(score, {}) for score in SCORES] + [("additive", {"requery": requery}) for requery in REQUERY]


@pytest.mark.parametrize(("score", "options"), OPTIONS)
@pytest.mark.parametrize("init_levels", INITS)
def test_depths_built_from_one_seed_share_all_other_weights(
    score: str, options: dict[str, str], init_levels: str
) -> None:
    def model(depth: int) -> tuple[dict[str, Tensor], Tensor]:
        torch.manual_seed(8)
        ham = Ham(4, depth=depth, score=score, init_levels=init_levels, **options)
        parts = nn.ModuleDict({"ham": ham, "after": nn.Linear(4, 2)})
        return parts.state_dict(), torch.get_rng_state()

    shallow, state = model(1)
    assert "ham.c" not in shallow
    for depth in (2, 5, 20):
        deep, deep_state = model(depth)
        assert torch.equal(state, deep_state)
        assert set(deep) - set(shallow) == {"ham.c"} | (
            {"ham.score.again_weight"} if "own" in options.values() else set()
        )
        assert all(torch.equal(deep[name], tensor) for name, tensor in shallow.items())


def test_no_depth_draws_random_numbers_in_a_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 6: depths that differ in noise cannot be compared."""
    monkeypatch.setattr(attention, "_CHUNK", 1)
    x = draw(8)
    for score in SCORES:
        for depth in (1, 2, 5, 20):
            ham = build(score, depth)
            state = torch.get_rng_state()
            ham(x.query.clone().requires_grad_(), x.keys, x.key_mask)[0].sum().backward()
            assert torch.equal(torch.get_rng_state(), state)


# One level alone


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("score", SCORES)
def test_one_hot_levels_equal_nested_calls(score: str, keys: int) -> None:
    x = draw(9, keys=keys)
    ham, single = build(score, 4, seed=9), build(score, 1, seed=9)
    single.score.load_state_dict(ham.score.state_dict())
    nested = query = x.query.clone().requires_grad_()
    for level in range(1, 5):
        nested, a = single(nested, x.keys, x.key_mask)
        ham.set_levels(only(level, 4))
        again = x.query.clone().requires_grad_()
        out, weights = ham(again, x.keys, x.key_mask)
        torch.testing.assert_close(out, nested, **EXACT)
        torch.testing.assert_close(weights, a, **EXACT)
        expected = torch.autograd.grad(nested.square().sum(), [query, *single.parameters()], retain_graph=True)
        actual = torch.autograd.grad(out.square().sum(), [again, *ham.score.parameters()])
        for mine, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_level_weights_are_exactly_one_hot() -> None:
    ham = build("dot", 5)
    ham.set_levels(only(3, 5))
    assert ham.level_weights().tolist() == [0, 0, 1, 0, 0]
    assert Ham(4).level_weights().tolist() == [1]


NOT_WEIGHTS = "the level weights c hold NaN or +inf; only finite numbers and -inf (level off) are allowed"
BAD_LEVELS = [
    ([0.0, math.inf], NOT_WEIGHTS),
    ([math.nan, 0.0], NOT_WEIGHTS),
    ([math.nan, -math.inf], NOT_WEIGHTS),
    ([-math.inf, -math.inf], "the level weights c are all -inf: at least one level must be on"),
]


@pytest.mark.parametrize(("c", "message"), BAD_LEVELS)
def test_levels_that_are_no_weights_are_refused(c: list[float], message: str) -> None:
    ham = Ham(4, depth=2)
    with pytest.raises(ShapeError) as raised:
        ham.set_levels(torch.tensor(c))
    assert str(raised.value) == message
    for module, prefix in ((ham, ""), (nn.Sequential(ham), "0."), (copy.deepcopy(ham), "")):
        with pytest.raises(ShapeError) as raised:
            module.load_state_dict({f"{prefix}c": torch.tensor(c)})
        assert str(raised.value) == message
    assert ham.c.tolist() == [0, 0]


def test_levels_of_another_depth_are_refused() -> None:
    for depth, c, message in (
        (2, torch.zeros(3), "c has shape (3,), but depth 2 needs (2,)"),
        (2, torch.zeros(0), "c has shape (0,), but depth 2 needs (2,)"),
        (1, torch.zeros(1), "depth 1 has no level weights c to set"),
    ):
        with pytest.raises(ShapeError) as raised:
            Ham(4, depth=depth).set_levels(c)
        assert str(raised.value) == message


def test_good_levels_load() -> None:
    ham = Ham(4, depth=3)
    ham.load_state_dict({"c": torch.tensor([0.0, -math.inf, math.log(3)])})
    torch.testing.assert_close(ham.level_weights(), torch.tensor([0.25, 0, 0.75]))


@pytest.mark.parametrize("depth", [2, 5, 20])
def test_starting_values_of_the_levels(depth: int) -> None:
    x = draw(10)
    first = Ham(4, depth=depth, init_levels="first").level_weights()
    torch.testing.assert_close(first, torch.tensor([0.9] + [0.1 / (depth - 1)] * (depth - 1)))
    uniform = Ham(4, depth=depth)
    assert uniform.c.tolist() == [0] * depth
    with uniform.trace() as trace:
        out, weights = uniform(x.query, x.keys, x.key_mask)
    torch.testing.assert_close(weights, trace.weights().mean(0))
    torch.testing.assert_close(out, (trace.weights() @ x.keys).mean(0))


@pytest.mark.parametrize("score", SCORES)
def test_every_parameter_learns(score: str) -> None:
    """Trap 26: the gradient of c is not zero at depth 2, where the levels differ.

    w_q of `trilinear` adds the same to all keys, which a softmax over keys does not see.
    """
    x = draw(11)
    ham = build(score, 2, requery="own") if score == "additive" else build(score, 2)
    ham(x.query, x.keys, x.key_mask)[0].square().sum().backward()
    for name, parameter in ham.named_parameters():
        assert (parameter.grad.abs().max() > 1e-6) == (name != "score.query_weight"), name


# Masks and padding


@pytest.mark.parametrize("depth", [1, 2, 6])
@pytest.mark.parametrize("score", SCORES)
def test_weights_are_weights_and_masked_keys_get_exactly_zero(score: str, depth: int) -> None:
    ham = build(score, depth)
    for seed in range(10):
        x = draw(seed, keys=4 + seed)
        for mask in (x.key_mask[:, None].expand_as(x.own_mask), x.own_mask):
            weights = ham(x.query, x.keys, mask)[1]
            assert bool((weights >= 0).all())
            assert bool((weights[~mask] == 0).all())
            torch.testing.assert_close(weights.sum(-1), mask.any(-1).double(), **EXACT)


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("depth", [1, 2, 6])
@pytest.mark.parametrize("score", SCORES)
def test_rows_without_a_real_key(score: str, depth: int, keys: int) -> None:
    """Trap 1: zeros, and zero gradients that are finite everywhere, also where a whole example has no key."""
    x = draw(12, keys=keys)
    ham = build(score, depth)
    query, rows = x.query.clone().requires_grad_(), x.keys.clone().requires_grad_()
    mask = x.own_mask.clone()
    mask[0] = False
    out, weights = ham(query, rows, mask)
    assert not bool(out[0].any())
    assert not bool(out[1, -1].any())
    assert not bool(weights[1, -1].any())
    (out * torch.randn_like(out) + weights.sum()).sum().backward()
    assert not bool(query.grad[0].any())
    assert not bool(query.grad[1, -1].any())
    assert not bool(rows.grad[0].any())
    assert all(bool(p.grad.isfinite().all()) for p in ham.parameters())
    assert bool(query.grad.isfinite().all() and rows.grad.isfinite().all())
    assert bool(rows.grad[1].any())


@pytest.mark.parametrize("score", SCORES)
def test_scores_far_below_zero_do_not_let_masked_keys_in(score: str) -> None:
    """Trap 2: a mask multiplied into the scores would give the masked keys score 0, far above all real ones."""
    x = draw(13)
    ham = build(score, 3)
    with torch.no_grad():
        for parameter in ham.score.parameters():
            parameter.mul_(20)
    query, keys = x.query.abs() * 100, -x.keys.abs() * 100
    out, weights = ham(query, keys, x.key_mask)
    slow = slow_ham(ham, query, keys, x.key_mask)
    torch.testing.assert_close(out, slow.out, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(weights, slow.weights, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 5, 20])
@pytest.mark.parametrize("score", SCORES)
def test_padding_changes_no_real_row(score: str, depth: int) -> None:
    """Trap 3: 17 more keys and 5 more queries of large numbers. With them N >= 2D, without N < 2D."""
    x = draw(14)
    ham = build(score, depth)
    keys = torch.cat([x.keys, torch.full((2, 17, 4), 1e3, dtype=torch.float64)], 1)
    query = torch.cat([x.query, torch.full((2, 5, 4), -1e3, dtype=torch.float64)], 1)
    mask = nn.functional.pad(x.key_mask, (0, 17))
    out, weights = ham(query, keys, mask)
    expected, expected_weights = ham(x.query, x.keys, x.key_mask)
    torch.testing.assert_close(out[:, :3], expected, **EXACT)
    torch.testing.assert_close(weights[:, :3, :5], expected_weights, **EXACT)
    assert not bool(weights[..., 5:].any())


@pytest.mark.parametrize("score", SCORES)
def test_a_batch_of_one_equals_its_row(score: str) -> None:
    x = draw(15, batch=4)
    ham = build(score, 5)
    out = ham(x.query, x.keys, x.key_mask)[0]
    for b in range(4):
        single = ham(x.query[b : b + 1], x.keys[b : b + 1], x.key_mask[b : b + 1])[0]
        torch.testing.assert_close(single[0], out[b], **EXACT)
    one = ham(x.query[:1, :1], x.keys[:1, :1], x.key_mask[:1, :1])[0]  # one query, one key: the key itself
    torch.testing.assert_close(one, x.keys[:1, :1], **EXACT)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("score", SCORES)
def test_no_keys_at_all_give_zeros(score: str, depth: int) -> None:
    x = draw(16)
    out, weights = build(score, depth)(x.query, x.keys[:, :0], x.key_mask[:, :0])
    assert out.tolist() == torch.zeros(2, 3, 4).tolist()
    assert weights.shape == (2, 3, 0)


# Half precision


@pytest.mark.parametrize("refresh_keys", [False, True])
@pytest.mark.parametrize("score", SCORES)
def test_softmax_and_sum_over_levels_stay_in_single_precision_under_autocast(score: str, refresh_keys: bool) -> None:
    x = draw(17, keys=40, size=16, dtype=torch.float32)
    ham = build(score, 5, size=16, dtype=torch.float32, refresh_keys=refresh_keys)
    query = x.keys if refresh_keys else x.query
    with ham.trace() as trace, torch.autocast("cpu", torch.bfloat16):
        out, weights = ham(query, x.keys, x.key_mask)
    assert trace.weights().dtype == weights.dtype == torch.float32
    assert out.dtype == torch.bfloat16
    levels = torch.einsum("i,ibmn->bmn", ham.c.softmax(0), trace.weights())
    torch.testing.assert_close(weights, levels, rtol=0, atol=1e-6)  # a sum in bfloat16 would be off by 1e-3
    if not refresh_keys:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:2]), rtol=0, atol=1e-6)
    torch.testing.assert_close(out.float(), weights @ x.keys, rtol=0.02, atol=0.02)
    out.float().square().sum().backward()
    assert ham.c.grad.dtype == torch.float32
    assert bool(ham.c.grad.isfinite().all())


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("score", SCORES)
def test_a_module_in_half_precision_runs(score: str, keys: int) -> None:
    x = draw(18, keys=keys, dtype=torch.bfloat16)
    ham = build(score, 3, dtype=torch.bfloat16)
    out, weights = ham(x.query, x.keys, x.own_mask)
    assert (out.dtype, weights.dtype) == (torch.bfloat16, torch.float32)
    given = torch.full((2, 3, keys), 1 / keys, dtype=torch.bfloat16)
    assert ham(x.query, x.keys, x.own_mask, first_weights=given)[1].dtype == torch.float32
    expected = ham.float()(x.query.float(), x.keys.float(), x.own_mask)[0]
    torch.testing.assert_close(out.float(), expected, rtol=0.1, atol=0.1)


# Keys made new at every level


@pytest.mark.parametrize("score", SCORES)
def test_refreshed_keys_equal_nested_self_attention(score: str) -> None:
    x = draw(19)
    ham, single = build(score, 4, refresh_keys=True), build(score, 1)
    single.score.load_state_dict(ham.score.state_dict())
    levels, rows = [], x.keys
    for _ in range(4):
        rows = slow_ham(single, rows, rows, x.key_mask).out
        levels.append(rows)
    out, weights = ham(x.keys, x.keys, x.key_mask)
    expected = torch.einsum("i,ibmd->bmd", ham.c.softmax(0), torch.stack(levels))
    torch.testing.assert_close(out, expected, **EXACT)
    torch.testing.assert_close(weights @ x.keys, expected, **EXACT)
    assert not bool(weights[~x.key_mask[:, None].expand_as(weights)].any())


def test_refreshed_keys_at_depth_1_are_the_ordinary_attention() -> None:
    x = draw(20)
    for refreshed, ordinary in zip(
        build("bilinear", 1, refresh_keys=True)(x.keys, x.keys, x.key_mask),
        build("bilinear", 1)(x.keys, x.keys, x.key_mask),
        strict=True,
    ):
        assert torch.equal(refreshed, ordinary)


def test_refreshed_keys_are_for_self_attention_alone() -> None:
    x = draw(21)
    ham = build("dot", 2, refresh_keys=True)
    message = "refresh_keys is for self attention: one tensor as query and keys, and nothing else"
    for query, options in (
        (x.query, {}),
        (x.keys, {"values": x.values}),
        (x.keys, {"first_weights": torch.eye(5, dtype=torch.float64)}),
    ):
        with pytest.raises(ShapeError) as raised:
            ham(query, x.keys, **options)
        assert str(raised.value) == message
    with pytest.raises(ShapeError) as raised:
        ham.prepare(x.keys)
    assert str(raised.value) == (
        "refresh_keys makes new keys at every level, so none can be prepared; call the Ham itself"
    )


# What cannot be built

REFUSED = [
    ({"depth": 0}, "depth is 0; it must be 1 or more"),
    ({"depth": -3}, "depth is -3; it must be 1 or more"),
    (
        {"score": "cosine"},
        "no score 'cosine'; there are dot, scaled_dot, bilinear, trilinear, projected_dot, additive",
    ),
    (
        {"key_size": 5, "depth": 2, "score": "additive"},
        "at depth 2 a level's output, of the keys' width 5, is the next level's query, but queries have width 4",
    ),
    ({"init_levels": "last"}, "no starting value 'last' of the level weights; there are uniform, first"),
    (
        {"init_levels": "last", "depth": 2},
        "no starting value 'last' of the level weights; there are uniform, first",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_refused_at_construction(options: dict[str, object], message: str) -> None:
    with pytest.raises(HamError) as raised:
        Ham(4, **options)
    assert type(raised.value) is ShapeError
    assert isinstance(raised.value, ValueError)
    assert str(raised.value) == message


@pytest.mark.parametrize("score", ["bilinear", "projected_dot", "additive"])
def test_widths_may_differ_at_depth_1(score: str) -> None:
    ham = Ham(3, 4, score=score).double()
    x = draw(22)
    slow = slow_ham(ham, x.query[..., :3], x.keys, x.own_mask)
    torch.testing.assert_close(ham(x.query[..., :3], x.keys, x.own_mask)[0], slow.out, **EXACT)
