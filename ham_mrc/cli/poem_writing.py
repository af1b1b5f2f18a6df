"""What `ham-mrc poem generate` does with its options: words read, keywords planned, poems written and shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ham_mrc.cli import options, output
from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from ham_mrc.data_prep.poem_folder import PoemFolder
    from ham_mrc.data_prep.poem_vocab import Characters
    from ham_mrc.quatrains.compose import Wish
    from ham_mrc.training.poem_run import PoemRun


class Wanted(NamedTuple):
    """The options of `ham-mrc poem generate` under the same names; poem_generate.py explains them."""

    run: Path
    theme: str | None = None
    length: int | None = None
    first_line: str | None = None
    acrostic: str | None = None
    keywords: str | None = None
    knowledge: Path | None = None
    tones: Literal["off", "prefer", "strict"] = "off"
    rhyme: Literal["off", "prefer", "strict"] = "off"
    repeats: Literal["poem", "off"] = "poem"
    n: int = 1
    redo: Sequence[int] = ()
    poem: str | None = None
    beam: int = 10
    sample: bool = False
    temperature: float | None = None
    show_tones: bool = False
    vertical: bool = False
    traditional: bool = False
    data: Path | None = None
    format: str = "table"
    json: bool = False
    write: Sequence[Path] = ()
    seed: int = options.DEFAULT_SEED
    quiet: bool = False


class Words(NamedTuple):
    """What was typed, read: Simplified characters without marks, "" or () where nothing was given.

    `poem` are the lines of --poem, `own` the first line of --first-line; `length` is that of all of them.
    """

    theme: str
    keywords: tuple[str, ...]
    own: str
    acrostic: str
    poem: tuple[str, ...]
    length: int

    @property
    def text(self) -> str:
        """What keywords are planned from: the theme, or else the lines that are there."""
        return self.theme or "".join(self.poem) or self.own


def run(wanted: Wanted) -> None:
    """Write and show what is wanted. Every fault of the words is found before anything is opened."""
    words = read_words(wanted)
    refuse_idle_options(wanted)
    options.need_training()
    from ham_mrc.cli.poem_drafts import document
    from ham_mrc.quatrains import open_system
    from ham_mrc.quatrains.compose import compose, compose_each
    from ham_mrc.quatrains.form import converter, open_book
    from ham_mrc.training.poem_run import open_poem_run

    sounds = wanted.show_tones or wanted.tones != "off" or wanted.rhyme != "off"
    book = open_book() if sounds else None
    script = converter("s2t") if wanted.traditional else None
    opened = open_poem_run(wanted.run)
    opened.need_finished()
    check_characters(words, opened.characters(), quiet=wanted.quiet)
    folder = _folder(opened, wanted.data, needed=not words.keywords)
    plans = _plans(words, opened, folder, wanted)
    system = open_system(wanted.run)
    wishes = [_wish(wanted, words, keywords, book) for keywords in plans]
    if wanted.redo:
        lines = words.poem or compose(system, wishes[0])[0].lines
        wishes = [_anew(wish, lines, wanted.redo) for wish in wishes]
    tell_idle_keywords(words, system, first=1 in wanted.redo or not (words.own or words.poem), quiet=wanted.quiet)
    drafts = compose_each(system, wishes)
    shown = document(wanted, words, drafts, system=system, folder=folder, book=book, script=script)
    output.show(shown, wanted.format, json=wanted.json, write=wanted.write)


def read_words(wanted: Wanted) -> Words:
    """Everything that was typed. Raises HamError for the first thing that is no theme, line, keyword or acrostic."""
    from ham_mrc.cli.poem_words import common_length, four_characters, four_keywords, one_line, theme_text
    from ham_mrc.quatrains.examine import read_poem
    from ham_mrc.quatrains.patterns import LENGTHS
    from ham_mrc.quatrains.spelling import simplified

    if wanted.length is not None and wanted.length not in LENGTHS:
        raise HamError(f"--length is {wanted.length}", remedy="lines have 5 or 7 characters")
    theme = "" if wanted.theme is None else simplified(theme_text(wanted.theme))
    own = "" if wanted.first_line is None else simplified(one_line(wanted.first_line, "--first-line"))
    poem = () if wanted.poem is None else tuple(simplified(line) for line in read_poem(wanted.poem))
    acrostic = "" if wanted.acrostic is None else simplified(four_characters(wanted.acrostic, "--acrostic"))
    keywords = () if wanted.keywords is None else tuple(map(simplified, four_keywords(wanted.keywords)))
    given = {option: line for option, line in (("--first-line", own), ("--poem", "".join(poem[:1]))) if line}
    words = Words(theme, keywords, own, acrostic, poem, common_length(wanted.length, given))
    if not (words.text or keywords):
        raise HamError("there is no theme", remedy="give one in Chinese characters, or --keywords, or --first-line")
    return words


def refuse_idle_options(wanted: Wanted) -> None:
    """Raise HamError for options that say nothing without another one, or contradict it."""
    if wanted.temperature is not None and not wanted.sample:
        raise HamError("--temperature is of --sample", remedy="give both, or neither")
    if wanted.poem is not None and not wanted.redo:
        raise HamError("--poem is for --redo", remedy="say which lines to write anew, as in --redo 3")
    if wanted.poem is not None and wanted.first_line is not None:
        raise HamError("--poem and --first-line both give a first line", remedy="leave one of them out")
    if 1 in wanted.redo and wanted.first_line is not None:
        raise HamError("--redo 1 would write over --first-line", remedy="leave one of them out")
    if wanted.keywords is not None and wanted.knowledge is not None:
        raise HamError(
            "--knowledge is for planning keywords, and --keywords gives them", remedy="leave one of them out"
        )


def check_characters(words: Words, characters: Characters, *, quiet: bool) -> None:
    """Raise HamError for characters that should be written and cannot; tell of those that can only be read."""
    from ham_mrc.quatrains.spelling import read_as_unknown, refuse_unknown

    refuse_unknown(words.acrostic, "--acrostic", characters)
    refuse_unknown("".join(words.keywords), "--keywords", characters)
    for text in read_as_unknown(words.own + "".join(words.poem), characters):
        output.notice(text, quiet=quiet)


def tell_idle_keywords(words: Words, system: Any, *, first: bool, quiet: bool) -> None:
    """Say which of --keywords a system does not look at. `first`: whether it writes the first line."""
    if words.keywords and not system.uses_keywords:
        idle = " ".join(words.keywords[1:] if first else words.keywords)
        what = "a keyword for the first line alone" if first else "a keyword for the first line alone, which stands"
        output.notice(f"{system.name} takes {what}: {idle} are not used", quiet=quiet)


def _folder(opened: PoemRun, data: Path | None, *, needed: bool) -> PoemFolder | None:
    """The prepared poems; None, with a warning, where they have gone and keywords need not be planned by them."""
    try:
        return opened.folder(data)
    except HamError as error:
        if needed or data is not None:
            raise
        output.warning(f"{error}; without the poems nobody can tell whether a line exists already (--data DIR)")
        return None


def _plans(words: Words, opened: PoemRun, folder: PoemFolder | None, wanted: Wanted) -> list[tuple[str, ...]]:
    """The keywords of each draft: the user's own, or planned, each draft's expansions avoiding those before."""
    if words.keywords or folder is None:
        return [words.keywords] * wanted.n
    from ham_mrc.quatrains.acrostic import acrostic_keywords
    from ham_mrc.quatrains.knowledge import Knowledge
    from ham_mrc.quatrains.planner import Planner, plan

    planner = Planner.load(wanted.run)
    knowledge = None if wanted.knowledge is None else Knowledge.read(wanted.knowledge)
    plans: list[tuple[str, ...]] = []
    told: dict[str, None] = {}
    expanded: set[str] = set()
    for _ in range(wanted.n):
        planned = plan(
            words.text,
            planner,
            folder.characters,
            folder.segments,
            folder.taxonomy,
            knowledge=knowledge,
            avoid=expanded,
        )
        told |= dict.fromkeys(planned.notices)
        sources = zip(planned.keywords, planned.sources, strict=True)
        expanded |= {keyword for keyword, source in sources if source != "text"}
        keywords = planned.keywords
        if words.acrostic:
            keywords = acrostic_keywords(keywords, words.acrostic, folder.segments, folder.taxonomy)
        plans.append(keywords)
    for notice in told:
        output.notice(notice, quiet=wanted.quiet)
    return plans


def _wish(wanted: Wanted, words: Words, keywords: tuple[str, ...], book: Any) -> Wish:
    from ham_mrc.quatrains.compose import Wish
    from ham_mrc.quatrains.request import Sampling

    return Wish(
        length=words.length,
        keywords=keywords,
        given=(words.own, "", "", ""),
        acrostic=words.acrostic,
        tones=wanted.tones,
        rhyme=wanted.rhyme,
        repeats=wanted.repeats,
        book=book,
        beam=wanted.beam,
        sample=Sampling(wanted.temperature or 1.0, wanted.seed) if wanted.sample else None,
    )


def _anew(wish: Wish, lines: tuple[str, ...], redo: Sequence[int]) -> Wish:
    """The same wish for the lines `redo` of a poem: the others stay, and these are not written again as they were."""
    from dataclasses import replace

    given = tuple("" if number in redo else line for number, line in enumerate(lines, 1))
    return replace(wish, given=given, barred=frozenset(lines[number - 1] for number in redo))
