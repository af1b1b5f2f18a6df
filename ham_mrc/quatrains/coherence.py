"""Which characters belong in one poem, and which in one place of a line.

He, Zhou and Jiang (2012) let each new character answer for its mutual information with those of all lines before,
so that a line of the poem follows more than the one line it is translated from.

V: size of the table of characters, L: characters of a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.quatrains.trigram import ragged

Array = npt.NDArray[Any]

PAIR_PRIOR = 2.0
"""Meetings that chance is given beforehand: a pair seen once among rare characters tells nothing yet."""
PLACE_PRIOR = 5.0
"""Sights of a character that are spread evenly over the places beforehand."""
MOST = 65535


class Coherence:
    """How often two characters stand in different lines of one poem, as rows of a sparse symmetric table.

    `starts` (V + 1,), `others` (P,) int16, `counts` (P,) uint16 (at most MOST); `totals` (V,) sums of the rows.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.starts, self.others, self.counts, self.totals = (
            arrays[name] for name in ("starts", "others", "counts", "totals")
        )

    def arrays(self) -> dict[str, Array]:
        """All that the table is."""
        return {name: getattr(self, name) for name in ("starts", "others", "counts", "totals")}

    def with_lines(self, characters: Array) -> Array:
        """(V,) the mean over `characters` (n,) of log P(a, b) / P(a) P(b), a being one of them and b each character."""
        starts = self.starts[characters]
        counts = self.starts[characters + 1] - starts
        places, rows = ragged(starts, counts), np.repeat(np.arange(len(characters)), counts)
        together = np.zeros((len(characters), len(self.totals)))
        together[rows, self.others[places]] = self.counts[places]
        chance = self.totals[characters][:, None] * (self.totals / self.totals.sum())[None, :]
        return np.asarray(np.log((together + PAIR_PRIOR) / (chance + PAIR_PRIOR)).mean(axis=0))


def count_coherence(poems: Sequence[Array], size: int) -> Coherence:
    """The table of poems given as integers (N, 4, L), one entry a length."""
    table = np.zeros(size * size, dtype=np.int32)
    for some in poems:
        keys = [
            (some[:, one, :, None].astype(np.int32) * size + some[:, other, None, :]).ravel()
            for one in range(3)
            for other in range(one + 1, 4)
        ]
        table += np.bincount(np.concatenate(keys), minlength=size * size).astype(np.int32)
    square = table.reshape(size, size)
    square = square + square.T
    rows, others = np.nonzero(square)
    return Coherence(
        {
            "starts": np.searchsorted(rows, np.arange(size + 1)).astype(np.int32),
            "others": others.astype(np.int16),
            "counts": np.minimum(square[rows, others], MOST).astype(np.uint16),
            "totals": square.sum(axis=1, dtype=np.float64),
        }
    )


def count_places(lines: Array, size: int) -> Array:
    """(L, V) float32 log P(place | character) of `lines` (N, L)."""
    length = lines.shape[1]
    counts = np.stack([np.bincount(lines[:, place], minlength=size) for place in range(length)])
    shares = (counts + PLACE_PRIOR / length) / (counts.sum(axis=0) + PLACE_PRIOR)
    return np.asarray(np.log(shares).astype(np.float32))
