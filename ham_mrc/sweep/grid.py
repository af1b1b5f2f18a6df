"""The grid: which reader is trained at which depth from which seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ham_mrc.config import SEED_LIMIT
from ham_mrc.errors import HamError

DEPTHS = (1, 2, 5, 10, 20)
"""Those of the paper."""

SEEDS = 3


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One run of the grid."""

    reader: str
    depth: int
    seed: int

    @property
    def folder(self) -> Path:
        """Where its run stands in the folder of the sweep: READER/depth-D/seed-S."""
        return Path(self.reader) / f"depth-{self.depth}" / f"seed-{self.seed}"

    @property
    def log(self) -> Path:
        """What its process said, beside its run: READER/depth-D/seed-S.log."""
        return self.folder.with_name(f"seed-{self.seed}.log")

    def __str__(self) -> str:
        return f"{self.reader}, depth {self.depth}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Grid:
    """Readers x depths x seeds; none twice, depths and seeds rising."""

    readers: tuple[str, ...]
    depths: tuple[int, ...]
    seeds: tuple[int, ...]

    @property
    def baseline(self) -> int:
        """The depth that the others are held against: the shallowest, 1 in the paper."""
        return min(self.depths)

    def __iter__(self) -> Iterator[Cell]:
        """Every run, in the order in which they are trained: a sweep that is broken off has whole rows of depths."""
        return (Cell(reader, depth, seed) for seed in self.seeds for reader in self.readers for depth in self.depths)

    def __len__(self) -> int:
        return len(self.readers) * len(self.depths) * len(self.seeds)

    def holds(self, other: Grid) -> bool:
        """Whether every run of `other` is one of this grid."""
        return set(other) <= set(self)

    def __str__(self) -> str:
        depths, seeds = (", ".join(map(str, numbers)) for numbers in (self.depths, self.seeds))
        return f"readers {', '.join(self.readers)}; depths {depths}; seeds {seeds}"


def make_grid(readers: Sequence[str], depths: Sequence[int], seeds: Sequence[int]) -> Grid:
    """A grid with its depths and seeds rising. Raises HamError for an empty side, a number twice or out of range."""
    for name, values in (("readers", readers), ("depths", depths), ("seeds", seeds)):
        if not values:
            raise HamError("is empty", place=name, remedy="name at least one")
        twice = [value for value in values if list(values).count(value) > 1]
        if twice:
            raise HamError(f"{twice[0]} stands there twice", place=name, remedy="name each once")
    if min(depths) < 1:
        raise HamError(f"{min(depths)} is no depth", place="depths", remedy="1 or more; 1 is ordinary attention")
    if min(seeds) < 0 or max(seeds) >= SEED_LIMIT:
        raise HamError("a seed is out of range", place="seeds", remedy=f"0 to {SEED_LIMIT - 1}")
    return Grid(tuple(readers), tuple(sorted(depths)), tuple(sorted(seeds)))


def names(text: str) -> list[str]:
    """`a,b` as two names."""
    return [part.strip() for part in text.split(",") if part.strip()]


def numbers(text: str, option: str) -> list[int]:
    """`1,2,5` as numbers. Raises HamError naming the option for anything else."""
    parts = names(text)
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong or not parts:
        what = f"{wrong[0]!r} is not a whole number" if wrong else "names no number"
        raise HamError(what, place=option, remedy=f"write {option} 1,2,5")
    return list(map(int, parts))


def seeds_from(given: int | Sequence[int], first: int) -> list[int]:
    """The seeds themselves: those named, or so many from `first` on."""
    return list(range(first, first + given)) if isinstance(given, int) else list(given)
