"""Keywords for an acrostic (藏头诗): each line begins with a given character, and its keyword has it where one can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ham_mrc.data_prep.taxonomy import Taxonomy


def acrostic_keywords(
    keywords: Sequence[str], acrostic: str, segments: Iterable[str], taxonomy: Taxonomy | None
) -> tuple[str, ...]:
    """For each of the `keywords` one with the acrostic's character.

    The keyword itself if it has the character; else a phrase with it from a theme that holds the keyword; else the
    first of `segments` (the highest TextRank score first) that begins with it; else the character alone.
    """
    firsts = _first_segments(set(acrostic), segments)
    return tuple(
        keyword if first in keyword else _of_theme(keyword, first, taxonomy) or firsts.get(first, first)
        for keyword, first in zip(keywords, acrostic, strict=True)
    )


def _first_segments(firsts: set[str], segments: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for segment in segments:
        if len(segment) > 1 and segment[0] in firsts:
            found.setdefault(segment[0], segment)
    return found


def _of_theme(keyword: str, first: str, taxonomy: Taxonomy | None) -> str:
    if taxonomy is None:
        return ""
    phrases = (phrase for theme in taxonomy.theme_of(keyword) for phrase in taxonomy.themes[theme])
    return next((phrase for phrase in phrases if first in phrase and len(phrase) == 2), "")
