"""Records with something wrong in them: refused with the place in one line, or dropped and counted with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from broken_inputs import FORMATS, MISSING, Workplace

QAS: tuple[Any, ...] = ("data", 1, "paragraphs", 0, "qas")
ANSWER = (*QAS, 2, "answers", 0)
NESTED: list[Any] = [[["x"]]]

REFUSED: list[tuple[str, tuple[Any, ...], str]] = [
    ("squad", ("data", MISSING), 'has no "data"; a list is due there'),
    ("squad", ("data", None), '"data" is null where a list is due'),
    ("squad", ("data", {}), '"data" is an object where a list is due'),
    ("squad", ("data", []), "holds no questions"),
    ("squad", ("data", 1, None), "article 2: is null where an object is due"),
    ("squad", ("data", 1, "title", 5), 'article 2, "title": is a whole number where a text is due'),
    ("squad", ("data", 1, "paragraphs", MISSING), 'article 2: has no "paragraphs"; a list is due there'),
    ("squad", ("data", 1, "paragraphs", "x"), 'article 2: "paragraphs" is a text where a list is due'),
    ("squad", ("data", 1, "paragraphs", [[]]), "article 2, paragraph 1: is a list where an object is due"),
    (
        "squad",
        ("data", 1, "paragraphs", 0, "context", None),
        'article 2, paragraph 1: "context" is null where a text is due',
    ),
    ("squad", (*QAS[:-1], "qas", MISSING), 'article 2, paragraph 1: has no "qas"; a list is due there'),
    ("squad", (*QAS, None), 'article 2, paragraph 1: "qas" is null where a list is due'),
    ("squad", (*QAS, 2, True), "article 2, paragraph 1, question 3: is true where an object is due"),
    (
        "squad",
        (*QAS, 2, "id", MISSING),
        'article 2, paragraph 1, question 3: has no "id"; a text is due there',
    ),
    (
        "squad",
        (*QAS, 2, "id", 7),
        'article 2, paragraph 1, question 3: "id" is a whole number where a text is due',
    ),
    ("squad", (*QAS, 2, "id", ""), 'article 2, paragraph 1, question 3: "id" is empty'),
    ("squad", (*QAS, 2, "question", MISSING), 'question b2: has no "question"; a text is due there'),
    ("squad", (*QAS, 2, "question", NESTED), 'question b2: "question" is a list where a text is due'),
    ("squad", (*QAS, 2, "answers", None), 'question b2, "answers": is null where a list is due'),
    ("squad", (*QAS, 2, "answers", {"text": "x"}), 'question b2, "answers": is an object where a list is due'),
    (
        "squad",
        (*QAS, 2, "is_impossible", 1),
        'question b2: "is_impossible" is a whole number where true or false is due',
    ),
    ("squad", (*ANSWER, "6650"), "question b2, answer 1: is a text where an object is due"),
    ("squad", (*ANSWER, "text", MISSING), 'question b2, answer 1: has no "text"; a text is due there'),
    ("squad", (*ANSWER, "text", False), 'question b2, answer 1: "text" is false where a text is due'),
    (
        "squad",
        (*ANSWER, "answer_start", MISSING),
        'question b2, answer 1: has no "answer_start"; a whole number is due there',
    ),
    (
        "squad",
        (*ANSWER, "answer_start", "12"),
        'question b2, answer 1: "answer_start" is a text where a whole number is due',
    ),
    (
        "squad",
        (*ANSWER, "answer_start", 12.0),
        'question b2, answer 1: "answer_start" is the number 12.0 where a whole number is due',
    ),
    (
        "squad",
        (*ANSWER, "answer_start", True),
        'question b2, answer 1: "answer_start" is true where a whole number is due',
    ),
    (
        "squad",
        (*ANSWER, "answer_start", float("nan")),
        'question b2, answer 1: "answer_start" is the number nan where a whole number is due',
    ),
    (
        "squad",
        (*ANSWER, "answer_start", float("-inf")),
        'question b2, answer 1: "answer_start" is the number -inf where a whole number is due',
    ),
    (
        "cmrc",
        (1, "context_text", MISSING),
        'article 2: has neither "paragraphs" (as in SQuAD) nor "context_text" (as in CMRC)',
    ),
    ("cmrc", (1, "context_text", []), 'article 2: "context_text" is a list where a text is due'),
    ("cmrc", (1, "qas", None), 'article 2: "qas" is null where a list is due'),
    ("cmrc", (1, "qas", 2, None), "article 2, question 3: is null where an object is due"),
    ("cmrc", (1, "qas", 2, "query_id", 3.5), 'article 2, question 3: "query_id" is the number 3.5 where a text is due'),
    ("cmrc", (1, "qas", 2, "query_text", None), 'question D1Q2: "query_text" is null where a text is due'),
    ("cmrc", (1, "qas", 2, "answers", "河"), 'question D1Q2, "answers": is a text where a list is due'),
    ("cmrc", (1, "qas", 2, "answers", 1, ["河"]), "question D1Q2, answer 2: is a list where a text is due"),
    ("cmrc", (1, "qas", 2, "answers", 1, {}), "question D1Q2, answer 2: is an object where a text is due"),
    ("cmrc as squad", (*ANSWER, "河"), "question b2, answer 1: is a text where an object is due"),
    ("cmrc as squad", (*ANSWER, "text", {}), 'question b2, answer 1: "text" is an object where a text is due'),
    (
        "cmrc as squad",
        (*ANSWER, "answer_start", 1.5),
        'question b2, answer 1: "answer_start" is the number 1.5 where a whole number is due',
    ),
    ("dureader", (4, None), "line 5: is null where an object is due"),
    ("dureader", (4, "question_id", None), 'line 5: "question_id" is null where a whole number or a text is due'),
    ("dureader", (4, "question_id", ""), 'line 5: "question_id" is empty'),
    ("dureader", (4, "question", 5), 'question 4: "question" is a whole number where a text is due'),
    ("dureader", (4, "question_type", MISSING), 'question 4: has no "question_type"; a text is due there'),
    ("dureader", (4, "documents", None), 'question 4: "documents" is null where a list is due'),
    ("dureader", (4, "documents", 0, []), 'question 4, "documents" item 1: is a list where an object is due'),
    (
        "dureader",
        (4, "documents", 0, "paragraphs", None),
        'question 4, document 1: "paragraphs" is null where a list is due',
    ),
    (
        "dureader",
        (4, "documents", 0, "segmented_paragraphs", []),
        'question 4, document 1: "segmented_paragraphs" and "paragraphs" are not parallel (0 and 1 items)',
    ),
    (
        "dureader",
        (4, "documents", 0, "segmented_paragraphs", 0, 1, NESTED),
        'question 4, document 1, "segmented_paragraphs" item 1, word 2: is a list where a text is due',
    ),
    (
        "dureader",
        (4, "documents", 0, "most_related_para", 9),
        'question 4, document 1: "most_related_para" is 9, and the document has 1 paragraphs',
    ),
    ("dureader", (4, "answers", 0, None), 'question 4, "answers" item 1: is null where a text is due'),
    (
        "dureader",
        (4, "answer_spans", [[2, 4]]),
        'question 4: "answer_spans" holds [2, 4]; '
        "[start, end] within the 4 words of its paragraph is due, both inclusive, from 0",
    ),
    ("dureader", (4, "answer_docs", [-1]), 'question 4: "answer_docs" holds -1'),
    ("msmarco 1.1", (4, []), "line 5: is a list where an object is due"),
    ("msmarco 1.1", (4, "query_id", MISSING), 'line 5: has no "query_id"; a whole number is due there'),
    ("msmarco 1.1", (4, "query_id", 1.5), 'line 5: "query_id" is the number 1.5 where a whole number is due'),
    ("msmarco 1.1", (4, "query_id", ""), 'line 5: "query_id" is empty'),
    ("msmarco 1.1", (4, "query", None), 'question 4: "query" is null where a text is due'),
    ("msmarco 1.1", (4, "query_type", {}), 'question 4, "query_type": is an object where a text is due'),
    ("msmarco 1.1", (4, "passages", {}), 'question 4: "passages" is an object where a list is due'),
    ("msmarco 1.1", (4, "passages", 1, "x"), 'question 4, "passages" item 2: is a text where an object is due'),
    (
        "msmarco 1.1",
        (4, "passages", 1, "passage_text", MISSING),
        'question 4, passage 2: has no "passage_text"; a text is due there',
    ),
    (
        "msmarco 1.1",
        (4, "passages", 1, "is_selected", float("inf")),
        'question 4, passage 2: "is_selected" is the number inf where 0 or 1 is due',
    ),
    ("msmarco 1.1", (4, "answers", "long"), 'question 4: "answers" is a text where a list is due'),
    ("msmarco 1.1", (4, "answers", [3]), 'question 4, "answers" item 1: is a whole number where a text is due'),
    ("msmarco 2.1", ("passages", MISSING), 'has no "passages"; an object is due there'),
    ("msmarco 2.1", ("query", []), '"query" is a list where an object is due'),
    ("msmarco 2.1", ("query_id", None), '"query_id" is null where an object is due'),
    ("msmarco 2.1", ("query", "4", MISSING), '"query": has no row "4"; "query_id" has it'),
    ("msmarco 2.1", ("query_id", "4", MISSING), '"query_id": has no row "4"; "query" has it'),
    ("msmarco 2.1", ("answers", "5", MISSING), '"answers": has no row "5"; "query_id" has it'),
    ("msmarco 2.1", ("answers", "6", []), '"query_id": has no row "6"; "answers" has it'),
    ("msmarco 2.1", ("query_id", "4", None), 'row "4": "query_id" is null where a whole number is due'),
    ("msmarco 2.1", ("passages", "4", 3), 'question 4: "passages" is a whole number where a list is due'),
    ("msmarco 2.1", ("query", "4", NESTED), 'question 4: "query" is a list where a text is due'),
]


@pytest.mark.parametrize(("name", "steps", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_faulty_record_is_named(workplace: Workplace, name: str, steps: tuple[Any, ...], expected: str) -> None:
    found = workplace.refused(FORMATS[name].dataset, FORMATS[name].data(*steps))
    assert found in (f"f.json: {expected}", f"f.json, {expected}")


COUNTED: list[tuple[str, tuple[Any, ...], dict[str, int]]] = [
    ("squad", (*QAS, 2, "id", "b1"), {"duplicate_id": 1}),
    ("squad", (*QAS, 2, "question", " \u3000\n"), {"empty_question": 1}),
    ("squad", ("data", 1, "paragraphs", 0, "context", ""), {"empty_passage": 4}),
    ("squad", (*QAS, 2, "answers", []), {"no_answer": 1}),
    ("squad", (*QAS, 2, "answers", MISSING), {"no_answer": 1}),
    ("squad", (*ANSWER, "text", ""), {"no_answer": 1}),
    ("squad", (*ANSWER, "text", " "), {"text_not_at_offset": 1}),
    ("squad", (*ANSWER, "text", "Rhine"), {"text_not_at_offset": 1}),
    ("squad", (*QAS, 2, "answers", [{"text": "Rhine", "answer_start": -1}]), {"no_offset": 1}),
    ("squad", (*QAS, 2, "answers", [{"text": "Rhine", "answer_start": 58}]), {"text_not_at_offset": 1}),
    ("squad", (*QAS, 2, "answers", [{"text": "Rhine", "answer_start": 59}]), {"past_the_end": 1}),
    ("squad", (*QAS, 2, "answers", [{"text": "Rhine", "answer_start": 2**64 - 1}]), {"past_the_end": 1}),
    ("squad", (*QAS, 2, "answers", [{"text": "the", "answer_start": 99}]), {}),
    ("squad", (*QAS, 2, "answers", [{"text": "e", "answer_start": 99}]), {"past_the_end": 1}),
    ("squad", (*QAS, []), {}),
    ("squad", ("data", 1, "paragraphs", []), {}),
    ("cmrc", (1, "qas", 2, "query_id", "D0Q0"), {"duplicate_id": 1}),
    ("cmrc", (1, "context_text", " "), {"empty_passage": 3}),
    ("cmrc", (1, "qas", 2, "answers", []), {"no_answer": 1}),
    ("cmrc", (1, "qas", 2, "answers", [None]), {"no_offset": 1}),
    ("cmrc", (1, "qas", 2, "answers", ["6"]), {"ambiguous": 1}),
    ("cmrc", (1, "qas", 2, "answers", [6650]), {}),
    ("cmrc as squad", (*QAS, 2, "answers", [{"text": "e"}]), {"ambiguous": 1}),
    ("dureader", (4, "question_id", 1), {"duplicate_id": 1}),
    ("dureader", (4, "question_id", "1"), {"duplicate_id": 1}),
    ("dureader", (4, "segmented_question", []), {"empty_question": 1}),
    ("dureader", (4, "documents", []), {"empty_passage": 1}),
    ("dureader", (4, "answer_docs", [3]), {"other_paragraph": 1}),
    ("dureader", (4, "answer_spans", []), {}),
    ("msmarco 1.1", (4, "query_id", 1), {"duplicate_id": 1}),
    ("msmarco 1.1", (4, "query", ""), {"empty_question": 1}),
    ("msmarco 1.1", (4, "passages", []), {"empty_passage": 1}),
    ("msmarco 1.1", (4, "answers", []), {"impossible": 1}),
    ("msmarco 1.1", (4, "answers", MISSING), {"no_answer": 1}),
    ("msmarco 1.1", (4, "answers", ["Danube"]), {"no_common_token": 1}),
    ("msmarco 1.1", (4, "answers", ["yes"]), {"yes_no": 1}),
    ("msmarco 2.1", ("query_id", "4", 1), {"duplicate_id": 1}),
    ("msmarco 2.1", ("passages", "4", []), {"empty_passage": 1}),
    ("msmarco 2.1", ("answers", "4", ["No Answer Present."]), {"impossible": 1}),
]


@pytest.mark.parametrize(("name", "steps", "dropped"), COUNTED, ids=range(len(COUNTED)))
def test_faulty_record_is_counted(
    workplace: Workplace, name: str, steps: tuple[Any, ...], dropped: dict[str, int]
) -> None:
    """Read as training, which drops what it cannot learn from."""
    assert workplace.train(name, FORMATS[name].data(*steps))["dropped"] == dropped
