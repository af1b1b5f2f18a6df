"""Attentive pooling against its equation, over real tokens only."""

from __future__ import annotations

import torch
from slow_layers import array, slow_pooling, tensor
from torch import Tensor

from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.layers.pooling import AttentivePooling

LENGTHS = torch.tensor([5, 1, 3, 0])


def build() -> AttentivePooling:
    torch.manual_seed(1)
    return AttentivePooling(4, 3).double()


def sequences(width: int = 5) -> Tensor:
    """(4, width, 4), the same real rows for every width; padding is far from zero."""
    source = torch.Generator().manual_seed(2)
    rows = torch.full((4, width, 4), 50.0, dtype=torch.float64)
    for row, length in zip(rows, LENGTHS.tolist(), strict=True):
        row[:length] = torch.randn(length, 4, generator=source, dtype=torch.float64)
    return rows


def test_pooling_follows_its_equation() -> None:
    pool, rows = build(), sequences()
    pooled = pool(rows, lengths_to_mask(LENGTHS, 5))
    assert pooled.shape == (4, 4)
    for b, length in enumerate(LENGTHS.tolist()[:3]):
        torch.testing.assert_close(pooled[b], tensor(slow_pooling(pool, array(rows[b, :length]))), rtol=0, atol=1e-12)
    torch.testing.assert_close(pooled[1], rows[1, 0], rtol=0, atol=1e-12)  # one token is the mean of itself
    assert not pooled[3].any()


def test_a_trained_vector_under_a_trained_matrix_is_a_bias() -> None:
    """The report's s_j = v . tanh(W_u u_j + W_v V_r), for any W_v and V_r."""
    pool, tokens = build(), sequences()[0]
    with torch.no_grad():
        w_v, v_r = torch.randn(3, 7).double(), torch.randn(7).double()
        pool.map.bias.copy_(w_v @ v_r)
    scores = torch.tanh(tokens @ pool.map.weight.T + w_v @ v_r) @ pool.vector.weight[0]
    wanted = scores.softmax(0) @ tokens
    torch.testing.assert_close(pool(tokens[None], torch.ones(1, 5, dtype=torch.bool))[0], wanted, rtol=0, atol=1e-12)


def test_more_padding_changes_nothing() -> None:
    pool = build()
    short = pool(sequences(), lengths_to_mask(LENGTHS, 5))
    long = pool(sequences(22), lengths_to_mask(LENGTHS, 22))
    torch.testing.assert_close(long, short, rtol=0, atol=1e-12)


def test_every_parameter_gets_a_gradient_and_no_random_number_is_drawn() -> None:
    pool, rows = build(), sequences().requires_grad_()
    state = torch.get_rng_state()
    pool(rows, lengths_to_mask(LENGTHS, 5)).square().sum().backward()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in pool.parameters())
    assert rows.grad is not None
    assert not rows.grad[~lengths_to_mask(LENGTHS, 5)].any()
