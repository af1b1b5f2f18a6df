"""Odd DuReader records: taken as the official program takes them, and an error line where it stops."""

from __future__ import annotations

from typing import Any

import pytest
import slow_dureader
from dureader_lines import assert_equal, judge, line, yes_no

from ham_mrc.errors import HamError

ODD = [
    (["甲乙"], "甲乙"),  # a bare text: its first character
    ("甲乙", ["乙"]),
    ([["北京", "市"]], [["北京", " ", "市"]]),  # a list of words is one text of words
    ([["New York", "市"]], ["New York市"]),
    (["甲", ["甲\u3000乙"]], [["甲", "乙"]]),
    ([["", " "]], [[]]),
    (["甲"], [{"甲": 1}]),
    ({"甲": 1}, ["甲"]),
]


@pytest.mark.parametrize(("references", "prediction"), ODD)
@pytest.mark.parametrize("task", ["main", "description", "all"])
def test_odd_answers_that_the_official_program_takes(references: Any, prediction: Any, task: str) -> None:
    due = slow_dureader.evaluate([line(1, references)], [line(1, prediction)], task)
    assert_equal(judge([line(1, references)], [line(1, prediction)], task), due)


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in line(1, ["甲"]).items() if name != field}


GOOD = [line(1, ["甲"])]
FAULTS = [
    ("main", GOOD, [line(1, None)], "preds.jsonl, question 1: 'answers' is null, where"),
    ("main", GOOD, [line(1, 5)], "preds.jsonl, question 1: 'answers' is a number, where"),
    ("main", GOOD, [line(1, [None])], "preds.jsonl, question 1: 'answers' holds null, where"),
    ("main", GOOD, [line(1, [True])], "preds.jsonl, question 1: 'answers' holds true or false, where"),
    ("main", GOOD, [line(1, [["甲", 7]])], "preds.jsonl, question 1: 'answers' holds a list, where"),
    ("main", GOOD, [line(1, {"甲": 1})], "preds.jsonl, question 1: 'answers' is an object, where"),
    ("main", [line(1, ["甲", 3])], GOOD, "refs.jsonl, question 1: 'answers' holds a number, where"),
    ("main", [line(1, 3)], GOOD, "refs.jsonl, question 1: 'answers' is a number, where"),
    ("main", [line(1, [])], [line(1, [None])], "preds.jsonl, question 1: 'answers' holds null"),
    ("yesno", [yes_no(1, Yes=["是"])], [yes_no(1, Maybe=["是"])], "preds.jsonl, question 1: the answer is labelled"),
    ("all", [yes_no(1, Yes=["是"])], [yes_no(1, None_=["是"])], "labels are Yes, No, Depends"),
    ("yesno", [yes_no(1, Yes=["是"])], [yes_no(1, Yes=[3])], "preds.jsonl, question 1: 'answers' holds a number"),
    ("yesno", [line(1, None, "YES_NO")], [], "refs.jsonl, question 1: 'answers' is null"),
    (
        "yesno",
        [line(1, ["是"], "YES_NO", yesno_answers=[1])],
        [],
        "refs.jsonl, question 1: a label in 'yesno_answers' is a number, not a text",
    ),
    (
        "entity",
        GOOD,
        [line(1, ["甲"], entity_answers=[[], []])],
        "question 1: 'entity_answers' of a prediction holds 2",
    ),
    ("entity", GOOD, [line(1, ["甲"], entity_answers=[None])], "question 1: 'entity_answers' holds null, not a list"),
    ("entity", GOOD, [line(1, ["甲"], entity_answers=[[["a"]]])], "preds.jsonl, question 1: an entity is a list"),
    (
        "entity",
        [line(1, ["甲"], entity_answers=[3])],
        GOOD,
        "refs.jsonl, question 1: 'entity_answers' of the references",
    ),
    ("main", GOOD, GOOD * 2, "preds.jsonl, entry 2: has question 1 a second time"),
    ("main", GOOD * 2, GOOD, "refs.jsonl, entry 2: has question 1 a second time"),
    ("main", GOOD, [without("question_id")], "preds.jsonl, entry 1: has no 'question_id'"),
    ("main", GOOD, [without("question_type")], "preds.jsonl, entry 1, question 1: has no 'question_type'"),
    ("main", GOOD, [without("yesno_answers")], "preds.jsonl, entry 1, question 1: has no 'yesno_answers'"),
    ("main", GOOD, [without("entity_answers")], "preds.jsonl, entry 1, question 1: has no 'entity_answers'"),
    ("main", GOOD, [without("answers")], "preds.jsonl, entry 1, question 1: has no 'answers'"),
    ("main", [without("source")], GOOD, "refs.jsonl, entry 1, question 1: has no 'source'"),
    ("main", [without("answers")], GOOD, "refs.jsonl, entry 1, question 1: has no 'answers'"),
    ("main", GOOD, [line(1, ["甲"], yesno_answers=None)], "question 1: 'yesno_answers' is null, not a list"),
    ("main", GOOD, [line(1, ["甲"], entity_answers="甲")], "question 1: 'entity_answers' is a text, not a list"),
    ("main", GOOD, [line(1, ["甲"], entity_answers=[])], "question 1: 'entity_answers' is empty; a question without"),
    ("main", GOOD, [line(9, ["甲"], entity_answers=[])], "question 9: 'entity_answers' is empty"),
    ("main", GOOD, [line([1], ["甲"])], "preds.jsonl, entry 1: 'question_id' is a list, neither a number nor a text"),
    ("main", GOOD, [7], "preds.jsonl, entry 1: is a number, not an object with 'question_id'"),
]


@pytest.mark.parametrize(("task", "references", "predictions", "message"), FAULTS)
def test_where_the_official_program_stops_the_question_is_named(
    task: str, references: list[Any], predictions: list[Any], message: str
) -> None:
    with pytest.raises(HamError) as caught:
        judge(references, predictions, task)
    assert message in str(caught.value)
    with pytest.raises((AssertionError, AttributeError, TypeError, KeyError)):
        slow_dureader.evaluate(references, predictions, task)
