"""What is wrong with a record of DuReader, in one line that names the file, the place and what is due there."""

from __future__ import annotations

from typing import Any

import pytest

from ham_mrc.data_prep.dataset import Source
from ham_mrc.data_prep.dureader import DUREADER
from ham_mrc.errors import HamError

MISSING = object()


def question(**changes: Any) -> dict[str, Any]:
    """A good preprocessed question, changed; the value MISSING takes a key away."""
    good = {
        "question_id": 7,
        "question": "多长",
        "segmented_question": ["多", "长"],
        "question_type": "DESCRIPTION",
        "documents": [document()],
        "answers": ["6671公里"],
        "segmented_answers": [["6671", "公里"]],
        "answer_docs": [0],
        "answer_spans": [[1, 2]],
        **changes,
    }
    return {key: value for key, value in good.items() if value is not MISSING}


def document(**changes: Any) -> dict[str, Any]:
    """A good preprocessed document, changed."""
    good = {
        "title": "长",
        "segmented_title": ["长"],
        "paragraphs": ["长6671公里"],
        "segmented_paragraphs": [["长", "6671", "公里"]],
        "is_selected": True,
        "most_related_para": 0,
        **changes,
    }
    return {key: value for key, value in good.items() if value is not MISSING}


def with_document(**changes: Any) -> dict[str, Any]:
    return question(documents=[document(), document(**changes)])


def fault(value: Any) -> str:
    source = Source("train.json", "line 7")
    with pytest.raises(HamError) as caught:
        list(DUREADER.examples(value, source, DUREADER.reading, True))
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "line 7: is a list where an object is due"),
        (None, "line 7: is null where an object is due"),
        (question(question_id=MISSING), 'line 7: has no "question_id"; a whole number or a text is due there'),
        (question(question_id=None), 'line 7: "question_id" is null where a whole number or a text is due'),
        (question(question_id=True), 'line 7: "question_id" is true where a whole number or a text is due'),
        (question(question_id=7.5), 'line 7: "question_id" is the number 7.5 where a whole number or a text is due'),
        (question(question_id=""), 'line 7: "question_id" is empty'),
        (question(question=MISSING), 'question 7: has no "question"; a text is due there'),
        (question(question_id="x" * 900, question=1), f'question {"x" * 60}...: "question" is a whole number where'),
        (question(question_type=MISSING), 'question 7: has no "question_type"; a text is due there'),
        (question(fact_or_opinion=None), 'question 7: "fact_or_opinion" is null where a text is due'),
        (question(yesno_type=[]), 'question 7: "yesno_type" is a list where a text is due'),
        (question(source=5), 'question 7: "source" is a whole number where a text is due'),
        (question(segmented_question="多"), 'question 7: "segmented_question" is a text where a list is due'),
        (question(segmented_question=[3]), 'question 7, "segmented_question" item 1: is a whole number where a text'),
        (question(documents=MISSING), 'question 7: has no "documents"; a list is due there'),
        (question(documents=None), 'question 7: "documents" is null where a list is due'),
        (question(documents=[document(), []]), 'question 7, "documents" item 2: is a list where an object is due'),
        (question(answers=None), 'question 7: "answers" is null where a list is due'),
        (question(answers=[None]), 'question 7, "answers" item 1: is null where a text is due'),
        (question(segmented_answers=MISSING), 'question 7: has no "segmented_answers"; a list is due there'),
        (
            question(segmented_answers=[]),
            'question 7: "segmented_answers" and "answers" are not parallel (0 and 1 items)',
        ),
        (
            question(segmented_answers=["6671"]),
            'question 7, "segmented_answers" item 1: is a text where a list is due',
        ),
        (
            question(segmented_answers=[["6671", None]]),
            'question 7, "segmented_answers" item 1, word 2: is null where a text is due',
        ),
        (question(yesno_answers=None), 'question 7: "yesno_answers" is null where a list is due'),
        (question(yesno_answers=[[]]), 'question 7, "yesno_answers" item 1: is a list where a text is due'),
        (question(entity_answers=["a"]), 'question 7, "entity_answers" item 1: is a text where a list is due'),
        (
            question(entity_answers=[["a", 1]]),
            'question 7, "entity_answers" item 1, entity 2: is a whole number where a text is due',
        ),
        (with_document(paragraphs=MISSING), 'question 7, document 2: has no "paragraphs"; a list is due there'),
        (with_document(paragraphs=None), 'question 7, document 2: "paragraphs" is null where a list is due'),
        (
            with_document(paragraphs=[{}]),
            'question 7, document 2, "paragraphs" item 1: is an object where a text is due',
        ),
        (
            with_document(segmented_paragraphs=MISSING),
            'question 7, document 2: has no "segmented_paragraphs"; a list is due there',
        ),
        (
            with_document(segmented_paragraphs=[["长"], ["长"]]),
            'question 7, document 2: "segmented_paragraphs" and "paragraphs" are not parallel (2 and 1 items)',
        ),
        (
            with_document(segmented_paragraphs=["长"]),
            'question 7, document 2, "segmented_paragraphs" item 1: is a text where a list is due',
        ),
        (
            with_document(segmented_paragraphs=[["长", ["6671"]]]),
            'question 7, document 2, "segmented_paragraphs" item 1, word 2: is a list where a text is due',
        ),
        (with_document(is_selected=MISSING), 'question 7, document 2: has no "is_selected"; true or false is due'),
        (with_document(is_selected=1), 'question 7, document 2: "is_selected" is a whole number where true or false'),
        (with_document(most_related_para=None), 'question 7, document 2: "most_related_para" is null where a whole'),
        (
            with_document(most_related_para=1),
            'question 7, document 2: "most_related_para" is 1, and the document has 1 paragraphs',
        ),
        (
            with_document(most_related_para=-2),
            'question 7, document 2: "most_related_para" is -2, and the document has 1 paragraphs',
        ),
        (question(answer_docs=None), 'question 7: "answer_docs" is null where a list is due'),
        (question(answer_docs=[-1]), 'question 7: "answer_docs" holds -1'),
        (question(answer_docs=["0"]), 'question 7, "answer_docs" item 1: is a text where a whole number is due'),
        (question(answer_spans=[3]), 'question 7, "answer_spans" item 1: is a whole number where a list is due'),
        (
            question(answer_spans=[[1, None]]),
            'question 7, "answer_spans" item 1, number 2: is null where a whole number is due',
        ),
    ],
)
def test_fault_is_named_with_its_place(value: Any, expected: str) -> None:
    assert fault(value).startswith(f"train.json, {expected}")


@pytest.mark.parametrize("span", [[1, 3], [-1, 2], [2, 1], [1], [1, 2, 3], []])
def test_span_outside_its_paragraph(span: list[int]) -> None:
    assert fault(question(answer_spans=[span])) == (
        f'train.json, question 7: "answer_spans" holds {span}; '
        "[start, end] within the 3 words of its paragraph is due, both inclusive, from 0"
    )
