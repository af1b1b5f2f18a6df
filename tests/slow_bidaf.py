"""BiDAF as Seo et al. 2017 and baidu/DuReader write it, one question, one passage, one token at a time.

Numpy vectors of float64, real tokens only: there is no padding, no mask and no batch in here. Equation numbers are
those of Seo et al.'s section 2. What the tensors of ham_mrc/readers/bidaf.py must agree with.
"""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ham_mrc.layers.affine import Bilinear, Dot, ScaledDot, Trilinear
from ham_mrc.layers.attention import Additive, ProjectedDot
from ham_mrc.layers.attention_flow import AttentionFlow
from ham_mrc.layers.encoders import Encoder
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.probability_pointer import ProbabilityPointer
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.bidaf import BiDAF, SpanHeads

Array = npt.NDArray[np.float64]


def array(tensor: object) -> Array:
    return np.asarray(tensor.detach(), dtype=np.float64)  # type: ignore[attr-defined]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    return np.asarray(powers / powers.sum())


def mixture(weights: Array, rows: Array) -> Array:
    total = np.zeros(rows.shape[1])
    for weight, row in zip(weights, rows, strict=True):
        total = total + weight * row
    return total


def fit(score: nn.Module, passage: Array, question: Array) -> float:
    """f(h, u), equation 1: how well something of the passage fits something of the question."""
    if isinstance(score, Trilinear):
        w_p, w_q, w_m = (array(w) for w in (score.query_weight, score.key_weight, score.product_weight))
        return float(w_p @ passage + w_q @ question + w_m @ (passage * question))
    if isinstance(score, ScaledDot):
        return float(passage @ question / np.sqrt(len(question)))
    if isinstance(score, Dot):
        return float(passage @ question)
    if isinstance(score, Bilinear):
        return float(passage @ array(score.weight) @ question)
    assert isinstance(score, Additive | ProjectedDot)
    p, q = array(score.query_map.weight) @ passage, array(score.key_map.weight) @ question
    if isinstance(score, ProjectedDot):
        return float(np.maximum(p, 0) @ np.maximum(q, 0) / np.sqrt(len(p)))
    return float(array(score.vector) @ np.tanh(p + q + array(score.key_map.bias)))


def level_weights(ham: Ham) -> Array:
    return softmax(array(ham.c)) if ham.depth > 1 else np.ones(1)


def context_to_query(ham: Ham, score: nn.Module, word: Array, question: Array) -> Array:
    """What one passage token reads of the question: each level's mixture takes its place at the next."""
    if not len(question):
        return np.zeros_like(word)
    out, asks = np.zeros(question.shape[1]), word
    for w in level_weights(ham):
        asks = mixture(softmax(np.array([fit(score, asks, u) for u in question])), question)
        out = out + w * asks
    return out


def query_to_context(ham: Ham, score: nn.Module, passage: Array, question: Array) -> Array:
    """h: the passage mixed by its best scores; what that gives takes the question's place at the next level."""
    best = np.array([max([fit(score, word, u) for u in question], default=0.0) for word in passage])
    h = mixture(softmax(best), passage)
    w = level_weights(ham)
    out = w[0] * h
    for w_i in w[1:]:
        h = mixture(softmax(np.array([fit(score, word, h) for word in passage])), passage)
        out = out + w_i * h
    return out


def slow_flow(flow: AttentionFlow, passage: Array, question: Array) -> Array:
    """G (P, 4D), equation 2."""
    score = flow.c2q.score
    h = query_to_context(flow.q2c, score, passage, question)
    rows = []
    for word in passage:
        c = context_to_query(flow.c2q, score, word, question)
        rows.append(np.concatenate([word, c, word * c, word * h]))
    return np.array(rows)


def slow_lstm(encoder: Encoder, rows: Array) -> Array:
    """(T, E) -> (T, 2H): every layer in both directions; gates in torch's order in, forget, new, out."""
    for layer in (encoder.lstm, *encoder.upper):
        ways = []
        for suffix in ("", "_reverse"):
            w_x, w_h = array(getattr(layer, f"weight_ih_l0{suffix}")), array(getattr(layer, f"weight_hh_l0{suffix}"))
            bias = array(getattr(layer, f"bias_ih_l0{suffix}")) + array(getattr(layer, f"bias_hh_l0{suffix}"))
            state = cell = np.zeros(layer.hidden_size)
            states = []
            for x in rows[::-1] if suffix else rows:
                state, cell = lstm_step(w_x @ x + w_h @ state + bias, cell)
                states.append(state)
            ways.append(np.array(states[::-1] if suffix else states))
        rows = np.concatenate(ways, 1)
    return rows


