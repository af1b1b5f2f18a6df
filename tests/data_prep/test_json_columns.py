"""Rows out of columns: against the standard library's parser, in any order of columns and rows, and broken."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep import column_join, json_text
from ham_mrc.data_prep.json_columns import cut_columns
from ham_mrc.data_prep.json_stream import parse_record
from ham_mrc.errors import HamError

KEYS = ("query_id", "query", "passages")
OPTIONAL = ("answers", "wellFormedAnswers")
NAMES = st.text(st.sampled_from('"\\{}[],: \né中😀\ud83d0'), max_size=4)
VALUES = (
    NAMES
    | st.integers(-(2**63), 2**64 - 1)
    | st.lists(st.dictionaries(NAMES, NAMES | st.none(), max_size=2), max_size=3)
)


def written(folder: Path, data: bytes, name: str = "f.json") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def rows(path: Path | str, keys: Sequence[str] = KEYS, optional: Sequence[str] = OPTIONAL) -> dict[str, Any]:
    return {
        record.place.removeprefix('row "').removesuffix('"'): parse_record(record, path)
        for record in cut_columns(path, keys, optional=optional)
    }


def message(act: Callable[[], Any]) -> str:
    with pytest.raises(HamError) as caught:
        act()
    return str(caught.value).replace(f"{caught.value.file}", "f.json")


@settings(deadline=None)
@given(
    names=st.lists(NAMES, unique=True, max_size=5),
    values=st.lists(VALUES, min_size=15, max_size=15),
    order=st.permutations("abcx"),
    shuffled=st.sets(st.sampled_from("abc")),
    indent=st.none() | st.integers(0, 2),
    block=st.integers(1, 60),
    seed=st.randoms(use_true_random=False),
)
def test_rows_are_those_of_the_standard_parser(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    values: list[Any],
    order: list[str],
    shuffled: set[str],
    indent: int | None,
    block: int,
    seed: random.Random,
) -> None:
    """Columns a, b and c are read and x is not; `shuffled` ones have their rows in an order of their own."""
    content: dict[str, Any] = {}
    for part, column in enumerate(order):
        content[column] = dict(zip(names, values[part * 3 :], strict=False))
        if column in shuffled:
            content[column] = dict(seed.sample(list(content[column].items()), len(content[column])))
    path = written(tmp_path_factory.getbasetemp(), json.dumps(content, indent=indent).encode())
    with mock.patch.object(json_text, "BLOCK", block):
        found = [parse_record(record, path) for record in cut_columns(path, ["c", "a"], optional=["b", "d"])]
    expected = [{key: content[key][row] for key in "cab"} for row in content["c"]]
    assert found == expected


@pytest.mark.parametrize("lead", ["query_id", "query"])
def test_the_real_layout(shared_data: Path, tmp_path: Path, lead: str) -> None:
    """160 queries; the file as it is, and with the rows of one column turned round."""
    packed = shared_data / "msmarco" / "v2.1-layout.sample160.json.gz"
    content = json.loads(gzip.decompress(packed.read_bytes()))
    expected = {row: {key: content[key][row] for key in (*KEYS, *OPTIONAL)} for row in content["query"]}
    assert rows(packed) == expected
    assert len(expected) == 160
    content[lead] = dict(reversed(content[lead].items()))
    turned = written(tmp_path, json.dumps(content, ensure_ascii=False).encode())
    assert rows(turned) == expected
    assert list(rows(turned)) == list(content["query_id"])


def columns(**changed: Any) -> dict[str, Any]:
    """Two rows in three columns, one of them replaced or, with None, left out."""
    content = {"query_id": {"0": 7, "1": 8}, "query": {"0": "a", "1": "b"}, "passages": {"0": [], "1": []}, **changed}
    return {key: value for key, value in content.items() if value is not None}


def test_bytes_are_untouched_and_places_are_given(tmp_path: Path) -> None:
    document = (
        '{"x": {"é": 1}, "passages": {"0": [{ "a":1e0 }],\n"1": NaN},\n "é": 0, "query_id": {"0":"\\ud83d", "1" :2}}'
    )
    records = list(cut_columns(written(tmp_path, b"\xef\xbb\xbf" + document.encode()), ["passages", "query_id"]))
    assert [tuple(record) for record in records] == [
        ('row "0"', 1, 34, b'{"passages":[{ "a":1e0 }],"query_id":"\\ud83d"}'),
        ('row "1"', 2, 5, b'{"passages":NaN,"query_id":2}'),
    ]


BLANK = json.dumps(columns())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "f.json: is empty; a JSON document is expected"),
        ("[]", 'f.json: is a list where an object is due; {"query_id": {...}} is expected'),
        (columns(query=None), 'f.json: has no "query"; an object is due there'),
        (columns(query=["a", "b"]), 'f.json: "query" is a list where an object is due'),
        (columns(answers=None, wellFormedAnswers="[]"), 'f.json: "wellFormedAnswers" is a text where an object is due'),
        (columns(query={"0": "a"}), 'f.json, "query": has no row "1"; "query_id" has it'),
        (columns(query_id={"1": 8}), 'f.json, "query_id": has no row "0"; "query" has it'),
        (columns(passages={"0": [], "2": []}), 'f.json, "passages": has no row "1"; "query_id" has it'),
        (columns(passages={"1": [], "0": [], "5": 1}), 'f.json, "query_id": has no row "5"; "passages" has it'),
        (columns(query={"0": 1, "n" * 99: 1}), 'f.json, "query": has no row "1"; "query_id" has it'),
        (columns(passages={"0": [], "1": [], "n" * 99: []}), f'f.json, "query_id": has no row "{"n" * 60}..."; '),
        ('{"query": {}, "query": {}}', 'f.json, line 1: has "query" twice'),
        (
            '{"query_id": {"0": 1, "1": 1}, "query": {"1": 0, "1": 2, "0": 3}, "passages": {"0": 0, "1": 1}}',
            'f.json, "query": has row "1" twice',
        ),
        (BLANK.replace('"b"', "\nb"), "f.json, line 2: is not JSON (Expecting value, column 1)"),
        (BLANK.replace("[]}", '["é"\n"é"]}'), "f.json, line 2: is not JSON (Expecting ',' delimiter, column 1)"),
        (BLANK[:-2], f"f.json, line 1: is not JSON (the file ends too early, column {len(BLANK) - 1})"),
        (BLANK + "\n]", "f.json, line 2: is not JSON (something follows the document, column 1)"),
        (BLANK.replace("7,", "7"), 'f.json, line 1: is not JSON ("," or "}" is due here, column 22)'),
        (BLANK.replace("7", "[" * 600 + "]" * 600), "f.json, line 1: is nested deeper than 500 levels"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_broken_columns(tmp_path: Path, content: Any, expected: str, packed: bool) -> None:
    data = (content if isinstance(content, str) else json.dumps(content)).encode()
    path = written(tmp_path, gzip.compress(data) if packed else data)
    for block in (1, 1 << 20):
        with mock.patch.object(json_text, "BLOCK", block):
            assert message(lambda: rows(path))[: len(expected)] == expected


def test_damaged_gzip(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(json.dumps(columns()).encode())[:-9])
    assert message(lambda: rows(path)) == "f.json: the gzip data ends too early; the file was cut off: fetch it again"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_temporary_copies_go(tmp_path: Path, temporary: Path) -> None:
    path = written(tmp_path, gzip.compress(json.dumps(columns()).encode()))
    records = cut_columns(path, KEYS)
    next(records)
    (copy,) = temporary.glob("*/*")
    assert copy.read_bytes() == gzip.decompress(path.read_bytes())
    records.close()
    assert not list(temporary.iterdir())


def test_no_room_for_the_copy(tmp_path: Path, temporary: Path) -> None:
    path = written(tmp_path, gzip.compress(json.dumps(columns()).encode()))
    fault = OSError(28, "No space left on device")
    with mock.patch("ham_mrc.data_prep.raw_input.open", side_effect=[_Full(fault)], create=True):
        found = message(lambda: rows(path))
    assert found == (
        "f.json: no temporary copy can be made (No space left on device); set TMPDIR to a folder with more room"
    )
    assert not list(temporary.iterdir())


class _Full(io.BytesIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, data: Any, /) -> int:
        raise self.error


def test_no_room_for_the_database(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(columns(query={"1": 1, "0": 2})).encode())
    with mock.patch.object(column_join, "_refuse_missing", side_effect=sqlite3.OperationalError("disk is full")):
        assert message(lambda: rows(path)).startswith(
            "f.json: its columns are in different orders, and the temporary database for that failed (disk is full); "
        )


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [10, 4000])
def test_moved_sums_up_to_the_size_on_disk(tmp_path: Path, packed: bool, size: int) -> None:
    content = {key: {str(n): os.urandom(400).hex() for n in range(size)} for key in KEYS}
    data = json.dumps(content).encode()
    path = written(tmp_path, gzip.compress(data, 1) if packed else data)
    steps: list[int] = []
    for count, _ in enumerate(cut_columns(path, KEYS, moved=steps.append), 1):
        if count == 1:
            first_walk = sum(steps)
    assert count == size
    assert first_walk == path.stat().st_size // 2
    assert sum(steps) == path.stat().st_size
    assert min(steps) > 0


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    data, steps = json.dumps(columns()).encode(), list[int]()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    found = [record.data for record in cut_columns("-", ["query"], moved=steps.append)]
    assert found == [b'{"query":"a"}', b'{"query":"b"}']
    assert sum(steps) == len(data)
