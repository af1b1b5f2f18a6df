"""One record of DuReader 2.0 as the file has it, checked: the raw form, the preprocessed form, and a test set's.

Raw: {"question_id", "question", "question_type", "fact_or_opinion", "documents": [{"title", "paragraphs": [text],
"is_selected"}], "answers": [text]}, and by type "entity_answers", "yesno_answers", "yesno_type". The preprocessed form
adds words ("segmented_question", "segmented_answers", and in documents "segmented_title", "segmented_paragraphs"), the
paragraph of each document that is closest to the answers ("most_related_para") and the span that is ("answer_docs",
"answer_spans"). A test set has no answers and nothing that is made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import Any, NamedTuple

from ham_mrc.data_prep.dataset import Segment, Source
from ham_mrc.data_prep.fields import all_of, described, field, items, of_kind, question, within
from ham_mrc.data_prep.segment import words_of
from ham_mrc.errors import HamError

COLLECTIONS = ("search", "zhidao")
"""Where DuReader's questions and documents come from; its official program scores the two apart."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's paragraphs as texts and as words.

    `related` is the number of the paragraph that the file calls closest to the answers, -1 where it calls none so.
    With words of the file's own, `title` and `texts` are these joined, and else the original ones.
    """

    title: str
    title_words: Sequence[str]
    texts: Sequence[str]
    paragraphs: Sequence[Sequence[str]]
    selected: bool
    related: int


class Place(NamedTuple):
    """Words `start` to `end`, both inclusive, of paragraph number `paragraph` in document number `document`."""

    document: int
    paragraph: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A record: its texts and their words, and in `facts` what official files repeat of it.

    given   the words are the file's own
    span    where the file says that the closest span stands; None where it does not, or not for these words
    """

    id: str
    text: str
    words: Sequence[str]
    answers: Sequence[str]
    answer_words: Sequence[Sequence[str]]
    documents: Sequence[Document]
    given: bool
    span: Place | None
    facts: dict[str, Any]
    version: str


def read_question(value: Any, source: Source, segment: Segment, *, title: bool) -> Question:
    """The question in one parsed record, cut into words by `segment`; titles are only cut where `title` asks for it.

    Raises HamError, naming the question, for whatever is not as the layout has it.
    """
    record = of_kind(value, dict, source)
    typed = _id(record, source)
    source = question(source, str(typed))
    version = "preprocessed" if "segmented_question" in record else "raw"
    given = segment == "given" and version == "preprocessed"
    text = field(record, "question", str, source)
    words = items(record, "segmented_question", str, source) if given else words_of(text, segment)
    answers = items(record, "answers", str, source) if "answers" in record else []
    documents = [
        _document(document, within(source, f"document {number}"), segment, given, title=title, answered=bool(answers))
        for number, document in enumerate(items(record, "documents", dict, source), 1)
    ]
    return Question(
        id=str(typed),
        text="".join(words) if given else text,
        words=words,
        answers=answers,
        answer_words=_answer_words(record, answers, source) if given else [words_of(text, segment) for text in answers],
        documents=documents,
        given=given,
        span=_span(record, documents, source) if given else None,
        facts={"question_id": typed, **_facts(record, source), "source": _collection(record, source)},
        version=version,
    )


def _id(record: dict[str, Any], source: Source) -> int | str:
    name = record.get("question_id")
    if type(name) is int or (type(name) is str and name):
        return name
    if "question_id" not in record:
        raise HamError(
            'has no "question_id"', file=source.file, place=source.place, remedy="a whole number or a text is due there"
        )
    found = "empty" if name == "" else f"{described(name)} where a whole number or a text is due"
    raise HamError(f'"question_id" is {found}', file=source.file, place=source.place)


def _document(
    document: dict[str, Any], source: Source, segment: Segment, given: bool, *, title: bool, answered: bool
) -> Document:
    texts = items(document, "paragraphs", str, source)
    if given:
        paragraphs = _paragraph_words(document, texts, source)
        texts = ["".join(words) for words in paragraphs]
    else:
        paragraphs = [words_of(text, segment) for text in texts]
    heading, heading_words = _title(document, source, segment, given) if title else ("", [])
    return Document(
        title=heading,
        title_words=heading_words,
        texts=texts,
        paragraphs=paragraphs,
        selected=field(document, "is_selected", bool, source) if answered or "is_selected" in document else False,
        related=_related(document, len(texts), source),
    )


