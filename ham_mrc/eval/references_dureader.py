"""DuReader's questions with their answers, and predicted records, as the official `dureader_eval.py` (2.0) reads them.

JSON Lines, or a zip of them, with `question_id`, `question_type`, `answers`, `yesno_answers`, `entity_answers`,
in the references also `source`. The data set's own records (with `documents`) lack some of these; the official
program does not read them, here the lacking fields are empty and the figures by source left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.json_lines import identity, keys_of
from ham_mrc.eval.references import References, kind

DATASET = "dureader"
VERSION = "2.0"
SOURCES = ("search", "zhidao")

_DATASET_DEFAULTS: dict[str, Any] = {"answers": [], "yesno_answers": [], "entity_answers": [[]], "source": None}


@dataclass(frozen=True)
class Record:
    """One line, its fields unchecked beyond what the official program checks on reading."""

    question_id: Hashable
    question_type: Any
    answers: Any
    yesno_answers: list[Any]
    entity_answers: list[Any]
    source: Any = None


@dataclass(frozen=True)
class DuReaderReferences(References):
    """`records[i]` is question i in full: what is scored, and how, depends on the task."""

    records: tuple[Record, ...] = field(repr=False)

    @property
    def own_ids(self) -> tuple[Hashable, ...]:
        """The ids as the file has them, numbers or texts."""
        return tuple(record.question_id for record in self.records)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The sources to be told apart, none for records of the data set, which do not say theirs."""
        return SOURCES if any(record.source is not None for record in self.records) else ()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the JSON array of the records' fields in order, ASCII, without spaces."""
        rows = [list(vars(record).values()) for record in self.records]
        return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode("ascii")).hexdigest()


def load(lines: Iterable[tuple[str, Any]], file: str | None = None) -> DuReaderReferences:
    """The references from (place in words, record) of each line.

    Raises HamError naming the question where a field is missing, of the wrong kind, or an id stands again.
    """
    records: dict[Hashable, Record] = {}
    questions: list[str | None] = []
    for place, value in lines:
        question_id = identity(value, "question_id", file, place)
        if "documents" in value:
            value = {**_DATASET_DEFAULTS, **value}
        _add(records, record_of(value, question_id, file, place, needed=("answers", "source")), file, place)
        question = value.get("question")
        questions.append(question if isinstance(question, str) else None)
    if not records:
        raise HamError("holds no question", file=file, remedy="at least one is needed for a score")
    return DuReaderReferences(
        dataset=DATASET,
        version=VERSION,
        file=file,
        ids=tuple([str(question_id) for question_id in records]),
        keys=keys_of(records),
        answers=tuple([_texts(record.answers) for record in records.values()]),
        faults={},
        questions=tuple(questions),
        passages=(None,) * len(records),
        passage_of=tuple(range(len(records))),
        records=tuple(records.values()),
    )


def collect(lines: Iterable[tuple[str, Any]], file: str | None = None) -> dict[Hashable, Record]:
    """Question id to predicted record. Raises HamError as `load` does; `source` is not needed."""
    records: dict[Hashable, Record] = {}
    for place, value in lines:
        question_id = identity(value, "question_id", file, place)
        _add(records, record_of(value, question_id, file, place), file, place)
    return records


def record_of(
    value: Mapping[str, Any],
    question_id: Hashable,
    file: str | None,
    place: str | None = None,
    needed: tuple[str, ...] = ("answers",),
) -> Record:
    """The record, once it has passed the checks that the official program makes of every line it reads."""
    where = f"question {question_id}" if place is None else f"{place}, question {question_id}"
    for key in ("question_type", "yesno_answers", "entity_answers", *needed):
        if key not in value:
            remedy = "a file whose answers are withheld cannot be scored" if key == "answers" else None
            raise HamError(f"has no {key!r}", file=file, place=where, remedy=remedy)
    for key in ("yesno_answers", "entity_answers"):
        if not isinstance(value[key], list):
            raise HamError(f"{key!r} is {kind(value[key])}, not a list", file=file, place=where)
    if not value["entity_answers"]:
        remedy = "a question without entities has one empty list in it: [[]]"
        raise HamError("'entity_answers' is empty", file=file, place=where, remedy=remedy)
    return Record(
        question_id=question_id,
        question_type=value["question_type"],
        answers=value["answers"],
        yesno_answers=value["yesno_answers"],
        entity_answers=value["entity_answers"],
        source=value.get("source"),
    )


def _add(records: dict[Hashable, Record], record: Record, file: str | None, place: str) -> None:
    if record.question_id in records:
        raise HamError(
            f"has question {record.question_id} a second time", file=file, place=place, remedy="keep one record each"
        )
    records[record.question_id] = record


def _texts(answers: Any) -> tuple[str, ...]:
    """The answers that are texts, for display and breakdowns."""
    return tuple([text for text in answers if isinstance(text, str)]) if isinstance(answers, list) else ()
