"""A text of any length as words that poets use: the segments that TextRank knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ham_mrc.data_prep.function_words import FUNCTION_WORDS
from ham_mrc.data_prep.taxonomy import Taxonomy

USUAL = 1.0
"""The least score of a segment that poets use: it was seen in some five lines. Half of all were seen in one."""
SHORT = 4
"""Characters of a text at most that can be one word, and then one keyword."""


class Words:
    """Cuts texts by the TextRank scores `segments`, and by the taxonomy where there is one."""

    def __init__(self, segments: Mapping[str, float], taxonomy: Taxonomy | None = None) -> None:
        self.segments, self.taxonomy = segments, taxonomy

    def knows(self, word: str) -> bool:
        """Whether poets use `word`, which is no function word."""
        listed = self.taxonomy is not None and word in self.taxonomy
        return word not in FUNCTION_WORDS and (listed or self.segments.get(word, 0.0) >= USUAL)

    def cut(self, text: str) -> list[str]:
        """`text` as segments of one and two characters: as much of it as can be in pairs that poets use.

        Of cuts that are equal in this, the one whose rarest pair is the commonest.
        """
        best: list[tuple[int, float, tuple[str, ...]]] = [(0, float("inf"), ())]
        for end in range(1, len(text) + 1):
            pairs, rarest, words = best[-1]
            found = (pairs, rarest, (*words, text[end - 1]))
            if end > 1 and self.knows(pair := text[end - 2 : end]):
                pairs, rarest, words = best[-2]
                found = max(found, (pairs + 1, min(rarest, self.segments.get(pair, 0.0)), (*words, pair)))
            best.append(found)
        return list(best[-1][2])

    def keywords(self, text: str, count: int) -> tuple[list[str], list[str]]:
        """The best `count` keywords of `text` at most, in its own order; and the segments that it was cut into.

        A short text that is not all pairs which poets use is one keyword, as it stands.
        """
        pieces = self.cut(text)
        if not text:
            return [], []
        if len(text) <= SHORT and (self.knows(text) or not all(len(one) == 2 for one in pieces)):
            return [text], pieces
        known = list(dict.fromkeys(one for one in pieces if self.knows(one)))
        best = set(rank(known, self.segments, self.taxonomy)[:count])
        return [one for one in known if one in best] or [text[:SHORT]], pieces


def rank(words: Iterable[str], segments: Mapping[str, float], taxonomy: Taxonomy | None = None) -> list[str]:
    """`words` as a line's keyword is chosen (data_prep/textrank.py): of the taxonomy, of two characters, by score."""
    listed = taxonomy if taxonomy is not None else ()
    return sorted(words, key=lambda one: (one in listed, len(one) > 1, segments.get(one, 0.0)), reverse=True)
