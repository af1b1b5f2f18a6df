"""A layer of LSTMs over sequences of uneven lengths in compiled code (cpp/lstm_layer.cpp), for float32 on a CPU.

torch.nn.LSTM over packed sequences computes the same and is the reference. What the inputs add to the gates is computed
before the layer, in one product or in any quicker way that their shape allows (`scan`). Letters for shapes: `B`
sequences, `T` tokens, `E` width of an input, `W` directions, `H` hidden.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ham_mrc.layers.native import Native, by_direction, load_native, pointers
from ham_mrc.layers.product import across_rows, linear


class _Sizes(ctypes.Structure):
    """`Sizes` of the C++."""

    _fields_ = [(name, ctypes.c_int64) for name in ("B", "P", "W", "H", "stride", "threads")]


def compiled() -> Native:
    """The library, or why there is none. Built at the first call."""
    return load_native("lstm_layer")


def usable(tensor: Tensor) -> bool:
    """Whether the compiled layer can read tensors like this one: float32, on a CPU, and a compiler is there."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and compiled().library is not None


def native_lstm(layer: nn.LSTM, ways: list[Tensor], lengths: Tensor) -> Tensor:
    """What one `layer` of torch's makes of sequences: (B, T, E) for each direction -> (B, T, W H), zeros on padding.

    Both of `ways` may be one tensor, which is then read in one product. `lengths` (B,) counts real tokens.
    """
    weights, biases = of_inputs(layer, len(ways))
    if len(ways) == 2 and ways[0] is ways[1]:
        return scan(layer, [linear(ways[0], torch.cat(weights), torch.cat(biases))], lengths)
    return scan(layer, [linear(*given) for given in zip(ways, weights, biases, strict=True)], lengths)


def of_inputs(layer: nn.LSTM, ways: int) -> tuple[list[Tensor], list[Tensor]]:
    """What reads the inputs: (4H, E) and (4H,) for each direction, all biases being in the latter."""
    biases = zip(_each(layer, "bias_ih", ways), _each(layer, "bias_hh", ways), strict=True)
    return _each(layer, "weight_ih", ways), [one + other for one, other in biases]


def scan(layer: nn.LSTM, products: Sequence[Tensor], lengths: Tensor) -> Tensor:
    """The layer from what its inputs add to the gates: (B, T, 4H) for each direction, or (B, T, 2 * 4H) of both.

    -> (B, T, W H), zeros on padding.
    """
    weights = torch.stack([weight.t() for weight in _each(layer, "weight_hh", 1 + layer.bidirectional)])  # (W, H, 4H)
    with torch.autocast("cpu", enabled=False):
        given = [product.float() for product in products]
        states: Tensor = _Lstm.apply(weights, lengths.long(), *given)  # type: ignore[no-untyped-call]
    return states.flatten(2)


def _each(layer: nn.LSTM, name: str, ways: int) -> list[Tensor]:
    return [layer.get_parameter(f"{name}_l0{suffix}") for suffix in ("", "_reverse")[:ways]]


class _Lstm(torch.autograd.Function):
    """(W, H, 4H) weights, (B,) and the products of the inputs, see `scan` -> (B, T, W, H)."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, lengths: Tensor, *products: Tensor) -> Tensor:
        weights, lengths = weights.contiguous(), lengths.contiguous()
        products = tuple(product.contiguous() for product in products)
        (ways, hidden, _), shape = weights.shape, products[0].shape[:2]
        states = weights.new_empty(*shape, ways, hidden)
        kept: list[Tensor | None] = [None, None, None]
        if any(ctx.needs_input_grad):
            before = weights.new_empty(ways, *shape, hidden)
            kept = [before, torch.empty_like(states), weights.new_empty(*shape, ways, 4 * hidden)]
            ctx.save_for_backward(weights, lengths, states, *kept)
        ctx.widths = [product.shape[2] for product in products]
        library = compiled().library
        assert library is not None
        library.lstm_layer(
            ctypes.byref(_sizes(states, products)),
            pointers(*by_direction(products, ways), weights, lengths),
            pointers(states, *kept),
        )
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, lengths, states, *kept = ctx.saved_tensors
        ways, hidden = weights.shape[:2]
        found = [states.new_empty(*states.shape[:2], width) for width in ctx.widths]
        incoming, weights_t = gradient.contiguous(), weights.mT.contiguous()
        library = compiled().library
        assert library is not None
        library.lstm_layer_back(
            ctypes.byref(_sizes(states, found)),
            pointers(None, None, weights, lengths),
            pointers(states, *kept),
            pointers(incoming, weights_t, *by_direction(found, ways)),
        )
        of_state = (
            found[0].view(-1, ways, 4 * hidden).unbind(1) if len(found) < ways else [x.flatten(0, 1) for x in found]
        )
        before = kept[0].flatten(1, 2)
        with torch.autocast("cpu", enabled=False):  # autograd does not bring back the forward pass's
            d_weights = torch.stack([across_rows(*both) for both in zip(before, of_state, strict=True)])
        return d_weights, None, *found


def _sizes(states: Tensor, products: Sequence[Tensor]) -> _Sizes:
    return _Sizes(*states.shape, products[0].shape[2], max(1, torch.get_num_threads()))
