"""SQuAD 1.1 in and out: what is read, what is refused and in which words, and references that read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squad_builders import rivers

from ham_mrc.data_prep.squad import ReferenceWriter, read_squad, write_references
from ham_mrc.errors import HamError
from ham_mrc.records import Answer, Example

DATA = Path(__file__).parents[1] / "data"


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
                {"paragraphs": [{"context": "c", "qas": [{"id": "x3", "question": "q", "is_impossible": False}]}]},
            ],
        }
    )
    assert list(read_squad(path)) == [
        Example("x1", " Which? ", (" The Nile\n",), (Answer("Nile", 5), Answer("", -1)), "Rivers_of_Africa"),
        Example("x2", "", ("",), (), "Rivers_of_Africa"),
        Example("x3", "q", ("c",), (), ""),
    ]


@pytest.mark.parametrize(
    ("file", "articles", "questions", "answers"),
    [
        ("squad/shared-train-v1.1.json.gz", 31, 7267, 22567),
        ("squad/shared-dev-v1.1.json.gz", 7, 1300, 5415),
        ("squad/extra-train44-v1.1.json.gz", 44, 11877, 11877),
        ("squadshifts/new_wiki-v1.0.json.gz", 48, 7938, 22794),
        ("xquad/xquad.zh.shared38.json", 38, 961, 961),
        ("bipar/Monolingual_ZH_valid.json", 375, 1500, 4500),
        ("cmrc2018/cmrc2018_dev.json.gz", 847, 3219, 9657),  # 848 articles, two of one title
        ("drcd/DRCD_dev.json.gz", 383, 3524, 7048),
    ],
)
def test_counts_of_real_files(shared_data: Path, file: str, articles: int, questions: int, answers: int) -> None:
    """The figures are those of the README beside the files."""
    examples = list(read_squad(shared_data / file))
    assert len(examples) == len({example.id for example in examples}) == questions
    assert sum(len(example.answers) for example in examples) == answers
    assert len({example.title for example in examples}) == articles


def with_question(**changes: Any) -> dict[str, Any]:
    """A file of one good question, changed; a value of None takes the key away."""
    question = {"id": "x1", "question": "Which?", "answers": [{"text": "Nile", "answer_start": 4}], **changes}
    question = {key: value for key, value in question.items() if value is not None}
    return {"data": [{"title": "T", "paragraphs": [{"context": "The Nile", "qas": [question]}]}]}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([], ': is a list where an object is due; a SQuAD file is {"data": [articles]}'),
        ("text", ': is a text where an object is due; a SQuAD file is {"data": [articles]}'),
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
            {"data": [{"paragraphs": [{"context": "c", "qas": [7]}]}]},
            ", article 1, paragraph 1, question 1: is a whole number where an object is due",
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
        (
            with_question(answers=[], is_impossible=True),
            ', question x1: is marked "is_impossible"; SQuAD 2.0 is not read by this version; give a SQuAD 1.1 file',
        ),
    ],
)
def test_wrong_shape_is_named_with_its_place(write_squad: Callable[..., Path], content: Any, fault: str) -> None:
    path = write_squad(content)
    with pytest.raises(HamError) as caught:
        list(read_squad(path))
    assert str(caught.value) == f"{path}{fault}"


def test_squad_2_of_the_real_data_is_refused(shared_data: Path) -> None:
    with pytest.raises(HamError, match=r'is marked "is_impossible"; SQuAD 2\.0 is not read by this version'):
        list(read_squad(shared_data / "squad" / "shared-dev-v2.0.json.gz"))


def test_references_of_a_real_file_are_the_file(shared_data: Path, tmp_path: Path) -> None:
    """Same values, article by article: nothing is lost on the way through Example."""
    import gzip

    original = shared_data / "squad" / "shared-dev-v1.1.json.gz"
    write_references(tmp_path / "out.json", read_squad(original))
    assert json.loads((tmp_path / "out.json").read_bytes()) == json.loads(gzip.decompress(original.read_bytes()))


@pytest.mark.parametrize("name", ["squad_tricky.json"])
def test_references_read_back_as_the_same_examples(tmp_path: Path, name: str) -> None:
    examples = list(read_squad(DATA / name))
    write_references(tmp_path / "out.json", examples)
    assert list(read_squad(tmp_path / "out.json")) == examples


def test_references_keep_half_a_surrogate_pair(tmp_path: Path) -> None:
    examples = [Example("x1", "q \ud83d", ("c \udc00 東",), (Answer("\udc00", 2),), "T")]
    write_references(tmp_path / "out.json", examples)
    assert list(read_squad(tmp_path / "out.json")) == examples


def test_questions_of_a_passage_share_a_paragraph(tmp_path: Path) -> None:
    write_references(
        tmp_path / "out.json",
        [
            Example("1", "q", ("a",), (), "T"),
            Example("2", "q", ("a",), (), "T"),
            Example("3", "q", ("b",), (), "T"),
            Example("4", "q", ("b",), (), "U"),
        ],
    )
    data = json.loads((tmp_path / "out.json").read_bytes())["data"]
    shape = [(a["title"], [(p["context"], [q["id"] for q in p["qas"]]) for p in a["paragraphs"]]) for a in data]
    assert shape == [("T", [("a", ["1", "2"]), ("b", ["3"])]), ("U", [("b", ["4"])])]


def test_empty_references_are_still_a_squad_file(tmp_path: Path) -> None:
    write_references(tmp_path / "out.json", [])
    assert json.loads((tmp_path / "out.json").read_bytes()) == {"version": "1.1", "data": []}


def test_interrupted_references_leave_nothing(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    def begin() -> None:
        with ReferenceWriter(tmp_path / "out" / "r.json") as writer:
            for example in read_squad(write_squad(rivers())):
                writer.add(example)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert list((tmp_path / "out").iterdir()) == []
