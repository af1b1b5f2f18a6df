"""Files that look broken and are not: read as the official programs read them, and written so that they come back."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from broken_inputs import FORMATS, Workplace

from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.squad import read_squad

NOTHING_DROPPED = [{}, {}, {}]


@pytest.mark.parametrize("name", FORMATS)
def test_byte_order_mark_carriage_returns_and_gzip_in_parts(workplace: Workplace, name: str) -> None:
    """Windows line ends also within documents, and gzip files put one behind the other, which is gzip again."""
    data = FORMATS[name].data()
    workplace.accepted(FORMATS[name].dataset, workplace.write(data))
    good = {path.name: path.read_bytes() for path in workplace.out.rglob("references.json*")}
    ends = data.replace(b"\n", b"\r\n").replace(b'", "', b'",\r\n"' if not FORMATS[name].lines else b'",\t"')
    odd = workplace.write(gzip.compress(b"\xef\xbb\xbf" + ends[:99]) + gzip.compress(ends[99:]) + gzip.compress(b""))
    parts = workplace.accepted(FORMATS[name].dataset, odd, "--force")
    assert [counts["dropped"] for counts in parts.values()] == NOTHING_DROPPED
    assert {path.name: path.read_bytes() for path in workplace.out.rglob("references.json*")} == good


ODD_TEXTS = {
    "half of a surrogate pair": "\ud83d wide",
    "the other half": "\ude00",
    "line separators": "a\u2028b\u2029c\x85d",
    "zero byte": "a\x00b",
    "escape sequence": "\x1b[2J",
    "astral": "😀𠀀",
}


@pytest.mark.parametrize("name", ["squad", "cmrc", "dureader", "msmarco 1.1", "msmarco 2.1"])
@pytest.mark.parametrize("escaped", [True, False])
def test_odd_characters_come_back(workplace: Workplace, name: str, escaped: bool) -> None:
    """In ids, questions, passages and answers at once. Half pairs are no UTF-8, but some programs write them so."""
    text = " ".join(ODD_TEXTS.values())
    value = with_text(name, text)
    texts = [json.dumps(item, ensure_ascii=escaped) for item in (value if FORMATS[name].lines else [value])]
    file = workplace.write("\n".join(texts).encode("utf-8", "surrogatepass"))
    parts = workplace.accepted(FORMATS[name].dataset, file, "--dev", file, "--test", file)
    assert (parts["train"]["read"], parts["train"]["dropped"]) == (1, {})
    columns = Columns.open(workplace.out / "train")
    row = columns.question_passage[0]
    assert columns.question_text(0) == columns.passage_text(row) == text
    assert columns.ids == ["7" if name.startswith("msmarco") else text]
    (references,) = (workplace.out / "train").glob("references.json*")
    assert text in texts_in(json.loads(references.read_bytes()))


def with_text(name: str, text: str) -> Any:
    """A file of one question, all of whose texts are `text`."""
    if name == "squad":
        question = {"id": text, "question": text, "answers": [{"text": text, "answer_start": 0}]}
        return {"data": [{"title": text, "paragraphs": [{"context": text, "qas": [question]}]}]}
    if name == "cmrc":
        question = {"query_id": text, "query_text": text, "answers": [text]}
        return [{"context_id": text, "context_text": text, "title": text, "qas": [question]}]
    if name == "dureader":
        document = {"title": text, "paragraphs": [text], "is_selected": True}
        return [
            {"question_id": text, "question": text, "question_type": text, "documents": [document], "answers": [text]}
        ]
    passages = [{"passage_text": text, "is_selected": 1}]
    record = {"query_id": 7, "query": text, "query_type": "", "passages": passages, "answers": [text]}
    return [record] if name == "msmarco 1.1" else {key: {text: value} for key, value in record.items()}


def texts_in(value: Any) -> set[str]:
    if isinstance(value, (dict, list)):
        return set().union(*map(texts_in, value.values() if isinstance(value, dict) else value))
    return {value} if isinstance(value, str) else set()


def test_numbers_that_json_does_not_know_where_nobody_looks(workplace: Workplace) -> None:
    data = FORMATS["squad"].data("data", 0, "score", [float("nan"), float("inf"), -float("inf"), 10**400])
    parts = workplace.accepted("squad", workplace.write(data))
    assert [counts["dropped"] for counts in parts.values()] == NOTHING_DROPPED


def test_number_of_more_digits_than_python_reads(workplace: Workplace) -> None:
    data = FORMATS["squad"].data().replace(b'"answer_start": 12', b'"answer_start": ' + b"1" * 5000, 1)
    found = workplace.refused("squad", data)
    assert found.startswith("f.json, line 1: cannot be read (Exceeds the limit (4300 digits) for integer string conv")


def test_key_that_stands_twice_within_a_record_keeps_its_last_value(workplace: Workplace) -> None:
    """As json.load has it in the official programs."""
    data = FORMATS["msmarco 1.1"].data().replace(b'"query_id": 4', b'"query_id": 0, "query_id": 44')
    good = workplace.write(FORMATS["msmarco 1.1"].data(), "good.json")
    workplace.accepted("msmarco", workplace.write(data), "--dev", good, "--test", good)
    assert Columns.open(workplace.out / "train").ids == ["0", "1", "2", "3", "44", "5"]


def test_columns_in_another_order_and_further_ones(workplace: Workplace) -> None:
    value = FORMATS["msmarco 2.1"].value()
    value = {**{key: dict(reversed(value[key].items())) for key in value}, "more": [1]}
    value["query"] = dict(reversed(value["query"].items()))
    file = workplace.write(json.dumps(value).encode())
    good = workplace.write(FORMATS["msmarco 2.1"].data(), "good.json")
    parts = workplace.accepted("msmarco", file, "--dev", good, "--test", good)
    assert (parts["train"]["kept"], parts["train"]["dropped"]) == (6, {})
    assert Columns.open(workplace.out / "train").ids == ["5", "4", "3", "2", "1", "0"]


def test_both_versions_of_squad_in_one_corpus(workplace: Workplace) -> None:
    data = FORMATS["squad"].data("data", 1, "paragraphs", 0, "qas", 2, "is_impossible", True)
    old = workplace.write(FORMATS["squad"].data().replace(b'"id": "', b'"id": "old'), "old.json")
    parts = workplace.accepted("squad", workplace.write(data), old)
    assert sum(counts["read"] for counts in parts.values()) == 16
    assert json.loads((workplace.out / "manifest.json").read_bytes())["version"] == "2.0"
    assert list(read_squad(workplace.out / "train" / "references.json"))


def test_both_versions_of_msmarco_are_refused(workplace: Workplace) -> None:
    old = workplace.write(FORMATS["msmarco 1.1"].data(), "old.json")
    found = workplace.refused("msmarco", FORMATS["msmarco 2.1"].data(), old)
    assert found == "the files are of several versions of msmarco: 1.1, 2.1; prepare each by itself"


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_file_twice(workplace: Workplace, name: str) -> None:
    """Every question of the second reading repeats an id; with its first one it is of the same part."""
    file = workplace.write(FORMATS[name].data())
    once = workplace.accepted(FORMATS[name].dataset, file)
    twice = workplace.accepted(FORMATS[name].dataset, file, file, "--force")
    for part, counts in once.items():
        assert twice[part]["read"] == 2 * counts["read"]
        assert (twice[part]["kept"], twice[part]["dropped"]) == (counts["kept"], {"duplicate_id": counts["kept"]})


def test_limit_on_files_with_repeated_ids_and_faults_behind_it(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeated ids count as questions read; what lies in a later portion than the last question is not looked at."""
    monkeypatch.setattr("ham_mrc.data_prep.chunks.CHUNK_BYTES", 1)
    data = FORMATS["dureader"].data()
    file = workplace.write(data + data + b"{broken\n")
    parts = workplace.accepted("dureader", file, "--limit", "9")
    assert sum(counts["read"] for counts in parts.values()) == 9
    assert sum(counts["dropped"].get("duplicate_id", 0) for counts in parts.values()) == 3
    assert workplace.refused("dureader", data + b"{broken\n", "--limit", "2", "--force") == (
        "2 questions cannot fill 3 parts: nothing is left for train; give more input, or another --split or --split-by"
    )


def test_input_as_its_own_dev_part(workplace: Workplace) -> None:
    file = workplace.write(FORMATS["squad"].data())
    parts = workplace.accepted("squad", file, "--dev", file)
    assert {part: (counts["kept"], counts["ids_in_train"]) for part, counts in parts.items()} == {
        "train": (7, 0),
        "dev": (8, 7),
        "choice": (1, 0),
    }
