"""Hierarchical attention as the paper writes it, in plain Python: what the tensors of ham_mrc.layers must agree with.

Lists of floats, one query at a time, real keys only: there is no mask, no Gram matrix and no batch in here. Variants
are one query's loop over levels with the choice of keys written out; draws of hard attention are not in here, so it
takes the best key, as in evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers import Ham
from ham_mrc.layers.multi_head import MultiHead

Vector = list[float]
Matrix = list[Vector]


class Slow(NamedTuple):
    """What `slow_ham` returns, in float64."""

    out: Tensor  # (B, M, Dv)
    weights: Tensor  # (B, M, N)
    levels: Tensor  # (depth, B, M, N): the weights of each level


def dot(x: Vector, y: Vector) -> float:
    return sum(a * b for a, b in zip(x, y, strict=True))


def times(matrix: Matrix, x: Vector) -> Vector:
    """W x, a row of W for each number that comes out."""
    return [dot(row, x) for row in matrix]


def plus(*vectors: Vector) -> Vector:
    return [sum(numbers) for numbers in zip(*vectors, strict=True)]


def relu(x: Vector) -> Vector:
    return [max(0.0, number) for number in x]


def softmax(scores: Vector) -> Vector:
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def mixture(weights: Vector, rows: Matrix) -> Vector:
    return [dot(weights, [row[i] for row in rows]) for i in range(len(rows[0]))]


def compatibility(ham: Ham, level: int, query: Vector, last: Vector, key: Vector, state: Vector | None) -> float:
    """f(q, k) at a level: `last` is the output of the level before, and the query itself at level 1."""
    score = next(name for name, kind in scorers().items() if type(ham.score) is kind)
    p = {name: values.tolist() for name, values in ham.score.named_parameters()}
    first = level == 1
    if score == "projected_dot":
        asked = times(p["query_map.weight"], last)
        asked = asked if state is None else plus(asked, state)
        return dot(relu(asked), relu(times(p["key_map.weight"], key))) / math.sqrt(len(asked))
    if score == "additive":
        requery = "word" if first else ham.score.requery
        matrix = {"key": "key_map.weight", "own": "again_weight"}.get(requery, "query_map.weight")
        asked = times(p[matrix], plus(query, last) if requery == "add" else last)
        asked = asked if state is None or requery == "drop_state" else plus(asked, state)
        inner = plus(asked, times(p["key_map.weight"], key), p["key_map.bias"])
        return dot(p["vector"], [math.tanh(number) for number in inner])
    if score == "bilinear":
        last = [dot(last, list(column)) for column in zip(*p["weight"], strict=True)]  # q^T W
    if first and state is not None:
        last = plus(last, state)
    if score == "trilinear":
        product = [a * b for a, b in zip(last, key, strict=True)]
        return dot(p["query_weight"], last) + dot(p["key_weight"], key) + dot(p["product_weight"], product)
    return dot(last, key) / (math.sqrt(len(key)) if score == "scaled_dot" else 1.0)


def scorers() -> dict[str, type]:
    from ham_mrc.layers.attention import SCORERS

    return dict(SCORERS)


def slow_ham(
    ham: Ham,
    query: Tensor,
    keys: Tensor,
    key_mask: Tensor | None = None,
    *,
    values: Tensor | None = None,
    first_weights: Tensor | None = None,
    state: Tensor | None = None,
    positions: Tensor | None = None,
) -> Slow:
    """`ham(query, keys, key_mask)` by the definition. A query without a real key gets zeros.

    With several heads the weights are their means.
    """
    if isinstance(ham.score, MultiHead):
        return slow_heads(ham, query, keys, key_mask, values, first_weights, state, positions)
    batch, queries, count = query.shape[0], query.shape[1], keys.shape[1]
    read = keys if values is None else values
    out = torch.zeros(batch, queries, read.shape[2], dtype=torch.float64)
    levels = torch.zeros(ham.depth, batch, queries, count, dtype=torch.float64)
    w = slow_mixture(ham)
    for b in range(batch):
        for m in range(queries):
            real = real_keys(key_mask, b, m, count)
            if not real:
                continue
            given = None if first_weights is None else [float(first_weights[b, m, j]) for j in real]
            steps = slow_levels(
                ham,
                query[b, m].tolist(),
                [keys[b, j].tolist() for j in real],
                None if state is None else state[b, m].tolist(),
                given,
                Focus(ham, real, None if positions is None else int(positions[b, m])),
            )
            levels[:, b, m, real] = torch.tensor(steps, dtype=torch.float64)
            rows = [read[b, j].tolist() for j in real]
            mixed = mixture(w, [mixture(a, rows) for a in steps])
            out[b, m] = torch.tensor(mixed, dtype=torch.float64)
    weights = sum(w_i * a_i for w_i, a_i in zip(w, levels, strict=True))
    assert isinstance(weights, Tensor)
    return Slow(out, weights, levels)


def slow_mixture(ham: Ham, head: int = 0) -> Vector:
    """w of each level."""
    if ham.depth == 1 or ham.options["attention"] == "multilevel":
        return [0.0] * (ham.depth - 1) + [1.0]
    return softmax(ham.c.tolist() if ham.c.dim() == 1 else ham.c[head].tolist())


def slow_levels(
    ham: Ham, query: Vector, keys: Matrix, state: Vector | None, given: Vector | None, focus: Focus
) -> list[Vector]:
    """a_1 .. a_depth over the real keys of one query."""
    steps: list[Vector] = []
    last = query
    for level in range(1, ham.depth + 1):
        if level == 1 and given is not None:
            a = focus.of_given(given)
        else:
            a = focus.weights([compatibility(ham, level, query, last, key, state) for key in keys], last)
        steps.append(a)
        last = mixture(a, keys)
    return steps


class Focus:
    """From the scores of one query's real keys to weights, level by level: what the options `local` and `hard` do."""

    def __init__(self, ham: Ham, real: Sequence[int], position: int | None) -> None:
        self.ham, self.options, self.real, self.position = ham, ham.options, list(real), position
        self.centre: float | None = None
        self.best: list[int] | None = None
        self.taken: set[int] = set()

    def of_given(self, given: Vector) -> Vector:
        """Level 1 where its weights come from elsewhere: what chooses keys does so with their logarithms."""
        chooses = self.options["hard"] != "none" or self.options["local"] in ("window", "topk")
        if not chooses:
            return given
        return self.weights([math.log(a) if a > 0 else -math.inf for a in given], None)

    def weights(self, scores: Vector, query: Vector | None) -> Vector:
        scores, open_keys = self.near(scores, query)
        if self.options["hard"] == "none":
            some = softmax([scores[i] for i in open_keys])
            return [some[open_keys.index(i)] if i in open_keys else 0.0 for i in range(len(scores))]
        if self.options["no_repeat"]:
            open_keys = [i for i in open_keys if i not in self.taken] or open_keys
        chosen = max(open_keys, key=lambda i: scores[i])  # the first of equals
        self.taken.add(chosen)
        return [float(i == chosen) for i in range(len(scores))]

    def near(self, scores: Vector, query: Vector | None) -> tuple[Vector, list[int]]:
        """The scores, and the keys that are left, by their place among the real ones."""
        local, radius, everything = self.options["local"], self.options["radius"], list(range(len(scores)))
        if local == "window":
            far = [abs(j - self.position) for j in self.real]
            return scores, [i for i in everything if far[i] <= radius] or [far.index(min(far))]
        if local == "gaussian" and query is not None:
            if self.centre is None or self.options["recenter"]:
                inner = [math.tanh(x) for x in times(self.ham.local.query_map.weight.tolist(), query)]
                guess = 1 / (1 + math.exp(-dot(self.ham.local.vector.tolist(), inner)))
                self.centre = (len(scores) - 1) * guess
            s = radius / 2
            return [f - (i - self.centre) ** 2 / (2 * s**2) for i, f in enumerate(scores)], everything
        if local == "topk":
            if self.best is None or self.options["recenter"]:
                order = sorted(everything, key=lambda i: (-scores[i], i))
                self.best = sorted(order[: self.options["keep"]])
            return scores, self.best
        return scores, everything


