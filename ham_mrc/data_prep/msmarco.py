"""MS MARCO 1.1 and 2.1: one query to its Example, its gold span, and back to the official files.

1.1 is JSON Lines, one query a line: {"query_id", "query", "query_type", "passages": [{"passage_text", "is_selected",
"url"}], "answers": [text]}. 2.1 is one object of columns, each an object from a row's number to the row's value, with
the column "wellFormedAnswers" besides. Test sets have neither "answers" nor "wellFormedAnswers".

Answers are written by people: most are no part of a passage. The gold span is the one that comes closest to an answer.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.dataset import Dataset, Reading, Record, ReferenceFormat, Source
from ham_mrc.data_prep.fields import all_of, described, field, items, of_kind, question, within
from ham_mrc.data_prep.json_columns import cut_columns
from ham_mrc.data_prep.json_stream import cut_lines
from ham_mrc.data_prep.matching import best_f1_span
from ham_mrc.data_prep.matching_rouge import best_rouge_span, exact_span, spaced
from ham_mrc.data_prep.raw_input import open_counted, unmoved
from ham_mrc.data_prep.spans import Label, Reason
from ham_mrc.errors import HamError
from ham_mrc.files import to_json
from ham_mrc.opening import BYTE_ORDER_MARK
from ham_mrc.records import Answer, Example
from ham_mrc.text import TokenSequence, tokenize

NO_ANSWER = "No Answer Present."
"""The answer by which version 2.1, and the official program, say that the passages hold none."""

_COLUMNS = ("query_id", "query", "passages")
_FURTHER_COLUMNS = ("query_type", "answers", "wellFormedAnswers")
_HEAD = 1 << 16
"""Bytes at the beginning of a file in which its first key ends."""
_COLUMNS_BEGIN = re.compile(rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{')
_NONE_WELL_FORMED = "[]"  # this text, and not an empty list, stands where a query of 2.1 has no well-formed answer


def cut(path: str | Path, *, moved: Callable[[int], None] = unmoved) -> Iterator[Record]:
    """The queries of a file (plain, gzip, or "-"): columns if its first key holds an object, else JSON Lines.

    Standard input is first unpacked to a temporary file, since columns are read side by side. HamError where the file
    cannot be read or cut.
    """
    if str(path) == "-":
        yield from _cut_standard_input(moved)
        return
    with open_counted(path) as stream:
        head = stream.read(_HEAD).removeprefix(BYTE_ORDER_MARK)
    if _COLUMNS_BEGIN.match(head):
        yield from cut_columns(path, _COLUMNS, optional=_FURTHER_COLUMNS, moved=moved)
    else:
        yield from cut_lines(path, moved=moved)


def _cut_standard_input(moved: Callable[[int], None]) -> Iterator[Record]:
    with tempfile.NamedTemporaryFile(prefix="ham-mrc-") as file:
        with open_counted("-", moved) as stream:
            shutil.copyfileobj(stream, file)
        file.flush()
        try:
            yield from cut(file.name)
        except HamError as error:
            if error.file != file.name:
                raise
            raise HamError(error.what, file="-", place=error.place, remedy=error.remedy) from error


def examples(value: Any, source: Source, reading: Reading, training: bool) -> Iterator[Example]:
    """The one question of a line or row. HamError names it where the structure is not MS MARCO's.

    A question is impossible if its list of answers is empty (1.1) or holds NO_ANSWER (2.1), as in the official
    program; with no list at all it only has no answers. Training with `selected_only` keeps the passages that were
    selected, or all where none was, which then has no label.
    """
    record = of_kind(value, dict, source)
    name, source = _name(record, source)
    query_type = of_kind(record.get("query_type", ""), str, within(source, '"query_type"'))
    passages, selected = _passages(record, source, reading, training)
    answers, impossible = _answers(record, source, reading, training)
    yield Example(
        id=name,
        question=field(record, "query", str, source),
        passages=passages,
        answers=tuple(Answer(text, None) for text in answers),
        selected=selected,
        impossible=impossible,
        facts={"query_id": record["query_id"], "query_type": query_type},
        # A test set of 2.1 lacks the column that only 2.1 has. Its types are in capitals, those of 1.1 are not.
        version="2.1" if "wellFormedAnswers" in record or query_type.isupper() else "1.1",
    )


def _name(record: dict[str, Any], source: Source) -> tuple[str, Source]:
    """The id, a number in the official files, as text, and the question as a place."""
    kind: type[int] | type[str] = str if type(record.get("query_id")) is str else int
    name = str(field(record, "query_id", kind, source))
    if not name:
        raise HamError('"query_id" is empty', file=source.file, place=source.place)
    return name, question(source, name)


def _passages(
    record: dict[str, Any], source: Source, reading: Reading, training: bool
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The texts that `reading` takes, in the file's order, and the numbers of those that were selected."""
    texts: list[str] = []
    chosen: list[bool] = []
    for number, passage in enumerate(items(record, "passages", dict, source), 1):
        text, selected = passage.get("passage_text"), passage.get("is_selected", 0)
        if not isinstance(text, str):
            text = field(passage, "passage_text", str, within(source, f"passage {number}"))
        if selected not in (0, 1):
            raise HamError(
                f'"is_selected" is {described(selected)} where 0 or 1 is due',
                file=source.file,
                place=f"{source.place}, passage {number}",
            )
        texts.append(text)
        chosen.append(bool(selected))
    if training and reading.selected_only and any(chosen):
        texts = [text for text, selected in zip(texts, chosen, strict=True) if selected]
        chosen = [True] * len(texts)
    limit = reading.passages or len(texts)
    return tuple(texts[:limit]), tuple(number for number, selected in enumerate(chosen[:limit]) if selected)


