"""Every form of predictions gives the same mapping; anything else is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.predictions import load_predictions, shown_answers
from ham_mrc.eval.references import References, load_references


def references(*names: str) -> References:
    qas = [{"id": name, "answers": [{"text": "x"}]} for name in names]
    return load_references({"data": [{"paragraphs": [{"qas": qas}]}]})


GOLD = references("q1", "q2")
EXPECTED = {"q1": "Oslo", "q2": "a\u2028b"}

FORMS = [
    json.dumps(EXPECTED),
    json.dumps(EXPECTED, indent=2, ensure_ascii=False),
    json.dumps(
        [{"id": name, "prediction_text": text, "no_answer_probability": 0.0} for name, text in EXPECTED.items()]
    ),
    json.dumps([{"id": name, "answer": text} for name, text in EXPECTED.items()]),
    "".join(json.dumps({"id": name, "answer": text}, ensure_ascii=False) + "\n" for name, text in EXPECTED.items()),
    "\n\n".join(json.dumps({"id": name, "prediction_text": text}) for name, text in EXPECTED.items()) + "\r\n",
]


@pytest.mark.parametrize("content", FORMS)
def test_forms(tmp_path: Path, content: str) -> None:
    path = tmp_path / "predictions.json"
    path.write_bytes(content.encode("utf-8"))
    assert load_predictions(path, GOLD) == EXPECTED


def test_objects_in_memory() -> None:
    assert load_predictions(EXPECTED, GOLD) == EXPECTED
    assert load_predictions([{"id": "q1", "prediction_text": "Oslo"}], GOLD) == {"q1": "Oslo"}


@pytest.mark.parametrize("content", ["[]", "{}"])
def test_nothing_predicted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(content)
    assert load_predictions(path, GOLD) == {}


def test_a_lone_record_is_a_record_unless_a_question_is_called_id(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"id": "q1", "answer": "Oslo"}\n')
    assert load_predictions(path, GOLD) == {"q1": "Oslo"}
    assert load_predictions(path, references("id", "answer")) == {"id": "q1", "answer": "Oslo"}


def test_a_repeated_key_keeps_its_last_value(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    path.write_text('{"q1": "first", "q1": "last"}')
    assert load_predictions(path, GOLD) == {"q1": "last"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": is empty; predictions as {id: text} are expected"),
        ("null", ": holds null; predictions as {id: text} are expected"),
        ("3.5", ": holds a number; predictions as {id: text} are expected"),
        ("true", ": holds true or false; predictions as {id: text} are expected"),
        ('["q1"]', ", entry 1: is a text, not an object with 'id' and 'answer'"),
        ('[{"id": "q1", "answer": "x"}, {"answer": "y"}]', ", entry 2: has no 'id'"),
        ('[{"id": "q1"}]', ", entry 1: has no 'answer' or 'prediction_text'"),
        ('[{"id": 5, "answer": "x"}]', ", entry 1: 'id' is a number, not a text"),
        (
            '[{"id": "q1", "answer": "x"}, {"id": "q1", "answer": "x"}]',
            ", entry 2: answers question q1 a second time; keep one answer each",
        ),
        ('{"id": "q1", "answer": "x"}\n{"id": "q2"}\n', ", line 2: has no 'answer' or 'prediction_text'"),
        ('{"id": "q1", "answer": "x"}\n\n{"id"\n', ", line 3: is not JSON"),
        ('{"version": "1.1", "data": []}', ": looks like references, not predictions; predictions come first"),
    ],
)
def test_wrong_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(content)
    with pytest.raises(HamError) as caught:
        load_predictions(path, GOLD)
    assert str(caught.value).startswith(f"{path}{message}")


def test_what_stands_for_other_questions_is_not_looked_at() -> None:
    odd: dict[str, Any] = {"q1": "Oslo", "elsewhere": None, "else": ["x"]}
    assert load_predictions(odd, GOLD) == odd


DUREADER = {
    "question_id": 7,
    "question_type": "ENTITY",
    "answers": ["北京"],
    "yesno_answers": [],
    "entity_answers": [["北京"]],
    "source": "search",
}
RECORDS = {
    "msmarco": load_references([{"query_id": 7, "answers": ["Oslo"]}, {"query_id": "b", "answers": ["Bergen"]}]),
    "dureader": load_references([DUREADER, {**DUREADER, "question_id": "b"}]),
}
OFFICIAL = {
    "msmarco": [{"query_id": 7, "answers": ["Oslo"]}, {"query_id": "b", "answers": []}],
    "dureader": [{**DUREADER, "answers": ["Oslo"]}, {**DUREADER, "question_id": "b", "answers": []}],
}


@pytest.mark.parametrize("dataset", sorted(RECORDS))
def test_official_records(tmp_path: Path, dataset: str) -> None:
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in OFFICIAL[dataset]))
    gold = RECORDS[dataset]
    found = load_predictions(path, gold)
    assert shown_answers(found, gold)[0] == "Oslo"
    assert not shown_answers(found, gold)[1]  # MS MARCO drops an empty list, DuReader takes it for an empty answer
    assert load_predictions(OFFICIAL[dataset], gold) == found


@pytest.mark.parametrize("dataset", sorted(RECORDS))
@pytest.mark.parametrize(
    "content",
    [
        '{"7": "Oslo", "b": "Bergen"}',
        '[{"id": 7, "prediction_text": "Oslo"}, {"id": "b", "prediction_text": "Bergen"}]',
        '{"id": "7", "answer": "Oslo"}\n{"id": "b", "answer": "Bergen"}\n',
    ],
)
def test_every_form_is_read_for_datasets_of_records(tmp_path: Path, dataset: str, content: str) -> None:
    """Ids are found whether the references have numbers or texts: an object's keys can only be texts."""
    path = tmp_path / "predictions"
    path.write_text(content)
    assert load_predictions(path, RECORDS[dataset]) == {7: "Oslo", "b": "Bergen"}


