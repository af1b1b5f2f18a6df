"""What makes a sweep over depths fair: depth 1 is ordinary attention, and nothing but c changes with depth."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
from layer_inputs import EXACT, KEYS, SCORES, build, draw, only
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham, attention
from ham_mrc.layers.attention import REQUERY
from ham_mrc.layers.ham_options import INITS

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
