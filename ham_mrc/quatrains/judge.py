"""What each next character of a line costs under the constraints of its request, in nats for a decoder to subtract.

    judge = Judge(request, characters.symbols)    one for each line that is to be written
    judge.costs("白日")                            (V,): 0 where the character is free, infinite where it is forbidden
    judge.cost("白日", "依山")                     the same for a phrase

`V` symbols. A line whose cost was finite obeys what was asked strictly, as `examine.broken_rules` checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ham_mrc.quatrains.form import RhymeBook
from ham_mrc.quatrains.patterns import FREE, MOST, PATTERNS, RETURNING, occurrences, rhyme_lines, tone_fault

if TYPE_CHECKING:
    from ham_mrc.quatrains.constraints import Constraints
    from ham_mrc.quatrains.request import LineRequest

Costs = NDArray[np.float32]
Rule = Callable[[str], Costs]

TONE_FAULT = 2.0
RHYME_FAULT = 4.0
"""Nats for each fault where tones or rhymes are preferred. Nine poems of a PPG trained for two minutes had 55 faults of
tone when nothing was asked, 23 at half of this, 5 at this, and none at one and a half: then it is strict."""

FIRST_LINE = 20.0
"""Nats where a strict rhyme needs that the first line rhymes or a tone breaks the pattern; refunded when either comes.
So much that hardly any line gets there by itself, and that lines which a user gave are gone on from at once."""

WORN = 2.0
"""Nats for a character that another draft has in the same line."""

_STRICT = 1e6


class Judge:
    """The costs of one line's characters. Asking twice for the same prefix costs nothing."""

    def __init__(self, request: LineRequest, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self.at = _places(self.symbols)
        self.rules = _rules(request, self.symbols, self.at)
        self._known: dict[str, Costs] = {}

    def costs(self, prefix: str) -> Costs:
        """(V,): what each symbol costs after `prefix`, the line so far."""
        if prefix not in self._known:
            nothing = np.zeros(len(self.symbols), np.float32)
            self._known[prefix] = sum((rule(prefix) for rule in self.rules), start=nothing)
        return self._known[prefix]

    def cost(self, prefix: str, characters: str) -> float:
        """What it costs to write `characters`, all of them among the symbols, after `prefix`."""
        total = 0.0
        for place, character in enumerate(characters):
            total += float(self.costs(prefix + characters[:place])[self.at[character]])
        return total


@lru_cache(maxsize=4)
def _places(symbols: tuple[str, ...]) -> dict[str, int]:
    return {symbol: place for place, symbol in enumerate(symbols)}


def _rules(request: LineRequest, symbols: tuple[str, ...], at: dict[str, int]) -> list[Rule]:
    asked = request.constraints
    rules: list[Rule] = []
    if asked.first:
        rules.append(lambda prefix: _first(prefix, asked.first, symbols, at))
    if asked.repeats == "poem":
        rules.append(lambda prefix: _repeats(prefix, request, symbols, at))
    if asked.barred:
        rules.append(lambda prefix: _barred(prefix, request, symbols, at))
    if asked.worn:
        rules.append(lambda prefix: _spread(dict.fromkeys(asked.worn, WORN), symbols, at))
    if asked.sounds:
        rules += _sound_rules(request, symbols)
    return rules


def _sound_rules(request: LineRequest, symbols: tuple[str, ...]) -> list[Rule]:
    asked = request.constraints
    assert asked.book is not None
    sounds = _sounds_of(symbols, asked.book)
    of_patterns = [_Beside(request, pattern, sounds, asked.book) for pattern in PATTERNS[request.length]]
    free = _Beside(request, FREE[request.length], sounds, asked.book)
    tone, rhyme = _weight(asked, "tones"), _weight(asked, "rhyme")
    rules: list[Rule] = [_Sounds(of_patterns if tone else [free], tone, rhyme)]
    if asked.rhyme == "strict" and asked.tones != "strict":
        rules.append(_FirstLine(request, of_patterns, free, FIRST_LINE))
    elif asked.rhyme == "prefer" and asked.tones == "off":
        rules.append(_FirstLine(request, of_patterns, free, RHYME_FAULT))
    return rules


def _spread(costs: dict[str, float], symbols: tuple[str, ...], at: dict[str, int]) -> Costs:
    """(V,): the costs of some characters, and none of all others."""
    spread = np.zeros(len(symbols), np.float32)
    for character, cost in costs.items():
        if character in at:
            spread[at[character]] = cost
    return spread


def _first(prefix: str, first: str, symbols: tuple[str, ...], at: dict[str, int]) -> Costs:
    if prefix:
        return np.zeros(len(symbols), np.float32)
    costs = np.full(len(symbols), np.inf, np.float32)
    if first in at:
        costs[at[first]] = 0
    return costs


def _barred(prefix: str, request: LineRequest, symbols: tuple[str, ...], at: dict[str, int]) -> Costs:
    lines = (line for line in request.constraints.barred if len(line) == request.length)
    return _spread({line[-1]: np.inf for line in lines if line[:-1] == prefix}, symbols, at)


def _repeats(prefix: str, request: LineRequest, symbols: tuple[str, ...], at: dict[str, int]) -> Costs:
    """Forbidden is what would break the rule of `patterns.too_often`, or break it further."""
    counts = occurrences([*request.before, prefix, *request.constraints.after])
    full = sum(count > 1 for count in counts.values()) >= RETURNING[request.length]
    forbidden = {character for character, count in counts.items() if count >= MOST or full}
    if prefix:  # the last one may be doubled, which counts once, but not stand three times in a row
        doubled = prefix.endswith(prefix[-1] * 2)
        (forbidden.add if doubled else forbidden.discard)(prefix[-1])
    return _spread(dict.fromkeys(forbidden, np.inf), symbols, at)


class _SymbolSounds:
    """Tones and level groups of the symbols: `fault[tone]` (V,) and `misfit` (V, groups), 1 where it does not fit."""

    def __init__(self, symbols: tuple[str, ...], book: RhymeBook) -> None:
        tones = [book.tone(symbol) for symbol in symbols]
        self.fault = {
            wanted: np.array([tone_fault(tone, wanted) for tone in tones], np.float32) for wanted in ("P", "Z", "*")
        }
        self.misfit: Costs = np.stack([misfits(symbol, book) for symbol in symbols])


_sounds_of = lru_cache(maxsize=4)(_SymbolSounds)


def misfits(character: str, book: RhymeBook) -> NDArray[np.float32]:
    """(groups,): 1 for each level group that the character does not rhyme in; one not in the book rhymes in all."""
    has = book.level_groups(character)
    return np.array([has is not None and group not in has for group in book.all_level_groups], np.float32)


class _Beside:
    """What is known of a poem beside one pattern, while one line of it is written."""

    def __init__(self, request: LineRequest, pattern: tuple[str, ...], sounds: _SymbolSounds, book: RhymeBook) -> None:
        line = len(request.before)
        self.sounds, self.book = sounds, book
        self.wanted, self.rhymes = pattern[line], line in rhyme_lines(pattern)
        lines = dict(enumerate(request.before)) | dict(enumerate(request.constraints.after, line + 1))
        self.known_faults = sum(self._faults(text, pattern[i]) for i, text in lines.items())
        whole = {i: text for i, text in lines.items() if len(text) == request.length}
        ends = [misfits(whole[i][-1], book) for i in rhyme_lines(pattern) if i in whole]
        self.known_misfits: Costs = sum(ends, start=np.zeros(len(book.all_level_groups), np.float32))

    def _faults(self, text: str, wanted: str) -> int:
        return sum(tone_fault(self.book.tone(one), tone) for one, tone in zip(text, wanted, strict=False))

    def faults(self, prefix: str) -> tuple[float, Costs]:
        """Faults of tone now, and (V,) when each symbol has been written."""
        now = self.known_faults + self._faults(prefix, self.wanted)
        return now, now + self.sounds.fault[self.wanted[len(prefix)]]

    def unrhymed(self, prefix: str) -> tuple[float, Costs]:
        """Whole rhyming lines that lack the commonest group now, and (V,) when each symbol has been written."""
        now = float(self.known_misfits.min())
        if self.rhymes and len(prefix) == len(self.wanted) - 1:
            return now, (self.sounds.misfit + self.known_misfits).min(axis=1)
        return now, np.full(len(self.sounds.misfit), now, np.float32)


class _Sounds:
    """The cheapest pattern's faults, tones and rhyme together, as the poem stands and with each next character.

    A poem keeps all its patterns until a fault tells them apart; what a character costs is by how much it raises
    the least sum of penalties over the patterns.
    """

    def __init__(self, patterns: Sequence[_Beside], tone: float, rhyme: float) -> None:
        self.patterns, self.tone, self.rhyme = patterns, tone, rhyme

    def __call__(self, prefix: str) -> Costs:
        so_far: list[float] = []
        then: list[Costs] = []
        for one in self.patterns:
            faults, faults_then = one.faults(prefix)
            unrhymed, unrhymed_then = one.unrhymed(prefix)
            so_far.append(self.tone * faults + self.rhyme * unrhymed)
            then.append(self.tone * faults_then + self.rhyme * unrhymed_then)
        least = np.min(then, axis=0)
        costs: Costs = (least - min(so_far)).astype(np.float32)
        costs[least >= _STRICT] = np.inf
        return costs


class _FirstLine:
    """Where the rhyme is asked for and tones are not as strictly: what a first line costs that only it does not rhyme.

    The rule of `patterns.nearest`: a pattern without a fault of tone asks the first line to rhyme if it ends it level.
    A fault may still come while the poem grows, and then the cost is given back; a finished poem may not be so.
    """

    def __init__(self, request: LineRequest, patterns: Sequence[_Beside], free: _Beside, weight: float) -> None:
        self.patterns, self.free, self.weight = patterns, free, weight
        asked = request.constraints
        whole = sum(len(line) == request.length for line in asked.after)
        last = len(request.before) + 1 + whole == 4
        self.forbidden_at = request.length - 1 if last and asked.rhyme == "strict" else None

    def __call__(self, prefix: str) -> Costs:
        now, then = self._lacking(prefix)
        costs: Costs = (self.weight * (then - now)).astype(np.float32)
        if len(prefix) == self.forbidden_at:
            costs[then > 0] = np.inf
        return costs

    def _lacking(self, prefix: str) -> tuple[float, Costs]:
        """1 where each pattern without a fault of tone lacks the first line's rhyme, else 0: now, and (V,) then."""
        free, free_then = self.free.unrhymed(prefix)
        now, then = np.inf, np.full_like(free_then, np.inf)
        for one in self.patterns:
            faults, faults_then = one.faults(prefix)
            unrhymed, unrhymed_then = one.unrhymed(prefix)
            now = now if faults else min(now, unrhymed - free)
            then = np.where(faults_then > 0, then, np.minimum(then, unrhymed_then - free_then))
        return float(np.isfinite(now) and now), np.where(np.isfinite(then), then, np.float32(0))


def _weight(asked: Constraints, what: str) -> float:
    penalties = {"tones": TONE_FAULT, "rhyme": RHYME_FAULT}
    return {"off": 0.0, "prefer": penalties[what], "strict": _STRICT}[getattr(asked, what)]
