"""The rules of form as questions about a poem's last line, for `eval.poem_diagnostics`."""

from __future__ import annotations

from collections.abc import Sequence

from ham_mrc.eval.poem_diagnostics import Rules
from ham_mrc.quatrains.form import RhymeBook, has_book, open_book
from ham_mrc.quatrains.patterns import PATTERNS, common_group, returning, tone_fault


def line_rules() -> Rules:
    """All of them where the rhyme book is installed, else those that need none."""
    return rules_of(open_book() if has_book() else None)


def rules_of(book: RhymeBook | None) -> Rules:
    """The rules by this book."""
    if book is None:
        return Rules(repeats)
    known = book
    return Rules(repeats, lambda lines: fits(lines, known), lambda lines: rhymes(lines, known))


def repeats(lines: Sequence[str]) -> bool:
    """Whether the last line has a character that stands twice in it or in a line above; 青青 counts once."""
    return not set(returning(lines)).isdisjoint(lines[-1])


def fits(lines: Sequence[str], book: RhymeBook) -> bool:
    """Whether the last line alone is without fault in any of the four patterns at its place."""
    place, line = len(lines) - 1, lines[-1]
    tones = book.tones(line)
    return any(
        not any(tone_fault(tone, wanted) for tone, wanted in zip(tones, pattern[place], strict=True))
        for pattern in PATTERNS[len(line)]
    )


def rhymes(lines: Sequence[str], book: RhymeBook) -> bool:
    """Whether the fourth line ends in a level group of the second; a character not in the book rhymes with all."""
    _, misfits = common_group({1: lines[1][-1], 3: lines[3][-1]}, book)
    return not misfits