PAIR = "is this the right pair of files?"


@pytest.mark.parametrize(
    ("dataset", "content", "message"),
    [
        (
            "squad",
            '{"query_id": 1, "answers": ["x"]}\n{"query_id": 2, "answers": ["x"]}\n',
            ", line 1: has 'query_id', as predictions for MS MARCO or DuReader have; the references are of squad; "
            f"{PAIR}",
        ),
        (
            "dureader",
            '{"query_id": 1, "answers": ["x"]}\n',
            f", line 1: has 'query_id' where 'question_id' is due; {PAIR}",
        ),
        (
            "msmarco",
            json.dumps(DUREADER) + "\n",
            f", line 1: has 'question_id' where 'query_id' is due; {PAIR}",
        ),
        ("msmarco", "", ": is empty; JSON Lines with 'query_id' and 'answers' are expected"),
        ("dureader", "null", ": holds null; JSON Lines with 'question_id' and 'answers' are expected"),
        ("msmarco", '{"version": "1", "data": []}', ": looks like references, not predictions; predictions come first"),
        (
            "squad",
            '[{"context_id": "c", "qas": []}]',
            ": looks like references, not predictions; predictions come first",
        ),
        ("msmarco", '{"query_id": 1, "answers": [5]}\n', ", line 1, query 1: answer 1 is a number, not a text"),
        ("msmarco", '{"query_id": 1, "answers": null}\n', ", line 1, query 1: 'answers' is null, not a list of texts"),
        ("dureader", '{"question_id": 1, "answers": ["x"]}\n', ", line 1, question 1: has no 'question_type'"),
    ],
)
def test_wrong_pairs(tmp_path: Path, dataset: str, content: str, message: str) -> None:
    path = tmp_path / "predictions"
    path.write_text(content)
    with pytest.raises(HamError) as caught:
        load_predictions(path, RECORDS.get(dataset, GOLD))
    assert str(caught.value) == f"{path}{message}"
