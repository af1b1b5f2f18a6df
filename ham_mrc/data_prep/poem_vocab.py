"""The characters that poems are written with here, and their ids: one table for everything that is read or written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from ham_mrc.errors import HamError
from ham_mrc.files import write_whole
from ham_mrc.opening import read_bytes

SPECIALS = ("<pad>", "<unk>", "<sep>", "<s5>", "<s7>", "</s>")
PAD, UNK, SEP, S5, S7, END = range(6)
SIZE = 6000
"""Symbols at most, SPECIALS included: the published system's own number; 99.9% of all characters are among them."""


class Characters:
    """Symbols and their ids: `symbols[i]` is the symbol of id i. The first six are SPECIALS.

    PAD fills up, UNK is any character outside of the table, SEP stands between two lines, S5 and S7 begin a line of
    five or seven characters, END ends one.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        assert self.symbols[: len(SPECIALS)] == SPECIALS

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        """The number of symbols, SPECIALS included."""
        return len(self.symbols)

    def encode(self, text: str) -> list[int]:
        """The id of each character of `text`, UNK for one outside of the table."""
        ids = self._ids
        return [ids.get(character, UNK) for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The symbols of `ids` behind one another, special ones in their angle brackets."""
        return "".join(self.symbols[number] for number in ids)

    def knows(self, char: str) -> bool:
        """Whether `char` is one character that can be written (no special symbol)."""
        return len(char) == 1 and char in self._ids

    def start(self, length: int) -> int:
        """What begins a line of `length` characters: S5 or S7."""
        return {5: S5, 7: S7}[length]

    @cached_property
    def sha256(self) -> str:
        """The checksum of the symbols in their order."""
        return hashlib.sha256(self._text()).hexdigest()

    def _text(self) -> bytes:
        return "".join(f"{symbol}\n" for symbol in self.symbols).encode()

    def save(self, path: str | Path) -> None:
        """Write one symbol a line in the order of ids, whole or not at all."""
        with write_whole(path) as stream:
            stream.write(self._text())

    @classmethod
    def load(cls, path: str | Path, sha256: str | None = None) -> Characters:
        """The table in a file written by `save`. Raises HamError if it is damaged or not the one of `sha256`."""
        try:
            symbols = read_bytes(path).decode().split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise HamError(f"is not UTF-8 (byte {error.start})", file=path, remedy="prepare again") from error
        own = symbols[len(SPECIALS) :]
        if tuple(symbols[: len(SPECIALS)]) != SPECIALS or len(set(own)) < len(own) or any(len(one) != 1 for one in own):
            raise HamError("is not a table of characters of ham-mrc", file=path, remedy="prepare again")
        characters = cls(symbols)
        if sha256 is not None and characters.sha256 != sha256:
            raise HamError("is not the table of characters that was written here", file=path, remedy="prepare again")
        return characters


def rank_symbols(lines: Iterable[str], *, size: int = SIZE) -> Characters:
    """The table of the commonest characters of `lines`, by falling count, then code point, at most `size` symbols."""
    counts = Counter(character for line in lines for character in line)
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    return Characters((*SPECIALS, *ranked[: size - len(SPECIALS)]))