def lstm_step(gates: Array, cell: Array) -> tuple[Array, Array]:
    into, forget, new, out = np.split(gates, 4)
    cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(new)
    return sigmoid(out) * np.tanh(cell), cell


def slow_heads(heads: SpanHeads, flows: list[Array], modelled: list[Array]) -> list[tuple[Array, Array]]:
    """Start and end logits of each passage of one question, equations 3 and 4."""
    w_1, w_2 = array(heads.start_head.weight)[0], array(heads.end_head.weight)[0]
    starts = [
        np.array([w_1 @ np.concatenate([g, m]) for g, m in zip(flow, read, strict=True)])
        for flow, read in zip(flows, modelled, strict=True)
    ]
    m_start = mixture(softmax(np.concatenate(starts)), np.concatenate(modelled))  # over all passages
    found = []
    for flow, read, start in zip(flows, modelled, starts, strict=True):
        rows = read
        if heads.condition_end:
            rows = np.array([np.concatenate([g, m, m_start, m * m_start]) for g, m in zip(flow, read, strict=True)])
        again = slow_lstm(heads.encoder, rows)
        end = np.array([w_2 @ np.concatenate([g, m]) for g, m in zip(flow, again, strict=True)])
        found.append((start, end))
    return found


def slow_pointer(pointer: ProbabilityPointer, modelled: list[Array], question: Array) -> list[tuple[Array, Array]]:
    """ln of Baidu's probabilities, for each passage of one question: two ways, each two steps from the same state."""
    rows = np.concatenate(modelled)  # over all passages
    r = np.zeros(question.shape[1])
    if len(question):
        w, b, v = (array(x) for x in (pointer.pool.map.weight, pointer.pool.map.bias, pointer.pool.vector.weight[0]))
        r = mixture(softmax(np.array([v @ np.tanh(w @ u + b) for u in question])), question)
    begin = array(pointer.start_map.weight) @ r + array(pointer.start_map.bias)
    steps = []
    for way in pointer.ways:
        v, w_f, w_h = (array(x) for x in (way.vector.weight[0], way.passage_map.weight, way.state_map.weight))
        bias = array(way.passage_map.bias)
        state = cell = begin
        for _ in range(2):
            steps.append(softmax(np.array([v @ np.tanh(w_f @ f + bias + w_h @ state) for f in rows])))
            gates = array(way.cell.weight_ih) @ mixture(steps[-1], rows) + array(way.cell.weight_hh) @ state
            state, cell = lstm_step(gates + array(way.cell.bias_ih) + array(way.cell.bias_hh), cell)
    start_1, end_1, end_2, start_2 = steps
    cuts = np.cumsum([len(one) for one in modelled])[:-1]
    start, end = np.log((start_1 + start_2) / 2 + 1e-9), np.log((end_1 + end_2) / 2 + 1e-9)
    return list(zip(np.split(start, cuts), np.split(end, cuts), strict=True))


def slow_inputs(reader: BiDAF, ids: Array, characters: Array, others: Array) -> Array:
    """(T, E): [word ; characters] through the highway, and whether the word stands among `others`."""
    embedding, inputs = reader.embedding, reader.inputs
    vectors = array(embedding.vectors)
    rows = []
    for i, spelt in zip(ids, characters, strict=True):
        x = vectors[i if embedding.frozen or i < embedding.trained else 1]
        if inputs.character_reader is not None:
            x = np.concatenate([x, slow_characters(inputs.character_reader, spelt[: inputs.characters])])
        for layer in inputs.highway.layers:
            new, gate = np.split(array(layer.weight) @ x + array(layer.bias), 2)
            x = sigmoid(gate) * np.maximum(new, 0) + (1 - sigmoid(gate)) * x
        rows.append(np.concatenate([x, [float(i in others)]]) if inputs.word_match else x)
    return np.array(rows)


