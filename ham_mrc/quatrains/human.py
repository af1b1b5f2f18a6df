"""Lines that no system wrote, scored as a system's are: the rows that say what a machine's figures are worth.

*random human line*: any line at the same place in any training poem of the same length. *gold line, without itself*:
the poet's own line, held against the other references alone. *one training line, always*: the same line for every poem,
the training line at that place whose pairs of characters are the commonest. With many references BLEU-2 rewards the
characters that all poets use, so that the last one beats poets and systems by far.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ham_mrc.eval.poem_result import HumanRow, PoemCounts, column_table, figures_of_counts, intervals_of
from ham_mrc.eval.quatrains import LENGTHS, STEPS, Protocol, cell_name, metrics_of_protocol
from ham_mrc.records import Quatrain

RANDOM = "random human line"
GOLD = "gold line, without itself"
ONE = "one training line, always"

_Place = tuple[int, int]
"""A line's number, from 0, and the length of its poem."""


def lines_by_place(train: Iterable[Quatrain]) -> dict[_Place, list[str]]:
    """Lines 2, 3 and 4 of the training poems."""
    lines: dict[_Place, list[str]] = defaultdict(list)
    for poem in train:
        for step in STEPS:
            lines[step, poem.length].append(poem.lines[step])
    return dict(lines)


def random_lines(
    poems: Iterable[Quatrain], lines: Mapping[_Place, Sequence[str]], seed: int
) -> dict[str, tuple[str, str, str]]:
    """For each poem, by id, lines 2, 3 and 4 of three training poems of its length, drawn by `seed`.

    "" where the training part has no poem of that length.
    """
    draw = random.Random(seed)
    return _for_each(poems, lambda place: draw.choice(lines[place]) if place in lines else "")


def one_line(poems: Iterable[Quatrain], lines: Mapping[_Place, Sequence[str]]) -> dict[str, tuple[str, str, str]]:
    """For each poem the same three lines of its length: those whose pairs are commonest, of two the first."""
    chosen = {place: _commonest(found) for place, found in lines.items()}
    return _for_each(poems, lambda place: chosen.get(place, ""))


def _commonest(lines: Sequence[str]) -> str:
    """The line, of lines of one length, whose pairs stand most often in all of them together."""
    codes = np.frombuffer("".join(lines).encode("utf-32-le"), "<u4").astype(np.int64).reshape(len(lines), -1)
    pairs = codes[:, :-1] * 0x110000 + codes[:, 1:]
    _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return lines[int(counts[which].reshape(pairs.shape).sum(1).argmax())]


def _for_each(poems: Iterable[Quatrain], line: Callable[[_Place], str]) -> dict[str, tuple[str, str, str]]:
    return {poem.id: (line((1, poem.length)), line((2, poem.length)), line((3, poem.length))) for poem in poems}


def human_row(
    name: str,
    protocol: Protocol,
    counts: Mapping[str, PoemCounts],
    lengths: Mapping[str, int],
    *,
    resamples: int,
    seed: int,
) -> HumanRow:
    """The row of these lines; with `resamples` 0 without intervals. A cell without a line has no figure."""
    figures = figures_of_counts(protocol, counts, lengths)
    known = {name: value for name, value in figures.items() if value == value}
    metrics = {name: metric for name, metric in metrics_of_protocol(protocol).items() if name in known}
    intervals = {}
    if resamples and metrics:
        intervals = intervals_of(metrics, column_table(protocol, counts, lengths), resamples=resamples, seed=seed)
    return HumanRow(name, protocol, _scored(counts, lengths), known, intervals)


def _scored(counts: Mapping[str, PoemCounts], lengths: Mapping[str, int]) -> dict[str, int]:
    return {
        cell_name(step, length): sum(
            own == length and counts[key][step - 1].reference_length > 0 for key, own in lengths.items()
        )
        for step in STEPS
        for length in LENGTHS
    }
