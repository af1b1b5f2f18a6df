"""CMRC 2018: exact match and F1 by the longest common run, as the official `cmrc2018_evaluate.py` v6 defines them.

Figures equal the official program's to the last digit with the NLTK version that the signature names: its
tokenizer is part of the metric and has changed between versions. Everything is made a text by `str` first, so
null is "None" and the number 39764.0 is "39764.0".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.metric import Metric, mean_metric
from ham_mrc.eval.references import References
from ham_mrc.eval.word_tokenize import WordTokenizer, nltk_version

DEFINITION = 1
"""Raised whenever a figure on this page would move. Part of every signature."""

METRICS: tuple[Metric, ...] = (mean_metric("exact_match", "EM"), mean_metric("f1", "F1"))
"""In the order of display."""

# The official list also has "……", two characters that no single one equals, so the ellipsis stays.
_REMOVED = dict.fromkeys(map(ord, "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』"))
_NOT_HAN = re.compile("([^\u4e00-\u9fa5]+)")
_FIRST_CODE = 0x9FA6  # the character after the last one that is a segment as it stands
_MANY_CODES = 500_000  # of the 1,073,242 characters from there on

MOST_WAYS = 256
"""So many ways to divide the texts of one question are looked at, where no Punkt model is installed to choose."""


ABSENT = "|punkt:absent-least"
"""The end of the signature of figures that are not official, but a lower bound of them without Punkt's model."""


def signature() -> str:
    """All that could move an official figure. Raises MissingExtra without NLTK."""
    return (
        "cmrc-2018-v6"
        "|normalise:str+lower+strip+delete-listed-punctuation"
        f"|unit:han-character+nltk-{nltk_version()}-word_tokenize"
        "|f1:longest-common-run"
        "|references:max-each"
        "|missing:0"
        f"|definition:{DEFINITION}"
    )


def judge_all(
    predictions: Mapping[str, Any], references: References, *, file: str | None = None, least: bool = False
) -> Judged:
    """Exact match and F1 of `{id: anything}`, summed in file order; `file` is only named in messages.

    A question without a prediction scores 0. With `least`, where NLTK's Punkt model is not installed, a question whose
    F1 hangs on it counts with the least F1 of all ways to cut its texts up, and the signature ends in ABSENT: these
    are not official figures, and nothing compares them with such. Raises MissingExtra without NLTK, and HamError
    naming the question where one with a prediction has an empty list of answers (the official program dies there), or,
    without `least`, where its F1 hangs on the model (there the official program dies at once).
    """
    segments = Segments()
    least = least and not segments.has_model()
    described = signature() + (ABSENT if least else "")
    matches, f1s = ([0.0] * len(references) for _ in range(2))
    answered = 0
    f1_sum: float = 0
    for place, (identity, answers) in enumerate(zip(references.ids, references.answers, strict=True)):
        if identity not in predictions:
            continue
        if place in references.faults:
            raise references.fault_at(place)
        answered += 1
        try:
            match, f1 = judge(str(predictions[identity]), answers, segments)
        except Undecided as undecided:
            if not least:
                raise undecided.error(f"question {identity}", file) from undecided
            match, f1 = False, undecided.least
        f1_sum += f1  # one after the other in file order: part of the definition
        matches[place], f1s[place] = 100.0 * match, 100.0 * f1
    total = len(references)
    columns = {"exact_match": matches, "f1": f1s}
    return Judged(
        keys=references.keys,
        metrics={"exact_match": 100.0 * matches.count(100.0) / total, "f1": 100.0 * f1_sum / total},
        statistics={**columns, "questions": [1] * total},
        values={**columns},
        signature=described,
        answered=answered,
        missing=total - answered,
        extra=len(predictions.keys() - set(references.ids)),
    )


def judge(prediction: str, references: Sequence[str], segments: Segments) -> tuple[bool, float]:
    """(exact match, F1 from 0 to 1): each the maximum over the references, of which there is at least one.

    Raises Undecided where NLTK's missing model could change F1.
    """
    segments.begin_question()
    cleaned = segments.cleaned(prediction)
    golds = [segments.cleaned(reference) for reference in references]
    if cleaned in golds:
        return True, 0.0 if not cleaned or cleaned.isspace() else 1.0  # 1.0 is the greatest F1 there is
    coded = [segments.outcomes(text) for text in (cleaned, *golds)]
    ways = prod(map(len, coded))
    if ways == 1:
        return False, max(run_f1(coded[0][0], gold) for (gold,) in coded[1:])
    chosen = product(*coded) if ways <= MOST_WAYS else ()
    found = {max(run_f1(given, gold) for gold in due) for given, *due in chosen}
    if len(found) != 1:
        raise Undecided(next(filter(None, map(segments.undecided, (cleaned, *golds)))), min(found, default=0.0))
    return False, found.pop()