def slow_characters(cnn: nn.Module, ids: Array) -> Array:
    """Layer 1: the largest answer of each filter over the token's places; zeros after a token that is shorter."""
    vectors, filters, bias = array(cnn.vectors.weight), array(cnn.filters.weight), array(cnn.filters.bias)
    spelt = [vectors[i] for i in ids if i > 0]
    if not spelt:
        return np.zeros(len(filters))
    spelt += [np.zeros_like(spelt[0])] * (cnn.kernel - len(spelt))
    places = range(len(spelt) - cnn.kernel + 1)
    found = [filters @ np.concatenate(spelt[i : i + cnn.kernel]) + bias for i in places]
    return np.maximum(np.max(found, axis=0), 0)


def slow_bidaf(reader: BiDAF, batch: Batch, question: int) -> list[tuple[Array, Array]]:
    """Start and end logits of the real tokens of each passage of one question, without dropout."""
    q = int(batch.question_lengths[question])
    asked_ids, spelt = batch.question[question, :q].numpy(), batch.question_chars[question, :q].numpy()
    rows = [row for row, owner in enumerate(batch.owner.tolist()) if owner == question]
    words = {row: batch.passage[row, : batch.passage_lengths[row]].numpy() for row in rows}
    everywhere = np.concatenate(list(words.values()))
    u = slow_lstm(reader.question_encoder, slow_inputs(reader, asked_ids, spelt, everywhere))
    flows, modelled = [], []
    for row, ids in words.items():
        characters = batch.passage_chars[row, : len(ids)].numpy()
        h = slow_lstm(reader.passage_encoder, slow_inputs(reader, ids, characters, asked_ids))
        flows.append(slow_flow(reader.flow, h, u))
        modelled.append(slow_lstm(reader.modelling, flows[-1]))
    if isinstance(reader.pointer, SpanHeads):
        return slow_heads(reader.pointer, flows, modelled)
    return slow_pointer(reader.pointer, modelled, u)


class PlainBiDAF(nn.Module):
    """The reader with word vectors, one encoder and linear heads, of torch's own modules and softmax: no Ham, no mask
    library, a row a question. It begins with a copy of the weights of `reader`."""

    def __init__(self, reader: BiDAF) -> None:
        super().__init__()
        theirs = copy.deepcopy(reader)
        assert isinstance(theirs.pointer, SpanHeads)
        self.words, self.score = theirs.embedding.vectors, theirs.flow.c2q.score
        self.encoder, self.modelling, self.again = (
            e.lstm for e in (theirs.passage_encoder, theirs.modelling, theirs.pointer.encoder)
        )
        self.start, self.end = theirs.pointer.start_head, theirs.pointer.end_head

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        ids = [torch.where(ids < len(self.words), ids, 1) for ids in (batch.passage, batch.question)]
        words = [nn.functional.embedding(one, self.words, padding_idx=0) for one in ids]
        h = packed(self.encoder, words[0], batch.passage_lengths)
        u = packed(self.encoder, words[1], batch.question_lengths)
        no_passage = torch.arange(h.shape[1]) >= batch.passage_lengths[:, None]
        no_question = torch.arange(u.shape[1]) >= batch.question_lengths[:, None]
        c = self.similarity(h, u).masked_fill(no_question[:, None], -1e30).softmax(-1) @ u
        best = self.similarity(h, u).masked_fill(no_question[:, None], -1e30).amax(-1)
        b = best.masked_fill(no_passage, -1e30).softmax(-1)
        summary = b[:, None] @ h
        g = torch.cat([h, c, h * c, h * summary], -1)  # in this order: gradients of h are summed in it, bit for bit
        m = packed(self.modelling, g, batch.passage_lengths)
        again = packed(self.again, m, batch.passage_lengths)
        start, end = self.start(torch.cat([g, m], -1)), self.end(torch.cat([g, again], -1))
        return start[..., 0], end[..., 0]

    def similarity(self, h: Tensor, u: Tensor) -> Tensor:
        if isinstance(self.score, Dot):
            return h @ u.mT
        f = self.score
        product = (h * f.product_weight) @ u.mT
        return product + (h @ f.query_weight)[..., None] + (u @ f.key_weight)[:, None]


def packed(lstm: nn.LSTM, inputs: Tensor, lengths: Tensor) -> Tensor:
    sequence = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(sequence)[0], batch_first=True, total_length=inputs.shape[1])[0]
