"""Every combination of variants against the slow nested loop, and what each keeps of the plain attention's promises."""

from __future__ import annotations

import pytest
import torch
from ham_variants import ONE_HEAD, VARIANTS, Options
from layer_inputs import EXACT, SCORES, Inputs, build, draw
from slow_ham import Slow, slow_ham
from torch import Tensor

from ham_mrc.layers import Ham

POSITIONS = torch.tensor([[0, 3, 4], [2, 1, 4]])

every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def make(depth: int, options: Options, seed: int = 1, score: str = "scaled_dot") -> tuple[Ham, Inputs]:
    return build(score, depth, seed, **options).eval(), draw(seed, keys=6)


def check(actual: tuple[Tensor, Tensor], slow: Slow) -> None:
    torch.testing.assert_close(actual[1], slow.weights, **EXACT)
    torch.testing.assert_close(actual[0], slow.out, **EXACT)


@every_variant
def test_agrees_with_the_slow_loop(options: Options) -> None:
    for depth in (1, 3):
        ham, x = make(depth, options, seed=depth)
        for mask in (x.key_mask, x.own_mask):
            slow = slow_ham(ham, x.query, x.keys, mask, positions=POSITIONS)
            check(ham(x.query, x.keys, mask, positions=POSITIONS), slow)


@every_variant
def test_one_query_a_step_as_a_recurrent_cell_asks(options: Options) -> None:
    """Keys prepared once; of the query both the projection and, for a guessed centre, the vector itself."""
    ham, x = make(3, options, seed=4)
    slow = slow_ham(ham, x.query, x.keys, x.own_mask, state=x.state, positions=POSITIONS)
    prepared, projected = ham.prepare(x.keys), ham.project(x.query)
    with ham.trace() as trace:
        steps = [
            ham.attend(
                projected[:, m : m + 1],
                prepared,
                x.own_mask[:, m : m + 1],
                state=x.state[:, m : m + 1],
                query=x.query[:, m : m + 1],
                positions=POSITIONS[:, m : m + 1],
            )
            for m in range(3)
        ]
    check((torch.cat([out for out, _ in steps], 1), torch.cat([weights for _, weights in steps], 1)), slow)
    torch.testing.assert_close(trace.weights(), slow.levels, **EXACT)


