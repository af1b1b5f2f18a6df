"""IBM model 1: with which probability a character of one line calls for a character of the next.

    t(e | f) from t(e | f) <- sum over pairs of lines of t(e | f) / sum_i t(e | f_i), normalised for each f

(Brown et al. 1993, section 4.1), f_0 being the empty word. Only characters that stand in one pair of lines can
have t > 0: they alone are kept, about a tenth of what a square table over all characters would hold.

N: pairs of lines, L: their length, M: pairs of characters met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import PAD
from ham_mrc.quatrains.trigram import find

Array = npt.NDArray[Any]
Pairs = Sequence[tuple[Array, Array]]
"""Lines and those that stand below them, each (N, L) integers; one entry a length."""

EMPTY = PAD
"""The symbol that stands for the empty word."""

ROUNDS = 5
FLOOR = 1e-7
"""The probability given to characters that were never in one pair of lines."""


class Lexicon:
    """`pairs` (M,) f * V + e, rising; `probabilities` (M,) t(e | f)."""

    def __init__(self, arrays: Mapping[str, Array], size: int) -> None:
        self.pairs, self.probabilities, self.size = arrays["pairs"], arrays["probabilities"], size

    def log_prob(self, given: Array, other: Array) -> Array:
        """log t(other | given) for integers of one shape; of what never met, and nothing is lower, log FLOOR."""
        keys = np.asarray(given, dtype=np.int64) * self.size + other
        rows, met = find(self.pairs, keys.ravel())
        found = np.where(met, self.probabilities[rows], 0).reshape(keys.shape)
        return np.asarray(np.log(np.maximum(found, FLOOR)))

    def alignment(self, given: Array, other: Array) -> Array:
        """(N, L) the place in `given` (N, L) that most likely called for each character of `other`; -1: none did."""
        with_empty = np.concatenate([np.full((len(given), 1), EMPTY), given], axis=1)
        logs = self.log_prob(*np.broadcast_arrays(with_empty[:, :, None], other[:, None, :]))
        return np.asarray(logs.argmax(axis=1) - 1)


def train_ibm1(pairs: Pairs, size: int, *, rounds: int = ROUNDS) -> Lexicon:
    """t(e | f) after `rounds` rounds from an even start; `size` is that of the table of characters."""
    keys = [_keys(given, other, size) for given, other in pairs]
    met, rows = np.unique(np.concatenate([one.ravel() for one in keys]), return_inverse=True)
    places = np.split(rows.astype(np.int32), np.cumsum([one.size for one in keys])[:-1])
    given = met // size
    table = np.ones(len(met))
    for _ in range(rounds):
        counts = np.zeros(len(met))
        for one, place in zip(keys, places, strict=True):
            shares = table[place].reshape(one.shape)
            shares /= shares.sum(axis=1, keepdims=True)
            counts += np.bincount(place, shares.ravel(), minlength=len(met))
        table = counts / np.bincount(given, counts)[given]
    return Lexicon({"pairs": met.astype(np.int32), "probabilities": table.astype(np.float32)}, size)


def _keys(given: Array, other: Array, size: int) -> Array:
    """(N, 1 + L, L) f * size + e, the empty word first."""
    with_empty = np.concatenate([np.full((len(given), 1), EMPTY), given], axis=1)
    return np.asarray(with_empty[:, :, None] * np.int32(size) + other[:, None, :])
