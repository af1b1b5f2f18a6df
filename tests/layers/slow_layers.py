"""Recurrent cells and pointers one token at a time, for the tests of ham_mrc.layers: numpy, real tokens only.

There is no padding, no mask and no batch in here, and nothing of ham_mrc but the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Array = npt.NDArray[np.float64]


def array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach(), dtype=np.float64)


def tensor(rows: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows))


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    return np.asarray(powers / powers.sum())


def weights(module: nn.Module, ending: str) -> list[Array]:
    return [array(getattr(module, name + ending)) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def step(kind: str, given: list[Array], x: Array, state: Array, cell: Array) -> tuple[Array, Array]:
    """State and cell after one token, as torch.nn documents its LSTM and GRU; a GRU's cell is never read."""
    w_ih, w_hh, b_ih, b_hh = given
    if kind == "lstm":
        into, forget, new, out = np.split(w_ih @ x + b_ih + w_hh @ state + b_hh, 4)
        cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(new)
        return sigmoid(out) * np.tanh(cell), cell
    (reset_x, keep_x, new_x), (reset_h, keep_h, new_h) = np.split(w_ih @ x + b_ih, 3), np.split(w_hh @ state + b_hh, 3)
    keep = sigmoid(keep_x + keep_h)
    return (1 - keep) * np.tanh(new_x + sigmoid(reset_x + reset_h) * new_h) + keep * state, cell


def slow_way(module: nn.RNNBase, rows: Array, *, back: bool) -> Array:
    """(T, D) -> (T, H): one direction of a layer, its states in the order of the tokens."""
    kind = "lstm" if isinstance(module, nn.LSTM) else "gru"
    given = weights(module, "_l0_reverse" if back else "_l0")
    state = cell = np.zeros(module.hidden_size)
    states = []
    for x in rows[::-1] if back else rows:
        state, cell = step(kind, given, x, state, cell)
        states.append(state)
    return np.array(states[::-1] if back else states)


def slow_encoder(encoder: Any, rows: Array, masks: list[list[Array]] | None = None) -> Array:
    """(T, D) -> (T, output); `masks` has what each layer's input is multiplied by, for each direction."""
    modules = [getattr(encoder, encoder.cell), *encoder.upper]
    outputs = [rows]
    for k, module in enumerate(modules):
        ways = []
        for way in range(1 + module.bidirectional):
            scale = 1.0 if masks is None else masks[k][way]
            ways.append(slow_way(module, outputs[-1] * scale, back=way == 1))
        outputs.append(np.concatenate(ways, 1))
    return np.concatenate(outputs[1:], 1) if encoder.concat_layers else outputs[-1]


def slow_one_way(way: Any, kind: str, tokens: Array, state: Array) -> tuple[Array, Array]:
    """(P, D), (H,) -> the logits (P,) of the first and of the second boundary; Wang & Jiang 2017, equations 7 to 9."""
    v, w_a = array(way.vector.weight)[0], array(way.state_map.weight)
    big_v, b_a = array(way.passage_map.weight), array(way.passage_map.bias)
    given, cell = weights(way.cell, ""), state
    logits = []
    for _ in range(2):
        logits.append(np.array([v @ np.tanh(big_v @ token + w_a @ state + b_a) for token in tokens]))
        state, cell = step(kind, given, softmax(logits[-1]) @ tokens, state, cell)
    return logits[0], logits[1]


def slow_pooling(pool: Any, tokens: Array) -> Array:
    """(Q, D) -> (D,): sum_j a_j u_j, a = softmax(v . tanh(W u_j + b))."""
    w, b, v = array(pool.map.weight), array(pool.map.bias), array(pool.vector.weight)[0]
    return np.asarray(softmax(np.array([v @ np.tanh(w @ token + b) for token in tokens])) @ tokens)