def _answers(record: dict[str, Any], source: Source, reading: Reading, training: bool) -> tuple[list[str], bool]:
    """The answers that `reading` takes, and whether the passages hold none.

    With references "well-formed", evaluation knows no other answers, as the official program for them leaves all
    questions without one out (`makeintermidiate.py`); training falls back on the ordinary ones.
    """
    answers = items(record, "answers", str, source) if "answers" in record else []
    if "answers" in record and (not answers or NO_ANSWER in answers):
        return [], True
    if reading.references == "answers":
        return answers, False
    well_formed = record.get("wellFormedAnswers", _NONE_WELL_FORMED)
    if well_formed == _NONE_WELL_FORMED:
        well_formed = []
    place = within(source, '"wellFormedAnswers"')
    found = all_of(of_kind(well_formed, list, place), str, place, "item")
    return found or (answers if training else []), False


def label(example: Example, tokens: Sequence[TokenSequence], kept: Sequence[int], reading: Reading) -> Label | Reason:
    """The span of the kept tokens that comes closest to an answer, by ROUGE-L or token F1 of lower-cased tokens.

    An answer that stands in a passage word for word comes before all others. Otherwise the best span of any passage;
    among equals, selected passages come first. The question has no label where the best is below `min_match`, which
    is told from one that is only beyond the kept tokens. Yes and no, as the first answer, are pointed at beside the
    passages if `yes_no` allows it, else searched for like any other.
    """
    says = example.answers[0].text.strip().rstrip(".").lower() if example.answers else ""
    if example.impossible:
        return Reason.IMPOSSIBLE
    if reading.yes_no and says in ("yes", "no"):
        return Reason.YES_NO
    answers = [tokenize(answer.text).words for answer in example.answers]
    if not any(answers):
        return Reason.NO_ANSWER
    if reading.selected_only and not example.selected:
        return Reason.NOT_SELECTED
    found = _closest(
        example, [list(part.words[:size]) for part, size in zip(tokens, kept, strict=True)], answers, reading
    )
    if found and found.match >= reading.min_match:
        return found
    if says in ("yes", "no"):
        return Reason.YES_NO
    if any(len(part.words) > size for part, size in zip(tokens, kept, strict=True)):
        found = _closest(example, [list(part.words) for part in tokens], answers, reading)
        if found and found.match >= reading.min_match:
            return Reason.BEYOND_THE_CUT
    return Reason.BELOW_MIN_MATCH if found else Reason.NO_COMMON_TOKEN


def _closest(
    example: Example, passages: Sequence[list[str]], answers: Sequence[list[str]], reading: Reading
) -> Label | None:
    selected = set(example.selected)
    order = sorted(range(len(passages)), key=lambda number: number not in selected)
    search = best_rouge_span if reading.match == "rouge-l" else _best_f1_span
    found = search([passages[number] for number in order], answers)
    if found is None:
        return None
    passage, start, end, match, answer = found
    return Label(order[passage], start, end, answer=answer, match=match)


def _best_f1_span(
    passages: Sequence[list[str]], answers: Sequence[list[str]]
) -> tuple[int, int, int, float, int] | None:
    texts, wanted = [[spaced(words) for words in part] for part in (passages, answers)]
    return exact_span(texts, wanted) or best_f1_span(
        [text.split() for text in texts], [text.split() for text in wanted]
    )


def _references(examples: Sequence[Example]) -> bytes:
    """A line for each question: {"query_id", "answers"}.

    The official program takes a list that is empty for a line that is not there, and then stops at a prediction for
    it; with NO_ANSWER it leaves the question and its prediction out. So a question without an answer has that in both
    versions, and only one whose answers are not known has an empty list.
    """
    return b"".join(
        to_json(
            {
                "query_id": example.facts["query_id"],
                "answers": [NO_ANSWER] if example.impossible else [answer.text for answer in example.answers],
            }
        )
        for example in examples
    )


def prediction(facts: dict[str, Any], answer: str) -> dict[str, Any]:
    """A line of the official prediction file; no answer is an empty text here and NO_ANSWER there."""
    return {"query_id": facts["query_id"], "answers": [answer or NO_ANSWER]}


MSMARCO = Dataset(
    cut=cut,
    examples=examples,
    label=label,
    references=ReferenceFormat("references.jsonl", _references),
    prediction=prediction,
    reading=Reading(layout="joined", match="rouge-l", min_match=0.5),
    options=(
        "layout",
        "passages",
        "selected_only",
        "null_position",
        "yes_no",
        "match",
        "min_match",
        "references",
    ),
    trains_apart=True,
    marks=("passage_text",),
    passage_tokens=800,
)
