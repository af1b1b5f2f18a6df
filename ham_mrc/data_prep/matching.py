"""The span of some passages whose words come closest to a free answer, by token F1.

What DuReader's baseline finds by trying every span (baidu/DuReader 2.0, `find_fake_answer` of its preprocessing), to
the last digit, from one small matrix for each passage and answer. Numpy is imported where a matrix is made: `prepare
--help` looks at the datasets, which know this module, and need not wait for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CELLS = 1 << 20  # of one matrix of starts and ends: few megabytes, however long a passage is


class Match(NamedTuple):
    """Words `start` to `end` of passage number `passage`, both inclusive, and their `f1`, above 0 and at most 1.

    `answer` is the number of the answer that they match best, the first of them on a tie.
    """

    passage: int
    start: int
    end: int
    f1: float
    answer: int


def best_f1_span(passages: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> Match | None:
    """The span of best token F1 against any answer; None where no passage shares a word with one.

    Passages and answers are words, compared as they are. Among equals the earliest passage wins, in it the earliest
    start, and then the latest end.
    """
    counts = [Counter(answer) for answer in answers]
    best: Match | None = None
    for passage, words in enumerate(passages):
        found = [
            match
            for answer, wanted in enumerate(counts)
            if (match := _best_span(words, wanted, best.f1 if best else 0.0, passage, answer))
        ]
        if found:
            match = max(found, key=_rank)
            if best is None or match.f1 > best.f1:
                best = match
    return best


def _best_span(words: Sequence[str], wanted: Counter[str], floor: float, passage: int, answer: int) -> Match | None:
    """The best span of one passage for one answer, first start, then last end; None where none can be above `floor`.

    It begins and ends at words of the answer, since without any other word at its ends it would be better.
    """
    places = [place for place, word in enumerate(words) if word in wanted]
    size = wanted.total()
    most = min(len(places), size)
    # Equal fractions may differ in their last digit as official F1 has it, hence the margin.
    if not most or 2 * most / (most + size) < floor - 1e-9:
        return None
    import numpy as np

    at = np.asarray(places, np.int32)
    reach = _reach([words[place] for place in places], wanted)
    rows = max(1, _CELLS // len(places))
    matches = [
        Match(passage, places[start], places[end], _f1(same, places[end] - places[start] + 1, size), answer)
        for first in range(0, len(places), rows)
        for start, end, same in _best_pairs(at, reach, size, first, first + rows)
    ]
    return max(matches, key=_rank)


def _rank(match: Match) -> tuple[float, int, int]:
    return match.f1, -match.start, match.end


def _best_pairs(
    at: npt.NDArray[np.int32], reach: npt.NDArray[np.int32], size: int, first: int, stop: int
) -> list[tuple[int, int, int]]:
    """(start, end, shared words) of all best spans that begin at `at[first:stop]`, by number of the place in `at`.

    All, because spans of one F1 can still differ in its last digit in the official order of operations, and the
    official search takes the larger.
    """
    import numpy as np

    ends = np.arange(len(at), dtype=np.int32)
    starts = ends[first:stop, None]
    counted = starts >= reach
    counted &= starts <= ends
    same = counted.cumsum(axis=1, dtype=np.int32)
    half_f1 = same / (np.abs(at - at[first:stop, None]) + (1 + size))  # 0 where the start is after the end
    rows, columns = np.nonzero(half_f1 == half_f1.max())
    return list(zip((rows + first).tolist(), columns.tolist(), same[rows, columns].tolist(), strict=True))


def _reach(words: list[str], wanted: Mapping[str, int]) -> npt.NDArray[np.int32]:
    """For each word the first start from which a span that ends there may still count it.

    A word that the answer has twice counts twice: the third of its kind counts only in spans that begin after the
    first.
    """
    import numpy as np

    seen: dict[str, list[int]] = {word: [] for word in wanted}
    reach = np.zeros(len(words), np.int32)
    for number, word in enumerate(words):
        earlier = seen[word]
        if len(earlier) >= wanted[word]:
            reach[number] = earlier[-wanted[word]] + 1
        earlier.append(number)
    return reach


def token_f1(words: Sequence[str], counts: Mapping[str, int]) -> float:
    """F1, 0 to 1, of `words` against a text whose words are counted: 0 where they share none."""
    same = overlap(words, counts)
    return _f1(same, len(words), sum(counts.values())) if same else 0.0


def overlap(words: Sequence[str], counts: Mapping[str, int]) -> int:
    """How many of the counted words `words` holds, each as often as it stands in both."""
    # A Counter of every paragraph would cost ten times as much as asking for the few words that are shared.
    return sum([min(due, words.count(word)) if (due := counts[word]) > 1 else 1 for word in counts.keys() & words])


def _f1(same: int, length: int, size: int) -> float:
    precision, recall = same / length, same / size  # in this order of operations: the last digit hangs on it
    return 2 * precision * recall / (precision + recall)
