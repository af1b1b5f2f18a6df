"""A trigram of characters with absolute discounting: how well each character follows the two before it.

    P(c | a b) = max(N(abc) - D3, 0) / N(ab.)  +  D3 * kinds(ab.) / N(ab.) * P(c | b)

and the same one order down, to P(c) mixed with the even distribution (Ney, Essen, Kneser 1994, interpolated). D of an
order is n1 / (n1 + 2 n2), n1 and n2 being how many n-grams of that order were seen once and twice. A line's history
begins with its start symbol twice, and END is predicted behind its last character.

N: queries, V: size of the table of characters. All probabilities are natural logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import END, PAD, S5, S7, SEP

Array = npt.NDArray[Any]

NEVER = np.array([PAD, SEP, S5, S7])
"""Symbols that no line contains: their probability is 0."""


class Trigram:
    """The model, made of arrays alone: its fields are what `arrays` gives away and the constructor takes.

    unigrams  (V,) log P(c)
    weights   (V,) log of the share that a context of one character leaves to the unigrams
    pairs     (P,) seen pairs as a * V + b, rising; pair_logs (P,) log P(b | a)
    contexts  (C,) pairs that something follows, rising; context_weights (C,) log of the share they leave to P(c | b)
    starts    (C + 1,) where the followers of each context begin; followers (T,) characters; follower_logs (T,)
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.unigrams, self.weights = arrays["unigrams"], arrays["weights"]
        self.pairs, self.pair_logs = arrays["pairs"], arrays["pair_logs"]
        self.contexts, self.context_weights = arrays["contexts"], arrays["context_weights"]
        self.starts, self.followers, self.follower_logs = arrays["starts"], arrays["followers"], arrays["follower_logs"]
        self.size = len(self.unigrams)

    def arrays(self) -> dict[str, Array]:
        """All that the model is."""
        names = ("unigrams", "weights", "pairs", "pair_logs", "contexts", "context_weights")
        return {name: getattr(self, name) for name in (*names, "starts", "followers", "follower_logs")}

    @cached_property
    def _bigrams(self) -> Array:
        """(V, V) log P(b | a): 144 MB at 6,000 characters, for which a row costs one copy instead of V searches."""
        table = self.weights[:, None] + self.unigrams[None, :]
        table.reshape(-1)[self.pairs] = self.pair_logs
        return table

    def next_log_probs(self, first: Array, second: Array) -> Array:
        """(N, V) float32 log P of every character after `first` (N,) and `second` (N,)."""
        rows, seen = self._rows(first, second)
        logs = self._bigrams[second] + np.where(seen, self.context_weights[rows], 0)[:, None]
        starts = self.starts[rows[seen]]
        counts = self.starts[rows[seen] + 1] - starts
        places = ragged(starts, counts)
        logs[np.repeat(np.flatnonzero(seen), counts), self.followers[places]] = self.follower_logs[places]
        return logs

    def log_prob(self, first: Array, second: Array, third: Array) -> Array:
        """(N,) log P of `third` after `first` and `second`, each (N,)."""
        first, second, third = (np.asarray(one, dtype=np.int64) for one in (first, second, third))
        rows, seen = self._rows(first, second)
        pair, paired = find(self.pairs, second * self.size + third)
        shorter = np.where(paired, self.pair_logs[pair], self.weights[second] + self.unigrams[third])
        logs = shorter + np.where(seen, self.context_weights[rows], 0)
        triple, tripled = find(self._triples, rows * self.size + third)
        return np.where(seen & tripled, self.follower_logs[triple], logs)

    def line_log_probs(self, lines: Array, start: int) -> Array:
        """(N,) the sum of log P over each line's characters and END; `lines` (N, L), `start` is S5 or S7."""
        framed = _framed(np.asarray(lines), start)
        logs = self.log_prob(framed[:, :-2].ravel(), framed[:, 1:-1].ravel(), framed[:, 2:].ravel())
        return np.asarray(logs.reshape(len(framed), -1).sum(1))

    @cached_property
    def _triples(self) -> Array:
        rows = np.repeat(np.arange(len(self.contexts)), np.diff(self.starts))
        return rows * self.size + self.followers

    def _rows(self, first: Array, second: Array) -> tuple[Array, Array]:
        return find(self.contexts, np.asarray(first, dtype=np.int64) * self.size + second)


