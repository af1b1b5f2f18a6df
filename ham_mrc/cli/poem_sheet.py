"""A poem on paper: its lines with tones and keywords, and in words how it stands to the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ham_mrc.quatrains.examine import Examination
from ham_mrc.quatrains.form import short_name, signs
from ham_mrc.quatrains.patterns import MOST, PATTERNS, RETURNING, Fit, are_neighbours
from ham_mrc.tables import Table, make_table


def poem_table(
    lines: Sequence[str],
    found: Examination,
    *,
    title: str = "",
    columns: Mapping[str, Sequence[str]] | None = None,
    tones: bool = True,
    notes: Sequence[str] = (),
) -> Table:
    """One row a line: the line, its tones with faults in brackets, and further `columns`; remarks below.

    `lines` are what is shown, `found` is of the same poem in the characters it was looked up in.
    """
    shown = {"line": list(lines)}
    if tones and found.tones is not None:
        shown["tones"] = list(marked_tones(found))
    shown |= {header: list(cells) for header, cells in (columns or {}).items()}
    remarks = list(remarks_on(found)) if tones else []
    return make_table(shown, zip(*shown.values(), strict=True), title=title, notes=[*remarks, *notes])


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


def remarks_on(found: Examination) -> Iterator[str]:
    """How the poem stands to the rules, a sentence each."""
    if found.fit is not None:
        yield _on_tones(found.fit)
        yield _on_rhyme(found.fit, found)
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


def _on_rhyme(fit: Fit, found: Examination) -> str:
    ends = {i: found.lines[i][-1] for i in fit.rhyme_lines}
    if not fit.rhyme_faults:
        group = "" if fit.group is None else f" (平水韵 {short_name(fit.group)})"
        return f"rhyme: {_listed(tuple(ends.values()))}{group}"
    if fit.group is None:
        return f"no rhyme: {_listed(tuple(ends.values()))} are no level characters"
    return "no rhyme: " + "; ".join(_misfit(i, fit, found) for i in fit.rhyme_faults)


def _misfit(i: int, fit: Fit, found: Examination) -> str:
    """Why line i does not rhyme with the group that the others share."""
    assert fit.group is not None
    end = found.lines[i][-1]
    own = found.ends.get(i, ())
    others = [found.lines[j][-1] for j in fit.rhyme_lines if j not in fit.rhyme_faults]
    if not own:
        return f"{end} (line {i + 1}) is no level character"
    near = next((group for group in own if are_neighbours(group, fit.group)), None)
    groups = f"({short_name(fit.group)}, {short_name(near or own[0])})"
    if near:
        return f"{_listed(others)} and {end} are neighbours in 平水韵 {groups}, not the same group"
    return f"{_listed(others)} and {end} are of different groups in 平水韵 {groups}"


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
        },
        "returning": list(found.returning),
        "too_often": list(found.too_often),
        "not_in_the_book": list(found.strange),
    }
