"""A product of parts is the product of the whole input, with its gradients, masks and all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ham_mrc.layers import row_products
from ham_mrc.layers.encoders import Encoder
from ham_mrc.layers.parts import Part, Parts


def draw(rows: int, tokens: int, keys: int, width: int, dtype: torch.dtype) -> tuple[Parts, list[Tensor]]:
    """[h ; a U ; h * a U ; h * s ; M ; m ; M * m], what BiDAF's end reads, and the tensors that it is made of."""
    source = torch.Generator().manual_seed(rows + 10 * tokens + 100 * keys + 1000 * width)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64).to(dtype).requires_grad_()

    h, a, u = normal(rows, tokens, width), normal(rows, tokens, keys), normal(rows, keys, width)
    s, m, modelled = normal(rows, 1, width), normal(rows, 1, width + 1), normal(rows, tokens, width + 1)
    first = [Part(h), Part(a, keys=u, made=a @ u), Part(h * (a @ u)), Part(h, scale=s)]
    whole = Parts(first).and_then(Part(modelled), Part(None, scale=m), Part(modelled, scale=m))
    return whole, [h, a, u, s, m, modelled]


def by_hand(leaves: list[Tensor]) -> Tensor:
    h, a, u, s, m, modelled = leaves
    mixed = a @ u
    constant = m.expand(-1, h.shape[1], -1)
    return torch.cat([h, mixed, h * mixed, h * s, modelled, constant, modelled * m], -1)


@pytest.mark.parametrize("masked", [False, True])
@given(
    rows=st.integers(1, 3),
    tokens=st.integers(1, 5),
    keys=st.integers(1, 4),
    width=st.integers(1, 5),
    out=st.integers(1, 4),
    ways=st.integers(1, 2),
    biased=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_product_is_that_of_the_whole(
    masked: bool, rows: int, tokens: int, keys: int, width: int, out: int, ways: int, biased: bool
) -> None:
    read, leaves = draw(rows, tokens, keys, width, torch.float64)
    size = 4 * width + 3 * (width + 1)
    torch.manual_seed(1)
    weights = [torch.randn(out, size, dtype=torch.float64, requires_grad=True) for _ in range(ways)]
    biases = [torch.randn(out, dtype=torch.float64, requires_grad=True) for _ in range(ways)] if biased else None
    masks = [torch.randn(rows, 1, size, dtype=torch.float64) if masked else None for _ in range(ways)]
    x = by_hand(leaves)
    assert torch.equal(read.whole(), x)
    expected = torch.cat(
        [
            (x if mask is None else x * mask) @ weight.T + (biases[i] if biases else 0)
            for i, (weight, mask) in enumerate(zip(weights, masks, strict=True))
        ],
        -1,
    )
    found = read.product(weights, biases, masks)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    incoming = torch.randn_like(expected)
    wanted = [*leaves, *weights, *(biases or [])]
    for ours, theirs in zip(
        *(torch.autograd.grad((y * incoming).sum(), wanted, retain_graph=True) for y in (found, expected)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


def test_the_short_product_is_what_a_cpu_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same input, under the same masks: the short way and the whole give the same, and both are taken."""
    read, _ = draw(2, 4, 3, 5, torch.float32)
    weight = torch.randn(6, read.whole().shape[-1])
    calls: list[int] = []
    plain = Parts._short_product

    def counted(*given: Any) -> Tensor:
        calls.append(1)
        return plain(*given)

    monkeypatch.setattr(Parts, "_short_product", counted)
    short = read.product([weight], None, [None])
    assert calls
    with torch.autocast("cpu", torch.bfloat16):
        half = read.product([weight], None, [None])
    monkeypatch.setattr(row_products, "why_not", lambda: "switched off")
    whole = read.product([weight], None, [None])
    assert len(calls) == 1
    torch.testing.assert_close(short, whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(half.float(), whole, rtol=0.1, atol=0.3)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_an_encoder_reads_parts_as_it_reads_the_whole(layers: int, bidirectional: bool, dropout: float) -> None:
    """With the same random numbers, too: one mask for each direction, over all columns of the input."""
    read, leaves = draw(3, 6, 2, 4, torch.float32)
    torch.manual_seed(1)
    encoder = Encoder(31, 5, layers=layers, bidirectional=bidirectional, dropout=dropout)
    lengths = torch.tensor([6, 1, 4])
    results = []
    for form in (encoder.of_parts, lambda parts, lengths: encoder(parts.whole(), lengths)):
        torch.manual_seed(2)
        states = form(read, lengths)
        wanted = [*leaves, *encoder.parameters()]
        results.append([states, *torch.autograd.grad(states.square().sum(), wanted, retain_graph=True)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5 * max(1.0, theirs.abs().max().item()))
