"""What can be said of any four lines without a model: `poem check`, and the proof that a written poem obeys."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ham_mrc.errors import HamError
from ham_mrc.quatrains.constraints import Strength
from ham_mrc.quatrains.form import RhymeBook
from ham_mrc.quatrains.patterns import (
    LENGTHS,
    Fit,
    nearest,
    occurrences,
    returning,
    too_often,
)
from ham_mrc.text import HAN

_HAN = re.compile(f"[{HAN}]+")


@dataclass(frozen=True, slots=True)
class Examination:
    """A poem beside the rules.

    tones      one letter of P, Z and * a character and line; None without a rhyme book, as are `fit` and `strange`
    fit        the nearest pattern, with its faults of tone and rhyme: what `broken_rules` judges by
    returning  the characters that stand more than once
    too_often  those of them that break the rule of repeats
    strange    the characters that the rhyme book does not have, which fit everywhere
    ends       by rhyming line the level groups of its last character, if it is in the book
    """

    lines: tuple[str, ...]
    tones: tuple[str, ...] | None
    fit: Fit | None
    returning: tuple[str, ...]
    too_often: tuple[str, ...]
    strange: tuple[str, ...]
    ends: Mapping[int, tuple[str, ...]]

    @property
    def length(self) -> int:
        return len(self.lines[0])

    @property
    def unknown_ends(self) -> tuple[int, ...]:
        """The rhyming lines whose last character the rhyme book does not have: of them nothing can be said."""
        return () if self.fit is None else tuple(i for i in self.fit.rhyme_lines if i not in self.ends)


def examine(lines: Sequence[str], book: RhymeBook | None) -> Examination:
    """Tones, nearest pattern, rhyme and repeats of four lines of one length, 5 or 7."""
    lines = tuple(lines)
    repeats = (returning(lines), too_often(lines, len(lines[0])))
    if book is None:
        return Examination(lines, None, None, *repeats, strange=(), ends={})
    fit = nearest(lines, book)
    groups = {i: book.level_groups(lines[i][-1]) for i in fit.rhyme_lines}
    ends = {i: tuple(sorted(own)) for i, own in groups.items() if own is not None}
    strange = tuple(character for character in occurrences(lines) if not book.knows(character))
    return Examination(lines, tuple(map(book.tones, lines)), fit, *repeats, strange, ends)


def broken_rules(
    lines: Sequence[str],
    *,
    length: int,
    acrostic: str = "",
    tones: Strength = "off",
    rhyme: Strength = "off",
    repeats: str = "off",
    book: RhymeBook | None = None,
) -> list[str]:
    """What a poem breaks of what was asked strictly, a phrase each; what is only preferred can not be broken."""
    broken = [f"line {i} has {len(line)} characters" for i, line in enumerate(lines, 1) if len(line) != length]
    if len(lines) != 4:
        broken.append(f"there are {len(lines)} lines")
    if broken:
        return broken
    if acrostic and "".join(line[0] for line in lines) != acrostic:
        broken.append(f"the lines do not begin with {acrostic}")
    if repeats == "poem" and too_often(lines, length):
        broken.append(f"there are too many of {'、'.join(too_often(lines, length))}")
    if book is not None and "strict" in (tones, rhyme):
        broken += _broken_sounds(lines, tones, rhyme, book)
    return broken


def _broken_sounds(lines: Sequence[str], tones: Strength, rhyme: Strength, book: RhymeBook) -> list[str]:
    """One and the same pattern, that of `examine`, has to be kept in all that is asked strictly."""
    found = nearest(lines, book)
    broken = []
    if tones == "strict" and found.tone_faults:
        broken.append(f"no pattern fits: {found.pattern}, the nearest, with {_count(len(found.tone_faults), 'fault')}")
    if rhyme == "strict" and found.rhyme_faults:
        broken.append(f"lines {', '.join(str(i + 1) for i in found.rhyme_lines)} do not share a level rhyme group")
    return broken


def read_poem(text: str) -> tuple[str, ...]:
    """The four lines in a text: what stands between marks, spaces and line ends, or 20 or 28 characters in a row.

    Raises HamError for a text that is no quatrain, naming the line.
    """
    lines = read_lines(text)
    if len(lines) == 1 and len(lines[0]) in (20, 28):
        length = len(lines[0]) // 4
        lines = tuple(lines[0][start : start + length] for start in range(0, 4 * length, length))
    if len(lines) != 4:
        raise HamError(f"has {_count(len(lines), 'line')}; a quatrain has four", place="the poem")
    for number, line in enumerate(lines, 1):
        if len(line) not in LENGTHS:
            raise HamError(f"has {_count(len(line), 'character')}; a line has 5 or 7", place=f"line {number} ({line})")
        if len(line) != len(lines[0]):
            raise HamError(
                f"has {len(line)} characters and line 1 has {len(lines[0])}; all four have the same",
                place=f"line {number} ({line})",
            )
    return lines


def read_lines(text: str, place: str = "the poem") -> tuple[str, ...]:
    """The runs of Chinese characters in a text. Raises HamError where letters or digits stand in it, or nothing."""
    text = unicodedata.normalize("NFC", text)
    strange = next((one for one in text if one.isalnum() and not _HAN.match(one)), None)
    if strange is not None:
        run = next(word for word in text.split() if strange in word)
        raise HamError(f"holds {run[:20]!r}", place=place, remedy="give it in Chinese characters")
    lines = tuple(_HAN.findall(text))
    if not lines:
        raise HamError("is empty", place=place, remedy="give it in Chinese characters")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
