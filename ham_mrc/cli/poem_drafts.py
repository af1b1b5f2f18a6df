"""What `poem generate` shows: each draft as a table and as JSON, with what can be said of its form and its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ham_mrc.cli.output import Document
from ham_mrc.cli.poem_sheet import BOOK, form_json, in_script, poem_table, vertical_table
from ham_mrc.quatrains.examine import Examination, examine

if TYPE_CHECKING:
    from ham_mrc.cli.poem_writing import Wanted, Words
    from ham_mrc.data_prep.poem_folder import PoemFolder
    from ham_mrc.quatrains.compose import Draft
    from ham_mrc.quatrains.form import RhymeBook
    from ham_mrc.tables import Table

MOST_NAMED = 3
"""Poems that are named where a line stands in many."""


class _Sheet(NamedTuple):
    """A draft and all that is shown of it, in the script that is asked for."""

    draft: Draft
    found: Examination
    keywords: tuple[str, ...]
    known: list[dict[str, Any]]


def document(
    wanted: Wanted,
    words: Words,
    drafts: Sequence[Draft],
    *,
    system: Any,
    folder: PoemFolder | None,
    book: RhymeBook | None,
    script: Any,
) -> Document:
    """All drafts. `script` converts the poems, and all that is said of them, to Traditional; None leaves Simplified."""
    convert: Callable[[str], str] = str if script is None else lambda text: str(script.convert(text))
    sheets = [
        _Sheet(
            draft,
            in_script(examine(draft.lines, book), convert),
            tuple(map(convert, draft.keywords)),
            list(_standing(draft, folder, convert)),
        )
        for draft in drafts
    ]
    titles = _titles(convert(words.theme), len(drafts))
    tables = [
        table
        for sheet, title in zip(sheets, titles, strict=True)
        for table in _tables(wanted, sheet, title=title, keywords=system.uses_keywords, book=convert(BOOK))
    ]
    content = {"schema": 1, **_asked(wanted, words, system, convert), "poems": list(map(_poem_json, sheets))}
    return Document(content, tables, name="ham-mrc.poem")


def _poem_json(sheet: _Sheet) -> dict[str, Any]:
    return {
        "lines": list(sheet.found.lines),
        "keywords": list(sheet.keywords),
        "scores": list(sheet.draft.scores),
        "form": form_json(sheet.found),
        "known": sheet.known,
    }


def _titles(theme: str, count: int) -> list[str]:
    """The theme, and the number of the draft where there are several."""
    if count == 1:
        return [theme]
    return [f"{theme}, draft {i}" if theme else f"draft {i}" for i in range(1, count + 1)]


def _asked(wanted: Wanted, words: Words, system: Any, convert: Callable[[str], str]) -> dict[str, Any]:
    """What was asked, as the JSON repeats it."""
    return {
        "run": str(wanted.run),
        "system": system.name,
        "theme": convert(words.theme),
        "length": words.length,
        "first_line": convert(words.own),
        "acrostic": convert(words.acrostic),
        "tones": wanted.tones,
        "rhyme": wanted.rhyme,
        "repeats": wanted.repeats,
        "redo": list(wanted.redo),
        "beam": wanted.beam,
        "temperature": (wanted.temperature or 1.0) if wanted.sample else None,
        "seed": wanted.seed,
        "script": "traditional" if wanted.traditional else "simplified",
    }


def _tables(wanted: Wanted, sheet: _Sheet, *, title: str, keywords: bool, book: str) -> Iterator[Table]:
    """The poem, and below it the poem downwards, which stands alone where tones and rhyme were not asked for."""
    notes = [_named(one) for one in sheet.known]
    sounds = sheet.found.fit is not None
    if sounds or not wanted.vertical:
        # Who takes no keywords writes the first line alone to one.
        used = [word if keywords or i == 0 else "" for i, word in enumerate(sheet.keywords)]
        cells = [word if score is not None else "" for word, score in zip(used, sheet.draft.scores, strict=True)]
        columns = {"keyword": cells} if any(cells) else {}
        yield poem_table(sheet.found, title=title, columns=columns, tones=sounds, notes=notes, book=book)
    if wanted.vertical:
        yield vertical_table(sheet.found.lines, title="" if sounds else title, notes=() if sounds else notes)


def _standing(draft: Draft, folder: PoemFolder | None, convert: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    """The written lines that stand word for word in a poem of the training part, with whose poem that is."""
    for number, (line, score) in enumerate(zip(draft.lines, draft.scores, strict=True), 1):
        where = folder.known_lines.get(line, ()) if folder is not None and score is not None else ()
        if where:
            poems = [{"author": convert(author), "title": convert(title)} for author, title in where]
            yield {"line": number, "poems": poems}


def _named(known: dict[str, Any]) -> str:
    poems = known["poems"]
    names = "; ".join(f"{one['author']}《{one['title']}》" for one in poems[:MOST_NAMED])
    more = f" and {len(poems) - MOST_NAMED} more" if len(poems) > MOST_NAMED else ""
    return f"line {known['line']} exists already: {names}{more}"
