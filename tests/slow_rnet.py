"""R-NET as Wang et al. 2017 write it, one row and one step at a time: what the tensors must agree with.

Numpy vectors of float64, real tokens only: there is no padding, no mask and no batch in here. Sections are those of
the report; torch's own documentation defines its GRU.
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
from ham_mrc.layers.characters import CharRNN
from ham_mrc.layers.encoders import Encoder
from ham_mrc.layers.gated_match import GatedMatch, RecurrentGatedMatch
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.pointer import AnswerPointer
from ham_mrc.layers.pooling import AttentivePooling
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.rnet import RNet

Array = npt.NDArray[np.float64]


def array(tensor: Any) -> Array:
    return np.asarray(tensor.detach(), dtype=np.float64)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def gru_step(w_x: Array, w_h: Array, b_x: Array, b_h: Array, x: Array, state: Array) -> Array:
    """torch.nn.GRU: reset, update and new gate in this order; reset multiplies W_hn h + b_hn."""
    x_r, x_z, x_n = np.split(w_x @ x + b_x, 3)
    h_r, h_z, h_n = np.split(w_h @ state + b_h, 3)
    reset, update = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return (1 - update) * np.tanh(x_n + reset * h_n) + update * state


def slow_gru(module: nn.GRU, rows: Array) -> Array:
    """(T, D) -> (T, 2H): one layer, both directions."""
    directions = []
    for suffix in ("l0", "l0_reverse"):
        maps = [array(getattr(module, f"{name}_{suffix}")) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        state, states = np.zeros(module.hidden_size), []
        for x in rows[::-1] if "reverse" in suffix else rows:
            state = gru_step(*maps, x, state)
            states.append(state)
        directions.append(np.array(states[::-1] if "reverse" in suffix else states))
    return np.concatenate(directions, 1)


def level_scores(ham: Ham, word: Array, last: Array | None, keys: Array, recurrent: Array, query_map: Any) -> Array:
    """f(q, k) for every key of one level; `last` is the output of the level before, None at level 1.

    `recurrent` is what the state adds, zeros where there is none; `query_map` what gives a score without an inner width
    its query.
    """
    f = ham.score
    if isinstance(f, ScaledDot):
        query = last
        if query is None:
            query = word + recurrent
            if isinstance(query_map, nn.Linear):
                query = array(query_map.weight) @ word + array(query_map.bias) + recurrent
        return np.array([query @ key for key in keys]) / math.sqrt(keys.shape[1])
    w_q, w_k = array(f.query_map.weight), array(f.key_map.weight)
    if isinstance(f, ProjectedDot):
        query = np.maximum(0, w_q @ (word if last is None else last) + recurrent)
        return np.array([query @ np.maximum(0, w_k @ key) for key in keys]) / math.sqrt(len(query))
    assert isinstance(f, Additive)
    if last is None:
        asked = w_q @ word
    else:
        asked = {
            "word": lambda: w_q @ last,
            "key": lambda: w_k @ last,
            "own": lambda: array(f.again_weight) @ last,
            "add": lambda: w_q @ (word + last),
            "drop_state": lambda: w_q @ last - recurrent,
        }[f.requery]()
    v, b = array(f.vector), array(f.key_map.bias)
    return np.array([v @ np.tanh(w_k @ key + asked + recurrent + b) for key in keys])


def slow_context(ham: Ham, word: Array, keys: Array, recurrent: Array | float = 0.0, query_map: Any = None) -> Array:
    """sum_i w_i q_i over the levels i; zeros where there is no key."""
    if not len(keys):
        return np.zeros(len(word))
    w = softmax(array(ham.c)) if ham.depth > 1 else np.ones(1)
    outputs: list[Array] = []
    for _ in range(ham.depth):
        last = outputs[-1] if outputs else None
        a = softmax(level_scores(ham, word, last, keys, np.asarray(recurrent), query_map))
        outputs.append(sum(a_j * key for a_j, key in zip(a, keys, strict=True)))
    return np.asarray(sum(w_i * q_i for w_i, q_i in zip(w, outputs, strict=True)))


def gated(gate: nn.Linear | None, word: Array, context: Array) -> Array:
    """g * [u ; c] with g = sigmoid(W_g [u ; c])."""
    both = np.concatenate([word, context])
    return both if gate is None else both * sigmoid(array(gate.weight) @ both)


def slow_recurrent(layer: RecurrentGatedMatch, passage: Array, question: Array) -> Array:
    """(P, D), (Q, D) -> (P, 2H): section 3.2. The second direction reads the passage from its last word."""
    directions = []
    for way in (0, 1):
        w_x, w_h = array(layer.input_gates[way]).T, array(layer.state_gates[way]).T
        b_x, b_h = array(layer.input_bias[way])[0], array(layer.state_bias[way])[0]
        state, states = np.zeros(layer.hidden), []
        for word in passage[::-1] if way else passage:
            recurrent = array(layer.state_map.weight) @ state
            context = slow_context(layer.ham, word, question, recurrent, layer.query_map)
            state = gru_step(w_x, w_h, b_x, b_h, gated(layer.gate, word, context), state)
            states.append(state)
        directions.append(np.array(states[::-1] if way else states))
    return np.concatenate(directions, 1)


def slow_static(layer: GatedMatch, passage: Array, keys: Array) -> Array:
    """(P, D), (N, D) -> (P, 2H): section 3.3, and 3.2 where no state is read."""
    read = [gated(layer.gate, word, slow_context(layer.ham, word, keys)) for word in passage]
    return slow_encoder(layer.reader, np.array(read))


def slow_encoder(encoder: Encoder, rows: Array) -> Array:
    """(T, E) -> (T, output_size): section 3.1, layers one on top of the other; all of them joined, or the last."""
    outputs = [rows]
    for module in (encoder.gru, *encoder.upper):
        outputs.append(slow_gru(module, outputs[-1]))
    return np.concatenate(outputs[1:], 1) if encoder.concat_layers else outputs[-1]


def slow_pool(pool: AttentivePooling, tokens: Array) -> Array:
    """(Q, D) -> (D,): r^Q = att(uQ, V_r), section 3.4; W_v V_r is the bias of the map."""
    w, b, v = array(pool.map.weight), array(pool.map.bias), array(pool.vector.weight)[0]
    return np.asarray(softmax(np.array([v @ np.tanh(w @ u + b) for u in tokens])) @ tokens)


def slow_pointer(pointer: AnswerPointer, passages: list[Array], state: Array) -> tuple[list[Array], list[Array]]:
    """Each passage's start and end logits: section 3.4, the probabilities running over all passages of a question."""
    (way,) = pointer.ways
    v, w_a = array(way.vector.weight)[0], array(way.state_map.weight)
    w_h, b = array(way.passage_map.weight), array(way.passage_map.bias)
    maps = [array(getattr(way.cell, name)) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    rows = np.concatenate(passages)
    cuts = np.cumsum([len(passage) for passage in passages])[:-1]
    logits = []
    for _ in range(2):
        logits.append(np.array([v @ np.tanh(w_h @ row + w_a @ state + b) for row in rows]))
        state = gru_step(*maps, softmax(logits[-1]) @ rows, state)
    return np.split(logits[0], cuts), np.split(logits[1], cuts)


def slow_characters(reader: CharRNN, spelling: list[int]) -> Array:
    """(2H,): the end states of a GRU over a token's characters in each direction, section 3.1."""
    states = slow_gru(reader.rnn, array(reader.vectors.weight)[[i for i in spelling if i]])
    half = states.shape[1] // 2
    return np.concatenate([states[-1, :half], states[0, half:]])


def slow_words(reader: RNet, ids: list[int], spellings: list[list[int]], others: set[int]) -> Array:
    """(T, E): word vector, character vector, and whether the word stands on the other side."""
    vectors, rows = array(reader.embedding.vectors), []
    for i, spelling in zip(ids, spellings, strict=True):
        row = [vectors[i]]
        if reader.inputs.character_reader is not None:
            row.append(slow_characters(reader.inputs.character_reader, spelling))
        if reader.inputs.word_match:
            row.append(np.array([float(i in others)]))
        rows.append(np.concatenate(row))
    return np.array(rows)


def slow_rnet(reader: RNet, batch: Batch, question: int) -> list[tuple[Array, Array]]:
    """Start and end logits of the real tokens of every row of one question, without dropout; words are frozen."""
    rows = [row for row, owner in enumerate(batch.owner.tolist()) if owner == question]
    passages = [batch.passage[row, : batch.passage_lengths[row]].tolist() for row in rows]
    asked = batch.question[question, : batch.question_lengths[question]].tolist()
    everywhere = {i for passage in passages for i in passage}
    words = slow_words(reader, asked, batch.question_chars[question].tolist()[: len(asked)], everywhere)
    u_q = slow_encoder(reader.question_encoder, words)
    known = []
    for row, passage in zip(rows, passages, strict=True):
        spellings = batch.passage_chars[row].tolist()[: len(passage)]
        u_p = slow_encoder(reader.passage_encoder, slow_words(reader, passage, spellings, set(asked)))
        match = slow_static if isinstance(reader.match, GatedMatch) else slow_recurrent
        v = match(reader.match, u_p, u_q)
        h = slow_static(reader.self_match, v, v)
        known.append(h if reader.read_out is None else slow_encoder(reader.read_out, h))
    state = slow_pool(reader.question_pool, u_q[:, -2 * reader.hidden :])
    return list(zip(*slow_pointer(reader.pointer, known, state), strict=True))


def as_tensor(rows: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows))
