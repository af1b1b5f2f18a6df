"""A SQuAD 1.1 file to `References`, reading what the official script reads and scoring what it scores.

A file without `version`, on which that script dies, is read as well: no figure depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ham_mrc.eval.references import References, Row, gathered, kind, paragraphs, question_id, text_or_none

DATASET = "squad"
VERSION = "1.1"
NO_ANSWERS = "has an empty list of answers"
_TEXT = {str}


def load(document: Any, file: str | None) -> References:
    """The references in a parsed SQuAD 1.1 file; `file` is only named in messages.

    Raises HamError naming the place of what is wrong. Answers that cannot be scored are no error yet, see `faults`.
    """
    passages: list[str | None] = []
    return gathered(DATASET, VERSION, file, passages, rows(document, file, passages))


def rows(document: Any, file: str | None, passages: list[str | None]) -> Iterator[Row]:
    """Every question in file order; the text of its passage is in `passages` by then."""
    for place, paragraph, qas in paragraphs(document, file):
        passages.append(text_or_none(paragraph.get("context")))
        for number, qa in enumerate(qas, 1):
            identity = question_id(qa, file, place, number)
            texts, fault = _answers(qa)
            yield identity, texts, fault, text_or_none(qa.get("question")), len(passages) - 1


def _answers(qa: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """The answers' texts, and what the official script would die of."""
    entries = qa.get("answers")
    try:
        texts = tuple([entry["text"] for entry in entries])  # type: ignore[union-attr]
        if set(map(type, texts)) == _TEXT and type(entries) is list:
            return texts, None  # nearly always
    except (TypeError, LookupError):
        pass
    return _examined(qa, entries)


def _examined(qa: dict[str, Any], entries: Any) -> tuple[tuple[str, ...], str | None]:
    if not isinstance(entries, list):
        return (), f"'answers' is {kind(entries)}, not a list" if "answers" in qa else "has no 'answers'"
    if not entries:
        return (), NO_ANSWERS
    texts: list[str] = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or "text" not in entry:
            return tuple(texts), f"answer {number} is not an object with a 'text'"
        text = entry["text"]
        if not isinstance(text, str):
            return tuple(texts), f"the 'text' of answer {number} is {kind(text)}, not a text"
        texts.append(text)
    return tuple(texts), None
