"""A SQuAD 2.0 file to `References`, reading what the official `evaluate-v2.0.py` reads and nothing else.

Whether a question has an answer is whether its list of answers is not empty: `is_impossible`, `version`, the
passages and the questions move no figure.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, kind, paragraphs, question_id

VERSION = "2.0"


class _Question(NamedTuple):
    answers: tuple[str, ...]
    text: str | None
    passage: int


def load(document: Any, file: str | None) -> References:
    """The references in a parsed SQuAD 2.0 file; `file` is only named in messages.

    A question whose `answers` tuple is empty is unanswerable. An id that stands again is one question, at its
    first place with its last answers, as in the official program's dictionaries. Raises HamError naming the
    question where that program would die: no list of answers, an answer that is no text, no question at all.
    """
    questions: dict[str, _Question] = {}
    passages: list[str | None] = []
    for place, paragraph, qas in paragraphs(document, file):
        passages.append(_text(paragraph.get("context")))
        for number, qa in enumerate(qas, 1):
            identity = question_id(qa, file, f"{place}, question {number}")
            questions[identity] = _Question(_answers(qa, identity, file), _text(qa.get("question")), len(passages) - 1)
    if not questions:
        raise HamError("holds no question", file=file, remedy="at least one is needed for a score")
    ids = tuple(questions)
    found = questions.values()
    return References(
        dataset="squad",
        version=VERSION,
        file=file,
        ids=ids,
        keys=ids,
        answers=tuple(question.answers for question in found),
        faults={},
        questions=tuple(question.text for question in found),
        passages=tuple(passages),
        passage_of=tuple(question.passage for question in found),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _answers(qa: dict[str, Any], identity: str, file: str | None) -> tuple[str, ...]:
    place = f"question {identity}"
    entries = qa.get("answers")
    if not isinstance(entries, list):
        what = f"'answers' is {kind(entries)}, not a list" if "answers" in qa else "has no 'answers'"
        raise HamError(what, file=file, place=place, remedy="an empty list stands for an unanswerable question")
    texts = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or "text" not in entry:
            raise HamError(f"answer {number} is not an object with a 'text'", file=file, place=place)
        if not isinstance(entry["text"], str):
            what = f"the 'text' of answer {number} is {kind(entry['text'])}, not a text"
            raise HamError(what, file=file, place=place)
        texts.append(entry["text"])
    return tuple(texts)