def _title(document: dict[str, Any], source: Source, segment: Segment, given: bool) -> tuple[str, list[str]]:
    if given:
        words = items(document, "segmented_title", str, source)
        return "".join(words), words
    title = field(document, "title", str, source)
    return title, words_of(title, segment)


def _paragraph_words(document: dict[str, Any], texts: list[str], source: Source) -> list[list[str]]:
    paragraphs = _parallel(document, "segmented_paragraphs", "paragraphs", len(texts), source)
    # One look at the kinds of all words; only where one is wrong is it worth knowing in which paragraph.
    if set(map(type, chain.from_iterable(paragraphs))) - {str}:
        for number, words in enumerate(paragraphs, 1):
            all_of(words, str, within(source, f'"segmented_paragraphs" item {number}'), "word")
    return paragraphs


def _answer_words(record: dict[str, Any], answers: list[str], source: Source) -> list[list[str]]:
    if not answers and "segmented_answers" not in record:
        return []
    words = _parallel(record, "segmented_answers", "answers", len(answers), source)
    for number, answer in enumerate(words, 1):
        all_of(answer, str, within(source, f'"segmented_answers" item {number}'), "word")
    return words


def _parallel(owner: dict[str, Any], key: str, other: str, count: int, source: Source) -> list[list[Any]]:
    """The list of lists at `key`, which must have as many items as the one at `other`."""
    found: list[list[Any]] = items(owner, key, list, source)
    if len(found) != count:
        raise HamError(
            f'"{key}" and "{other}" are not parallel ({len(found)} and {count} items)',
            file=source.file,
            place=source.place,
        )
    return found


def _related(document: dict[str, Any], count: int, source: Source) -> int:
    if "most_related_para" not in document:
        return -1
    number = field(document, "most_related_para", int, source)
    if not -1 <= number < count:
        raise HamError(
            f'"most_related_para" is {number}, and the document has {count} paragraphs',
            file=source.file,
            place=source.place,
        )
    return number


def _span(record: dict[str, Any], documents: list[Document], source: Source) -> Place | None:
    """The span that the file has. In a document that is not there it is kept, to be counted as not read.

    Baidu's own programs pass over a record whose "answer_docs" points beyond its documents, as damaged in the data.
    """
    numbers = items(record, "answer_docs", int, source) if "answer_docs" in record else []
    spans: list[list[Any]] = items(record, "answer_spans", list, source) if "answer_spans" in record else []
    if not numbers or not spans:
        return None
    document, span = numbers[0], spans[0]
    all_of(span, int, within(source, '"answer_spans" item 1'), "number")
    if document >= len(documents):
        return Place(document, 0, 0, 0)
    if document < 0:
        raise HamError(f'"answer_docs" holds {document}', file=source.file, place=source.place)
    if documents[document].related < 0:
        return None  # words of a paragraph that the file does not name
    words = documents[document].paragraphs[documents[document].related]
    if len(span) != 2 or not 0 <= span[0] <= span[1] < len(words):
        raise HamError(
            f'"answer_spans" holds {span}',
            file=source.file,
            place=source.place,
            remedy=f"[start, end] within the {len(words)} words of its paragraph is due, both inclusive, from 0",
        )
    return Place(document, documents[document].related, span[0], span[1])


def _facts(record: dict[str, Any], source: Source) -> dict[str, Any]:
    facts: dict[str, Any] = {"question_type": field(record, "question_type", str, source)}
    for key in ("fact_or_opinion", "yesno_type"):
        if key in record:
            facts[key] = field(record, key, str, source)
    if "yesno_answers" in record:
        facts["yesno_answers"] = items(record, "yesno_answers", str, source)
    if "entity_answers" in record:
        facts["entity_answers"] = items(record, "entity_answers", list, source)
        for number, entities in enumerate(facts["entity_answers"], 1):
            all_of(entities, str, within(source, f'"entity_answers" item {number}'), "entity")
    return facts


def _collection(record: dict[str, Any], source: Source) -> str:
    """Search or zhidao: as the record says, else as the file is named; official files are named so."""
    if "source" in record:
        return field(record, "source", str, source)
    named = [name for name in COLLECTIONS if name in PurePath(source.file).name]
    return named[0] if len(named) == 1 else "unknown"
