"""Highway layers against their equation."""

from __future__ import annotations

import numpy as np
import torch
from slow_layers import array, sigmoid, tensor

from ham_mrc.layers.highway import Highway


def build(layers: int) -> Highway:
    torch.manual_seed(1)
    return Highway(3, layers).double()


def test_highway_follows_its_equation() -> None:
    """The first half of a layer's rows is W_h, the second W_t."""
    highway, x = build(2), torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(2)).double()
    outputs = highway(x)
    for given, output in zip(x.flatten(0, 1), outputs.flatten(0, 1), strict=True):
        y = array(given)
        for layer in highway.layers:
            w, b = array(layer.weight), array(layer.bias)
            new, gate = np.maximum(0, w[:3] @ y + b[:3]), sigmoid(w[3:] @ y + b[3:])
            y = gate * new + (1 - gate) * y
        torch.testing.assert_close(output, tensor(y), rtol=0, atol=1e-12)


def test_most_of_a_vector_passes_at_first() -> None:
    """A bias of -1 opens the gate by 0.27 where the weights say nothing."""
    highway = build(1)
    with torch.no_grad():
        highway.layers[0].weight.zero_()
        highway.layers[0].bias[:3] = 0
    x = torch.ones(1, 3).double()
    torch.testing.assert_close(highway(x), x * (1 - 1 / (1 + np.e)), rtol=0, atol=1e-12)


def test_no_layer_changes_nothing() -> None:
    x = torch.randn(2, 3)
    assert build(0)(x) is x
    assert not list(build(0).parameters())


def test_every_parameter_gets_a_gradient_and_no_random_number_is_drawn() -> None:
    highway, x = build(2), torch.randn(4, 5, 3, dtype=torch.float64)
    state = torch.get_rng_state()
    highway(x).square().sum().backward()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is not None and p.grad.ne(0).any() for p in highway.parameters())
