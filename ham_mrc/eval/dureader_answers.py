"""The answers of a DuReader record as its official program takes them, odd ones too.

That program iterates over whatever it finds: a bare text is the list of its characters, and a list of words in
the place of a text one text of these words. What it would die of is a HamError naming the question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ham_mrc.errors import HamError
from ham_mrc.eval.bleu import count
from ham_mrc.eval.overlap import Item
from ham_mrc.eval.references import kind
from ham_mrc.eval.references_dureader import Record
from ham_mrc.eval.rouge_l import rouge_l

EMPTY = ""

T = TypeVar("T")
Tokens = str | tuple[str, ...]
"""A text's tokens: each character of a string, or, of a list of words, these as split at single spaces."""


def normalise(text: str) -> str:
    """`text` without white space of any kind: one character a token, nothing folded or segmented."""
    return "".join(text.split())


def references(record: Record) -> Any:
    """All answers as they stand, or one empty text where there is none (an empty list, null)."""
    return record.answers or [EMPTY]


def first_answer(record: Record, file: str | None) -> Tokens:
    """The tokens of the first answer, none if there is no answer."""
    first = _guarded(record, file, lambda: list(record.answers[:1]))
    return tokens(record, first, file)[0] if first else EMPTY


def labelled(record: Record, file: str | None) -> list[tuple[str, Any]]:
    """(label, answer as it stands) of each pair of `yesno_answers` and `answers`; the shorter list rules."""
    pairs = _guarded(record, file, lambda: list(zip(record.yesno_answers, record.answers, strict=False)))
    for label, _ in pairs:
        if not isinstance(label, str):
            what = f"a label in 'yesno_answers' is {kind(label)}, not a text"
            raise HamError(what, file=file, place=f"question {record.question_id}")
    return pairs


def tokens(record: Record, texts: Any, file: str | None) -> list[Tokens]:
    """The tokens of each of `texts`, which are answers of the record."""
    return _guarded(record, file, lambda: [_tokens(text) for text in texts])


def compared(place: int, answer: Tokens, golds: Sequence[Tokens]) -> Item:
    """The answer held against its references, as an item of the question at `place`."""
    plain = [text for text in (answer, *golds) if isinstance(text, str)]
    if len(plain) == 1 + len(golds):
        # No character is white space, so a space can stand for the one empty token of an empty text.
        return Item(place, count(plain[0], plain[1:]), rouge_l(plain[0] or " ", [text or " " for text in plain[1:]]))
    own, *theirs = [tuple(text) if text else ("",) for text in (answer, *golds)]
    words = [tuple(" ".join(text).split()) for text in (own, *theirs)]  # BLEU knows no empty token
    return Item(place, count(words[0], words[1:]), rouge_l(own, theirs))


def _tokens(text: Any) -> Tokens:
    if isinstance(text, str):
        return normalise(text)
    return tuple(" ".join([part for part in text if part.strip()]).split(" "))


def _guarded(record: Record, file: str | None, read: Callable[[], T]) -> T:
    try:
        return read()
    except (TypeError, AttributeError, KeyError) as error:
        answers = record.answers
        odd = next((entry for entry in answers if not isinstance(entry, str)), None) if _is_list(answers) else None
        what = f"'answers' holds {kind(odd)}" if _is_list(answers) else f"'answers' is {kind(answers)}"
        raise HamError(
            f"{what}, where the official program wants a list of texts",
            file=file,
            place=f"question {record.question_id}",
        ) from error


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
