"""What the translation baseline has counted, and what it therefore may write under a line, with the features of each.

V: size of the table of characters, L: characters of a line, O: options, F: features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.quatrains.coherence import Coherence
from ham_mrc.quatrains.phrase_table import LONGEST, SCORES, PhraseTable
from ham_mrc.quatrains.smt_decoder import Options
from ham_mrc.quatrains.trigram import Trigram

Array = npt.NDArray[Any]

FEATURES = (*SCORES, "trigram", "spans", "coherence", "place", "network")
"""What a line is judged by, in the order of all arrays of features: sums of logarithms over its spans or characters,
but for `spans`, which is their number. `network` is 0 where there is none."""
TRIGRAM, SPANS, COHERENCE, PLACE, NETWORK = range(len(SCORES), len(FEATURES))

STEPS = (1, 2, 3)
"""Lines that stand above the one to be written, once there is one; each step has tables of its own."""
LENGTHS = (5, 7)


class TrigramScorer:
    """The trigram, reading lines as the decoder writes them; `start` is the start symbol of the line."""

    column = TRIGRAM

    def __init__(self, trigram: Trigram, start: int) -> None:
        self.trigram, self.start = trigram, start
        self._last = np.empty(0, dtype=np.int64)

    def begin(self) -> Array:
        """(1, V), see `smt_decoder.Scorer`."""
        self._last = np.array([self.start])
        return self.trigram.next_log_probs(self._last, self._last)

    def follow(self, parents: Array, symbols: Array) -> Array:
        """(N, V), see `smt_decoder.Scorer`."""
        first, self._last = self._last[parents], symbols
        return self.trigram.next_log_probs(first, symbols)


@dataclass(frozen=True)
class Model:
    """By step and length: `places` has log P(place | character) (L, V), `tables` a phrase table."""

    characters: Characters
    trigram: Trigram
    coherence: Coherence
    places: Mapping[tuple[int, int], Array]
    tables: Mapping[tuple[int, int], PhraseTable]

    @property
    def lengths(self) -> list[int]:
        """The lengths that the training poems have."""
        return sorted({length for _, length in self.tables})

    def options(self, before: Sequence[str], *, more: Array | None = None, weights: Array | None = None) -> Options:
        """What may be written under the last line of `before`.

        The characters `more` may be written anywhere, too. Where the table lacks one, it counts like the worst that
        there is under any character of the line, by `weights` (F,).
        """
        line = np.array(self.characters.encode(before[-1]))
        entries = [self.tables[len(before), len(line)].entries(line, k) for k in range(1, LONGEST + 1)]
        place = np.concatenate([one.place for one in entries])
        lengths = np.repeat(np.arange(1, LONGEST + 1), [len(one.place) for one in entries])
        written = np.concatenate([_wide(one.written) for one in entries])
        scores = np.concatenate([one.scores for one in entries])
        if more is not None and weights is not None:
            worst = np.where(weights[: len(SCORES)] > 0, entries[0].scores.min(axis=0), entries[0].scores.max(axis=0))
            count = len(more) * len(line)
            place = np.append(place, np.repeat(np.arange(len(line)), len(more)))
            lengths = np.append(lengths, np.ones(count, dtype=lengths.dtype))
            written = np.concatenate([written, _wide(np.tile(more, len(line))[:, None])])
            scores = np.concatenate([scores, np.tile(worst, (count, 1))])
        order = np.argsort(place, kind="stable")
        place, lengths, written, scores = place[order], lengths[order], written[order], scores[order]
        gains = self._gains(before, place, lengths, written, scores)
        return Options(np.searchsorted(place, np.arange(len(line) + 1)), written, lengths, gains)

    def _gains(self, before: Sequence[str], place: Array, lengths: Array, written: Array, scores: Array) -> Array:
        """(O, 3, F) what each character adds. A span's own features are spread evenly over its characters."""
        length = len(before[-1])
        gains = np.zeros((len(place), LONGEST, len(FEATURES)))
        gains[:, :, : len(SCORES)] = (scores / lengths[:, None])[:, None, :]
        gains[:, :, SPANS] = 1 / lengths[:, None]
        gains[:, :, COHERENCE] = self.coherence.with_lines(np.array(self.characters.encode("".join(before))))[written]
        at = np.minimum(place[:, None] + np.arange(LONGEST), length - 1)
        gains[:, :, PLACE] = self.places[len(before), length][at, written]
        gains[np.arange(LONGEST)[None, :] >= lengths[:, None]] = 0
        return gains


def _wide(written: Array) -> Array:
    """(M, k) -> (M, 3), 0 behind the last character."""
    return np.pad(written, ((0, 0), (0, LONGEST - written.shape[1])))
