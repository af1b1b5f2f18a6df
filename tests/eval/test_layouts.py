"""Which dataset a file of references is taken for, and what is refused in which words."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.references import load_references

QA = {"id": "q", "question": "Who?", "answers": [{"text": "x"}]}
DUREADER = {
    "question_id": 7,
    "question_type": "ENTITY",
    "answers": ["北京"],
    "yesno_answers": [],
    "entity_answers": [["北京"]],
    "source": "search",
}
MSMARCO = {"query_id": 5, "answers": ["Oslo"]}


def squad(*qas: dict[str, Any], context: str = "c", **document: Any) -> dict[str, Any]:
    return {"data": [{"paragraphs": [{"context": context, "qas": list(qas)}]}], **document}


def chinese(**document: Any) -> dict[str, Any]:
    return {"data": [{"paragraphs": [{"id": "DEV_0", "context": "北京", "qas": [QA]}]}], **document}


GUESSED: list[tuple[Any, tuple[str, str]]] = [
    (squad(QA, version="1.1"), ("squad", "1.1")),
    (squad(QA), ("squad", "1.1")),
    (squad(QA, version="v2.0"), ("squad", "2.0")),
    (squad(QA, version="2"), ("squad", "2.0")),
    (squad({**QA, "is_impossible": False}), ("squad", "1.1")),
    (squad(QA, {"id": "r", "answers": [], "is_impossible": True}), ("squad", "2.0")),
    (squad(QA, context="北京"), ("squad", "1.1")),  # no id of its own: XQuAD, MLQA
    (chinese(), ("cmrc", "2018")),
    ([{"context_id": "c", "context_text": "北京", "qas": [QA]}], ("cmrc", "2018")),
    ([MSMARCO, {**MSMARCO, "query_id": 6}], ("msmarco", "2")),
    (MSMARCO, ("msmarco", "2")),
    ({"query_id": {"0": 1}, "answers": {"0": ["x"]}, "query": {"0": "Who?"}}, ("msmarco", "2")),
    ([DUREADER], ("dureader", "2.0")),
    (DUREADER, ("dureader", "2.0")),
]


@pytest.mark.parametrize(("document", "expected"), GUESSED)
def test_guessed(tmp_path: Path, document: Any, expected: tuple[str, str]) -> None:
    path = tmp_path / "references"
    lines = document if isinstance(document, list) and "context_id" not in document[0] else [document]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    found = load_references(path)
    assert (found.dataset, found.version) == expected
    in_memory = document if isinstance(document, list) or _is_document(document) else [document]
    again = load_references(in_memory)
    assert (again.dataset, again.version, again.sha256) == (*expected, found.sha256)


def _is_document(value: dict[str, Any]) -> bool:
    return "data" in value or isinstance(value.get("query_id"), dict)


def test_a_zip_of_dureader(tmp_path: Path) -> None:
    path = tmp_path / "dev.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", json.dumps(DUREADER) + "\n")
        archive.writestr("b.json", json.dumps({**DUREADER, "question_id": 8}) + "\n")
    assert load_references(path).ids == ("7", "8")


def test_either_metric_may_be_asked_for_on_chinese_and_english() -> None:
    assert load_references(chinese(), "squad").dataset == "squad"
    assert load_references(squad(QA), "cmrc").dataset == "cmrc"


REFUSED: list[tuple[Any, str | None, str]] = [
    (squad(QA), "msmarco", "looks like SQuAD 1.1 or 2.0, not MS MARCO; --dataset squad"),
    (chinese(), "dureader", "looks like CMRC 2018, not DuReader 2.0; --dataset cmrc"),
    ([MSMARCO], "dureader", "looks like MS MARCO, not DuReader 2.0; --dataset msmarco"),
    ([DUREADER], "squad", "looks like DuReader 2.0, not SQuAD 1.1 or 2.0; --dataset dureader"),
    ({"q1": "Oslo", "q2": ""}, None, "looks like predictions, not references; predictions come first"),
    ({"q1": "Oslo"}, "cmrc", "looks like predictions, not references; predictions come first"),
    (
        [{"id": "q1", "prediction_text": "Oslo"}],
        None,
        "looks like predictions, not references; predictions come first",
    ),
    (
        squad(QA),
        "trivia",
        "there is no dataset 'trivia'; there are: squad, cmrc, msmarco, dureader",
    ),
    ({"rows": []}, "msmarco", "holds an object; JSON Lines are expected"),
]


@pytest.mark.parametrize(("document", "dataset", "message"), REFUSED)
def test_refused(document: Any, dataset: str | None, message: str) -> None:
    with pytest.raises(HamError) as caught:
        load_references(document, dataset)
    assert str(caught.value) == message


def test_json_lines_where_a_document_is_due(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text('{"text": 1}\n{"text": 2}\n')
    with pytest.raises(HamError, match=r"holds JSON Lines; SQuAD 1\.1 or 2\.0 is one JSON document"):
        load_references(path)
    path.write_text('{"id": "q1", "answer": "x"}\n{"id": "q2", "answer": "y"}\n')
    with pytest.raises(HamError, match="looks like predictions, not references"):
        load_references(path)


@pytest.mark.parametrize(
    ("name", "dataset", "version", "questions"),
    [
        ("squad/shared-dev-v2.0.json.gz", "squad", "2.0", 2141),
        ("cmrc2018/cmrc2018_dev.json.gz", "cmrc", "2018", 3219),
        ("drcd/DRCD_dev.json.gz", "cmrc", "2018", 3524),
        ("dureader/search.dev.json.gz", "dureader", "2.0", 100),
        ("msmarco/v1.1.sample160.jsonl.gz", "msmarco", "2", 156),  # 4 have an empty list of answers,
        ("msmarco/v2.1-layout.sample160.json.gz", "msmarco", "2", 160),
        ("msmarco/eval_sample/dev_as_references.json.gz", "msmarco", "2", 9754),
    ],
)
def test_real_files(shared_data: Path, name: str, dataset: str, version: str, questions: int) -> None:
    found = load_references(shared_data / name)
    assert (found.dataset, found.version, len(found)) == (dataset, version, questions)
    assert len(found.own_ids) == len(found.ids) == len(found.keys) == len(set(found.keys)) == questions
