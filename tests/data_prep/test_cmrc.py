"""CMRC 2018 in both of its layouts, and the Chinese files in SQuAD's: what is read, refused and placed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.cmrc import CMRC
from ham_mrc.data_prep.dataset import Source
from ham_mrc.data_prep.json_stream import parse_record
from ham_mrc.data_prep.spans import Label, Reason
from ham_mrc.errors import HamError
from ham_mrc.records import Answer, Example
from ham_mrc.text import tokenize


def read(path: Path) -> Iterator[Example]:
    for record in CMRC.cut(path):
        yield from CMRC.examples(parse_record(record, path), Source(str(path), record.place), CMRC.reading, True)


def label(example: Example, limit: int | None = None) -> Label | Reason:
    tokens = [tokenize(passage) for passage in example.passages]
    kept = [len(passage.words) if limit is None else min(limit, len(passage.words)) for passage in tokens]
    return CMRC.label(example, tokens, kept, CMRC.reading)


def original(*answers: Any, passage: str = "尼罗河长6650公里，尼罗河流入地中海。", **more: Any) -> list[dict[str, Any]]:
    """A file of one question in the original layout."""
    question = {"query_id": "DEV_0_QUERY_0", "query_text": "有多长？", "answers": list(answers)}
    return [{"context_id": "DEV_0", "context_text": passage, "qas": [question], "title": "尼罗河", **more}]


def test_original_layout_comes_out_as_the_file_has_it(write_squad: Callable[..., Path]) -> None:
    (example,) = read(write_squad(original("6650公里", "尼罗河", "长江")))
    assert example == Example(
        "DEV_0_QUERY_0",
        "有多长？",
        ("尼罗河长6650公里，尼罗河流入地中海。",),
        (Answer("6650公里", 4), Answer("尼罗河", None), Answer("长江", None)),
        "尼罗河",
        version="1.1",
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("39764.0", "39764.0"),
        ("4.9", "4.9"),
        ("147", "147"),
        ("-0.0", "-0.0"),
        ("1e3", "1000.0"),
        ("1e22", "1e+22"),
        ("null", "None"),
        ("true", "True"),
        ('"39764"', "39764"),
        ('""', ""),
    ],
)
def test_any_plain_value_is_an_answer_as_the_official_program_prints_it(tmp_path: Path, raw: str, text: str) -> None:
    """metrics.md 4: the program makes texts of references by str(), of what Python's json module reads."""
    value = json.loads(raw)
    assert str(value) == text
    squad = {"id": "b", "question": "q", "answers": [{"text": value, "answer_start": 3}]}
    document = [*original(value), {"paragraphs": [{"context": "c", "qas": [squad]}]}]
    (tmp_path / "input.json").write_text(json.dumps(document))
    examples = list(read(tmp_path / "input.json"))
    assert [[answer.text for answer in example.answers] for example in examples] == [[text], [text]]
    written = json.loads(CMRC.references.head("1.1") + CMRC.references.fragment(examples) + CMRC.references.tail)
    assert [
        [answer["text"] for answer in question["answers"]]
        for article in written["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ] == [[text], [text]]


@pytest.mark.parametrize(
    ("answer", "char_start"),
    [
        ({"text": "北京", "answer_start": 0}, 0),
        ({"text": "北京", "answer_start": 5}, 5),
        ({"text": "北京", "answer_start": -1}, -1),  # as the file has it
        ({"text": "北京"}, None),
        ({"text": "大"}, 2),
        ({"text": "大", "answer_start": None}, 2),
        ({"text": "上海"}, None),
        ({"text": ""}, None),
    ],
)
def test_offsets_of_squads_layout(write_squad: Callable[..., Path], answer: Any, char_start: int | None) -> None:
    question = {"id": "x", "question": "q", "answers": [answer]}
    path = write_squad({"data": [{"paragraphs": [{"context": "北京大学在北京", "qas": [question]}]}]})
    (example,) = read(path)
    assert example.answers == (Answer(answer["text"], char_start),)


@given(st.text("ab", max_size=8), st.lists(st.text("ab", max_size=4), max_size=3))
def test_an_answer_is_placed_where_it_stands_exactly_once(passage: str, answers: list[str]) -> None:
    (record,) = original(*answers, passage=passage)
    (example,) = CMRC.examples(record, Source("f", "article 1"), CMRC.reading, True)
    for answer, text in zip(example.answers, answers, strict=True):
        places = [i for i in range(len(passage)) if text and passage[i : i + len(text)] == text]
        assert answer.char_start == (places[0] if len(places) == 1 else None)


def test_a_placed_answer_is_no_repair_and_an_ambiguous_one_trains_nothing(write_squad: Callable[..., Path]) -> None:
    (example,) = read(write_squad(original("尼罗河", "6650公里")))
    assert label(example) == Label(0, 4, 6, exact=True, repaired=None, answer=1)
    (example,) = read(write_squad(original("尼罗河", "长江")))
    assert label(example) is Reason.AMBIGUOUS


def in_original_layout(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "context_id": paragraph["id"],
            "context_text": paragraph["context"],
            "qas": [
                {
                    "query_id": question["id"],
                    "query_text": question["question"],
                    "answers": [answer["text"] for answer in question["answers"]],
                }
                for question in paragraph["qas"]
            ],
            "title": article["title"],
        }
        for article in document["data"]
        for paragraph in article["paragraphs"]
    ]


def test_cmrc_is_the_same_in_both_layouts(shared_data: Path, write_squad: Callable[..., Path]) -> None:
    """193 texts stand nowhere in their passage (README beside the data), and so have no place in either layout."""
    file = shared_data / "cmrc2018" / "cmrc2018_dev.json.gz"
    squad = list(read(file))
    other = list(read(write_squad(in_original_layout(json.loads(gzip.decompress(file.read_bytes()))))))
    assert len(squad) == len(other) == 3219
    nowhere = several = 0
    for one, two in zip(squad, other, strict=True):
        assert (one.id, one.question, one.passages, one.title) == (two.id, two.question, two.passages, two.title)
        assert [answer.text for answer in one.answers] == [answer.text for answer in two.answers]
        (passage,) = one.passages
        for given_, placed in zip(one.answers, two.answers, strict=True):
            times = passage.count(given_.text)
            nowhere += times == 0
            several += times > 1
            assert (placed.char_start is not None) == (times == 1)
            if placed.char_start is not None and passage.startswith(given_.text, given_.char_start):
                assert placed.char_start == given_.char_start
    assert nowhere == 193
    assert nowhere + several + sum(a.char_start is not None for e in other for a in e.answers) == 9657


def test_wrong_offsets_of_cmrc(shared_data: Path) -> None:
    """200 of 9,657 are wrong, 193 of these -1, and 3 questions have no good one (README beside the data)."""
    examples = list(read(shared_data / "cmrc2018" / "cmrc2018_dev.json.gz"))
    good = [
        [
            a.char_start is not None and a.char_start >= 0 and e.passages[0].startswith(a.text, a.char_start)
            for a in e.answers
        ]
        for e in examples
    ]
    assert sum(map(len, good)) == 9657
    assert sum(row.count(False) for row in good) == 200
    assert sum(answer.char_start == -1 for example in examples for answer in example.answers) == 193
    assert sum(not any(row) for row in good) == 3
    labels = [label(example) for example in examples]
    assert all(isinstance(found, Label) for found in labels)  # those 3 stand in their passage once
    repaired = [row for row, found in zip(good, labels, strict=True) if isinstance(found, Label) and found.repaired]
    assert [row for row in repaired if not any(row)] == [row for row in good if not any(row)]


@pytest.mark.parametrize(
    ("file", "questions", "least"),
    [
        ("cmrc2018/cmrc2018_dev.json.gz", 3219, 99.0),
        ("cmrc2018/cmrc2018_train_fragment.json", 122, 99.0),
        ("drcd/DRCD_dev.json.gz", 3524, 99.5),
        ("xquad/xquad.zh.shared38.json", 961, 99.5),
        ("bipar/Monolingual_ZH_valid.json", 1500, 99.9),
    ],
)
def test_the_default_limit_keeps_nearly_every_answer(
    shared_data: Path, file: str, questions: int, least: float
) -> None:
    examples = list(read(shared_data / file))
    assert len(examples) == questions
    kept = sum(isinstance(label(example, CMRC.passage_tokens), Label) for example in examples)
    assert 100 * kept / questions >= least
    if "dev" in file and "cmrc" in file:  # and a hundred tokens less would not
        assert 100 * sum(isinstance(label(e, CMRC.passage_tokens - 100), Label) for e in examples) / questions < least


def squad_answer(answer: Any) -> dict[str, Any]:
    question = {"id": "x", "question": "q", "answers": [answer]}
    return {"data": [{"paragraphs": [{"context": "c", "qas": [question]}]}]}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("text", ': is a text where an object or a list is due; {"data": [...]} is expected'),
        ({"date": []}, ': has no "data"; a list is due there'),
        ([7], ", article 1: is a whole number where an object is due"),
        ([{"qas": []}], ', article 1: has neither "paragraphs" (as in SQuAD) nor "context_text" (as in CMRC)'),
        ([{"context_text": None, "qas": []}], ', article 1: "context_text" is null where a text is due'),
        ([*original("x"), {"context_text": "c"}], ', article 2: has no "qas"; a list is due there'),
        (original("x", title=5), ', article 1, "title": is a whole number where a text is due'),
        (original("x", qas=[{"id": "x"}]), ', article 1, question 1: has no "query_id"; a text is due there'),
        (original("x", qas=[{"query_id": ""}]), ', article 1, question 1: "query_id" is empty'),
        (original("x", qas=[{"query_id": "x"}]), ', question x: has no "query_text"; a text is due there'),
        (original("x", ["y"]), ", question DEV_0_QUERY_0, answer 2: is a list where a text is due"),
        (original({"text": "x"}), ", question DEV_0_QUERY_0, answer 1: is an object where a text is due"),
        (squad_answer({"answer_start": 0}), ', question x, answer 1: has no "text"; a text is due there'),
        (squad_answer("c"), ", question x, answer 1: is a text where an object is due"),
        (squad_answer({"text": ["c"]}), ', question x, answer 1: "text" is a list where a text is due'),
        (
            squad_answer({"text": "c", "answer_start": 0.5}),
            ', question x, answer 1: "answer_start" is the number 0.5 where a whole number is due',
        ),
    ],
)
def test_wrong_shape_is_named_with_its_place(write_squad: Callable[..., Path], content: Any, fault: str) -> None:
    path = write_squad(content)
    with pytest.raises(HamError) as caught:
        list(read(path))
    assert str(caught.value) == f"{path}{fault}"
