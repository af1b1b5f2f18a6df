"""The span of some passages that comes closest to a free answer, by ROUGE-L.

ROUGE-L as MS MARCO's official program has it (coco-caption, beta 1.2), between a span and one answer: with P and R
their longest common subsequence over the length of the span and over that of the answer,
(1 + beta^2) P R / (R + beta^2 P), which is 61 common / (25 span + 36 answer). Divided once, as whole numbers, it is
equal for equal fractions and in their order for all others, so that no last digit decides between two spans. The
program's own figure, rounded four times, may differ from it in the last digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class RougeMatch(NamedTuple):
    """Words `start` to `end` of passage number `passage`, both inclusive, and their `rouge_l`, above 0 and at most 1.

    `answer` is the number of the answer that they match.
    """

    passage: int
    start: int
    end: int
    rouge_l: float
    answer: int


def best_rouge_span(passages: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> RougeMatch | None:
    """The span of best ROUGE-L against any answer; None where no passage shares a word with one.

    Words hold no space and are compared lower-cased. A span begins and ends at words of the answer, and is at most
    twice as long as it and five words more. Among equals the earliest answer wins, then the earliest passage, the
    earliest start and the earliest end. Only the answer's own words, in their order, reach 1.
    """
    texts = [spaced(words) for words in passages]
    wanted = [spaced(words) for words in answers]
    return exact_span(texts, wanted) or _closest_span(texts, wanted)


def spaced(words: Sequence[str]) -> str:
    """Words lower-cased, with one space before and after each: what can be searched for whole words by `in`."""
    return f" {' '.join(words).lower()} "


_NO_WORDS = spaced([])


def exact_span(passages: Sequence[str], answers: Sequence[str]) -> RougeMatch | None:
    """Where the first answer that stands in a passage, word for word, first stands. All are `spaced`."""
    for number, answer in enumerate(answers):
        if answer == _NO_WORDS:
            continue
        for passage, text in enumerate(passages):
            found = text.find(answer)
            if found >= 0:
                start = text.count(" ", 0, found)
                return RougeMatch(passage, start, start + answer.count(" ") - 2, 1.0, number)
    return None


def _closest_span(passages: Sequence[str], answers: Sequence[str]) -> RougeMatch | None:
    best: RougeMatch | None = None
    score = 0.0
    for number, answer in enumerate(answers):
        if answer == _NO_WORDS:
            continue
        wanted = answer[1:-1].split(" ")
        size = len(wanted)
        places = _places(wanted)
        counts = [(f" {word} ", count) for word, count in Counter(wanted).items()]
        for passage, text in enumerate(passages):
            # What a span could score that held nothing but the answer's words: most passages end here.
            common = sum([count for word, count in counts if word in text])
            if _rouge_l(common, common, size) <= score:
                continue
            found = _better_span(text[1:-1].split(" "), places, size, score)
            if found:
                start, end, score = found
                best = RougeMatch(passage, start, end, score, number)
    return best


def _rouge_l(common: int, length: int, size: int) -> float:
    """ROUGE-L, 0 to 1, of `length` words against an answer of `size` (above 0), `common` of them in its order."""
    return 61 * common / (25 * length + 36 * size)


def _places(answer: Sequence[str]) -> dict[str, int]:
    """For each word of the answer the bits at which it stands: bit i for word i."""
    places: dict[str, int] = {}
    for number, word in enumerate(answer):
        places[word] = places.get(word, 0) | 1 << number
    return places


def _better_span(
    words: Sequence[str], places: dict[str, int], size: int, score: float
) -> tuple[int, int, float] | None:
    """The first of the best spans (start, end, score) of one passage for one answer; None where none is above `score`.

    From each start the span grows word by word, and with it the last row of the dynamic programme of the longest
    common subsequence, held in the bits of one number (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"):
    a zero at bit i where the subsequence grows by the answer's word i, a carry out of the top where it grows at all.
    Only then can a span be better than the shorter ones, and words that are not the answer's change nothing but its
    length.
    """
    hits = [(place, places[word]) for place, word in enumerate(words) if word in places]
    full = (1 << size) - 1
    longest = 2 * size + 5
    best = None
    for number, (start, _) in enumerate(hits):
        row, common = full, 0
        beyond = start + longest
        for end, bits in hits[number:]:
            if end >= beyond:
                break
            carry = row & bits
            row = (row + carry) | (row - carry)
            if row > full:
                row &= full
                common += 1
                found = _rouge_l(common, end - start + 1, size)
                if found > score:
                    score = found
                    best = start, end, score
    return best