def run_f1(prediction: str, reference: str) -> float:
    """F1, 0 to 1, of two texts of one character a segment, by their longest common run; 0 if there is none."""
    common = longest_common_run(prediction, reference)
    if not common:
        return 0.0
    precision = 1.0 * common / len(prediction)
    recall = 1.0 * common / len(reference)
    return (2 * precision * recall) / (precision + recall)


def longest_common_run(one: str, other: str) -> int:
    """The length of the longest text that stands in both without a gap.

    Grows the best length by searching for ever longer pieces of the shorter text, a search being compiled code.
    """
    short, long = sorted((one, other), key=len)
    best = 0
    for start in range(len(short)):
        while start + best < len(short) and short[start : start + best + 1] in long:
            best += 1
    return best


class Segments:
    """Texts as the official program cuts them up, each segment written as one character, everything remembered.

    A Han character (U+4E00 to U+9FA5) is a segment and stands for itself; every other run of characters goes
    through NLTK's `word_tokenize`, and each distinct word gets a character from beyond that range. So two texts
    have a run of segments in common where these writings have a run of characters in common.
    """

    def __init__(self) -> None:
        self._tokenizer = WordTokenizer()
        self._cleaned: dict[str, str] = {}
        self._outcomes: dict[str, tuple[str, ...]] = {}
        self._fragments: dict[str, tuple[str, ...]] = {}
        self._codes: dict[str, str] = {}

    def has_model(self) -> bool:
        """Whether a Punkt model is installed."""
        return self._tokenizer.has_model()

    def begin_question(self) -> None:
        """Forget everything once characters run short; only within a question must they mean the same."""
        if len(self._codes) > _MANY_CODES:
            for memory in (self._cleaned, self._outcomes, self._fragments, self._codes):
                memory.clear()

    def cleaned(self, text: str) -> str:
        """`text` in lower case without outer white space, and after that without the listed punctuation."""
        if text not in self._cleaned:
            self._cleaned[text] = text.lower().strip().translate(_REMOVED)
        return self._cleaned[text]

    def outcomes(self, cleaned: str) -> tuple[str, ...]:
        """The segments of a cleaned text; several or none where `WordTokenizer.outcomes` gives several or none."""
        if cleaned not in self._outcomes:
            self._outcomes[cleaned] = self._divided(cleaned)
        return self._outcomes[cleaned]

    def undecided(self, cleaned: str) -> str:
        """The first fragment of a cleaned text that may be cut up in several ways; empty if there is none."""
        fragments = (part for part in _NOT_HAN.findall(cleaned) if len(self._fragment(part)) != 1)
        return next(fragments, "").strip()

    def _divided(self, cleaned: str) -> tuple[str, ...]:
        parts = _NOT_HAN.split(cleaned)  # Han characters, a fragment, Han characters, ..., Han characters
        ways = [self._fragment(part) if number % 2 else (part,) for number, part in enumerate(parts)]
        if prod(map(len, ways)) > MOST_WAYS:
            return ()
        return tuple({"".join(chosen): None for chosen in product(*ways)})

    def _fragment(self, fragment: str) -> tuple[str, ...]:
        if fragment not in self._fragments:
            outcomes = self._tokenizer.outcomes(fragment)
            self._fragments[fragment] = tuple("".join(map(self._code, words)) for words in outcomes)
        return self._fragments[fragment]

    def _code(self, word: str) -> str:
        return self._codes.setdefault(word, chr(_FIRST_CODE + len(self._codes)))


class Undecided(Exception):
    """The F1 of a question hangs on where Punkt ends a sentence in a text, and no Punkt model is installed.

    `least` is the least F1, 0 to 1, of all ways to cut the texts up; 0 where they are too many to look at.
    """

    def __init__(self, text: str, least: float) -> None:
        super().__init__(text)
        self.text, self.least = text, least

    def error(self, place: str, file: str | None) -> HamError:
        """What to tell the user, with `place` the question."""
        return HamError(
            f"the official F1 hangs on whether NLTK's Punkt model ends a sentence inside {_shortened(self.text)}",
            file=file,
            place=place,
            remedy="install that model once, as the official program asks: python -m nltk.downloader punkt_tab",
        )


def _shortened(text: str, most: int = 60) -> str:
    """The text in quotes, from around its first full stop if it is long."""
    start = max(0, text.find(".") - most // 2) if len(text) > most else 0
    return repr(text[start : start + most])
