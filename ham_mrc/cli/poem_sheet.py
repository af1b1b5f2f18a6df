"""A poem on paper: its lines with tones and keywords, and in words how it stands to the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ham_mrc.quatrains.examine import Examination
from ham_mrc.quatrains.form import short_name, signs
from ham_mrc.quatrains.patterns import MOST, PATTERNS, RETURNING, Fit, are_neighbours
from ham_mrc.tables import Table, make_table

BOOK = "平水韵"
"""The rhyme book by its name."""


def poem_table(
    found: Examination,
    *,
    title: str = "",
    columns: Mapping[str, Sequence[str]] | None = None,
    tones: bool = True,
    notes: Sequence[str] = (),
    book: str = BOOK,
) -> Table:
    """One row a line: the line, its tones with faults in brackets, and further `columns`; remarks below.

    `book` is the name of the rhyme book in the script of the poem.
    """
    shown = {"line": list(found.lines)}
    if tones and found.tones is not None:
        shown["tones"] = list(marked_tones(found))
    shown |= {header: list(cells) for header, cells in (columns or {}).items()}
    remarks = list(remarks_on(found, book)) if tones else []
    return make_table(shown, zip(*shown.values(), strict=True), title=title, notes=[*remarks, *notes])


def in_script(found: Examination, convert: Callable[[str], str]) -> Examination:
    """The same examination in other characters, each as it stands in the converted lines; groups by other names."""
    lines = tuple(map(convert, found.lines))
    forms: dict[str, dict[str, None]] = {}
    for character, form in zip("".join(found.lines), "".join(lines), strict=True):
        forms.setdefault(character, {})[form] = None
    fit = found.fit
    if fit is not None and fit.group is not None:
        fit = replace(fit, group=_group_in_script(fit.group, convert))
    return replace(
        found,
        lines=lines,
        fit=fit,
        returning=_in_forms(found.returning, forms),
        too_often=_in_forms(found.too_often, forms),
        strange=_in_forms(found.strange, forms),
        ends={i: tuple(_group_in_script(one, convert) for one in groups) for i, groups in found.ends.items()},
    )


def _in_forms(characters: Sequence[str], forms: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(form for character in characters for form in forms[character])


def _group_in_script(group: str, convert: Callable[[str], str]) -> str:
    """The name of a group; what OpenCC takes for the dishes (餚) and for salt (鹹) are names of their own."""
    return group if short_name(group) in "肴咸" else convert(group)


def vertical_table(lines: Sequence[str], *, title: str = "", notes: Sequence[str] = ()) -> Table:
    """The poem as it is written by hand: lines downwards, from right to left."""
    places = range(len(lines), 0, -1)
    rows = zip(*reversed(lines), strict=True)
    return make_table([str(number) for number in places], rows, title=title, notes=notes)


def marked_tones(found: Examination) -> Iterator[str]:
    """平 and 仄 of each line, in brackets where the nearest pattern does not allow it."""
    faults = found.fit.tone_faults if found.fit else ()
    for i, tones in enumerate(found.tones or ()):
        yield "".join(f"[{sign}]" if (i, place) in faults else sign for place, sign in enumerate(signs(tones)))


def remarks_on(found: Examination, book: str = BOOK) -> Iterator[str]:
    """How the poem stands to the rules, a sentence each."""
    if found.fit is not None:
        yield _on_tones(found.fit)
        yield _on_rhyme(found.fit, found, book)
    if found.too_often:
        few = {1: "one character", 2: "two characters"}[RETURNING[found.length]]
        yield (
            f"{_listed(found.too_often)} {_verb(found.too_often, 'return')} too often: in lines of {found.length} "
            f"{few} may, and none more than {MOST} times"
        )
    elif found.returning:
        yield f"{_listed(found.returning)} {_verb(found.returning, 'return')}, as poems allow"
    else:
        yield "no character returns"
    if found.strange:
        yield f"not in the rhyme book, and free everywhere: {_listed(found.strange)}"


def _on_tones(fit: Fit) -> str:
    faults = len(fit.tone_faults)
    if not faults:
        return f"tones fit pattern {fit.pattern} without a fault"
    return f"pattern {fit.pattern} is nearest, with {faults} {'fault' if faults == 1 else 'faults'} of tone in brackets"


def _on_rhyme(fit: Fit, found: Examination, book: str) -> str:
    unknown = tuple(found.lines[i][-1] for i in found.unknown_ends)
    limit = f", as far as the book tells: {missing_from_the_book(unknown)}" if unknown else ""
    known = [found.lines[i][-1] for i in fit.rhyme_lines if i not in found.unknown_ends]
    if not known:
        return f"the book tells nothing of the rhyme: {missing_from_the_book(unknown)}"
    if not fit.rhyme_faults:
        assert fit.group is not None
        return f"rhyme: {_listed(known)} ({book} {short_name(fit.group)}){limit}"
    if fit.group is None:
        what = "is no level character" if len(known) == 1 else "are no level characters"
        return f"no rhyme: {_listed(known)} {what}"
    return "no rhyme: " + "; ".join(_misfit(i, fit, found, book) for i in fit.rhyme_faults)


def missing_from_the_book(characters: Sequence[str]) -> str:
    """ "啼 is not in it": the characters of which the rhyme book says nothing."""
    return f"{_listed(characters)} {'is' if len(characters) == 1 else 'are'} not in it"


def _misfit(i: int, fit: Fit, found: Examination, book: str) -> str:
    """Why line i does not rhyme with the group that the others share."""
    assert fit.group is not None
    end = found.lines[i][-1]
    own = found.ends.get(i, ())
    others = [found.lines[j][-1] for j in fit.rhyme_lines if j not in (*fit.rhyme_faults, *found.unknown_ends)]
    if not own:
        return f"{end} (line {i + 1}) is no level character"
    near = next((group for group in own if are_neighbours(group, fit.group)), None)
    groups = f"({short_name(fit.group)}, {short_name(near or own[0])})"
    if near:
        return f"{_listed(others)} and {end} are neighbours in {book} {groups}, not the same group"
    return f"{_listed(others)} and {end} are of different groups in {book} {groups}"


def _listed(items: Sequence[str]) -> str:
    return " ".join(items)


def _verb(items: Sequence[str], verb: str) -> str:
    return f"{verb}s" if len(items) == 1 else verb


def form_json(found: Examination) -> dict[str, Any]:
    """How the poem stands to the rules; lines and characters count from 1. Sounds are null without a rhyme book."""
    fit = found.fit
    return {
        "length": found.length,
        "tones": None if found.tones is None else list(found.tones),
        "pattern": None if fit is None else fit.pattern,
        "pattern_lines": None if fit is None else list(PATTERNS[found.length][fit.pattern - 1]),
        "tone_faults": None if fit is None else [{"line": i + 1, "character": at + 1} for i, at in fit.tone_faults],
        "rhyme": None
        if fit is None
        else {
            "lines": [i + 1 for i in fit.rhyme_lines],
            "group": fit.group,
            "faults": [i + 1 for i in fit.rhyme_faults],
            "not_in_the_book": [i + 1 for i in found.unknown_ends],
        },
        "returning": list(found.returning),
        "too_often": list(found.too_often),
        "not_in_the_book": list(found.strange),
    }