def slow_heads(
    ham: Ham,
    query: Tensor,
    keys: Tensor,
    key_mask: Tensor | None,
    values: Tensor | None,
    first_weights: Tensor | None,
    state: Tensor | None,
    positions: Tensor | None,
) -> Slow:
    """Multi-head attention in levels, one query at a time."""
    batch, queries, count = query.shape[0], query.shape[1], keys.shape[1]
    out = torch.zeros(batch, queries, keys.shape[2], dtype=torch.float64)
    levels = torch.zeros(ham.depth, batch, queries, count, dtype=torch.float64)
    weights = torch.zeros(batch, queries, count, dtype=torch.float64)
    loop = slow_layer if ham.options["heads_share"] == "layer" else slow_own_heads
    for b in range(batch):
        for m in range(queries):
            real = list(real_keys(key_mask, b, m, count))
            if not real:
                continue
            asked = query[b, m].tolist()
            rows = [keys[b, j].tolist() for j in real]
            read = rows if values is None else [values[b, j].tolist() for j in real]
            given = None if first_weights is None else [float(first_weights[b, m, j]) for j in real]
            position = None if positions is None else int(positions[b, m])
            focuses = [Focus(ham, real, position) for _ in range(ham.score.heads)]
            steps = loop(ham, asked, None if state is None else state[b, m].tolist(), rows, given, focuses)
            mixed = [mixture(slow_mixture(ham, h), [step[h] for step in steps]) for h in range(len(focuses))]
            out[b, m] = torch.tensor(joined(ham, mixed, read), dtype=torch.float64)
            weights[b, m, real] = torch.tensor(mixed, dtype=torch.float64).mean(0)
            levels[:, b, m, real] = torch.tensor(steps, dtype=torch.float64).mean(1)
    return Slow(out, weights, levels)


