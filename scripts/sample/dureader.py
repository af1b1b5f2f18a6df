"""Queries as DuReader 2.0 has them after preprocessing: words, and the answer as a span of words."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from sample.records import Passage
from sample.segment import Segmenter
from sample.several import Query

TOLD = 1
"""The paragraph that tells: a document is the opening sentence of a passage, and then all the rest."""


def record(query: Query, segmenter: Segmenter) -> dict[str, Any]:
    """One line of the file. Of the two human answers the first is a sentence, the second is word for word the span."""
    answer = query.question.answers[0].text
    answers = [query.sentence, answer]
    segmented = [segmenter.words(text) for text in answers]
    documents = [
        _document(passage, i, i == query.right, segmented, segmenter) for i, passage in enumerate(query.passages)
    ]
    span = _span(query, documents[query.right]["segmented_paragraphs"][TOLD], segmenter)
    return {
        "documents": documents,
        "answer_spans": [list(span)],
        "fake_answers": [answer],
        "question": query.question.text,
        "segmented_answers": segmented,
        "answers": answers,
        "answer_docs": [query.right],
        "segmented_question": segmenter.words(query.question.text),
        "question_type": "ENTITY",
        "question_id": query.number,
        "fact_or_opinion": "FACT",
        "match_scores": [1.0],
        "entity_answers": [[answer], [answer]],
    }


def _document(
    passage: Passage, rank: int, selected: bool, answers: list[list[str]], segmenter: Segmenter
) -> dict[str, Any]:
    paragraphs = _paragraphs(passage)
    segmented = [segmenter.words(text, _borders(passage) if i == TOLD else ()) for i, text in enumerate(paragraphs)]
    return {
        "is_selected": selected,
        "title": passage.title,
        "most_related_para": _most_related(segmented, answers),
        "segmented_title": segmenter.words(passage.title),
        "segmented_paragraphs": segmented,
        "paragraphs": paragraphs,
        "bs_rank_pos": rank,
    }


def _paragraphs(passage: Passage) -> list[str]:
    return [passage.sentences[0], "".join(passage.sentences[1:])]


def _borders(passage: Passage) -> set[int]:
    """Where words must begin or end in the second paragraph, so that every answer is a span of whole words."""
    offset = len(passage.sentences[0])
    names = [(fact.name_start, fact.entity.name.text) for fact in passage.facts]
    values = [(fact.value_start, fact.value.text) for fact in passage.facts]
    return {border - offset for start, text in names + values for border in (start, start + len(text))}


def _most_related(paragraphs: list[list[str]], answers: list[list[str]]) -> int:
    """The first paragraph with the best word recall of an answer, -1 where none holds a word of one."""
    recalls = [max(sum(word in words for word in answer) / len(answer) for answer in answers) for words in paragraphs]
    return recalls.index(max(recalls)) if max(recalls) else -1


def _span(query: Query, words: list[str], segmenter: Segmenter) -> tuple[int, int]:
    """First and last word, inclusive, of the answer in the telling paragraph; word for word the answer as written."""
    passage, answer = query.passages[query.right], query.question.answers[0]
    begin = answer.start - len(passage.sentences[0])
    ends = list(accumulate(map(len, words)))
    first = next(i for i, end in enumerate(ends) if end > begin)
    last = ends.index(begin + len(answer.text))
    assert words[first : last + 1] == segmenter.words(answer.text), answer.text
    return first, last
