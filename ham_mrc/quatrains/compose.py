"""Whole poems from a system that writes one line after the other, obeying what was asked; and single lines anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

from ham_mrc.errors import HamError
from ham_mrc.quatrains.constraints import Constraints, Strength
from ham_mrc.quatrains.examine import broken_rules
from ham_mrc.quatrains.form import RhymeBook
from ham_mrc.quatrains.patterns import FREE, Fit, common_group, fit, fits, too_often
from ham_mrc.quatrains.request import LineRequest, Sampling, Written

T = TypeVar("T")

TRIES = 4
"""Candidates of a line that are gone on from, the best first, before the line above it is given up."""


class Writer(Protocol):
    """What writes lines: a system; see quatrains/__init__.py."""

    def write(
        self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1, sample: Sampling | None = None
    ) -> list[list[Written]]:
        """The best lines of each request, best first; none where nothing could be written."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a poem.

    keywords  one a line
    given     the lines that stand already, "" for each that is to be written
    barred    lines that may not be written
    acrostic  the first characters of the lines; "" for any
    sample    draw instead of searching; each draft and line has random numbers of its own
    The rest is as in Constraints.
    """

    length: int
    keywords: tuple[str, ...]
    given: tuple[str, ...] = ("", "", "", "")
    barred: frozenset[str] = frozenset()
    acrostic: str = ""
    tones: Strength = "off"
    rhyme: Strength = "off"
    repeats: Literal["off", "poem"] = "poem"
    book: RhymeBook | None = None
    beam: int = 10
    sample: Sampling | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A poem. `scores` are the sums of natural log P of its lines, None for a line that was given."""

    lines: tuple[str, ...]
    scores: tuple[float | None, ...]
    keywords: tuple[str, ...]


def compose(system: Writer, wish: Wish, n: int = 1) -> list[Draft]:
    """`n` poems of one wish that differ in every written line; see `compose_each`."""
    return compose_each(system, [wish] * n)


def compose_each(system: Writer, wishes: Sequence[Wish]) -> list[Draft]:
    """A poem for each wish, which differ in every written line. Each obeys all that was asked strictly.

    Raises HamError where no line is left for the rules, naming line and rules.
    """
    drafts: list[Draft] = []
    for number, wish in enumerate(wishes):
        _check_given(wish)
        draft = _Search(system, wish, drafts, number).poem()
        broken = _broken(draft, wish)
        assert not broken, f"{draft.lines} was written and breaks the rules: {broken}"
        drafts.append(draft)
    return drafts


def _broken(draft: Draft, wish: Wish) -> list[str]:
    """What a poem breaks, by the code of `poem check`. Where the user's own words repeat too much, so may the poem."""
    return broken_rules(
        draft.lines,
        length=wish.length,
        acrostic=wish.acrostic,
        tones=wish.tones,
        rhyme=wish.rhyme,
        repeats="off" if too_often(outline(wish, wish.given), wish.length) else wish.repeats,
        book=wish.book,
    )


def outline(wish: Wish, lines: tuple[str, ...]) -> tuple[str, ...]:
    """All that is known of the poem: the lines there are, and of each other line its first character, if any is due."""
    return tuple(line or wish.acrostic[i : i + 1] for i, line in enumerate(lines))


def _check_given(wish: Wish) -> None:
    """Raise HamError where the given lines leave no poem, whatever is written beside them."""
    for number, (line, first) in enumerate(zip(wish.given, wish.acrostic or " " * 4, strict=True), 1):
        if line and wish.acrostic and line[0] != first:
            raise HamError(
                f"line {number} is given and begins with {line[0]}, where the acrostic has {first}",
                remedy="change one of them",
            )
    known = outline(wish, wish.given)
    if wish.book is not None and any(known):
        _check_tones(wish, known, fits(known, wish.book, wish.length))
        _check_rhymes(wish, known, wish.book)


def _check_tones(wish: Wish, known: tuple[str, ...], every: Sequence[Fit]) -> None:
    best = min(every, key=lambda one: len(one.tone_faults))
    if wish.tones == "strict" and best.tone_faults:
        i, place = best.tone_faults[0]
        what = known[i] if wish.given[i] else f"the acrostic {wish.acrostic}"
        raise HamError(
            f"{what} fits no pattern (in {best.pattern}, the nearest, {known[i][place]} has the wrong tone)",
            remedy="try --tones prefer",
        )


