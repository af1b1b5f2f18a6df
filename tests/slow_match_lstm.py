"""Match-LSTM as Wang & Jiang 2017 write it, one row and one step at a time: what the tensors must agree with.

Numpy vectors of float64, real tokens only: there is no padding, no mask and no batch in here. Equation numbers are
the paper's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ham_mrc.layers.affine import ScaledDot
from ham_mrc.layers.attention import Additive, ProjectedDot
from ham_mrc.layers.match_layer import MatchLayer, StaticMatchLayer
from ham_mrc.layers.pointer import AnswerPointer
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.match_lstm import MatchLSTM

Array = npt.NDArray[np.float64]
Layer = MatchLayer | StaticMatchLayer


def array(tensor: Any) -> Array:
    return np.asarray(tensor.detach(), dtype=np.float64)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def lstm_step(gates: Array, cell: Array) -> tuple[Array, Array]:
    """State and cell from the four gates' inputs, in torch's order: in, forget, new, out."""
    into, forget, new, out = np.split(gates, 4)
    cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(new)
    return sigmoid(out) * np.tanh(cell), cell


def slow_lstm(module: nn.LSTM, rows: Array) -> Array:
    """(T, D) -> (T, H), or (T, 2H) in both directions; one layer."""
    directions = []
    for suffix in ("", "_reverse") if module.bidirectional else ("",):
        w_ih, w_hh = array(getattr(module, f"weight_ih_l0{suffix}")), array(getattr(module, f"weight_hh_l0{suffix}"))
        bias = array(getattr(module, f"bias_ih_l0{suffix}")) + array(getattr(module, f"bias_hh_l0{suffix}"))
        state = cell = np.zeros(module.hidden_size)
        states = []
        for x in rows[::-1] if suffix else rows:
            state, cell = lstm_step(w_ih @ x + w_hh @ state + bias, cell)
            states.append(state)
        directions.append(np.array(states[::-1] if suffix else states))
    return np.concatenate(directions, 1)


def level_scores(layer: Layer, word: Array, last: Array | None, keys: Array, state: Array | None) -> Array:
    """f(q, k) for every key of one level; `last` is the output of the level before, None at level 1.

    Without a state W_r r_{t-1} is nothing.
    """
    f = layer.ham.score
    recurrent = np.zeros(1)
    if state is not None:
        assert isinstance(layer, MatchLayer)
        recurrent = array(layer.state_map.weight) @ state
    if isinstance(f, ScaledDot):
        query = last
        if query is None:
            query = array(layer.query_map.weight) @ word + array(layer.query_map.bias) + recurrent
        return np.array([query @ key for key in keys]) / math.sqrt(keys.shape[1])
    w_p, w_k = array(f.query_map.weight), array(f.key_map.weight)
    if isinstance(f, ProjectedDot):
        query = np.maximum(0, w_p @ (word if last is None else last) + recurrent)
        return np.array([query @ np.maximum(0, w_k @ key) for key in keys]) / math.sqrt(len(query))
    assert isinstance(f, Additive)
    if last is None:
        asked = w_p @ word
    else:
        asked = {
            "word": lambda: w_p @ last,
            "key": lambda: w_k @ last,
            "own": lambda: array(f.again_weight) @ last,
            "add": lambda: w_p @ (word + last),
            "drop_state": lambda: w_p @ last - recurrent,
        }[f.requery]()
    v, b = array(f.vector), array(f.key_map.bias)
    return np.array([v @ np.tanh(w_k @ key + asked + recurrent + b) for key in keys])


def slow_context(layer: Layer, word: Array, keys: Array, state: Array | None) -> Array:
    """sum_i w_i q_i, equation 2 at each level i; zeros where the question has no word."""
    if not len(keys):
        return np.zeros(keys.shape[1])
    w = softmax(array(layer.ham.c)) if layer.ham.depth > 1 else np.ones(1)
    outputs: list[Array] = []
    for _ in range(layer.ham.depth):
        a = softmax(level_scores(layer, word, outputs[-1] if outputs else None, keys, state))
        outputs.append(sum(a_j * key for a_j, key in zip(a, keys, strict=True)))
    return np.asarray(sum(w_i * q_i for w_i, q_i in zip(w, outputs, strict=True)))


def beside(layer: Layer, word: Array, context: Array) -> list[Array]:
    """What is read of a word and its context, in this order behind the word."""
    return [context] if layer.fusion == "plain" else [context, word - context, word * context]


def slow_match(layer: Layer, passage: Array, question: Array) -> Array:
    """(P, D), (Q, D) -> (P, 2H): equations 3 to 5. The second direction reads the passage from its last word."""
    if isinstance(layer, StaticMatchLayer):
        contexts = [slow_context(layer, word, question, None) for word in passage]
        rows = zip(passage, contexts, strict=True)
        return slow_lstm(layer.encoder.lstm, np.array([np.concatenate([w, *beside(layer, w, c)]) for w, c in rows]))
    directions = []
    for way in (0, 1):
        of_word, of_context, of_state = (
            array(m[way]).T for m in (layer.passage_gates, layer.context_gates, layer.state_gates)
        )
        bias = array(layer.gate_bias[way])[0]
        state = cell = np.zeros(layer.hidden)
        states = []
        for word in passage[::-1] if way else passage:
            read = np.concatenate(beside(layer, word, slow_context(layer, word, question, state)))
            state, cell = lstm_step(of_word @ word + of_context @ read + of_state @ state + bias, cell)
            states.append(state)
        directions.append(np.array(states[::-1] if way else states))
    return np.concatenate(directions, 1)


def slow_pointer(pointer: AnswerPointer, rows: Array) -> tuple[Array, Array]:
    """(P, R) -> start and end logits (P,): equations 7 to 9, the LSTM beginning with zeros.

    `rows` are those of all passages of a question, one after the other: the pointer chooses among all their tokens.
    """
    found = []
    for way in pointer.ways:
        v, w_a = array(way.vector.weight)[0], array(way.state_map.weight)
        big_v, b_a = array(way.passage_map.weight), array(way.passage_map.bias)
        w_ih, w_hh = array(way.cell.weight_ih), array(way.cell.weight_hh)
        bias = array(way.cell.bias_ih) + array(way.cell.bias_hh)
        state = cell = np.zeros(len(v))
        logits = []
        for _ in range(2):
            logits.append(np.array([v @ np.tanh(big_v @ row + w_a @ state + b_a) for row in rows]))
            pointed = softmax(logits[-1]) @ rows
            state, cell = lstm_step(w_ih @ pointed + w_hh @ state + bias, cell)
        found.append(logits)
    if len(found) == 1:
        return found[0][0], found[0][1]
    (start, end), (second_end, second_start) = found
    return (start + second_start) / 2, (end + second_end) / 2


def slow_reader(reader: MatchLSTM, batch: Batch, b: int) -> tuple[Array, Array]:
    """Start and end logits of the real tokens of one question, of all its rows in order, without dropout."""
    rows = [row for row, owner in enumerate(batch.owner.tolist()) if owner == b]
    passages = [batch.passage[row, : batch.passage_lengths[row]].tolist() for row in rows]
    question = batch.question[b, : batch.question_lengths[b]].tolist()
    vectors = array(reader.embedding.vectors)

    def words(ids: list[int], others: list[int]) -> Array:
        known = [i if reader.embedding.frozen or i < reader.embedding.trained else 1 for i in ids]
        extra = [[float(i in others)] if reader.inputs.word_match else [] for i in ids]
        return np.array([[*vectors[i], *more] for i, more in zip(known, extra, strict=True)])

    asked = slow_lstm(reader.question_encoder.lstm, words(question, [word for passage in passages for word in passage]))
    encoded = [slow_lstm(reader.passage_encoder.lstm, words(passage, question)) for passage in passages]
    return slow_pointer(reader.pointer, np.concatenate([slow_match(reader.match, rows, asked) for rows in encoded]))


def as_tensor(rows: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows))
