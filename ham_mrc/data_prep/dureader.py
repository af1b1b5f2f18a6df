"""DuReader 2.0, raw and preprocessed, search and zhidao: JSON Lines, a question with its documents on each line.

dureader_record.py knows the layout. Here a question becomes an example: one passage for each document, a paragraph of
it or some joined, the span that comes closest to the answers, and what official files repeat of the question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ham_mrc.data_prep.dataset import Dataset, Reading, ReferenceFormat, Segment, Source
from ham_mrc.data_prep.dureader_record import Document, Place, Question, read_question
from ham_mrc.data_prep.json_stream import cut_lines
from ham_mrc.data_prep.matching import best_f1_span, token_f1
from ham_mrc.data_prep.paragraphs import (
    SEPARATOR,
    Passage,
    begin_of,
    closest_to_answers,
    closest_to_question,
    one_paragraph,
    top_paragraphs,
)
from ham_mrc.data_prep.segment import tokens_of, words_of
from ham_mrc.data_prep.spans import Label, Reason, label_by_offset
from ham_mrc.files import to_json
from ham_mrc.records import Answer, Example, Words
from ham_mrc.text import TokenSequence

_SEARCHED_WORDS = 1000
"""The best span is looked for in so many first words of a paragraph, as in Baidu's program."""


def examples(value: Any, source: Source, reading: Reading, training: bool) -> Iterator[Example]:
    """The one example of a parsed line. Raises HamError, naming the question, where the layout is not DuReader's.

    In training, the paragraph read of a document is the one closest to the answers, else the one closest to the
    question: nobody knows the answers when questions are asked. `gold` is the file's own span or, in training,
    where it has none, the best one in the selected documents; without an offset where its paragraph is not read.
    """
    question = read_question(value, source, reading.segment, title=reading.paragraphs == "top")
    answered = training and bool(question.answers)
    numbers = _closest(question, answers=True) if answered else []
    span = question.span or (_best_span(question, numbers) if answered else None)
    kept = question.documents[: reading.passages or None]
    if reading.paragraphs == "top":
        passages = _top(question, kept, span if training else None)
    else:
        numbers = numbers or _closest(question, answers=False)
        passages = [_one(document, number) for document, number in zip(kept, numbers, strict=False)]
    yield Example(
        id=question.id,
        question=question.text,
        passages=tuple([passage.text for passage in passages]),
        answers=tuple([Answer(text) for text in question.answers]),
        gold=_gold(question, span, passages, reading.segment) if span else None,
        selected=tuple([number for number, document in enumerate(kept) if document.selected]),
        words=_words(question, passages) if question.given else None,
        facts=question.facts,
        version=question.version,
    )


def _closest(question: Question, *, answers: bool) -> list[int]:
    """For each document the number of the paragraph closest to the answers or to the question; -1 if it has none."""
    words = Counter(question.words)
    answer_words = [Counter(answer) for answer in question.answer_words] if answers else []

    def closest(document: Document) -> int:
        if not document.paragraphs:
            return -1
        if not answers:
            return closest_to_question(document.paragraphs, words)
        return document.related if document.related >= 0 else closest_to_answers(document.paragraphs, answer_words)

    return [closest(document) for document in question.documents]


def _best_span(question: Question, numbers: Sequence[int]) -> Place | None:
    """The span of best F1 against any answer, in the paragraphs `numbers` of the selected documents."""
    searched = [
        (place, number) for place, number in enumerate(numbers) if question.documents[place].selected and number >= 0
    ]
    words = [question.documents[place].paragraphs[number][:_SEARCHED_WORDS] for place, number in searched]
    match = best_f1_span(words, question.answer_words)
    return Place(*searched[match.passage], match.start, match.end) if match else None


def _one(document: Document, number: int) -> Passage:
    return one_paragraph(document.texts, document.paragraphs, number) if number >= 0 else Passage("", (), ())


def _top(question: Question, documents: Sequence[Document], span: Place | None) -> list[Passage]:
    """A passage of joined paragraphs for each document, among them in any case the one that holds `span`."""
    words = Counter(question.words)
    return [
        top_paragraphs(
            (document.title, document.title_words),
            document.texts,
            document.paragraphs,
            words,
            span.paragraph if span and span.document == number else None,
        )
        for number, document in enumerate(documents)
    ]


