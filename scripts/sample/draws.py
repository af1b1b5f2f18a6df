"""Random choices that come out the same on every machine and Python."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """Choices from one seed. Only `random()` is used, the one method whose sequence Python promises to keep."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return int(self._random.random() * count)

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self._random.random() < share

    def choose(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[self.below(len(items))]

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """All of `items` in another order."""
        drawn = [(self._random.random(), item) for item in items]
        return [item for _, item in sorted(drawn, key=lambda pair: pair[0])]

    def least(self, items: Iterable[T], used: Callable[[T], int]) -> list[T]:
        """All of `items`, the least used first, in random order among equals."""
        return sorted(self.shuffled(items), key=used)
