"""Hierarchical attention as the paper writes it, in plain Python: what the tensors of ham_mrc.layers must agree with.

Lists of floats, one query at a time, real keys only: there is no mask, no Gram matrix and no batch in here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.layers import Ham

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
) -> Slow:
    """`ham(query, keys, key_mask)` by the definition. A query without a real key gets zeros."""
    batch, queries, count = query.shape[0], query.shape[1], keys.shape[1]
    read = keys if values is None else values
    out = torch.zeros(batch, queries, read.shape[2], dtype=torch.float64)
    levels = torch.zeros(ham.depth, batch, queries, count, dtype=torch.float64)
    w = softmax(ham.c.tolist()) if ham.depth > 1 else [1.0]
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
            )
            levels[:, b, m, real] = torch.tensor(steps, dtype=torch.float64)
            rows = [read[b, j].tolist() for j in real]
            mixed = mixture(w, [mixture(a, rows) for a in steps])
            out[b, m] = torch.tensor(mixed, dtype=torch.float64)
    weights = sum(w_i * a_i for w_i, a_i in zip(w, levels, strict=True))
    assert isinstance(weights, Tensor)
    return Slow(out, weights, levels)


def slow_levels(ham: Ham, query: Vector, keys: Matrix, state: Vector | None, given: Vector | None) -> list[Vector]:
    """a_1 .. a_depth over the real keys of one query."""
    steps: list[Vector] = []
    last = query
    for level in range(1, ham.depth + 1):
        if level == 1 and given is not None:
            a = given
        else:
            a = softmax([compatibility(ham, level, query, last, key, state) for key in keys])
        steps.append(a)
        last = mixture(a, keys)
    return steps


def real_keys(key_mask: Tensor | None, b: int, m: int, count: int) -> Sequence[int]:
    if key_mask is None:
        return range(count)
    row = key_mask[b] if key_mask.dim() == 2 else key_mask[b, m]
    return [j for j in range(count) if bool(row[j])]
