"""Lines of verse to segments of one and two characters, by how classical lines are read.

The published system used a trained segmenter that is not public. Here a line of five is 2+2+1 or 2+1+2 and a line of
seven 2+2+2+1 or 2+2+1+2, whichever has the larger sum over its pairs of their pointwise mutual information and of a
bonus for those that the taxonomy lists. N: lines. L: characters a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.taxonomy import Taxonomy

PHRASE = 2.0
"""What a pair counts more where it is a phrase of the taxonomy; the unit is that of mutual information, nats."""
UNSEEN = 0.5
"""How often a pair that was never seen is taken to have been seen."""
EQUAL = 1e-9
"""Sums closer than this are equal, so that no rounding of some machine decides."""

Codes = npt.NDArray[np.uint32]
Reals = npt.NDArray[np.float64]


class Segmenter:
    """Splits lines by the counts of characters and of neighbouring pairs in the training lines."""

    def __init__(self, lines: Iterable[str], taxonomy: Taxonomy | None = None) -> None:
        pairs, characters = _counts(lines)
        self._pairs, self._pair_counts = pairs
        self._characters, self._character_counts = characters
        listed = [phrase for phrase in (taxonomy.phrases if taxonomy else ()) if len(phrase) == 2]
        self._phrases = np.sort(_joined(_codes(listed, 2)).ravel()) if listed else np.empty(0, np.uint64)

    def segments(self, lines: Sequence[str]) -> list[tuple[str, ...]]:
        """The segments of each line, which joined are the line; of two equal sums the form ending in one character."""
        found: list[tuple[str, ...]] = [()] * len(lines)
        for length in sorted({len(line) for line in lines}):
            rows = [row for row, line in enumerate(lines) if len(line) == length]
            # All forms begin alike: of three characters at the end, the first two or the last two are a pair.
            values = self.values(_codes([lines[row][-3:] for row in rows], 3))
            for row, last_alone in zip(rows, (values[:, 0] >= values[:, 1] - EQUAL).tolist(), strict=True):
                found[row] = _cut(lines[row], last_alone)
        return found

    def values(self, codes: Codes) -> Reals:
        """(N, L) code points to (N, L - 1): what each pair of neighbours counts as a segment."""
        pairs = _joined(codes)
        single = np.maximum(_look_up(codes.astype(np.uint64), self._characters, self._character_counts), UNSEEN)
        seen = np.maximum(_look_up(pairs, self._pairs, self._pair_counts), UNSEEN)
        total, total_pairs = max(self._character_counts.sum(), 1), max(self._pair_counts.sum(), 1)
        mutual = np.log(seen / total_pairs) - np.log(single[:, :-1] / total) - np.log(single[:, 1:] / total)
        bonus = _look_up(pairs, self._phrases, np.full(len(self._phrases), PHRASE))
        return np.asarray(mutual + bonus)


def _cut(line: str, last_alone: bool) -> tuple[str, ...]:
    head = tuple(line[start : start + 2] for start in range(0, len(line) - 3, 2))
    return (*head, line[-3:-1], line[-1]) if last_alone else (*head, line[-3], line[-2:])


def _codes(lines: Sequence[str], length: int) -> Codes:
    """(N, L): the code points of lines of one length."""
    return np.frombuffer("".join(lines).encode("utf-32-le"), np.uint32).reshape(-1, length)


def _joined(codes: Codes) -> npt.NDArray[np.uint64]:
    """(N, L - 1): each pair of neighbours as one number."""
    wide = codes.astype(np.uint64)
    return (wide[:, :-1] << np.uint64(32)) | wide[:, 1:]


_Counted = tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]


def _counts(lines: Iterable[str]) -> tuple[_Counted, _Counted]:
    """Pairs of neighbours and characters, each sorted and with how often it stands in `lines`."""
    by_length: dict[int, list[str]] = {}
    for line in lines:
        by_length.setdefault(len(line), []).append(line)
    tables = [_codes(group, length) for length, group in by_length.items()]
    empty = np.empty(0, np.uint64)
    pairs = np.concatenate([empty, *(_joined(codes).ravel() for codes in tables)])
    characters = np.concatenate([empty, *(codes.ravel().astype(np.uint64) for codes in tables)])
    return _unique(pairs), _unique(characters)


def _unique(items: npt.NDArray[np.uint64]) -> _Counted:
    values, counts = np.unique(items, return_counts=True)
    return values, counts.astype(np.float64)


def _look_up(keys: npt.NDArray[np.uint64], known: npt.NDArray[np.uint64], values: Reals) -> Reals:
    """The value of each key among the sorted `known` ones, 0 for others; of the shape of `keys`."""
    if not len(known):
        return np.zeros(keys.shape)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, values[places], 0.0)
