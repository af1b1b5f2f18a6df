"""MS MARCO: both layouts to the same examples, what is refused, and the official files."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msmarco_builders import READING, columns, query, read, read_file

from ham_mrc.data_prep.msmarco import MSMARCO, NO_ANSWER
from ham_mrc.errors import HamError
from ham_mrc.records import Example


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> list[Example]:
    return read_file(shared_data / "msmarco" / "v1.1.sample160.jsonl.gz")


def test_the_sample_of_1_1_has_what_its_description_counts(sample: list[Example]) -> None:
    """160 queries, 1,294 passages, 174 answers: 70 stand in a passage, 64 in a selected one; 4 and 8 without."""
    assert len(sample) == 160
    assert sum(len(example.passages) for example in sample) == 1294
    answers = [(answer.text, example) for example in sample for answer in example.answers]
    assert len(answers) == 174
    assert sum(any(text in passage for passage in example.passages) for text, example in answers) == 70
    assert sum(any(text in example.passages[number] for number in example.selected) for text, example in answers) == 64
    assert sum(example.impossible for example in sample) == 4
    assert sum(not example.selected for example in sample) == 8
    assert {example.version for example in sample} == {"1.1"}
    first = sample[0]
    assert (first.id, first.question) == ("34300", "what is cost of sales")
    assert dict(first.facts) == {"query_id": 34300, "query_type": "description"}
    assert first.answers[0].char_start is None


def test_both_layouts_of_one_sample_give_the_same_examples(sample: list[Example], shared_data: Path) -> None:
    twins = read_file(shared_data / "msmarco" / "v2.1-layout.sample160.json.gz")
    assert {twin.version for twin in twins} == {"2.1"}
    assert [
        replace(twin, version="1.1", facts={**twin.facts, "query_type": twin.facts["query_type"].lower()})
        for twin in twins
    ] == sample
    assert MSMARCO.references.fragment(twins) == MSMARCO.references.fragment(sample)


def test_the_original_record_is_read(shared_data: Path) -> None:
    (example,) = read_file(shared_data / "msmarco" / "v1.1.native-one-record.json")
    assert (example.id, len(example.passages), example.selected) == ("0", 7, (2,))
    assert example.facts["query_id"] == 0


def test_at_most_so_many_passages() -> None:
    example = read(query(), replace(READING, passages=2))
    assert (example.passages[1:], example.selected) == (("It is 6,650 km long, the Nile.",), (1,))
    assert read(query(), replace(READING, passages=1)).selected == ()
    assert len(read(query(), replace(READING, passages=9)).passages) == 3
    chosen = replace(READING, passages=1, selected_only=True)
    assert read(query(), chosen, training=True).passages == ("It is 6,650 km long, the Nile.",)


@pytest.mark.parametrize(
    ("record", "impossible", "answers"),
    [
        (query(), False, ["6,650 km"]),
        (query(answers=[]), True, []),
        (query(answers=[NO_ANSWER]), True, []),
        (query(answers=["x", NO_ANSWER]), True, []),  # the official program asks whether it is among them
        (query(answers=["no answer present."]), False, ["no answer present."]),
        (query(answers=...), False, []),
    ],
)
def test_which_questions_have_no_answer(record: dict[str, Any], impossible: bool, answers: list[str]) -> None:
    example = read(record)
    assert example.impossible is impossible
    assert [answer.text for answer in example.answers] == answers


@pytest.mark.parametrize(
    ("well_formed", "plain", "training", "evaluation"),
    [
        (["It is 6,650 km long."], "6,650 km", "It is 6,650 km long.", "It is 6,650 km long."),
        ("[]", "6,650 km", "6,650 km", None),
        ([], "6,650 km", "6,650 km", None),
        (..., "6,650 km", "6,650 km", None),
    ],
)
def test_well_formed_answers(well_formed: Any, plain: str, training: str, evaluation: str | None) -> None:
    """Official references for them leave out all other questions (makeintermidiate.py beside the official program)."""
    record = query(wellFormedAnswers=well_formed)
    asked = replace(READING, references="well-formed")
    assert [answer.text for answer in read(record).answers] == [plain]
    assert [answer.text for answer in read(record, asked, training=True).answers] == [training]
    assert [answer.text for answer in read(record, asked).answers] == ([evaluation] if evaluation else [])
    assert not read(record, asked).impossible
    assert read(record | {"answers": [NO_ANSWER]}, asked).impossible


@pytest.mark.parametrize(
    ("record", "version"),
    [
        (query(), "1.1"),
        (query(query_type=...), "1.1"),
        (query(query_type="NUMERIC"), "2.1"),
        (query(wellFormedAnswers="[]"), "2.1"),
    ],
)
def test_the_version(record: dict[str, Any], version: str) -> None:
    assert read(record).version == version


def test_an_id_is_a_number_or_a_text_and_stays_what_it_was() -> None:
    assert (read(query()).id, read(query()).facts["query_id"]) == ("7", 7)
    assert (read(query(query_id="q7")).id, read(query(query_id="q7")).facts["query_id"]) == ("q7", "q7")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "train.json, line 3: is a list where an object is due"),
        (None, "train.json, line 3: is null where an object is due"),
        (query(query_id=...), 'train.json, line 3: has no "query_id"; a whole number is due there'),
        (query(query_id=None), 'train.json, line 3: "query_id" is null where a whole number is due'),
        (query(query_id=True), 'train.json, line 3: "query_id" is true where a whole number is due'),
        (query(query_id=7.5), 'train.json, line 3: "query_id" is the number 7.5 where a whole number is due'),
        (query(query_id=""), 'train.json, line 3: "query_id" is empty'),
        (query(query=...), 'train.json, question 7: has no "query"; a text is due there'),
        (query(query_type=None), 'train.json, question 7, "query_type": is null where a text is due'),
        (query(passages=...), 'train.json, question 7: has no "passages"; a list is due there'),
        (query(passages=None), 'train.json, question 7: "passages" is null where a list is due'),
        (query(passages={}), 'train.json, question 7: "passages" is an object where a list is due'),
        (query(passages=["x"]), 'train.json, question 7, "passages" item 1: is a text where an object is due'),
        (query(passages=[{}]), 'train.json, question 7, passage 1: has no "passage_text"; a text is due there'),
        (
            query(passages=[{"passage_text": "x"}, {"passage_text": None}]),
            'train.json, question 7, passage 2: "passage_text" is null where a text is due',
        ),
        (
            query(passages=[{"passage_text": "x", "is_selected": 2}]),
            'train.json, question 7, passage 1: "is_selected" is a whole number where 0 or 1 is due',
        ),
        (
            query(passages=[{"passage_text": "x", "is_selected": None}]),
            'train.json, question 7, passage 1: "is_selected" is null where 0 or 1 is due',
        ),
        (query(answers=None), 'train.json, question 7: "answers" is null where a list is due'),
        (query(answers="Nile"), 'train.json, question 7: "answers" is a text where a list is due'),
        (query(answers=["x", 5]), 'train.json, question 7, "answers" item 2: is a whole number where a text is due'),
        (
            query(wellFormedAnswers="Nile"),
            'train.json, question 7, "wellFormedAnswers": is a text where a list is due',
        ),
        (
            query(wellFormedAnswers=["x", None]),
            'train.json, question 7, "wellFormedAnswers", item 2: is null where a text is due',
        ),
    ],
)
def test_a_fault_is_named_with_its_place(record: Any, message: str) -> None:
    with pytest.raises(HamError) as caught:
        read(record, replace(READING, references="well-formed"))
    assert str(caught.value) == message


def test_a_fault_in_what_is_not_read_is_no_fault() -> None:
    assert read(query(wellFormedAnswers=None)).answers[0].text == "6,650 km"


RECORDS = [query(query_id=number, query=f"question\u2028{number}") for number in range(3)]


def lines(records: Sequence[Any], end: str = "\n") -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + end for record in records).encode()


@pytest.mark.parametrize(
    "data",
    [
        lines(RECORDS),
        lines(RECORDS, "\r\n\n"),
        b"\xef\xbb\xbf" + lines(RECORDS),
        json.dumps(columns(RECORDS)).encode(),
        json.dumps(columns(RECORDS), indent=2).encode(),
        b"\xef\xbb\xbf\r\n\t " + json.dumps(dict(reversed(columns(RECORDS).items()))).encode(),
        json.dumps({'extra "column" \\': {"0": 1}} | columns(RECORDS)).encode(),
        json.dumps(columns([query(query_type=...) | record for record in RECORDS])).encode(),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("through", ["a file", "standard input"])
def test_the_layout_is_told_by_the_beginning(
    data: bytes, pack: Callable[[bytes], bytes], through: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("-")
    if through == "a file":
        path = tmp_path / "input.json"
        path.write_bytes(pack(data))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(data))))
    assert [(example.id, example.question) for example in read_file(path)] == [
        (str(number), f"question\u2028{number}") for number in range(3)
    ]


def test_a_test_set_without_answers_is_read_in_both_layouts(tmp_path: Path) -> None:
    records = [{key: value for key, value in record.items() if key != "answers"} for record in RECORDS]
    for data in (lines(records), json.dumps(columns(records)).encode()):
        (tmp_path / "test.json").write_bytes(data)
        assert [(example.answers, example.impossible) for example in read_file(tmp_path / "test.json")] == [
            ((), False)
        ] * 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; a JSON document is expected"),
        (b'{"query_id": 7', "line 1: is not JSON"),
        (b'{"query_id": {"0": 7}, "query": {"0": "x"}}', '"passages"'),
        (gzip.compress(lines(RECORDS), mtime=0)[:-9], "the gzip data ends too early"),
        (gzip.compress(json.dumps(columns(RECORDS)).encode(), mtime=0)[:-9], "the gzip data ends too early"),
    ],
)
def test_a_faulty_file_is_named_also_where_it_is_standard_input(
    data: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.json").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    for path in (tmp_path / "bad.json", Path("-")):
        with pytest.raises(HamError) as caught:
            read_file(path)
        assert str(caught.value).startswith(f"{path}")
        assert message in str(caught.value)


def test_what_was_read_sums_up_to_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (lines(RECORDS), json.dumps(columns(RECORDS)).encode(), gzip.compress(lines(RECORDS))):
        (tmp_path / "input").write_bytes(data)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        for path in (tmp_path / "input", Path("-")):
            moved: list[int] = []
            assert len(list(MSMARCO.cut(path, moved=moved.append))) == 3
            assert sum(moved) == len(data)


def official_load(text: bytes) -> tuple[dict[Any, list[str]], set[Any]]:
    """What `load_file` of ms_marco_eval.py (version 2) makes of a file, less spaCy: answers by id, and ids without."""
    answers_of: dict[Any, list[str]] = {}
    without = set()
    for line in text.decode().split("\n")[:-1]:
        record = json.loads(line)
        answers = record["answers"]
        if NO_ANSWER in answers:
            without.add(record["query_id"])
            answers = [""]
        for answer in answers:
            answers_of.setdefault(record["query_id"], []).append(answer)
    return answers_of, without


def test_references_and_predictions_are_what_the_official_program_takes(sample: list[Example]) -> None:
    """The id sets must be the same but for questions without an answer, or it stops (`must share same query ids`)."""
    references, without = official_load(MSMARCO.references.fragment(sample))
    assert (len(references), len(without)) == (160, 4)
    assert sum(len(answers) for answers in references.values()) == 174 + 4
    assert MSMARCO.prediction is not None
    predicted = [MSMARCO.prediction(dict(example.facts), "x") for example in sample]
    candidates, _ = official_load("".join(json.dumps(line) + "\n" for line in predicted).encode())
    assert candidates.keys() - without == references.keys() - without
    assert all(len(answers) == 1 for answers in candidates.values())
    assert MSMARCO.references.name == "references.jsonl"
    assert MSMARCO.references.fragment([]) == b""


def test_the_lines_of_the_official_files() -> None:
    answered, nothing, unknown = read(query()), read(query(answers=[])), read(query(answers=..., query_id="q"))
    assert MSMARCO.references.fragment([answered, nothing, unknown]) == (
        b'{"query_id":7,"answers":["6,650 km"]}\n'
        b'{"query_id":7,"answers":["No Answer Present."]}\n'
        b'{"query_id":"q","answers":[]}\n'
    )
    assert MSMARCO.references.fragment([read(query(answers=["\ud800"]))]) == b'{"query_id":7,"answers":["\\ud800"]}\n'
    assert MSMARCO.prediction is not None
    assert MSMARCO.prediction({"query_id": 7, "query_type": "x"}, "a") == {"query_id": 7, "answers": ["a"]}
    assert MSMARCO.prediction({"query_id": "q"}, "") == {"query_id": "q", "answers": [NO_ANSWER]}


def test_the_dataset_can_go_to_another_process() -> None:
    for function in (MSMARCO.examples, MSMARCO.label, MSMARCO.references.fragment, MSMARCO.prediction):
        assert pickle.loads(pickle.dumps(function)) is function
