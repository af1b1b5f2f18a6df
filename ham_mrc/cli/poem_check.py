"""`ham-mrc poem check`: tones, nearest pattern, rhyme and repeats of any quatrain. No run is needed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ham_mrc.cli import options
from ham_mrc.cli.output import Document, notice, show

if TYPE_CHECKING:
    from ham_mrc.quatrains.examine import Examination
    from ham_mrc.quatrains.form import RhymeBook
    from ham_mrc.tables import Check


def check(
    text: Annotated[
        str,
        typer.Argument(
            metavar="POEM",
            help="Four lines of 5 or 7 characters, with marks or spaces between them, Simplified or Traditional; "
            '"-" is standard input.',
        ),
    ],
    tones: Annotated[
        bool, typer.Option("--tones", help="Fail unless the tones fit a pattern without a fault.")
    ] = False,
    rhyme: Annotated[
        bool,
        typer.Option(
            "--rhyme", help="Fail unless lines 2 and 4 rhyme, and 1 where the pattern that the poem fits says so."
        ),
    ] = False,
    repeats: Annotated[bool, typer.Option("--repeats", help="Fail where characters return too often.")] = False,
    acrostic: Annotated[
        str | None, typer.Option(metavar="CHARACTERS", help="Fail unless the lines begin with these four.")
    ] = None,
    vertical: Annotated[bool, typer.Option("--vertical", help="Also write the poem downwards, right to left.")] = False,
    format: options.CheckFormat = "table",
    json: options.Json = False,
    write: options.Write = None,
    quiet: options.Quiet = False,
) -> None:
    """Look at a poem's tones, rhyme and repeats by the rules of classical verse (平水韵, never Mandarin).

    Tones and rhyme need the extra `tones`; without it the rest is still checked. With --tones, --rhyme, --repeats or
    --acrostic the exit code is 1 where the poem breaks what was asked.
    """
    from ham_mrc.cli.poem_sheet import form_json, poem_table, vertical_table
    from ham_mrc.cli.poem_words import four_characters
    from ham_mrc.quatrains.examine import examine, read_poem
    from ham_mrc.quatrains.form import EXTRA, has_book, open_book

    firsts = "" if acrostic is None else four_characters(acrostic, "--acrostic")
    lines = read_poem(_standard_input() if text == "-" else text)
    book = open_book() if tones or rhyme or has_book() else None
    if book is None:
        notice(f"tones and rhyme are not looked up: pip install 'ham-mrc[{EXTRA}]' brings the rhyme book", quiet=quiet)
    found = examine(lines, book)
    tables = [poem_table(found), *([vertical_table(lines)] if vertical else [])]
    asked = {"tones": tones, "rhyme": rhyme, "repeats": repeats, "acrostic": bool(firsts)}
    checks = [_verdict(name, found, firsts, book) for name, wanted in asked.items() if wanted]
    verdicts = [{"rule": one.name, "passed": one.passed, "message": one.message} for one in checks]
    content = {"schema": 1, "lines": list(lines), "form": form_json(found), "checks": verdicts}
    document = Document(content, tables, checks, name="ham-mrc.poem")
    show(document, format, json=json, write=write)
    if document.failed:
        raise typer.Exit(1)


def _standard_input() -> str:
    from ham_mrc.errors import HamError

    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise HamError("is not UTF-8", file="standard input", remedy="convert it to UTF-8") from error


def _verdict(name: str, found: Examination, firsts: str, book: RhymeBook | None) -> Check:
    """One rule by itself, by the code that proves what `poem generate` wrote."""
    from ham_mrc.cli.poem_sheet import missing_from_the_book
    from ham_mrc.quatrains.examine import broken_rules
    from ham_mrc.tables import Check

    broken = broken_rules(
        found.lines,
        length=found.length,
        acrostic=firsts if name == "acrostic" else "",
        tones="strict" if name == "tones" else "off",
        rhyme="strict" if name == "rhyme" else "off",
        repeats="poem" if name == "repeats" else "off",
        book=book,
    )
    ends = tuple(found.lines[i][-1] for i in found.unknown_ends)
    unknown = {"tones": found.strange, "rhyme": ends}.get(name, ())
    kept = f"as asked, as far as the book tells: {missing_from_the_book(unknown)}" if unknown else "as asked"
    return Check(name, not broken, f"{name}: {broken[0] if broken else kept}")
