"""What may be written in a line, beyond its length. `judge.py` turns it into costs that a decoder subtracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ham_mrc.quatrains.form import RhymeBook

Strength = Literal["off", "prefer", "strict"]


@dataclass(frozen=True, slots=True)
class Constraints:
    """What may be written in one line.

    first    a character that the line must begin with (acrostic); "" for any
    tones    whether the poem must fit one of the four patterns; "prefer" takes a penalty for each fault
    rhyme    whether lines 2 and 4 (and line 1 where the pattern that the poem fits ends it level) share a level group
    repeats  whether characters may return freely ("off") or as seldom as in poems (`patterns.too_often`)
    book     where tones and rhymes are looked up; needed unless both are off
    after    what is known of the lines below: those that are kept (`--redo`), how others will begin, or ""
    barred   whole lines that may not be written again
    worn     characters that are taken only where they are much better (drafts that should differ)
    """

    first: str = ""
    tones: Strength = "off"
    rhyme: Strength = "off"
    repeats: Literal["off", "poem"] = "off"
    book: RhymeBook | None = None
    after: tuple[str, ...] = ()
    barred: frozenset[str] = frozenset()
    worn: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        assert self.book is not None or not self.sounds, "tones and rhymes are looked up in a book"

    @property
    def sounds(self) -> bool:
        """Whether tones or rhymes matter."""
        return self.tones != "off" or self.rhyme != "off"

    @property
    def free(self) -> bool:
        """Whether nothing but the length is asked for."""
        return self == NONE


NONE = Constraints()
