"""Chinese text to words, as the preprocessed files of DuReader have them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

_RUN = re.compile(r"[A-Za-z0-9]+|\S")


class Segmenter:
    """Longest match from the left against a list of words; what matches none is a character, or a run of Latin ones.

    Not a good segmenter, but one that needs nothing installed and gives the same words for ever.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = {word for word in words if len(word) > 1}
        self._longest = max(map(len, self._words))

    def words(self, text: str, borders: Iterable[int] = ()) -> list[str]:
        """The words of `text`, in order; joined they are the text without white space. No word crosses a border."""
        cuts = sorted({0, *borders, len(text)})
        return [word for begin, end in pairwise(cuts) for word in self._piece(text[begin:end])]

    def _piece(self, text: str) -> list[str]:
        found, at = [], 0
        while at < len(text):
            longest = min(self._longest, len(text) - at)
            word = next((text[at : at + n] for n in range(longest, 1, -1) if text[at : at + n] in self._words), "")
            if not word:
                match = _RUN.match(text, at)
                word = match.group() if match else ""
            if word:
                found.append(word)
            at += len(word) or 1
        return found


def load_words(file: Path, names: Iterable[str]) -> Segmenter:
    """A segmenter that knows the words of a file and the given names."""
    return Segmenter([*file.read_text(encoding="utf-8").split(), *names])