def find(sorted_keys: Array, keys: Array) -> tuple[Array, Array]:
    """(N,) the row of each of `keys` among `sorted_keys`, some row where it is absent, and (N,) whether it is there."""
    rows = np.minimum(np.searchsorted(sorted_keys, keys.astype(sorted_keys.dtype)), len(sorted_keys) - 1)
    return rows, sorted_keys[rows] == keys


def ragged(starts: Array, counts: Array) -> Array:
    """The numbers starts[0], starts[0] + 1, .. (counts[0] of them), then those from starts[1], and so on."""
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(counts.sum()) + np.repeat(starts - before, counts))


def count_trigrams(lines: Mapping[int, Array], size: int) -> Trigram:
    """The model of lines given by start symbol (S5, S7) as integers (N, L); `size` is that of the table."""
    framed = [_framed(np.asarray(some), start) for start, some in lines.items()]
    pairs, pair_counts = np.unique(np.concatenate([_pairs(one[:, 1:], size) for one in framed]), return_counts=True)
    unigrams = _unigrams(np.bincount(pairs % size, pair_counts, minlength=size))
    pair_logs, weights = _interpolated(pair_counts, pairs // size, unigrams[pairs % size], size)

    triples = np.concatenate(
        [(_pairs(one[:, :-1], size).reshape(len(one), -1) * size + one[:, 2:]).ravel() for one in framed]
    )
    triples, counts = np.unique(triples, return_counts=True)
    contexts, rows = np.unique(triples // size, return_inverse=True)
    # What ends a triple was counted as a pair too, so that it is always found.
    shorter = pair_logs[np.searchsorted(pairs, contexts[rows] % size * size + triples % size)]
    follower_logs, context_weights = _interpolated(counts, rows, shorter, len(contexts))
    arrays = {"unigrams": unigrams, "weights": weights, "pair_logs": pair_logs}
    arrays |= {"context_weights": context_weights, "follower_logs": follower_logs}
    return Trigram(
        {
            **{name: logs.astype(np.float32) for name, logs in arrays.items()},
            "pairs": pairs.astype(np.int32),
            "contexts": contexts.astype(np.int32),
            "starts": np.searchsorted(rows, np.arange(len(contexts) + 1)).astype(np.int32),
            "followers": (triples % size).astype(np.int16),
        }
    )


def _framed(lines: Array, start: int) -> Array:
    """(N, L + 3) int64: two start symbols, the line, END."""
    framed = np.full((len(lines), lines.shape[1] + 3), start, dtype=np.int64)
    framed[:, 2:-1], framed[:, -1] = lines, END
    return framed


def _pairs(symbols: Array, size: int) -> Array:
    """Neighbours in each row as first * size + second, one behind the other."""
    return np.asarray((symbols[:, :-1] * size + symbols[:, 1:]).ravel())


def _unigrams(counts: Array) -> Array:
    """(V,) log P(c): the counts less the discount, whose mass goes to every symbol that a line may contain alike."""
    possible = np.ones(len(counts))
    possible[NEVER] = 0
    discount = _discount(counts[counts > 0])
    spare = discount * (counts > 0).sum() / counts.sum()
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.maximum(counts - discount, 0) / counts.sum() + spare * possible / possible.sum()))


def _interpolated(counts: Array, contexts: Array, shorter: Array, number: int) -> tuple[Array, Array]:
    """Log P of seen n-grams, and by context (there are `number`) the log of the share left to the shorter history.

    `contexts` are the rows of the n-grams' contexts, `shorter` their log P after the shorter history. A context
    never seen leaves all to it.
    """
    discount = _discount(counts)
    totals, kinds = np.bincount(contexts, counts, minlength=number), np.bincount(contexts, minlength=number)
    weights = np.zeros(number)
    seen = totals > 0
    weights[seen] = np.log(discount * kinds[seen] / totals[seen])
    logs = np.log((counts - discount) / totals[contexts] + np.exp(weights[contexts] + shorter))
    return logs, weights


def _discount(counts: Array) -> float:
    """n1 / (n1 + 2 n2); 0.5 where a collection is so small that one of them is 0, which would discount all or none."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return once / (once + 2 * twice) if once and twice else 0.5
