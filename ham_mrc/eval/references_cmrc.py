"""A CMRC 2018 file, in its own layout or in SQuAD's, to `References`, as `cmrc2018_evaluate.py` v6 reads it.

Answers become texts by `str`, which is part of the definition: 27 questions of the dev set have a number as a
reference (`39764.0`), which some copies hold as a JSON number, and null is "None".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, Row, gathered, kind, question_id

DATASET = "cmrc"
VERSION = "2018"
_EXPECTED = "a CMRC 2018 file is expected, in its own layout or in SQuAD's"


def load(document: Any, file: str | None) -> References:
    """The references in a parsed file; `file` is only named in messages.

    An id that stands again counts again. A question with an empty list of answers is a fault only once it has a
    prediction. Raises HamError naming the place of anything that the official program would die of.
    """
    passages: list[str | None] = []
    return gathered(DATASET, VERSION, file, passages, _rows(document, file, passages))


def _rows(document: Any, file: str | None, passages: list[str | None]) -> Iterator[Row]:
    for place, paragraph, qas in _paragraphs(document, file):
        passages.append(_text(paragraph, "context", "context_text"))
        for number, qa in enumerate(qas, 1):
            identity = question_id(qa, file, place, number, ("id", "query_id"))
            texts = _answers(qa, identity, file)
            fault = None if texts else "has an empty list of answers"
            yield identity, texts, fault, _text(qa, "question", "query_text"), len(passages) - 1


def _text(holder: dict[str, Any], *names: str) -> str | None:
    return next((holder[name] for name in names if isinstance(holder.get(name), str)), None)


def _paragraphs(document: Any, file: str | None) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """(place in words, the paragraph, its questions) of each paragraph in file order, whichever the layout.

    In CMRC's own layout an entry of the list is itself the paragraph.
    """
    articles = document["data"] if isinstance(document, dict) and "data" in document else document
    if not isinstance(articles, list):
        raise HamError(f"holds {kind(articles)} where a list is due", file=file, remedy=_EXPECTED)
    for i, article in enumerate(articles, 1):
        place = f"article {i}"
        if not isinstance(article, dict):
            raise HamError(f"is {kind(article)}, not an object", file=file, place=place, remedy=_EXPECTED)
        if "paragraphs" not in article:
            yield place, article, _list(article, "qas", file, place)
            continue
        for j, paragraph in enumerate(_list(article, "paragraphs", file, place), 1):
            inner = f"{place}, paragraph {j}"
            if not isinstance(paragraph, dict):
                raise HamError(f"is {kind(paragraph)}, not an object with 'qas'", file=file, place=inner)
            yield inner, paragraph, _list(paragraph, "qas", file, inner)


def _list(holder: dict[str, Any], key: str, file: str | None, place: str) -> list[Any]:
    if not isinstance(holder.get(key), list):
        what = f"{key!r} is {kind(holder[key])}, not a list" if key in holder else f"has no {key!r}"
        raise HamError(what, file=file, place=place, remedy=_EXPECTED)
    value: list[Any] = holder[key]
    return value


def _answers(qa: dict[str, Any], identity: str, file: str | None) -> tuple[str, ...]:
    place = f"question {identity}"
    entries = _list(qa, "answers", file, place)
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, dict) and "text" not in entry:
            raise HamError(f"answer {number} is an object without a 'text'", file=file, place=place)
    return tuple(str(entry["text"] if isinstance(entry, dict) else entry) for entry in entries)
