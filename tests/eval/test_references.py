"""Reading references: what is kept, what is refused and in which words."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.references import load_references


def squad(*qas: Any, **document: Any) -> dict[str, Any]:
    return {"version": "1.1", "data": [{"paragraphs": [{"context": "c", "qas": list(qas)}]}], **document}


def qa(name: str, *texts: str) -> dict[str, Any]:
    return {"id": name, "question": f"{name}?", "answers": [{"text": text, "answer_start": 0} for text in texts]}


def test_keeps_file_order_and_texts() -> None:
    document = {
        "data": [
            {"paragraphs": [{"context": "one", "qas": [qa("b", "B", "b"), qa("a", "A")]}]},
            {"paragraphs": [{"context": "two", "qas": []}, {"context": "one", "qas": [qa("c", "C")]}]},
        ]
    }
    found = load_references(document)
    assert (found.dataset, found.version, found.file) == ("squad", "1.1", None)
    assert found.ids == found.keys == ("b", "a", "c")
    assert found.answers == (("B", "b"), ("A",), ("C",))
    assert found.questions == ("b?", "a?", "c?")
    assert [found.passages[place] for place in found.passage_of] == ["one", "one", "one"]
    # The same text is one passage wherever it stands.
    assert found.clusters == [0, 0, 0]


def test_clusters_without_texts_are_paragraphs() -> None:
    document = {"data": [{"paragraphs": [{"qas": [qa("a", "A"), qa("b", "B")]}, {"qas": [qa("c", "C")]}]}]}
    assert load_references(document).clusters == [0, 0, 1]


def test_an_id_that_stands_again_gets_a_key_of_its_own() -> None:
    found = load_references(squad(qa("x", "1"), qa("x", "2"), qa("x#2", "3"), qa("x", "4")))
    assert found.ids == ("x", "x", "x#2", "x")
    assert found.keys == ("x", "x#2", "x#2#2", "x#3")


def test_sha256_is_of_ids_and_answers_in_order() -> None:
    content = b'[["q1",["Oslo","\\u5317\\u4eac"]],["q2",["1889"]]]'
    found = load_references(squad(qa("q1", "Oslo", "北京"), qa("q2", "1889")))
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.sha256 != load_references(squad(qa("q2", "1889"), qa("q1", "Oslo", "北京"))).sha256
    other_question = squad({**qa("q1", "Oslo", "北京"), "question": "else?"}, qa("q2", "1889"))
    assert found.sha256 == load_references(other_question).sha256


@pytest.mark.parametrize("pack", [False, True])
def test_reads_files_plain_and_packed_with_a_mark(tmp_path: Path, pack: bool) -> None:
    data = b"\xef\xbb\xbf" + json.dumps(squad(qa("q1", "Oslo"))).encode()
    path = tmp_path / "refs.json"
    path.write_bytes(gzip.compress(data) if pack else data)
    assert load_references(path, "squad").ids == ("q1",)


def test_version_and_texts_may_be_missing() -> None:
    found = load_references({"data": [{"paragraphs": [{"qas": [{"id": "q", "answers": [{"text": "x"}]}]}]}]})
    assert found.questions == found.passages == (None,)
    assert load_references(squad(qa("q", "x"), version="1.0")).answers == (("x",),)


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ([], "has an empty list of answers"),
        (None, "'answers' is null, not a list"),
        ({"text": "x"}, "'answers' is an object, not a list"),
        ([{"text": "x"}, "y"], "answer 2 is not an object with a 'text'"),
        ([{"answer_start": 3}], "answer 1 is not an object with a 'text'"),
        ([{"text": 5}], "the 'text' of answer 1 is a number, not a text"),
        ([{"text": None}], "the 'text' of answer 1 is null, not a text"),
    ],
)
def test_answers_that_cannot_be_scored_are_remembered(answers: Any, fault: str) -> None:
    found = load_references(squad(qa("q1", "x"), {"id": "q2", "answers": answers}))
    assert found.faults == {1: fault}


def test_a_question_without_answers_key_is_remembered() -> None:
    assert load_references(squad({"id": "q"})).faults == {0: "has no 'answers'"}


WRONG_SHAPES: list[tuple[Any, str]] = [
    ([], "is a list where an object with 'data' is due"),
    ("text", "is a text where an object with 'data' is due"),
    ({}, "has no 'data'; a file in SQuAD's layout is expected"),
    ({"data": {}}, "'data' is an object, not a list"),
    ({"data": []}, "holds no question; at least one is needed for a score"),
    ({"data": [{"paragraphs": []}]}, "holds no question; at least one is needed for a score"),
    ({"data": [[]]}, "article 1: is a list where an object with 'paragraphs' is due"),
    ({"data": [{"title": "t"}]}, "article 1: has no 'paragraphs'; a file in SQuAD's layout is expected"),
    (
        {"data": [{"paragraphs": [{"qas": []}, {}]}]},
        "article 1, paragraph 2: has no 'qas'; a file in SQuAD's layout is expected",
    ),
    ({"data": [{"paragraphs": [{"qas": None}]}]}, "article 1, paragraph 1: 'qas' is null, not a list"),
    (squad(5), "article 1, paragraph 1, question 1: is a number, not an object with 'id' and 'answers'"),
    (squad({"answers": []}), "article 1, paragraph 1, question 1: has no 'id'; a prediction finds its question by it"),
    (
        squad({"id": 7, "answers": []}),
        "article 1, paragraph 1, question 1: 'id' is a number, not a text; a prediction finds its question by it",
    ),
    (
        squad(qa("\ud800", "x")),
        "article 1, paragraph 1, question 1: 'id' holds half of a surrogate pair, which is no character",
    ),
]


@pytest.mark.parametrize(("document", "message"), WRONG_SHAPES)
def test_wrong_shapes(tmp_path: Path, document: Any, message: str) -> None:
    path = tmp_path / "refs.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(HamError) as caught:
        load_references(path)
    assert str(caught.value) == f"{path}: {message}" or str(caught.value) == f"{path}, {message}"


def test_answerable_questions_may_say_so() -> None:
    assert load_references(squad({**qa("q", "x"), "is_impossible": False})).answers == (("x",),)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty; references are expected"), (b" \n", "is empty"), (b'{"data": [', "is not JSON")],
)
def test_files_that_are_no_json(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "refs.json"
    path.write_bytes(content)
    with pytest.raises(HamError, match=message):
        load_references(path)


@pytest.mark.parametrize(
    ("name", "questions"),
    [
        ("squad/shared-dev-v1.1.json.gz", 1300),
        ("squadshifts/new_wiki-v1.0.json.gz", 7938),
        ("xquad/xquad.zh.shared38.json", 961),
        ("bipar/Monolingual_EN_valid.json", 1500),  # no version
    ],
)
def test_real_files_of_the_same_form(shared_data: Path, name: str, questions: int) -> None:
    found = load_references(shared_data / name)
    assert len(found) == questions
    assert not found.faults
