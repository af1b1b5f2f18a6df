"""A layer of GRUs over sequences of uneven lengths in compiled code (cpp/gru_layer.cpp), for float32 on a CPU.

torch.nn.GRU over packed sequences computes the same and is the reference. (On CPUs torch's LSTM is quick, its GRU is
not.) Letters for shapes: `B` sequences, `T` tokens, `E` width of an input, `W` directions, `H` hidden.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, pad

from ham_mrc.layers.native import Native, load_native, pointers


class _Sizes(ctypes.Structure):
    """`Sizes` of the C++."""

    _fields_ = [(name, ctypes.c_int64) for name in ("B", "P", "W", "H", "threads")]


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
        products = linear(ways[0], torch.cat(of_input), torch.cat(biases)).view(*ways[0].shape[:2], 2, -1)
    else:
        products = torch.stack([linear(*given) for given in zip(ways, of_input, biases, strict=True)], 2)
    weights = torch.stack([weight.t() for weight in of_state])  # (W, H, 3H)
    inside = torch.stack([bias[2 * hidden :] for bias in state_bias])  # (W, H)
    with torch.autocast("cpu", enabled=False):
        states: Tensor = _Gru.apply(products.float(), weights, inside, lengths.long())  # type: ignore[no-untyped-call]
    return states.flatten(2)


def _both(layer: nn.GRU, name: str, ways: int) -> list[Tensor]:
    return [layer.get_parameter(f"{name}_l0{suffix}") for suffix in ("", "_reverse")[:ways]]


class _Gru(torch.autograd.Function):
    """(B, T, W, 3H) products of the inputs, (W, H, 3H) weights, (W, H) bias of new, (B,) -> (B, T, W, H)."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, weights: Tensor, inside: Tensor, lengths: Tensor) -> Tensor:
        given = [tensor.contiguous() for tensor in (products, weights, inside, lengths)]
        shape, hidden = products.shape[:-1], weights.shape[1]
        states = products.new_empty(*shape, hidden)
        kept: list[Tensor | None] = [None, None]
        if any(ctx.needs_input_grad):
            kept = [products.new_empty(*shape, width) for width in (hidden, 4 * hidden)]
            ctx.save_for_backward(*given, states, *kept)
        library = compiled().library
        assert library is not None
        library.gru_layer(ctypes.byref(_sizes(states)), pointers(*given), pointers(states, *kept))
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *given, states, before, gates = ctx.saved_tensors
        hidden, ways = states.shape[3], states.shape[2]
        found, incoming = torch.empty_like(gates), gradient.contiguous()
        weights_t = given[1].mT.contiguous()
        library = compiled().library
        assert library is not None
        library.gru_layer_back(
            ctypes.byref(_sizes(states)),
            pointers(*given),
            pointers(states, before, gates),
            pointers(incoming, weights_t, found),
        )
        inside = found[..., 3 * hidden :]
        of_state = torch.cat([found[..., : 2 * hidden], inside], -1).view(-1, ways, 3 * hidden)
        earlier = before.view(-1, ways, hidden)
        with torch.autocast("cpu", enabled=False):  # autograd does not bring back the forward pass's
            d_weights = torch.stack([earlier[:, way].t() @ of_state[:, way] for way in range(ways)])
        return found[..., : 3 * hidden], d_weights, inside.sum((0, 1)), None


def _sizes(states: Tensor) -> _Sizes:
    return _Sizes(*states.shape, max(1, torch.get_num_threads()))
