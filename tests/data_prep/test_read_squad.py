"""SQuAD's layout, 1.1 and 2.0, to Examples: what is read, what is refused and in which words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.data_prep.dataset import Source
from ham_mrc.data_prep.squad import SQUAD, read_squad
from ham_mrc.errors import HamError
from ham_mrc.records import Answer, Example


def test_questions_come_out_as_the_file_has_them(write_squad: Callable[..., Path]) -> None:
    path = write_squad(
        {
            "version": "1.1",
            "data": [
                {
                    "title": "Rivers_of_Africa",
                    "id": "passed over",
                    "paragraphs": [
                        {
                            "context": " The Nile\n",
                            "qas": [
                                {
                                    "id": "x1",
                                    "question": " Which? ",
                                    "answers": [{"answer_start": 5, "text": "Nile"}, {"answer_start": -1, "text": ""}],
                                }
                            ],
                        },
                        {"context": "", "qas": [{"id": "x2", "question": "", "answers": []}]},
                    ],
                },
                {"paragraphs": [{"context": "c", "qas": [{"id": "x3", "question": "q", "is_impossible": None}]}]},
            ],
        }
    )
    answers = (Answer("Nile", 5), Answer("", -1))
    assert list(read_squad(path)) == [
        Example("x1", " Which? ", (" The Nile\n",), answers, "Rivers_of_Africa", version="1.1"),
        Example("x2", "", ("",), (), "Rivers_of_Africa", version="1.1"),
        Example("x3", "q", ("c",), (), "", version="1.1"),
    ]


@pytest.mark.parametrize(
    ("file", "articles", "questions", "answers", "impossible"),
    [
        ("squad/shared-train-v1.1.json.gz", 31, 7267, 22567, 0),
        ("squad/shared-dev-v1.1.json.gz", 7, 1300, 5415, 0),
        ("squad/shared-train-v2.0.json.gz", 21, 7149, None, 3512),
        ("squad/shared-dev-v2.0.json.gz", 6, 2141, None, 1085),
        ("squad/extra-train44-v1.1.json.gz", 44, 11877, 11877, 0),
        ("squad/extra-train-tokenized-v1.1.json.gz", 1, 4285, 4285, 0),
        ("squad/extra-train-fragment-v1.1.json.gz", 1, 3260, 3260, 0),
        ("squadshifts/new_wiki-v1.0.json.gz", 48, 7938, 22794, 0),
        ("squadshifts/reddit-v1.0.json.gz", 1, 9803, 27692, 0),
        ("squadshifts/amazon-v1.0.json.gz", 413, 9885, 27318, 0),
        ("xquad/xquad.zh.shared38.json", 38, 961, 961, 0),
        ("bipar/Monolingual_EN_valid.json", 375, 1500, 4500, 0),
        ("bipar/Monolingual_ZH_valid.json", 375, 1500, 4500, 0),
        ("cmrc2018/cmrc2018_dev.json.gz", 847, 3219, 9657, 0),  # 848 articles, two of one title
        ("cmrc2018/cmrc2018_train_fragment.json", 30, 122, 122, 0),
        ("drcd/DRCD_dev.json.gz", 383, 3524, 7048, 0),
    ],
)
def test_counts_of_real_files(
    shared_data: Path, file: str, articles: int, questions: int, answers: int | None, impossible: int
) -> None:
    """The figures are those of the README beside the files (it counts no answers of the files of version 2.0)."""
    examples = list(read_squad(shared_data / file))
    assert len(examples) == len({example.id for example in examples}) == questions
    assert len({example.title for example in examples}) == articles
    assert sum(example.impossible for example in examples) == impossible
    assert {example.version for example in examples} == {"2.0" if "v2.0" in file else "1.1"}
    if answers is not None:
        assert sum(len(example.answers) for example in examples) == answers
    for example in examples:
        assert example.impossible == (not example.answers)


def with_question(**changes: Any) -> dict[str, Any]:
    """A file of one good question, changed; a value of None takes the key away."""
    question = {"id": "x1", "question": "Which?", "answers": [{"text": "Nile", "answer_start": 4}], **changes}
    question = {key: value for key, value in question.items() if value is not None}
    return {"data": [{"title": "T", "paragraphs": [{"context": "The Nile", "qas": [question]}]}]}


NILE = [{"text": "Nile", "answer_start": 4}]


@pytest.mark.parametrize(
    ("flag", "answers", "version", "impossible"),
    [
        (None, NILE, "1.1", False),
        (None, [], "1.1", False),
        (False, NILE, "2.0", False),
        (False, [], "2.0", False),  # held back, or forgotten: nothing to train on, and no mark to believe
        (True, [], "2.0", True),
        (True, None, "2.0", True),
        (True, [{"text": "", "answer_start": -1}], "2.0", True),  # DuReader-checklist's way to say so
        (True, NILE, "2.0", False),  # the official program has an answer to score here
        ("true", [], "2.0", True),
        ("False", NILE, "2.0", False),
    ],
)
def test_impossible_is_a_question_marked_so_that_has_no_answer(
    write_squad: Callable[..., Path], flag: Any, answers: Any, version: str, impossible: bool
) -> None:
    plausible = [{"text": "The", "answer_start": 0}]
    path = write_squad(with_question(is_impossible=flag, answers=answers, plausible_answers=plausible))
    (example,) = read_squad(path)
    assert (example.version, example.impossible) == (version, impossible)
    assert [answer.text for answer in example.answers] == [answer["text"] for answer in answers or []]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([], ': is a list where an object is due; {"data": [...]} is expected'),
        ("text", ': is a text where an object is due; {"data": [...]} is expected'),
        ({}, ': has no "data"; a list is due there'),
        ({"data": {}}, ': "data" is an object where a list is due'),
        ({"data": None}, ': "data" is null where a list is due'),
        ({"data": []}, ": holds no questions"),
        ({"data": [{"paragraphs": [{"context": "c", "qas": []}]}]}, ": holds no questions"),
        ({"data": [[]]}, ", article 1: is a list where an object is due"),
        ({"data": [{"title": 5, "paragraphs": []}]}, ', article 1, "title": is a whole number where a text is due'),
        ({"data": [{"title": "T"}]}, ', article 1: has no "paragraphs"; a list is due there'),
        ({"data": [{"paragraphs": ["p"]}]}, ", article 1, paragraph 1: is a text where an object is due"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, ', article 1, paragraph 1: has no "context"; a text is due there'),
        (
            {"data": [{"paragraphs": [{"context": ["a"], "qas": []}]}]},
            ', article 1, paragraph 1: "context" is a list where a text is due',
        ),
        (
            {"data": [{"paragraphs": [{"context": "c", "qas": {"id": "x"}}]}]},
            ', article 1, paragraph 1: "qas" is an object where a list is due',
        ),
        (
            {"data": [{"paragraphs": []}, {"paragraphs": [{"context": "c", "qas": [7]}]}]},
            ", article 2, paragraph 1, question 1: is a whole number where an object is due",
        ),
        (with_question(id=None), ', article 1, paragraph 1, question 1: has no "id"; a text is due there'),
        (with_question(id=7), ', article 1, paragraph 1, question 1: "id" is a whole number where a text is due'),
        (with_question(id=""), ', article 1, paragraph 1, question 1: "id" is empty'),
        (with_question(question=None), ', question x1: has no "question"; a text is due there'),
        (
            with_question(id="x" * 5000, question=2.5),
            f', question {"x" * 60}...: "question" is the number 2.5 where a text is due',
        ),
        (with_question(answers={"text": ["Nile"]}), ', question x1, "answers": is an object where a list is due'),
        (with_question(answers=["Nile"]), ", question x1, answer 1: is a text where an object is due"),
        (with_question(answers=[{"answer_start": 4}]), ', question x1, answer 1: has no "text"; a text is due there'),
        (
            with_question(answers=[{"text": "Nile", "answer_start": 4}, {"text": "Nile"}]),
            ', question x1, answer 2: has no "answer_start"; a whole number is due there',
        ),
        (
            with_question(answers=[{"text": "Nile", "answer_start": "4"}]),
            ', question x1, answer 1: "answer_start" is a text where a whole number is due',
        ),
        (
            with_question(answers=[{"text": "Nile", "answer_start": 4.0}]),
            ', question x1, answer 1: "answer_start" is the number 4.0 where a whole number is due',
        ),
        (
            with_question(answers=[{"text": "Nile", "answer_start": True}]),
            ', question x1, answer 1: "answer_start" is true where a whole number is due',
        ),
        (with_question(is_impossible=1), ', question x1: "is_impossible" is a whole number where true or false is due'),
        (with_question(is_impossible="no"), ', question x1: "is_impossible" is a text where true or false is due'),
    ],
)
def test_wrong_shape_is_named_with_its_place(write_squad: Callable[..., Path], content: Any, fault: str) -> None:
    path = write_squad(content)
    with pytest.raises(HamError) as caught:
        list(read_squad(path))
    assert str(caught.value) == f"{path}{fault}"


def test_a_record_is_an_article_and_needs_no_other(write_squad: Callable[..., Path]) -> None:
    article = with_question()["data"][0]
    path = write_squad({"data": [article, {"title": "U", "paragraphs": []}, article]})
    records = list(SQUAD.cut(path))
    assert [record.place for record in records] == ["article 1", "article 2", "article 3"]
    found = list(SQUAD.examples(json.loads(records[2].data), Source("f", "article 3"), SQUAD.reading, True))
    assert found == list(SQUAD.examples(article, Source("f", "article 3"), SQUAD.reading, False))
    assert [example.id for example in found] == ["x1"]


@pytest.mark.parametrize(
    ("frame", "packed"),
    [
        ('\ufeff{"data": [%s], "version": "1.1"}\r\n', False),
        ('{"meta": {"data": [1], "score": NaN}, "version": null, "data": [%s]}', False),
        (' \n{"d\\u0061ta"\t:[ %s\n]\n}', False),
        ('{"version": "1.1", "data": [%s]}', True),
    ],
    ids=["byte order mark", "keys and NaN before", "escaped key", "gzip"],
)
def test_whatever_official_programs_read_is_read(tmp_path: Path, frame: str, packed: bool) -> None:
    answer = {"answer_start": 4, "weight": float("nan"), "text": "Nile"}
    data = (frame % json.dumps(with_question(answers=[answer])["data"][0])).encode()
    path = tmp_path / "input.json"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert list(read_squad(path)) == [Example("x1", "Which?", ("The Nile",), (Answer("Nile", 4),), "T", version="1.1")]


def test_halves_of_surrogate_pairs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text(json.dumps(with_question(question="q \ud83d", answers=[{"text": "\udc00", "answer_start": 0}])))
    (example,) = read_squad(path)
    assert (example.question, example.answers) == ("q \ud83d", (Answer("\udc00", 0),))
