"""Texts of a chunk as tokens with numbers: each word numbered in the order of first sight, in its lower-cased form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.bulk_tokens import BulkText
from ham_mrc.data_prep.dataset import Segment
from ham_mrc.data_prep.segment import tokens_of
from ham_mrc.data_prep.vocab import Interner
from ham_mrc.records import Example
from ham_mrc.text import TokenSequence

_HELD = 64  # segmented texts that are held: the questions of a passage follow each other in most files


class Coded:
    """Tokens of one text (see ham_mrc.text.TokenSequence) and the numbers of their words."""

    __slots__ = ("_words", "char_ends", "char_starts", "ids")

    def __init__(
        self, ids: npt.NDArray[np.int32], char_starts: Any, char_ends: Any, words: Callable[[], Sequence[str]]
    ) -> None:
        self.ids = ids
        self.char_starts: Sequence[int] = char_starts
        self.char_ends: Sequence[int] = char_ends
        self._words = words

    @property
    def words(self) -> Sequence[str]:
        """The tokens as they are spelt in the text."""
        return self._words()

    def __len__(self) -> int:
        return len(self.ids)


class CodedTexts:
    """The texts of `examples`, segmented and coded. `words` are those that were numbered so far."""

    def __init__(self, segment: Segment, lowercase: bool, examples: Iterable[Example]) -> None:
        self._segment = segment
        self._lowercase = lowercase
        self._interner = Interner()
        self._known: dict[str, Coded] = {}
        self._whole = segment == "characters"
        if self._whole:  # by a rule that numpy can follow, so all at once
            self._known = self._all_at_once(dict.fromkeys(_texts(examples)))

    @property
    def words(self) -> list[str]:
        """Every word by its number."""
        return list(self._interner)

    def code(self, words: Iterable[str]) -> npt.NDArray[np.int32]:
        """(n,) the numbers of words."""
        folded = map(str.lower, words) if self._lowercase else words
        return np.fromiter(map(self._interner.__getitem__, folded), np.int32)

    def question(self, example: Example) -> Coded:
        """The tokens of the question."""
        return self._text(example.question, example.words.question if example.words else None)

    def passages(self, example: Example) -> list[Coded]:
        """The tokens of each passage."""
        if example.words is None:
            return [self._text(text, None) for text in example.passages]
        both = zip(example.passages, example.words.passages, strict=True)
        return [self._text(text, own) for text, own in both]

    def _text(self, text: str, own: tuple[str, ...] | None) -> Coded:
        if text in self._known and (own is None or self._whole):
            return self._known[text]
        coded = self._coded(tokens_of(text, own, self._segment))
        if own is None:
            if len(self._known) >= _HELD:
                self._known.clear()
            self._known[text] = coded
        return coded

    def _coded(self, tokens: TokenSequence) -> Coded:
        return Coded(self.code(tokens.words), tokens.char_starts, tokens.char_ends, lambda: tokens.words)

    def _all_at_once(self, texts: dict[str, None]) -> dict[str, Coded]:
        bulk = BulkText(list(texts))
        numbers = self.code(bulk.spellings)
        coded = {}
        for number, text in enumerate(texts):
            tokens = bulk.tokens(number)
            ids = numbers[tokens.forms]
            coded[text] = Coded(ids, tokens.char_starts, tokens.char_ends, partial(_words, tokens))
        return coded


def _words(tokens: TokenSequence) -> Sequence[str]:
    return tokens.words


def _texts(examples: Iterable[Example]) -> Iterator[str]:
    for example in examples:
        yield from example.passages
        yield example.question
