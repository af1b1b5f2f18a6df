"""Masked keys, padding and half precision, in Ham with every score."""

from __future__ import annotations

import pytest
import torch
from layer_inputs import EXACT, KEYS, SCORES, build, draw
from slow_ham import slow_ham
from torch import nn

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
