"""A SQuAD 1.1 file to `References`, reading what the official script reads and scoring what it scores.

A file without `version`, on which that script dies, is read as well: no figure depends on it.
"""

from __future__ import annotations

from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, kind, paragraphs, question_id, unique_key

VERSION = "1.1"


def load(document: Any, file: str | None) -> References:
    """The references in a parsed SQuAD 1.1 file; `file` is only named in messages.

    Raises HamError naming the place of what is wrong. Answers that cannot be scored are no error yet, see `faults`.
    """
    ids: list[str] = []
    keys: dict[str, None] = {}
    answers: list[tuple[str, ...]] = []
    faults: dict[int, str] = {}
    questions: list[str | None] = []
    passages: list[str | None] = []
    passage_of: list[int] = []
    for passage, paragraph, qas in paragraphs(document, file):
        context = paragraph.get("context")
        passages.append(context if isinstance(context, str) else None)
        for number, qa in enumerate(qas, 1):
            identity = question_id(qa, file, f"{passage}, question {number}")
            texts, fault = _answers(qa)
            if fault is not None:
                faults[len(ids)] = fault
            keys[unique_key(identity, keys)] = None
            ids.append(identity)
            answers.append(texts)
            question = qa.get("question")
            questions.append(question if isinstance(question, str) else None)
            passage_of.append(len(passages) - 1)
    if not ids:
        raise HamError("holds no question", file=file, remedy="at least one is needed for a score")
    return References(
        dataset="squad",
        version=VERSION,
        file=file,
        ids=tuple(ids),
        keys=tuple(keys),
        answers=tuple(answers),
        faults=faults,
        questions=tuple(questions),
        passages=tuple(passages),
        passage_of=tuple(passage_of),
    )


def _answers(qa: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """The answers' texts, and what the official script would die of."""
    entries = qa.get("answers")
    if not isinstance(entries, list):
        return (), f"'answers' is {kind(entries)}, not a list" if "answers" in qa else "has no 'answers'"
    if not entries:
        return (), "has an empty list of answers"
    texts: list[str] = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or "text" not in entry:
            return tuple(texts), f"answer {number} is not an object with a 'text'"
        text = entry["text"]
        if not isinstance(text, str):
            return tuple(texts), f"the 'text' of answer {number} is {kind(text)}, not a text"
        texts.append(text)
    return tuple(texts), None