def _check_rhymes(wish: Wish, known: tuple[str, ...], book: RhymeBook) -> None:
    """By the pattern that the tones leave; without tones only lines 2 and 4 have to rhyme whatever is written."""
    best = fit(known, FREE[wish.length], book)
    if wish.tones == "strict":
        best = min(fits(known, book, wish.length), key=lambda one: (len(one.tone_faults), len(one.rhyme_faults)))
    if wish.rhyme != "strict" or not best.rhyme_faults:
        return
    ends = {i: wish.given[i][-1] for i in best.rhyme_lines if wish.given[i]}
    what = f"lines {_numbers(ends, 'and')} stand and do not rhyme ({' '.join(ends.values())})"
    if len(ends) == 1:
        what = f"line {_numbers(ends, 'and')} stands and ends in {''.join(ends.values())}, which is no level character"
    # Those without which the others rhyme.
    mends = [i for i in ends if not common_group({j: end for j, end in ends.items() if j != i}, book)[1]]
    raise HamError(
        what, remedy="try --rhyme prefer" + (f", or --redo {_numbers(mends, 'or')} as well" if mends else "")
    )


def _numbers(lines: Iterable[int], last: str) -> str:
    """Lines from 0 as people count them: "1, 2 and 4"."""
    *first, end = (str(i + 1) for i in lines)
    return f"{', '.join(first)} {last} {end}" if first else end


@dataclass(slots=True)
class _Search:
    """One poem, depth first: a line's next candidate where nothing fits below its best."""

    system: Writer
    wish: Wish
    drafts: Sequence[Draft]
    number: int
    stuck: tuple[str, ...] = ("", "", "", "")  # where it went furthest before nothing fitted

    def poem(self) -> Draft:
        """The poem. Raises HamError where there is none."""
        found = self._fill(self.wish.given, tuple(None for _ in self.wish.given))
        if found is None:
            raise _nothing_fits(self.wish, self.stuck)
        return found

    def _fill(self, lines: tuple[str, ...], scores: tuple[float | None, ...]) -> Draft | None:
        if "" not in lines:
            return Draft(lines, scores, self.wish.keywords)
        i = lines.index("")
        for written in self._candidates(lines, i):
            below = self._fill(_with(lines, i, written.line), _with(scores, i, written.score))
            if below is not None:
                return below
        if i >= self.stuck.index(""):
            self.stuck = lines
        return None

    def _candidates(self, lines: tuple[str, ...], i: int) -> list[Written]:
        request = LineRequest(self.wish.length, lines[:i], self.wish.keywords[i], self._constraints(lines, i))
        sample = self.wish.sample
        if sample is None:
            return self.system.write([request], beam=self.wish.beam, n=TRIES)[0]
        own = replace(sample, seed=sample.seed * 1_000_003 + 4 * self.number + i)
        return self.system.write([request], beam=self.wish.beam, n=TRIES, sample=own)[0]

    def _constraints(self, lines: tuple[str, ...], i: int) -> Constraints:
        wish = self.wish
        earlier = [draft.lines[i] for draft in self.drafts]
        return Constraints(
            first=wish.acrostic[i : i + 1],
            tones=wish.tones,
            rhyme=wish.rhyme,
            repeats=wish.repeats,
            book=wish.book,
            after=outline(wish, lines)[i + 1 :],
            barred=wish.barred | frozenset(earlier),
            worn=frozenset("".join(earlier)),
        )


def _with(items: tuple[T, ...], i: int, item: T) -> tuple[T, ...]:
    return (*items[:i], item, *items[i + 1 :])


def _nothing_fits(wish: Wish, lines: tuple[str, ...]) -> HamError:
    """Which line could not be written, under which rules, and the option that would help most."""
    i = lines.index("")
    demands, remedies = [], []
    if wish.tones == "strict" and wish.book is not None:
        left = [str(one.pattern) for one in fits(outline(wish, lines), wish.book, wish.length) if not one.tone_faults]
        demands.append(f"fits pattern {' or '.join(left)}" if left else "fits a pattern")
        remedies.append("--tones prefer")
    if wish.rhyme == "strict" and i != 2:
        demands.append("rhymes")
        remedies.append("--rhyme prefer")
    if wish.acrostic:
        demands.append(f"begins with {wish.acrostic[i]}")
        remedies.append("another --acrostic")
    if wish.repeats == "poem":
        demands.append("repeats no more than a poem may")
        remedies.append("--repeats off")
    if wish.rhyme == "strict" and i == 2:  # which does not rhyme itself
        remedies.append("--rhyme prefer")
    what = " and ".join(demands) or "goes on from the lines above"
    return HamError(f"no line {i + 1} {what}", remedy=f"try {remedies[0] if remedies else 'another theme'}")
