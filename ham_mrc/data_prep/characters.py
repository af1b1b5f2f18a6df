"""Characters of tokens, for readers that look into words: an alphabet, and the ids of any text's tokens.

Columns keep every text untouched and where each token stands in it, so the characters of a token, in their own case,
are there already; nothing is stored twice.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ham_mrc.errors import HamError
from ham_mrc.files import write_whole
from ham_mrc.opening import read_bytes

CHARACTERS = "characters.txt"
PAD, UNKNOWN = 0, 1
FIRST = 2
"""The id of the alphabet's first character. 0 fills up short tokens, 1 is any character outside of the alphabet."""

CODE_POINTS = 0x110000

Ids = npt.NDArray[np.int32]


class Alphabet:
    """The characters that a reader trains, most frequent first; character `i` of `text` has the id FIRST + i."""

    def __init__(self, text: str) -> None:
        self.text = text
        codes = _codes(text)
        self._order = np.argsort(codes, kind="stable")
        self._sorted = codes[self._order]

    def __len__(self) -> int:
        """The number of ids, padding and unknown included."""
        return FIRST + len(self.text)

    @cached_property
    def sha256(self) -> str:
        """The checksum of the characters in their order."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def ids(self, text: str, char_starts: Ids, char_ends: Ids, width: int) -> Ids:
        """(n, width): the ids of the first `width` characters of each token `text[char_starts[i]:char_ends[i]]`."""
        places = np.asarray(char_starts)[:, None] + np.arange(width)
        inside = places < np.asarray(char_ends)[:, None]
        codes = _codes(text)
        if not len(codes):
            return np.zeros(places.shape, np.int32)
        found = codes[np.where(inside, places, 0)]
        if not len(self._sorted):
            return np.where(inside, UNKNOWN, PAD).astype(np.int32)
        slots = np.minimum(np.searchsorted(self._sorted, found), len(self._sorted) - 1)
        known = np.where(self._sorted[slots] == found, self._order[slots] + FIRST, UNKNOWN)
        return np.where(inside, known, PAD).astype(np.int32)

    def save(self, path: str | Path) -> None:
        """Write one character a line, whole or not at all."""
        with write_whole(path) as stream:
            stream.write("".join(f"{character}\n" for character in self.text).encode("utf-8", "surrogatepass"))

    @classmethod
    def load(cls, path: str | Path, *, sha256: str | None = None) -> Alphabet:
        """The alphabet in a file written by `save`. Raises HamError if it is damaged or not the one of `sha256`."""
        try:
            lines = read_bytes(path).decode("utf-8", "surrogatepass").split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise HamError(f"is not UTF-8 (byte {error.start})", file=path, remedy="prepare again") from error
        alphabet = cls("".join(lines))
        if any(len(line) != 1 for line in lines) or (sha256 is not None and alphabet.sha256 != sha256):
            raise HamError("is not the alphabet that was written here", file=path, remedy="prepare again")
        return alphabet


def rank_characters(counts: npt.NDArray[np.int64], *, min_count: int) -> Alphabet:
    """The characters that were seen at least `min_count` times, by falling count, then code point.

    `counts` (0x110000,) are by code point. White space is left out, for it stands in no token.
    """
    codes = [code for code in np.flatnonzero(counts >= min_count).tolist() if not chr(code).isspace()]
    codes.sort(key=lambda code: (-counts[code], code))
    return Alphabet("".join(map(chr, codes)))


def character_counts(*texts: bytes) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """(k,) code points of UTF-8 texts, rising, and (k,) how often each stands in them."""
    counts = np.bincount(_codes(b"".join(texts).decode("utf-8", "surrogatepass")))
    codes = np.flatnonzero(counts)
    return codes.astype(np.uint32), counts[codes]


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
