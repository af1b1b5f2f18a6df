"""A user's own texts as knowledge: the words that stand near a keyword in them.

Wang et al., "Chinese Poetry Generation with Planning based Neural Network", section 2.3: the words within five of the
keyword, in texts of an encyclopedia there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ham_mrc.errors import HamError
from ham_mrc.opening import read_bytes
from ham_mrc.quatrains.spelling import simplified
from ham_mrc.quatrains.text_words import Words
from ham_mrc.text import HAN

WINDOW = 5
"""Words on either side of a keyword that are near it."""
_REACH = 8 * WINDOW
"""Characters that hold so many words in any case, marks between them included."""
_CHINESE = re.compile(f"[{HAN}]+")


@dataclass(frozen=True)
class Knowledge:
    """The text of the file at `path`, in Simplified characters."""

    path: str
    text: str

    @classmethod
    def read(cls, path: str | Path) -> Knowledge:
        """The text of a UTF-8 file. Raises HamError where it is none, or has no Chinese character in it."""
        try:
            text = simplified(read_bytes(path).decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise HamError(f"is not UTF-8 (byte {error.start})", file=path, remedy="convert it to UTF-8") from error
        if not _CHINESE.search(text):
            raise HamError("has no Chinese character in it", file=path, remedy="give a text that speaks of the theme")
        return cls(str(path), text)

    def near(self, keywords: Sequence[str], words: Words) -> list[str]:
        """The words that poets use within WINDOW words of any of `keywords`, once each, in the order of the text.

        A word does not reach over a mark.
        """
        found: dict[str, None] = {}
        for keyword in dict.fromkeys(keywords):
            for left, right in pairwise(self.text.split(keyword)):
                before, after = _words(left[-_REACH:], words)[-WINDOW:], _words(right[:_REACH], words)[:WINDOW]
                found |= dict.fromkeys([*before, *after])
        return [word for word in found if words.knows(word) and word not in keywords]


def _words(text: str, words: Words) -> list[str]:
    return [word for run in _CHINESE.findall(text) for word in words.cut(run)]
