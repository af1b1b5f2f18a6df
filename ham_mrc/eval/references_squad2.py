"""A SQuAD 2.0 file to `References`, reading what the official `evaluate-v2.0.py` reads and nothing else.

Whether a question has an answer is whether its list of answers is not empty: `is_impossible`, `version`, the
passages and the questions move no figure.
"""

from __future__ import annotations

from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, Row, gathered
from ham_mrc.eval.references_squad import DATASET, NO_ANSWERS, rows

VERSION = "2.0"


def load(document: Any, file: str | None) -> References:
    """The references in a parsed SQuAD 2.0 file; `file` is only named in messages.

    A question whose `answers` tuple is empty is unanswerable. An id that stands again is one question, at its
    first place with its last answers, as in the official program's dictionaries. Raises HamError naming the
    question where that program would die: no list of answers, an answer that is no text, no question at all.
    """
    passages: list[str | None] = []
    questions = {row[0]: _checked(row, file) for row in rows(document, file, passages)}
    return gathered(DATASET, VERSION, file, passages, questions.values())


def _checked(row: Row, file: str | None) -> Row:
    """The row, with nothing at fault."""
    identity, _, fault, text, passage = row
    if fault is None:
        return row
    if fault == NO_ANSWERS:
        return identity, (), None, text, passage
    remedy = None if fault.startswith(("answer ", "the ")) else "an empty list stands for an unanswerable question"
    raise HamError(fault, file=file, place=f"question {identity}", remedy=remedy)
