"""Which human lines can stand for a poem's own: those that follow a line of the same theme (He, Zhou, Jiang 2012).

For line B after line A of a poem to be scored: B itself and every line B' that follows a line A' at the same place
in a Tang poem of as many characters a line of the training part, where A' and A speak of one theme of the taxonomy
(`Taxonomy.themes_in`). Only themes are stored; lines are looked up in the training poems:

    references/PART.jsonl     {"id", "themes": three lists: the themes of lines 1, 2, 3}
    references/themes.jsonl   {"theme", "length", "line": i, "poems": rows of Tang poems in train whose line i has it}
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.files import read_jsonl, write_jsonl
from ham_mrc.records import Quatrain

FOLLOWED = (1, 2, 3)
"""Lines after which a line is asked for."""
TANG = frozenset({"tang", "tang dynasty", "唐", "唐代", "唐朝"})
"""What a collection may call the dynasty."""

_THEMES = "themes.jsonl"
_Themed = Mapping[tuple[str, int, int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class PoemReferences:
    """`lines[i]`, i = 1, 2, 3: all references of line i + 1 given line i, no line twice, the poem's own line first."""

    lines: Mapping[int, tuple[str, ...]]


def save_references(folder: Path, parts: Mapping[str, Sequence[Quatrain]], taxonomy: Taxonomy) -> None:
    """Write what `load_references` reads: the themes of all `parts`, those of "train" by theme."""
    found: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for row, poem in enumerate(parts["train"]):
        if is_tang(poem):
            for line, themes in zip(FOLLOWED, _themes(poem, taxonomy), strict=True):
                for theme in themes:
                    found[theme, poem.length, line].append(row)
    values = (
        {"theme": theme, "length": length, "line": line, "poems": rows}
        for (theme, length, line), rows in sorted(found.items())
    )
    write_jsonl(folder / _THEMES, values)
    for part, poems in parts.items():
        if part != "train":
            own = ({"id": poem.id, "themes": _themes(poem, taxonomy)} for poem in poems)
            write_jsonl(folder / f"{part}.jsonl", own)


def is_tang(poem: Quatrain) -> bool:
    """Whether the collection dates the poem to the Tang dynasty."""
    return poem.dynasty.strip().casefold() in TANG


def _themes(poem: Quatrain, taxonomy: Taxonomy) -> list[list[str]]:
    return [taxonomy.themes_in(poem.lines[line - 1]) for line in FOLLOWED]


def load_references(
    folder: Path, part: str, poems: Sequence[Quatrain], train: Sequence[Quatrain]
) -> list[PoemReferences]:
    """The references of each of the `poems`, which are those of `part` in order; `train` are the training poems."""
    themed: _Themed = {
        (value["theme"], value["length"], value["line"]): value["poems"] for _, value in read_jsonl(folder / _THEMES)
    }
    rows = (value["themes"] for _, value in read_jsonl(folder / f"{part}.jsonl"))
    return [_references(poem, themes, themed, train) for poem, themes in zip(poems, rows, strict=True)]


def _references(
    poem: Quatrain, themes: Sequence[Sequence[str]], themed: _Themed, train: Sequence[Quatrain]
) -> PoemReferences:
    lines: dict[int, tuple[str, ...]] = {}
    for line, own in zip(FOLLOWED, themes, strict=True):
        rows = sorted({row for theme in own for row in themed.get((theme, poem.length, line), ())})
        # line counts from 1, so that lines[line] is the one after it
        lines[line] = tuple(dict.fromkeys((poem.lines[line], *(train[row].lines[line] for row in rows))))
    return PoemReferences(lines)
