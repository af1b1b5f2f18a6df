"""Tokens of many texts at once, by the rule of text.py, with numpy instead of a step of Python for each token.

The readable form is `ham_mrc.text.tokenize`; the tests hold the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.vocab import Interner
from ham_mrc.text import HAN

_SPACE, _WORD, _SINGLE = 0, 1, 2


class BulkTokens:
    """The tokens of one text among many. Like ham_mrc.text.Tokens, with arrays, and words that are cut when asked for.

    `forms` (n,) numbers each token's spelling in `BulkText.spellings`.
    """

    __slots__ = ("_spellings", "char_ends", "char_starts", "forms")

    def __init__(self, forms: Any, char_starts: Any, char_ends: Any, spellings: Sequence[str]) -> None:
        self.forms = forms
        self.char_starts = char_starts
        self.char_ends = char_ends
        self._spellings = spellings

    @property
    def words(self) -> list[str]:
        """The tokens themselves."""
        spellings = self._spellings
        return [spellings[form] for form in self.forms.tolist()]

    def __len__(self) -> int:
        return len(self.forms)


class BulkText:
    """Texts, all tokenised together: `tokens(i)` are those of text i. `spellings` are their different words."""

    def __init__(self, texts: Sequence[str]) -> None:
        # A line end between texts is no token and ends one. Offsets count from each text's own beginning.
        joined = "\n".join(texts)
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        begins = np.fromiter(accumulate((len(text) + 1 for text in texts), initial=0), np.int64, len(texts) + 1)
        starts, ends = _borders(codes)
        self._bounds = np.searchsorted(starts, begins).tolist()
        interner = Interner()
        self._forms = np.fromiter(map(interner.__getitem__, _spelt(codes, starts, ends)), np.int32, len(starts))
        self.spellings = list(interner)
        shift = np.repeat(begins[:-1], np.diff(self._bounds))
        self._starts = (starts - shift).astype(np.int32)
        self._ends = (ends - shift).astype(np.int32)

    def tokens(self, number: int) -> BulkTokens:
        """The tokens of one of the texts."""
        part = slice(self._bounds[number], self._bounds[number + 1])
        return BulkTokens(self._forms[part], self._starts[part], self._ends[part], self.spellings)


def _borders(codes: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where tokens begin, and where they have ended: a run of word characters, or one character of another kind."""
    kinds = _kinds()[codes]
    word = np.zeros(len(kinds) + 2, bool)
    word[1:-1] = kinds == _WORD
    single = kinds == _SINGLE
    starts = np.flatnonzero((word[1:-1] & ~word[:-2]) | single)
    ends = np.flatnonzero((word[1:-1] & ~word[2:]) | single) + 1
    return starts, ends


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """(0x110000,) whether a code point is white space, part of a word, or a token by itself, as `re` has it."""
    everything = "".join(map(chr, range(0x110000)))
    kinds = np.full(len(everything), _SINGLE, np.uint8)
    for pattern, kind in ((rf"[^\W{HAN}]+", _WORD), (r"\s+", _SPACE)):
        for run in re.finditer(pattern, everything):
            kinds[run.start() : run.end()] = kind
    return kinds


def _spelt(codes: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> list[str]:
    """The tokens: with a space between those that touch, they are what a text falls into at white space."""
    touching = starts[1:][starts[1:] == ends[:-1]]
    return np.insert(codes, touching, ord(" ")).tobytes().decode("utf-32-le", "surrogatepass").split()