def _gold(question: Question, span: Place, passages: Sequence[Passage], segment: Segment) -> Answer:
    """The text of the best span, and where it begins in the passage that is read of its document, if it is read."""
    if span.document >= len(question.documents):
        return Answer("")
    document = question.documents[span.document]
    char_start, char_end = _characters(document, span, question.given, segment)
    text = document.texts[span.paragraph][char_start:char_end]
    if span.document >= len(passages):
        return Answer(text)
    begin = begin_of(passages[span.document], document.paragraphs, span.paragraph)
    return Answer(text) if begin is None else Answer(text, begin + char_start, span.document)


def _characters(document: Document, span: Place, given: bool, segment: Segment) -> tuple[int, int]:
    """The characters of a span in its paragraph, half open."""
    if given:
        words = document.paragraphs[span.paragraph]
        char_start = len("".join(words[: span.start]))
        return char_start, char_start + len("".join(words[span.start : span.end + 1]))
    tokens = tokens_of(document.texts[span.paragraph], None, segment)
    return tokens.char_starts[span.start], tokens.char_ends[span.end]


def _words(question: Question, passages: Sequence[Passage]) -> Words:
    return Words(
        tuple(question.words),
        tuple([passage.words for passage in passages]),
        tuple([tuple(answer) for answer in question.answer_words]),
    )


def label(example: Example, tokens: Sequence[TokenSequence], kept: Sequence[int], reading: Reading) -> Label | Reason:
    """The tokens of the example's gold span, else of the span of best F1 in what is kept of its selected passages.

    `match` is the F1 against the closest answer, below which `reading.min_match` drops it, and `answer` is the number
    of that answer.
    """
    if not any(answer.text.strip() for answer in example.answers):
        return Reason.NO_ANSWER
    if example.gold is not None and example.gold.char_start is None:
        return Reason.OTHER_PARAGRAPH
    if example.gold is None and not example.selected:
        return Reason.NOT_SELECTED
    answers = _answer_words(example, reading.segment)
    found = (
        _searched(example, tokens, kept, answers) if example.gold is None else label_by_offset(example, tokens, kept)
    )
    if isinstance(found, Reason):
        return found
    words = tokens[found.passage].words[found.start : found.end + 1]
    scores = [token_f1(words, Counter(answer)) for answer in answers]
    found = found._replace(match=max(scores), answer=scores.index(max(scores)))
    return Reason.BELOW_MIN_MATCH if found.match < reading.min_match else found


def _answer_words(example: Example, segment: Segment) -> Sequence[Sequence[str]]:
    if example.words is not None:
        # DuReader's words of white space are no tokens (segment.py), so they are none here either.
        return [[word for word in words if not word.isspace()] for words in example.words.answers]
    return [words_of(answer.text, segment) for answer in example.answers]


def _searched(
    example: Example, tokens: Sequence[TokenSequence], kept: Sequence[int], answers: Sequence[Sequence[str]]
) -> Label | Reason:
    match = best_f1_span([tokens[number].words[: kept[number]] for number in example.selected], answers)
    if match is None:
        return Reason.NO_COMMON_TOKEN
    return Label(example.selected[match.passage], match.start, match.end)


def references(questions: Sequence[Example]) -> bytes:
    """A line for each question as the official program of DuReader 2.0 reads references."""
    return b"".join([to_json(_reference(example)) for example in questions])


def _reference(example: Example) -> dict[str, Any]:
    facts = example.facts
    return {
        "question_id": facts["question_id"],
        "question_type": facts["question_type"],
        "answers": [answer.text for answer in example.answers],
        "yesno_answers": facts.get("yesno_answers", []),
        "entity_answers": facts.get("entity_answers") or [[]],  # that program wants one list at least
        "source": facts["source"],
    }


def prediction(facts: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """A line of the official prediction file, as Baidu's baseline writes it: it says no more than the answer."""
    return {
        "question_id": facts["question_id"],
        "question_type": facts["question_type"],
        "answers": [answer.replace(SEPARATOR, "")],
        "yesno_answers": [],
        "entity_answers": [[]],
    }


DUREADER = Dataset(
    cut=cut_lines,
    examples=examples,
    label=label,
    references=ReferenceFormat(name="references.jsonl", fragment=references),
    prediction=prediction,
    reading=Reading(layout="separate", passages=5, segment="given", paragraphs="best", match="f1", min_match=0.0),
    options=("layout", "passages", "segment", "paragraphs", "min_match"),
    trains_apart=True,
    marks=("documents",),
    passage_tokens=500,
    question_tokens=60,
)
