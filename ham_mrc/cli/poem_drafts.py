"""What `poem generate` shows: each draft as a table and as JSON, with what can be said of its form and its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ham_mrc.cli.output import Document
from ham_mrc.cli.poem_sheet import form_json, poem_table, vertical_table
from ham_mrc.quatrains.examine import Examination, examine

if TYPE_CHECKING:
    from ham_mrc.cli.poem_writing import Wanted, Words
    from ham_mrc.data_prep.poem_folder import PoemFolder
    from ham_mrc.quatrains.compose import Draft
    from ham_mrc.quatrains.form import RhymeBook
    from ham_mrc.tables import Table

MOST_NAMED = 3
"""Poems that are named where a line stands in many."""


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
    """All drafts. `script` converts to Traditional, None leaves Simplified."""
    found = [examine(draft.lines, book) for draft in drafts]
    shown = [tuple(_converted(line, script) for line in draft.lines) for draft in drafts]
    stand = [list(_standing(draft, folder)) for draft in drafts]
    titles = _titles(words.theme, len(drafts))
    tables = [
        _table(wanted, draft, lines, one, known, title=_converted(title, script), keywords=system.uses_keywords)
        for draft, lines, one, known, title in zip(drafts, shown, found, stand, titles, strict=True)
    ]
    poems = [
        {
            "lines": list(lines),
            "keywords": list(draft.keywords),
            "scores": list(draft.scores),
            "form": form_json(one),
            "known": known,
        }
        for draft, lines, one, known in zip(drafts, shown, found, stand, strict=True)
    ]
    return Document({"schema": 1, **_asked(wanted, words, system), "poems": poems}, tables, name="ham-mrc.poem")


def _titles(theme: str, count: int) -> list[str]:
    """The theme, and the number of the draft where there are several."""
    if count == 1:
        return [theme]
    return [f"{theme}, draft {i}" if theme else f"draft {i}" for i in range(1, count + 1)]


def _asked(wanted: Wanted, words: Words, system: Any) -> dict[str, Any]:
    """What was asked, as the JSON repeats it."""
    return {
        "run": str(wanted.run),
        "system": system.name,
        "theme": words.theme,
        "length": words.length,
        "first_line": words.own,
        "acrostic": words.acrostic,
        "tones": wanted.tones,
        "rhyme": wanted.rhyme,
        "repeats": wanted.repeats,
        "redo": list(wanted.redo),
        "beam": wanted.beam,
        "temperature": (wanted.temperature or 1.0) if wanted.sample else None,
        "seed": wanted.seed,
        "script": "traditional" if wanted.traditional else "simplified",
    }


def _table(
    wanted: Wanted,
    draft: Draft,
    lines: tuple[str, ...],
    found: Examination,
    known: Sequence[dict[str, Any]],
    *,
    title: str,
    keywords: bool,
) -> Table:
    notes = [_named(one) for one in known]
    if wanted.vertical:
        return vertical_table(lines, title=title, notes=notes)
    # Who takes no keywords writes the first line alone to one.
    asked = [word if keywords or i == 0 else "" for i, word in enumerate(draft.keywords)]
    cells = [word if score is not None else "" for word, score in zip(asked, draft.scores, strict=True)]
    columns = {"keyword": cells} if any(cells) else {}
    return poem_table(lines, found, title=title, columns=columns, tones=found.fit is not None, notes=notes)


def _standing(draft: Draft, folder: PoemFolder | None) -> Iterator[dict[str, Any]]:
    """The written lines that stand word for word in a poem of the training part, with whose poem that is."""
    for number, (line, score) in enumerate(zip(draft.lines, draft.scores, strict=True), 1):
        where = folder.known_lines.get(line, ()) if folder is not None and score is not None else ()
        if where:
            yield {"line": number, "poems": [{"author": author, "title": title} for author, title in where]}


def _named(known: dict[str, Any]) -> str:
    poems = known["poems"]
    names = "; ".join(f"{one['author']}《{one['title']}》" for one in poems[:MOST_NAMED])
    more = f" and {len(poems) - MOST_NAMED} more" if len(poems) > MOST_NAMED else ""
    return f"line {known['line']} exists already: {names}{more}"


def _converted(text: str, script: Any) -> str:
    return text if script is None else str(script.convert(text))
