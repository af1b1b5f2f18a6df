"""A line from the spans that may stand under the line above: stacks by characters written, nothing moved.

A half-written line carries its score and the span that it is in the middle of, if any. It is written character by
character: each pays its share of its span's scores and is read by the scorers (the trigram, a network), so that all
items of a stack have paid for the same number of characters.

N: items of a stack, O: options at a place, F: features, L: characters of a line, V: size of the table of characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import END

Array = npt.NDArray[Any]
Costs = Callable[[Array], Array]
"""From half-written lines (N, n) to what each next character costs, (N, V), infinite where it is forbidden."""


class Options(NamedTuple):
    """What can be written from each place on. Options of place p are rows begins[p] to begins[p + 1] - 1."""

    begins: Array  # (L + 1,)
    written: Array  # (all O, 3) characters, 0 behind the last
    lengths: Array  # (all O,) 1 to 3
    gains: Array  # (all O, 3, F) what each character adds to the features


class Scorer(Protocol):
    """What reads a line as it is written; it begins a new one with each `begin`. `column` is its feature's."""

    column: int

    def begin(self) -> Array:
        """(1, V) log P of the first character."""

    def follow(self, parents: Array, symbols: Array) -> Array:
        """(N, V) log P of what follows `symbols` (N,), each written behind the item `parents` (N,) of the last call."""


class Line(NamedTuple):
    """A line that was found: its characters (L,), its features (F,), their weighted sum less its costs."""

    characters: Array
    features: Array
    score: float


class _Stack(NamedTuple):
    lines: Array  # (N, characters so far)
    option: Array  # (N,) the option that each is writing, or wrote last
    done: Array  # (N,) how many of its characters are written
    score: Array  # (N,)
    features: Array  # (N, F)
    parent: Array  # (N,) the item of the stack before that it goes on from


class _Moves(NamedTuple):
    """Ways to go on: item, option, which of the option's characters, and the score then."""

    item: Array
    option: Array
    step: Array
    score: Array


def decode(
    options: Options, scorers: Sequence[Scorer], weights: Array, *, width: int, n: int = 1, costs: Costs | None = None
) -> list[Line]:
    """The `n` best lines, best first, all different; fewer where there are no more, [] where none fits.

    `width` lines are kept at each length but the last, which keeps `n` if that is more. No character comes twice.
    `weights` (F,) are those of the features.
    """
    length = len(options.begins) - 1
    static = options.gains @ weights
    stack, logs = _empty(options), [scorer.begin() for scorer in scorers]
    for place in range(length):
        preference = _preference(scorers, logs, weights)
        if costs is not None:
            preference = preference - costs(stack.lines)
        moves = _moves(options, static, stack, place, preference)
        keep = max(width, n) if place == length - 1 else width
        stack = _after(options, scorers, logs, stack, moves, keep)
        if not len(stack.score):
            return []
        logs = [scorer.follow(stack.parent, stack.lines[:, -1]) for scorer in scorers]
    return _ended(stack, scorers, logs, weights, n)


def _empty(options: Options) -> _Stack:
    """One line of no characters, which has finished the option that is not there: it counts as of none."""
    none = np.zeros(1, dtype=np.int64)
    features = np.zeros((1, options.gains.shape[2]))
    return _Stack(
        np.zeros((1, 0), dtype=np.int64), none, options.lengths[:1].astype(np.int64), np.zeros(1), features, none
    )


def _preference(scorers: Sequence[Scorer], logs: Sequence[Array], weights: Array) -> Array:
    """(N, V) what the scorers together say of each next character. One without weight bars none."""
    # 0 times -inf would be nan
    weighted = [(float(weights[scorer.column]), log) for scorer, log in zip(scorers, logs, strict=True)]
    first, *rest = [weight * log if weight else np.zeros_like(log) for weight, log in weighted]
    for one in rest:
        first = first + one
    return np.asarray(first)


def _moves(options: Options, static: Array, stack: _Stack, place: int, preference: Array) -> _Moves:
    """Every way to write the character at `place`. `static` (all O, 3) is what characters add by themselves."""
    used = np.zeros(preference.shape, dtype=bool)
    used[np.arange(len(stack.lines))[:, None], stack.lines] = True
    free = stack.done == options.lengths[stack.option]
    items, going_on = np.flatnonzero(free), np.flatnonzero(~free)

    here = np.arange(options.begins[place], options.begins[place + 1])
    written = options.written[here]
    barred = used[items[:, None], written[:, 0]]
    barred |= used[items[:, None], written[:, 1]] | used[items[:, None], written[:, 2]]
    begun = stack.score[items, None] + static[here, 0] + preference[items[:, None], written[:, 0]]
    begun[barred] = -np.inf

    option, step = stack.option[going_on], stack.done[going_on]
    continued = stack.score[going_on] + static[option, step]
    continued += preference[going_on, options.written[option, step]]
    return _Moves(
        np.append(np.repeat(items, len(here)), going_on),
        np.append(np.tile(here, len(items)), option),
        np.append(np.zeros(begun.size, dtype=np.int64), step),
        np.append(begun.ravel(), continued),
    )


def _after(
    options: Options, scorers: Sequence[Scorer], logs: Sequence[Array], stack: _Stack, moves: _Moves, keep: int
) -> _Stack:
    """The `keep` best lines after the moves. Of lines that can go on in the same way alone, the best is kept."""
    # A string has a handful of ways to be cut into spans, so that this many moves hold enough different lines.
    best = _top(moves.score, 6 * keep)
    item, option, step = moves.item[best], moves.option[best], moves.step[best]
    symbols = options.written[option, step].astype(np.int64)
    lines = np.concatenate([stack.lines[item], symbols[:, None]], axis=1)
    pending = np.where(step + 1 < options.lengths[option], option, -1)
    _, first = np.unique(_hashes(np.concatenate([lines, pending[:, None]], axis=1)), return_index=True)
    first = np.sort(first)[:keep]
    item, option, step, symbols = item[first], option[first], step[first], symbols[first]
    features = stack.features[item] + options.gains[option, step]
    for scorer, log in zip(scorers, logs, strict=True):
        features[:, scorer.column] += log[item, symbols]
    return _Stack(lines[first], option, step + 1, moves.score[best][first], features, item)


def _top(scores: Array, number: int) -> Array:
    """The rows of the `number` highest finite scores, highest first; of equal ones the first."""
    rows = np.flatnonzero(scores > -np.inf)
    if len(rows) > number:
        rows = np.sort(rows[np.argpartition(-scores[rows], number)[:number]])
    return np.asarray(rows[np.argsort(-scores[rows], kind="stable")])


def _hashes(rows: Array) -> Array:
    """(N,) one number for each different row of integers; 64 bits, so that a stack never sees two rows share one."""
    values = np.zeros(len(rows), dtype=np.uint64)
    for column in range(rows.shape[1]):
        values = (values ^ rows[:, column].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        values ^= values >> np.uint64(29)
    return values


def _ended(stack: _Stack, scorers: Sequence[Scorer], logs: Sequence[Array], weights: Array, n: int) -> list[Line]:
    score, features = stack.score.copy(), stack.features
    for scorer, log in zip(scorers, logs, strict=True):
        features[:, scorer.column] += log[:, END]
        score += weights[scorer.column] * log[:, END]
    best = np.argsort(-score, kind="stable")[:n]
    return [Line(stack.lines[row], features[row], float(score[row])) for row in best]
