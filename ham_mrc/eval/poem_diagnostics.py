"""What BLEU does not tell of written lines: tones, rhyme, repeats, and how much of it was copied or said before.

None of these is better when it is higher or lower: the poets' own lines stand beside them to be compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ham_mrc.eval.quatrains import LENGTHS


class WrittenLine(NamedTuple):
    """A line and those of its poem above it, one to three; "" for a line that was not written."""

    before: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of form, each a question about the lines of a poem down to the one looked at, which is the last.

    repeats  whether the last line has a character that stands in the poem more than once
    fits     whether the last line's tones are those of any pattern at its place; None without a rhyme book
    rhymes   whether the fourth line rhymes with the second; None without a rhyme book
    """

    repeats: Callable[[Sequence[str]], bool]
    fits: Callable[[Sequence[str]], bool] | None = None
    rhymes: Callable[[Sequence[str]], bool] | None = None


SHARES: Mapping[str, str] = {
    "tone_fit": "tones of a pattern",
    "rhyme": "line 4 rhymes with line 2",
    "repeats": "repeats a character of its poem",
    "copied": "stands word for word in a training poem",
    "different": "different lines",
}
"""By name in JSON what share of the lines it is, in percent."""

NO_BOOK = "Tones and rhyme need the extra tones (pip install 'ham-mrc[tones]') and were not looked up."


def diagnose(
    lines: Sequence[WrittenLine], *, known: Container[str], rules: Rules
) -> dict[str, dict[str, float | int | None]]:
    """By length ("5", "7") the number of "lines" and each of `SHARES` in percent; None for what was not looked up.

    `known` are the lines of the training poems. Lines that were not written are left out.
    """
    found: dict[str, dict[str, float | int | None]] = {}
    for length in LENGTHS:
        own = [one for one in lines if len(one.before[0]) == length and one.line]
        if own:
            found[str(length)] = {"lines": len(own), **_shares(own, known, rules)}
    return found


def _shares(lines: Sequence[WrittenLine], known: Container[str], rules: Rules) -> dict[str, float | None]:
    poems = [(*one.before, one.line) for one in lines]
    fourth = [poem for poem in poems if len(poem) == 4]
    return {
        "tone_fit": None if rules.fits is None else _percent(map(rules.fits, poems), len(poems)),
        "rhyme": None if rules.rhymes is None else _percent(map(rules.rhymes, fourth), len(fourth)),
        "repeats": _percent(map(rules.repeats, poems), len(poems)),
        "copied": _percent((one.line in known for one in lines), len(lines)),
        "different": 100.0 * len({one.line for one in lines}) / len(lines),
    }


def _percent(verdicts: Iterable[bool], of: int) -> float | None:
    return 100.0 * sum(verdicts) / of if of else None
