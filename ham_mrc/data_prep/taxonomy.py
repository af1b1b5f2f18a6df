"""A taxonomy of poetic phrases: themes, each with phrases in which poets speak of it (诗学含英, 1,024 themes).

The raw file has one theme a line: its number, its heading, and its phrases with spaces between them, all separated
by tabs; `<begin>` and `<end>` lines stand around each section.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ham_mrc.errors import HamError
from ham_mrc.opening import read_bytes
from ham_mrc.text import HAN


@dataclass(frozen=True)
class Taxonomy:
    """`themes[heading]` are the theme's phrases, without repeats, in the order of the file."""

    themes: Mapping[str, tuple[str, ...]]

    @cached_property
    def _themes_of(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for heading, phrases in self.themes.items():
            for phrase in (heading, *phrases):
                found[phrase][heading] = None
        return {phrase: tuple(headings) for phrase, headings in found.items()}

    @property
    def phrases(self) -> Iterable[str]:
        """Every heading and every phrase, once."""
        return self._themes_of.keys()

    def __contains__(self, phrase: str) -> bool:
        return phrase in self._themes_of

    def theme_of(self, phrase: str) -> list[str]:
        """The headings of all themes that hold `phrase`, as a phrase or as their heading; [] for none."""
        return list(self._themes_of.get(phrase, ()))

    def themes_in(self, line: str) -> list[str]:
        """The headings, sorted, of all themes of which `line` contains the heading or a phrase of two characters up."""
        found: set[str] = set()
        for piece in _pieces(line):
            themes = self._themes_of.get(piece, ())
            # One character alone is too common to speak of a theme, unless the theme is called so.
            found.update(themes if len(piece) > 1 else (theme for theme in themes if theme == piece))
        return sorted(found)


def _pieces(line: str) -> Iterator[str]:
    return (line[start:end] for start in range(len(line)) for end in range(start + 1, len(line) + 1))


@dataclass(frozen=True)
class RawTaxonomy:
    """A taxonomy with what was read: `dropped` phrases hold characters that are not Han, or are a single one.

    `repeated` phrases stand twice in their theme.
    """

    taxonomy: Taxonomy
    phrases: int
    dropped: int
    repeated: int


def read_taxonomy(path: str | Path) -> RawTaxonomy:
    """The taxonomy in a raw file; themes of one heading are one. Raises HamError naming a line that is no theme."""
    themes: dict[str, dict[str, None]] = {}
    read = dropped = 0
    for place, heading, phrases in _themes(path):
        if not _HAN.fullmatch(heading):
            raise HamError(f'the heading "{heading}" is not in Chinese characters', file=path, place=place)
        here = themes.setdefault(heading, {})
        read += len(phrases)
        clean = [phrase for phrase in phrases if _PHRASE.fullmatch(phrase)]
        dropped += len(phrases) - len(clean)
        here |= dict.fromkeys(clean)
    kept = sum(map(len, themes.values()))
    if not kept:
        raise HamError("holds no theme", file=path, remedy=_FORMAT)
    taxonomy = Taxonomy({heading: tuple(phrases) for heading, phrases in themes.items()})
    return RawTaxonomy(taxonomy, read, dropped, read - dropped - kept)


_HAN = re.compile(rf"[{HAN}]+")
# A single character is a piece of a torn phrase; those that mean something are headings.
_PHRASE = re.compile(rf"[{HAN}]{{2,}}")
_FORMAT = "a line is due to be: number, tab, heading, tab, phrases with spaces between them"


def _themes(path: str | Path) -> Iterator[tuple[str, str, list[str]]]:
    """(place, heading, phrases) of each theme; lines of sections and empty ones are passed over."""
    try:
        text = read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise HamError(f"is not UTF-8 (byte {error.start})", file=path, remedy="convert it to UTF-8") from error
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.rstrip("\r").split("\t")
        if not line.strip() or fields[0] in ("<begin>", "<end>"):
            continue
        if len(fields) != 3:
            raise HamError(f"has {len(fields)} columns, not 3", file=path, place=f"line {number}", remedy=_FORMAT)
        yield f"line {number}", fields[1].strip(), fields[2].split()
