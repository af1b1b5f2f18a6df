"""MS MARCO's questions with their answers, and candidate answers: both files have one form.

JSON Lines with `query_id` and `answers`, read as the official `ms_marco_eval.py` (version 2) reads them. The
data set's own files are read too: 1.1 has these two keys, 2.1 is one object of columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ham_mrc.errors import HamError
from ham_mrc.eval.json_lines import identity, keys_of
from ham_mrc.eval.references import References, kind

DATASET = "msmarco"
VERSION = "2"
NO_ANSWER = "No Answer Present."
"""Case and full stop matter: only this text makes a query one without an answer."""

_TEXT = {str}


class Answers(NamedTuple):
    """All answers that a file has for one query, over all of its lines.

    A line that says there is no answer adds one empty text; `no_answer` if any line says so.
    """

    texts: tuple[str, ...]
    no_answer: bool


@dataclass(frozen=True)
class MsMarcoReferences(References):
    """`accepted` maps the id of each query that has answers, a number or a text as in the file, to these."""

    accepted: Mapping[Hashable, Answers] = field(repr=False)

    @property
    def own_ids(self) -> tuple[Hashable, ...]:
        """The ids as the file has them, numbers or texts."""
        return tuple(self.accepted)

    def says_none(self, answer: str) -> bool:
        """Whether this is the text that marks a query without an answer."""
        return answer == NO_ANSWER


def collect(lines: Iterable[tuple[str, Any]], file: str | None = None) -> dict[Hashable, Answers]:
    """Query id to its answers, in the order of first answers; a query whose lists are all empty is left out.

    `lines` are (place in words, record). A query that stands again adds to its answers. A bare text as
    `answers` counts as the list of its characters, as officially. Raises HamError naming the query.
    """
    collected: dict[Hashable, Answers] = {}
    for place, record in lines:
        query = identity(record, "query_id", file, place)
        answers = answers_of(record, query, file, place)
        if answers.texts:
            known = collected.get(query)
            if known is not None:
                answers = Answers(known.texts + answers.texts, known.no_answer or answers.no_answer)
            collected[query] = answers
    return collected


def answers_of(record: Mapping[str, Any], query: Hashable, file: str | None, place: str | None = None) -> Answers:
    """What one line answers. Raises HamError where `answers` is missing, no list, or holds what is no text."""
    answers = record.get("answers")
    if type(answers) is list and set(map(type, answers)) == _TEXT and NO_ANSWER not in answers:
        return Answers(tuple(answers), no_answer=False)  # nearly always
    where = f"query {query}" if place is None else f"{place}, query {query}"
    if "answers" not in record:
        remedy = "a file whose answers are withheld cannot be scored"
        raise HamError("has no 'answers'", file=file, place=where, remedy=remedy)
    if not isinstance(answers, (str, list, tuple, Mapping)):
        raise HamError(f"'answers' is {kind(answers)}, not a list of texts", file=file, place=where)
    if NO_ANSWER in answers:
        return Answers(("",), no_answer=True)
    for number, text in enumerate(answers, 1):
        if not isinstance(text, str):
            raise HamError(f"answer {number} is {kind(text)}, not a text", file=file, place=where)
    return Answers(tuple(answers), no_answer=False)


def load(lines: Iterable[tuple[str, Any]], file: str | None = None) -> MsMarcoReferences:
    """The references from the records of a file; `rows` turns the columns of a 2.1 file into such records.

    Raises HamError where a record is odd, or where no query has an answer: the official program dies of it.
    """
    questions: dict[Hashable, str | None] = {}
    accepted = collect(_noting_questions(lines, questions), file)
    if all(answers.no_answer for answers in accepted.values()):
        what = "says of every query that it has no answer" if accepted else "holds no query with an answer"
        raise HamError(what, file=file, remedy="the official program gives no figure then")
    return MsMarcoReferences(
        dataset=DATASET,
        version=VERSION,
        file=file,
        ids=tuple([str(query) for query in accepted]),
        keys=keys_of(accepted),
        answers=tuple([(NO_ANSWER,) if answers.no_answer else answers.texts for answers in accepted.values()]),
        faults={},
        questions=tuple([questions[query] for query in accepted]),
        passages=(None,) * len(accepted),
        passage_of=tuple(range(len(accepted))),
        accepted=accepted,
    )


def rows(document: Mapping[str, Any], file: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of a 2.1 file, one JSON object of columns, as lines would hold them."""
    columns = {name: document[name] for name in ("query_id", "answers", "query") if name in document}
    for name, column in columns.items():
        if not isinstance(column, Mapping):
            raise HamError(f"{name!r} is {kind(column)}, not a column", file=file)
    for row in columns.get("query_id", ()):
        yield f"row {row}", {name: column[row] for name, column in columns.items() if row in column}


def _noting_questions(
    lines: Iterable[tuple[str, Any]], questions: dict[Hashable, str | None]
) -> Iterator[tuple[str, Any]]:
    for place, record in lines:
        yield place, record  # checked by the time the next one is asked for
        question = record.get("query")
        questions.setdefault(record["query_id"], question if isinstance(question, str) else None)