@every_variant
def test_level_1_given(options: Options) -> None:
    ham, x = make(3, options, seed=5)
    given = torch.rand(2, 3, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * x.own_mask
    given = given / given.sum(-1, keepdim=True).clamp(min=1e-9)
    given.requires_grad_()
    actual = ham(x.query, x.keys, x.own_mask, first_weights=given, positions=POSITIONS)
    check(actual, slow_ham(ham, x.query, x.keys, x.own_mask, first_weights=given.detach(), positions=POSITIONS))
    if options.get("hard") in (None, "straight_through"):
        (gradient,) = torch.autograd.grad(actual[0].square().sum(), [given])
        assert bool(gradient.isfinite().all())
        assert bool(gradient.any())


@pytest.mark.parametrize("options", ONE_HEAD.values(), ids=ONE_HEAD)
def test_every_score(options: Options) -> None:
    for score in SCORES:
        ham, x = make(3, options, seed=6, score=score)
        slow = slow_ham(ham, x.query, x.keys, x.own_mask, positions=POSITIONS)
        check(ham(x.query, x.keys, x.own_mask, positions=POSITIONS), slow)


@pytest.mark.parametrize("options", ONE_HEAD.values(), ids=ONE_HEAD)
def test_refreshed_keys_are_nested_self_attention(options: Options) -> None:
    """For what no level passes on to the next: a kept centre and taken keys are tested elsewhere."""
    if options.get("no_repeat") or options.get("recenter") is False:
        options = {key: value for key, value in options.items() if key not in ("no_repeat", "recenter")}
    ham, x = make(3, {**options, "refresh_keys": True}, seed=7)
    single, _ = make(1, options)
    single.load_state_dict({name: tensor for name, tensor in ham.state_dict().items() if name != "c"})
    rows, levels = x.keys, []
    for _ in range(3):
        rows = slow_ham(single, rows, rows, x.key_mask, positions=torch.arange(6).expand(2, 6)).out
        levels.append(rows)
    out, weights = ham(x.keys, x.keys, x.key_mask)
    torch.testing.assert_close(out, torch.einsum("i,ibmd->bmd", ham.c.softmax(0), torch.stack(levels)), **EXACT)
    torch.testing.assert_close(weights @ x.keys, out, **EXACT)


# What stays as it was


@every_variant
def test_weights_are_shares_of_real_keys_and_an_empty_row_is_zero(options: Options) -> None:
    ham, x = make(3, options, seed=8)
    ham.train()
    query, keys = x.query.clone().requires_grad_(), x.keys.clone().requires_grad_()
    out, weights = ham(query, keys, x.own_mask, positions=POSITIONS)
    assert bool((weights >= 0).all())
    assert not bool(weights[~x.own_mask].any())
    torch.testing.assert_close(weights.sum(-1), x.own_mask.any(-1).double(), **EXACT)
    assert not bool(out[-1, -1].any())
    out.square().sum().backward()
    for tensor in (query, keys, *ham.parameters()):
        assert tensor.grad is None or bool(tensor.grad.isfinite().all())  # a sampled key does not depend on them
    assert query.grad is None or not bool(query.grad[-1, -1].any())


@every_variant
def test_more_padding_changes_nothing(options: Options) -> None:
    ham, x = make(3, options, seed=9)
    before = ham(x.query, x.keys, x.key_mask, positions=POSITIONS)
    keys = torch.cat([x.keys, torch.full((2, 4, 4), 1e3, dtype=torch.float64)], 1)
    mask = torch.cat([x.key_mask, torch.zeros(2, 4, dtype=torch.bool)], 1)
    out, weights = ham(x.query, keys, mask, positions=POSITIONS)
    torch.testing.assert_close(out, before[0], **EXACT)
    torch.testing.assert_close(weights[..., :6], before[1], **EXACT)
    alone = ham(x.query[1:], x.keys[1:], x.key_mask[1:], positions=POSITIONS[1:])
    torch.testing.assert_close(alone[0], before[0][1:], **EXACT)


@every_variant
def test_depths_share_all_other_weights_and_draw_nothing_when_called(options: Options) -> None:
    x = draw(10, keys=6, dtype=torch.float32)
    states, drawn = [], []
    for depth in (1, 2, 5):
        torch.manual_seed(10)
        ham = Ham(4, depth=depth, **options)
        drawn.append(torch.get_rng_state())
        ham(x.query, x.keys.clone().requires_grad_(), x.key_mask, positions=POSITIONS)[0].sum().backward()
        assert torch.equal(torch.get_rng_state(), drawn[0])
        states.append(ham.state_dict())
    for deep in states[1:]:
        assert deep.keys() - states[0].keys() == (set() if "attention" in options else {"c"})
        assert all(torch.equal(deep[name], tensor) for name, tensor in states[0].items() if name != "batches")


@every_variant
def test_half_precision_is_raised_for_the_softmax(options: Options) -> None:
    ham = Ham(4, depth=3, **options).eval()
    x = draw(11, keys=6, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        out, weights = ham(x.query, x.keys, x.key_mask, positions=POSITIONS)
    assert weights.dtype == torch.float32
    assert bool(out.isfinite().all())
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))


def test_plain_levels_are_those_without_a_variant() -> None:
    for name, options in VARIANTS.items():
        assert Ham(4, depth=2, **options).plain_levels == (name in ("whole, soft, one", "whole, soft, one, last"))
    assert not Ham(4, depth=2, refresh_keys=True).plain_levels