def matrices(ham: Ham, name: str) -> list[Matrix]:
    """The rows of one of the four matrices that are each head's."""
    weight = getattr(ham.score, name).weight
    return [part.tolist() for part in weight.chunk(ham.score.heads)]


def joined(ham: Ham, weights: list[Vector], read: Matrix) -> Vector:
    """W^O [head_1 .. head_h] with head_h = a_h (V W_h^V)."""
    heads: Vector = []
    for a, w_v in zip(weights, matrices(ham, "value_map"), strict=True):
        heads += mixture(a, [times(w_v, row) for row in read])
    return times(ham.score.out_map.weight.tolist(), heads)


def head_scores(asked: Vector, keys: Matrix) -> Vector:
    return [dot(asked, key) / math.sqrt(len(key)) for key in keys]


def slow_layer(
    ham: Ham, query: Vector, state: Vector | None, keys: Matrix, given: Vector | None, focuses: list[Focus]
) -> list[list[Vector]]:
    """Weights by level and head: each level is a whole multi-head attention."""
    by_head = [[times(w_k, key) for key in keys] for w_k in matrices(ham, "key_map")]
    steps = []
    last = query
    for level in range(1, ham.depth + 1):
        asked = plus(last, state) if level == 1 and state is not None else last
        step = []
        for w_q, own_keys, focus in zip(matrices(ham, "query_map"), by_head, focuses, strict=True):
            if level == 1 and given is not None:
                step.append(focus.of_given(given))
            else:
                step.append(focus.weights(head_scores(times(w_q, asked), own_keys), last))
        steps.append(step)
        last = joined(ham, step, keys)
    return steps


def slow_own_heads(
    ham: Ham, query: Vector, state: Vector | None, keys: Matrix, given: Vector | None, focuses: list[Focus]
) -> list[list[Vector]]:
    """Weights by level and head: each head is a hierarchical attention over its own projected keys."""
    heads = []
    for w_q, w_k, focus in zip(matrices(ham, "query_map"), matrices(ham, "key_map"), focuses, strict=True):
        own_keys = [times(w_k, key) for key in keys]
        last, added = times(w_q, query), None if state is None else times(w_q, state)
        own = []
        for level in range(1, ham.depth + 1):
            asked = plus(last, added) if level == 1 and added is not None else last
            if level == 1 and given is not None:
                a = focus.of_given(given)
            else:
                a = focus.weights(head_scores(asked, own_keys), last)
            own.append(a)
            last = mixture(a, own_keys)
        heads.append(own)
    return [[own[level] for own in heads] for level in range(ham.depth)]


def real_keys(key_mask: Tensor | None, b: int, m: int, count: int) -> Sequence[int]:
    if key_mask is None:
        return range(count)
    row = key_mask[b] if key_mask.dim() == 2 else key_mask[b, m]
    return [j for j in range(count) if bool(row[j])]
