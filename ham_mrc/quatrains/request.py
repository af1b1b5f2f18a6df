"""What is asked of a system, line by line, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from ham_mrc.quatrains.constraints import NONE, Constraints


@dataclass(frozen=True, slots=True)
class LineRequest:
    """One line to write.

    length       5 or 7, the characters of the line
    before       the poem's lines that stand above it, none to three
    keyword      what the line should be about; "" for a system that takes none
    constraints  what may be written; NONE asks for the length alone, as evaluation does
    """

    length: int
    before: tuple[str, ...] = ()
    keyword: str = ""
    constraints: Constraints = NONE

    @property
    def position(self) -> int:
        """The number of the line in its poem, from 1 to 4."""
        return len(self.before) + 1


@dataclass(frozen=True, slots=True)
class Written:
    """A line as a system wrote it. `score` is the sum of its natural log probabilities, the end symbol's included."""

    line: str
    score: float


@dataclass(frozen=True, slots=True)
class Sampling:
    """Draw instead of searching: from P to the power of 1 / `temperature`, by random numbers of `seed`."""

    temperature: float = 1.0
    seed: int = 0
