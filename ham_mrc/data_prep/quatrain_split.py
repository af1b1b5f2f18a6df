"""Which poem goes to which part: seeded, the same whatever the order of the file, and no line in two parts.

Poems that share two lines or more are variants of one poem and stay together. A poem that shares a single line with
one of another part is left out of the larger part: 7% of a plain split's test poems share a line with training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ham_mrc.data_prep.quatrains import LENGTHS
from ham_mrc.data_prep.split import group_rank
from ham_mrc.errors import HamError
from ham_mrc.records import Quatrain

PART_SIZE = 2000
"""Poems of valid and of test, as the published split of PPG has it."""
ENOUGH = 5000
"""A collection with fewer poems than this gives a tenth to each of the two parts instead."""
FEWEST = 20


@dataclass(frozen=True)
class Split:
    """By part its poems in the order of the collection. `shared` poems are in none: a line of theirs is elsewhere."""

    parts: dict[str, list[Quatrain]]
    shared: int


def split_poems(poems: Sequence[Quatrain], *, seed: int, balanced: bool = False) -> Split:
    """Test, valid and train, taken in this order from the groups in the order of their ranks.

    `balanced` makes each half of valid and test poems of one length. Raises HamError where the collection is too
    small for that: fewer than FEWEST poems, more wanted of one length than a third of what there is, or a part that
    stays empty because poems share so many lines.
    """
    quotas = _quotas(poems, balanced=balanced)
    groups = sorted(_groups(poems), key=lambda group: group_rank(seed, min(poems[row].id for row in group)))
    chosen: dict[int, str] = {}
    barred: set[str] = set()  # lines of the parts that are complete
    for part in ("test", "valid"):
        left = dict(quotas)
        rows: list[int] = []
        for group in groups:
            length = poems[group[0]].length if balanced else 0
            if len(group) <= left[length] and group[0] not in chosen and not _touches(poems, group, barred):
                left[length] -= len(group)
                rows += group
        chosen |= dict.fromkeys(rows, part)
        barred.update(line for row in rows for line in poems[row].lines)
    parts: dict[str, list[Quatrain]] = {part: [] for part in ("train", "valid", "test")}
    for row, poem in enumerate(poems):
        if row in chosen:
            parts[chosen[row]].append(poem)
        elif barred.isdisjoint(poem.lines):
            parts["train"].append(poem)
    if empty := [part for part, own in parts.items() if not own]:
        what = f"nothing is left for {empty[0]}, because the {len(poems):,} poems share so many lines"
        raise HamError(what, remedy="give more poems")
    return Split(parts, len(poems) - sum(map(len, parts.values())))


def _quotas(poems: Sequence[Quatrain], *, balanced: bool) -> dict[int, int]:
    """Poems wanted for valid, and as many for test: by length where `balanced`, else under 0 for both lengths."""
    if len(poems) < FEWEST:
        raise HamError(f"{len(poems)} poems cannot be split in three parts", remedy=f"give {FEWEST} or more")
    size = PART_SIZE if len(poems) >= ENOUGH else len(poems) // 10
    if not balanced:
        return {0: size}
    for length in LENGTHS:
        there = sum(poem.length == length for poem in poems)
        if there < 3 * (size // 2):
            raise HamError(
                f"{there:,} poems of {length} characters a line are too few for --balanced, which takes {size:,}",
                remedy="leave it out",
            )
    return dict.fromkeys(LENGTHS, size // 2)


def _touches(poems: Sequence[Quatrain], group: Iterable[int], lines: set[str]) -> bool:
    return any(not lines.isdisjoint(poems[row].lines) for row in group)


def _groups(poems: Sequence[Quatrain]) -> list[list[int]]:
    """Rows of poems that share two lines or more, directly or through others; most groups are one poem."""
    leader = list(range(len(poems)))
    first_with: dict[tuple[str, str], int] = {}
    for row, poem in enumerate(poems):
        for pair in combinations(sorted(set(poem.lines)), 2):
            leader[_find(leader, row)] = _find(leader, first_with.setdefault(pair, row))
    groups: dict[int, list[int]] = defaultdict(list)
    for row in range(len(poems)):
        groups[_find(leader, row)].append(row)
    return list(groups.values())


def _find(leader: list[int], row: int) -> int:
    while leader[row] != row:
        leader[row] = leader[leader[row]]  # paths are halved on the way, so that they stay short
        row = leader[row]
    return row
