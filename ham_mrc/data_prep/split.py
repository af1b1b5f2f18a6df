"""Which question goes to which part: seeded, whole groups, and the same whatever the order of the file.

Every group has a rank, a hash of the seed and of what its questions share. Groups are taken in the order of their
ranks, so a part is a few intervals of ranks: a decision that fits in a line however many questions there are.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from ham_mrc.errors import HamError
from ham_mrc.records import Example

SPLIT_BY = ("question", "passage", "article")
"""What is kept whole. `question` is the paper's: its test passages are also training passages."""

CHOICE_SHARE = 0.1
"""What of the training part serves to choose the epoch where no other part does (the paper names none)."""


def parse_shares(split: str) -> dict[str, float]:
    """`"90/10"` as {"train": 0.9, "dev": 0.1}; `"80/10/10"` adds "test". Raises HamError for anything else."""
    pieces = split.split("/")
    sizes = [int(piece) for piece in pieces if piece.isascii() and piece.isdigit()]
    if len(sizes) != len(pieces) or len(sizes) not in (2, 3) or sum(sizes) != 100 or not all(sizes):
        raise HamError(
            f'--split "{split}" is not a split',
            remedy="two or three whole numbers that add up to 100 are due, as in 90/10 or 80/10/10",
        )
    return {part: size / 100 for part, size in zip(("train", "dev", "test"), sizes, strict=False)}


def group_key(example: Example, split_by: str) -> str:
    """What the example shares with those that must stay in its part: its id, its passages' digest, or its title."""
    if split_by == "question":
        return example.id
    if split_by == "article":
        return example.title
    return passages_digest(example.passages).hex()


def passages_digest(passages: tuple[str, ...]) -> bytes:
    """16 bytes that stand for these texts: equal where they are, character by character."""
    digest = hashlib.blake2b(digest_size=16)
    for passage in passages:
        data = passage.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def text_digest(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def group_rank(seed: int, key: str) -> bytes:
    """Where a group stands in the order in which groups are taken: 16 bytes."""
    # A hash instead of a shuffle: no generator's history decides, so questions added later leave the others'
    # order as it was.
    return text_digest(f"{seed}\0{key}")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which part a rank belongs to: `parts[i]` has the ranks from `starts[i]` to before `starts[i + 1]`."""

    starts: tuple[bytes, ...]
    parts: tuple[str, ...]

    def part(self, rank: bytes) -> str:
        """The part of the group with this rank."""
        return self.parts[bisect_right(self.starts, rank) - 1]


Groups = Callable[[], Iterator[tuple[bytes, int]]]
"""Gives, each time anew, every group's rank and number of questions, in the order of ranks."""


def assign(groups: Groups, total: int, shares: Mapping[str, float], *, choice: bool, unit: str) -> Assignment:
    """The parts of `total` questions, for `shares` (part -> fraction of all questions; "train" is the rest).

    Groups are taken in the order of their ranks while they fit: a part is never larger than its share unless its
    smallest group is. With `choice`, a tenth of the training part becomes one more part of that name. Raises
    HamError, naming the `unit` of a group, where there are too few to fill every part.
    """
    wanted = {part: share * total for part, share in shares.items() if part != "train"}
    if choice:
        wanted["choice"] = CHOICE_SHARE * (total - sum(round(size) for size in wanted.values()))
    sizes = {part: max(1, round(size)) for part, size in wanted.items()}
    forced: dict[bytes, str] = {}
    while True:
        scan = _Scan(dict(sizes), forced)
        runs = [(part, next(run)[0]) for part, run in groupby(scan.walk(groups()), key=lambda taken: taken[1])]
        short = [part for part in sizes if part not in scan.filled]
        if not short or (smallest := scan.smallest[short[0]]) is None:
            break
        forced[smallest[1]] = short[0]  # no group fits into this part: it gets the smallest there is, whole
    if missing := {"train", *sizes} - scan.filled:
        raise HamError(
            f"{scan.groups} {unit}{'s' if scan.groups > 1 else ''} cannot fill {1 + len(sizes)} parts: "
            f"nothing is left for {sorted(missing)[0]}",
            remedy="give more input, or another --split or --split-by",
        )
    return Assignment(tuple(rank for _, rank in runs), tuple(part for part, _ in runs))


@dataclass
class _Scan:
    """One walk over all groups: what still fits, what was filled, and the smallest group that each part passed over."""

    left: dict[str, int]
    forced: Mapping[bytes, str]
    filled: set[str] = field(default_factory=set)
    groups: int = 0
    smallest: dict[str, tuple[int, bytes] | None] = field(init=False)

    def __post_init__(self) -> None:
        self.smallest = dict.fromkeys(self.left)
        for part in self.forced.values():
            self.left[part] = 0

    def walk(self, groups: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, str]]:
        for rank, size in groups:
            self.groups += 1
            part = self.forced.get(rank) or self._choose(rank, size)
            self.filled.add(part)
            yield rank, part

    def _choose(self, rank: bytes, size: int) -> str:
        for part, left in self.left.items():
            if size <= left:
                self.left[part] = left - size
                return part
            passed = self.smallest[part]
            if passed is None or size < passed[0]:
                self.smallest[part] = (size, rank)
        return "train"
