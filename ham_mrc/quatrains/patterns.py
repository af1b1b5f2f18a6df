"""How far four lines keep to the rules of a quatrain: 平仄 patterns, rhyme, characters that return.

A poem may be unfinished: a line that is not there yet is "", or cut off where it has been written so far.
`i` numbers lines from 0, `place` characters from 0; patterns count from 1 as people do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ham_mrc.quatrains.form import RhymeBook, short_name

LENGTHS = (5, 7)

_FIVE = (
    ("*ZPPZ", "PPZZP", "*PPZZ", "*ZZPP"),
    ("*ZZPP", "PPZZP", "*PPZZ", "*ZZPP"),
    ("*PPZZ", "*ZZPP", "*ZPPZ", "PPZZP"),
    ("PPZZP", "*ZZPP", "*ZPPZ", "PPZZP"),
)


def _with_head(line: str) -> str:
    """The 7-character line on the 5-character one: two more in front, of the other tone than the two that follow."""
    return ("*P" if line[1] == "Z" else "*Z") + line


PATTERNS: Mapping[int, tuple[tuple[str, ...], ...]] = {
    5: _FIVE,
    7: tuple(tuple(map(_with_head, pattern)) for pattern in _FIVE),
}
"""By the length of a line the four regular patterns (近体): P level, Z oblique, * free."""

FREE: Mapping[int, tuple[str, ...]] = {length: ("*" * length,) * 4 for length in LENGTHS}
"""No pattern at all: only lines 2 and 4 have to rhyme."""

MOST = 2
"""How often one character may stand in a poem."""

RETURNING: Mapping[int, int] = {5: 1, 7: 2}
"""By the length of a line how many characters may stand more than once."""

NEIGHBOURS = (
    "东東冬",
    "江阳陽",
    "支微齐齊",
    "鱼魚虞",
    "佳灰",
    "真文元",
    "元寒删刪先",
    "萧蕭肴豪",
    "庚青蒸",
    "覃盐鹽咸",
)
"""Level groups that are near enough for the looser rhymes of songs (词韵) and old verse, by Simplified or Traditional
names."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a poem stands to one pattern.

    pattern       1 to 4; 0 for FREE
    tone_faults   (line, place) of each character whose tone the pattern does not allow
    rhyme_lines   the second, the fourth, and the first where its pattern ends level; but see `nearest`
    group         the rhyme group that most of their last characters share; None where none has a level reading
    rhyme_faults  the rhyming lines that end outside of `group`
    """

    pattern: int
    tone_faults: tuple[tuple[int, int], ...]
    rhyme_lines: tuple[int, ...]
    group: str | None
    rhyme_faults: tuple[int, ...]


def nearest(lines: Sequence[str], book: RhymeBook) -> Fit:
    """How a poem is judged: by the pattern with the fewest faults of tone, then of rhyme, then the first.

    Where even that one has a fault of tone, no pattern can ask the first line to rhyme: it counts among the rhyming
    lines if it does rhyme, else the second and the fourth are left.
    """
    best = min(fits(lines, book), key=lambda one: (len(one.tone_faults), len(one.rhyme_faults), one.pattern))
    if not (best.tone_faults and best.rhyme_faults):
        return best
    free = fit(lines, FREE[line_length(lines)], book)
    return replace(best, rhyme_lines=free.rhyme_lines, group=free.group, rhyme_faults=free.rhyme_faults)


def fits(lines: Sequence[str], book: RhymeBook, length: int | None = None) -> list[Fit]:
    """The poem beside each of the four patterns of its length, which is `length` where no line is whole yet."""
    patterns = PATTERNS[length or line_length(lines)]
    return [fit(lines, pattern, book, number) for number, pattern in enumerate(patterns, 1)]


def fit(lines: Sequence[str], pattern: Sequence[str], book: RhymeBook, number: int = 0) -> Fit:
    """The poem beside one pattern."""
    faults = tuple(
        (i, place)
        for i, (line, wanted) in enumerate(zip(lines, pattern, strict=False))
        for place, (character, tone) in enumerate(zip(line, wanted, strict=False))
        if tone_fault(book.tone(character), tone)
    )
    rhyming = rhyme_lines(pattern)
    ends = {i: lines[i][-1] for i in rhyming if i < len(lines) and len(lines[i]) == len(pattern[i])}
    group, misfits = common_group(ends, book)
    return Fit(number, faults, rhyming, group, misfits)


def tone_fault(tone: str, wanted: str) -> bool:
    """Whether a character of `tone` may not stand where a pattern has `wanted`."""
    return "*" not in (tone, wanted) and tone != wanted


def rhyme_lines(pattern: Sequence[str]) -> tuple[int, ...]:
    """Lines 2 and 4, and line 1 where the pattern ends it level; numbered from 0."""
    return (0, 1, 3) if pattern[0].endswith("P") else (1, 3)


def common_group(ends: Mapping[int, str], book: RhymeBook) -> tuple[str | None, tuple[int, ...]]:
    """The level group that most of the last characters have, the first line's before others, and who lacks it.

    A character that is not in the book rhymes with everything.
    """
    groups = {i: book.level_groups(character) for i, character in ends.items()}
    candidates = [group for has in groups.values() for group in sorted(has or ())]
    if not candidates:
        return None, tuple(i for i, has in groups.items() if has is not None)
    counts = Counter(candidates)
    best = max(candidates, key=lambda group: counts[group])
    return best, tuple(i for i, has in groups.items() if has is not None and best not in has)


def line_length(lines: Sequence[str]) -> int:
    """5 or 7: the length of the poem's longest line."""
    return max(map(len, lines))


def occurrences(lines: Iterable[str]) -> Counter[str]:
    """How often each character stands in the poem. A doubled one (叠字, 青青) counts once; three in a row are three."""
    counts: Counter[str] = Counter()
    for line in lines:
        for character, run in groupby(line):
            number = len(list(run))
            counts[character] += 1 if number == 2 else number
    return counts


def returning(lines: Sequence[str]) -> tuple[str, ...]:
    """The characters that stand more than once, in their order; see `occurrences`."""
    return tuple(character for character, count in occurrences(lines).items() if count > 1)


def too_often(lines: Sequence[str], length: int) -> tuple[str, ...]:
    """The characters that return against the rule of MOST and RETURNING; none for a poem that keeps it."""
    counts = occurrences(lines)
    again = returning(lines)
    over = tuple(character for character in again if counts[character] > MOST)
    return over or (again if len(again) > RETURNING[length] else ())


def are_neighbours(one: str, other: str) -> bool:
    """Whether two different level groups are near in sound, by their full names."""
    names = {short_name(one), short_name(other)}
    return len(names) == 2 and any(names <= set(circle) for circle in NEIGHBOURS)
