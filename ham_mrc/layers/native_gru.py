"""A layer of GRUs over sequences of uneven lengths in compiled code (cpp/gru_layer.cpp), for float32 on a CPU.

torch.nn.GRU over packed sequences computes the same and is the reference. (On CPUs torch's LSTM is quick, its GRU is
not.) Letters for shapes: `B` sequences, `T` tokens, `E` width of an input, `W` directions, `H` hidden.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from ham_mrc.layers.native import Native, by_direction, load_native, pointers
from ham_mrc.layers.product import across_rows, linear


class _Sizes(ctypes.Structure):
    """`Sizes` of the C++."""

    _fields_ = [(name, ctypes.c_int64) for name in ("B", "P", "W", "H", "stride", "threads")]


def compiled() -> Native:
    """The library, or why there is none. Built at the first call."""
    return load_native("gru_layer")


def usable(tensor: Tensor) -> bool:
    """Whether the compiled layer can read tensors like this one: float32, on a CPU, and a compiler is there."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and compiled().library is not None


def native_gru(layer: nn.GRU, ways: list[Tensor], lengths: Tensor) -> Tensor:
    """What one `layer` of torch's makes of sequences: (B, T, E) for each direction -> (B, T, W H), zeros on padding.

    Both of `ways` may be one tensor, which is then read in one product. `lengths` (B,) counts real tokens.
    """
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    of_input, of_state, input_bias, state_bias = (_both(layer, name, len(ways)) for name in names)
    hidden = layer.hidden_size
    # Of the state's bias, the last third stands inside the reset; the others are added to the input's part once.
    biases = [one + pad(other[: 2 * hidden], (0, hidden)) for one, other in zip(input_bias, state_bias, strict=True)]
    if len(ways) == 2 and ways[0] is ways[1]:
        products = [linear(ways[0], torch.cat(of_input), torch.cat(biases))]
    else:
        products = [linear(*given) for given in zip(ways, of_input, biases, strict=True)]
    weights = torch.stack([weight.t() for weight in of_state])  # (W, H, 3H)
    inside = torch.stack([bias[2 * hidden :] for bias in state_bias])  # (W, H)
    with torch.autocast("cpu", enabled=False):
        given = [product.float() for product in products]
        states: Tensor = _Gru.apply(weights, inside, lengths.long(), *given)  # type: ignore[no-untyped-call]
    return states.flatten(2)


def _both(layer: nn.GRU, name: str, ways: int) -> list[Tensor]:
    return [layer.get_parameter(f"{name}_l0{suffix}") for suffix in ("", "_reverse")[:ways]]


class _Gru(torch.autograd.Function):
    """(W, H, 3H) weights, (W, H) bias of new, (B,) and the products of the inputs -> (B, T, W, H).

    Products are (B, T, 3H) for each direction, or (B, T, 2 * 3H) of both.
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor, inside: Tensor, lengths: Tensor, *products: Tensor) -> Tensor:
        given = [tensor.contiguous() for tensor in (weights, inside, lengths)]
        products = tuple(product.contiguous() for product in products)
        (ways, hidden), shape = inside.shape, products[0].shape[:2]
        states = weights.new_empty(*shape, ways, hidden)
        kept: list[Tensor | None] = [None, None]
        if any(ctx.needs_input_grad):
            kept = [weights.new_empty(ways, *shape, hidden), weights.new_empty(*shape, ways, 4 * hidden)]
            ctx.save_for_backward(*given, states, *kept)
        ctx.widths = [product.shape[2] for product in products]
        library = compiled().library
        assert library is not None
        library.gru_layer(
            ctypes.byref(_sizes(states, products)),
            pointers(*by_direction(products, ways), *given),
            pointers(states, *kept),
        )
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *given, states, before, gates = ctx.saved_tensors
        ways, hidden = given[1].shape
        found = [states.new_empty(*states.shape[:2], width) for width in ctx.widths]
        of_state = states.new_empty(*before.shape[:3], 3 * hidden)
        incoming, weights_t = gradient.contiguous(), given[0].mT.contiguous()
        library = compiled().library
        assert library is not None
        library.gru_layer_back(
            ctypes.byref(_sizes(states, found)),
            pointers(None, None, *given),
            pointers(states, before, gates),
            pointers(incoming, weights_t, of_state, *by_direction(found, ways)),
        )
        before, of_state = before.flatten(1, 2), of_state.flatten(1, 2)
        with torch.autocast("cpu", enabled=False):  # autograd does not bring back the forward pass's
            d_weights = torch.stack([across_rows(*both) for both in zip(before, of_state, strict=True)])
        return d_weights, of_state[..., 2 * hidden :].sum(1), None, *found


def _sizes(states: Tensor, products: Sequence[Tensor]) -> _Sizes:
    return _Sizes(*states.shape, products[0].shape[2], max(1, torch.get_num_threads()))
