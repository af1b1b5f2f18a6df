"""Broken raw files: one line each, with the place where the fault is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ham_mrc.data_prep import json_record, json_text
from ham_mrc.data_prep.json_stream import cut_items, cut_lines, parse_record
from ham_mrc.errors import HamError

packed = partial(gzip.compress, mtime=0)  # the same bytes in every process, for the names of tests


def written(folder: Path, data: bytes, name: str = "f.json") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def values(path: Path, **options: Any) -> list[Any]:
    return [parse_record(record, path) for record in cut_items(path, "data", "article", **options)]


def message(act: Callable[[], Any]) -> str:
    with pytest.raises(HamError) as caught:
        act()
    return str(caught.value).replace(f"{caught.value.file}", "f.json")


EARLY = "f.json, line 1: is not JSON (the file ends too early, column "


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "f.json: is empty; a JSON document is expected"),
        (b"\xef\xbb\xbf \n", "f.json: is empty; a JSON document is expected"),
        (packed(b""), "f.json: is empty; a JSON document is expected"),
        (b"{}", 'f.json: has no "data"; a list is due there'),
        (b'{"data": null}', 'f.json: "data" is null where a list is due'),
        (b'{"data": {"0": 1}}', 'f.json: "data" is an object where a list is due'),
        (b'{"data": "[]"}', 'f.json: "data" is a text where a list is due'),
        (b'{"data": 3}', 'f.json: "data" is a whole number where a list is due'),
        (b'{"data": 2.5}', 'f.json: "data" is the number 2.5 where a list is due'),
        (b'{"data": false}', 'f.json: "data" is false where a list is due'),
        (b'"data"', 'f.json: is a text where an object is due; {"data": [...]} is expected'),
        (b"null", 'f.json: is null where an object is due; {"data": [...]} is expected'),
        (b'{"data": [],\n "b": 1, "d\\u0061ta": []}', 'f.json, line 2: has "data" twice'),
        (b'{"data": []} {}', "f.json, line 1: is not JSON (something follows the document, column 14)"),
        (b'{"data": [\n1 2]}', 'f.json, line 2: is not JSON ("," or "]" is due here, column 3)'),
        (b'{"data": [1}}', 'f.json, line 1: is not JSON ("," or "]" is due here, column 12)'),
        (b'{"data": [1]]', 'f.json, line 1: is not JSON ("," or "}" is due here, column 13)'),
        (b'{"data": [1,]}', "f.json, line 1: is not JSON (a value is due here, column 13)"),
        (b'{"data": []\n, }', "f.json, line 2: is not JSON (a key in quotes is due here, column 3)"),
        ('{"é": 1,\n "中文" 2}'.encode(), 'f.json, line 2: is not JSON (":" is due here, column 7)'),
        (b'{"a": , "data": []}', "f.json, line 1: is not JSON (a value is due here, column 7)"),
        (b'{"data": [1', EARLY + "12)"),
        (b'{"data": ', EARLY + "10)"),
        (b'{"data"', EARLY + "8)"),
        (b'{"b": [[1, 2]', EARLY + "14)"),
        (b'{"b": "x", "c', "f.json, line 1: is not JSON (Unterminated string starting at, column 12)"),
        (b'{"data": [1, "x\n', "f.json, line 1: is not JSON (Invalid control character at, column 16)"),
        ('{"data": [{"é\\n": "中"},\n  {"中": "é'.encode(), "f.json, line 2: is not JSON (Unterminated string star"),
        (b'{"data": [{"a": "He said "hi" to"}]}', "f.json, line 1: is not JSON (Expecting ',' delimiter, column 27)"),
        ('{"é": 1,\n"data": ["é", {\n"é": é}]}'.encode(), "f.json, line 3: is not JSON (Expecting value, column 6)"),
        (b'{"data": [nul]}', "f.json, line 1: is not JSON (Expecting value, column 11)"),
        ('{"data": ["é'.encode("latin-1") + b'"]}', "f.json, line 1: is not UTF-8 (column 12); convert it to UTF-8"),
        ('{"data": ["é",\n\n  "'.encode() + b'\xe4"]}', "f.json, line 3: is not UTF-8 (column 4); convert it to UTF-8"),
        ('{"data": []}'.encode("utf-16"), "f.json, line 1: is not UTF-8 (column 1); convert it to UTF-8"),
        (b'{"data": [] \xff', "f.json, line 1: is not UTF-8 (column 13); convert it to UTF-8"),
        (b'{"data": [' + b"[" * 499 + b"]" * 499 + b"]}", "f.json, line 1: is nested deeper than 500 levels"),
        (b'{"data": [], "b":\n' + b'{"a":' * 200_000, "f.json, line 2: is nested deeper than 500 levels"),
        (
            packed(b'{"data": [1, 2]}')[:-9],
            "f.json: the gzip data ends too early; the file was cut off",
        ),
        (
            packed(b'{"data": []}') + b"more",
            "f.json: the gzip data is damaged (Not a gzipped file (b'mo'))",
        ),
    ],
)
def test_broken_documents(tmp_path: Path, data: bytes, expected: str) -> None:
    """Lines and columns counted by hand. The words in English after "is not JSON (" are the standard library's."""
    path = written(tmp_path, data)
    for block in (1, 7, 1 << 20):
        with mock.patch.object(json_text, "BLOCK", block):
            assert message(lambda: values(path))[: len(expected)] == expected


def test_500_levels_are_read(tmp_path: Path) -> None:
    ((found),) = values(written(tmp_path, b'{"data": [' + b"[" * 498 + b"]" * 498 + b"]}"))
    assert str(found) == "[" * 498 + "]" * 498


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "f.json: is empty; a JSON document is expected"),
        (b"\n \r\n", "f.json: is empty; a JSON document is expected"),
        (b'{"a": 1}\n\n{"b": \xff}\n', "f.json, line 3: is not UTF-8 (column 7); convert it to UTF-8"),
        (b'{"a": 1}\r\n  {"b" 2}\r\n', "f.json, line 2: is not JSON (Expecting ':' delimiter, column 8)"),
        (b'{"a": 1} {"b": 2}\n', "f.json, line 1: is not JSON (Extra data, column 10)"),
        (b"[" * 100_000, "f.json, line 1: is nested too deep"),
        (b"1" * 5000, "f.json, line 1: cannot be read (Exceeds the limit (4300 digits) for integer string conversion"),
        (packed(b'{"a": 1}\n' * 9)[:-3], "f.json: the gzip data ends too early; the file was cut off"),
    ],
)
def test_broken_lines(tmp_path: Path, data: bytes, expected: str) -> None:
    path = written(tmp_path, data)
    found = message(lambda: [parse_record(record, path) for record in cut_lines(path)])
    assert found[: len(expected)] == expected


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    assert message(lambda: values(tmp_path / "none.json")) == "f.json: no such file"
    assert message(lambda: list(cut_lines(tmp_path))) == "f.json: is a folder, not a file"


def test_too_long(tmp_path: Path) -> None:
    """A line, a record and a text without end, where only a little may be held."""
    end = ": is longer than 1 MiB; a quote or a line end is missing, or this is a file of another kind"
    lines = written(tmp_path, gzip.compress(b"{}\n" + bytes(3 << 20)))
    items = written(tmp_path, gzip.compress(b'{"data": [1, ["' + bytes(3 << 20) + b'"]]}'), "items.json")
    other = written(tmp_path, gzip.compress(b'{"b": ["long"],\n"data": "' + bytes(3 << 20)), "other.json")
    fits = json.dumps({"data": [["x" * ((1 << 20) - 4)]]}).encode()
    with mock.patch.object(json_record, "LIMIT", 1 << 20), mock.patch.object(json_text, "BLOCK", 1 << 12):
        assert message(lambda: list(cut_lines(lines))) == "f.json, line 2" + end
        assert message(lambda: values(items)) == "f.json, article 2" + end
        assert message(lambda: values(other)) == 'f.json: "data" is a text where a list is due'
        assert len(values(written(tmp_path, fits))[0][0]) == (1 << 20) - 4
        assert message(lambda: values(written(tmp_path, fits.replace(b"[[", b"[[ ")))) == "f.json, article 1" + end


def test_a_bomb_of_zeros_ends_in_its_line(tmp_path: Path) -> None:
    """300 MB of zeros, packed to 300 KB, as one line."""
    path = tmp_path / "f.json"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(300):
            stream.write(bytes(1 << 20))
    assert message(lambda: list(cut_lines(path))).startswith("f.json, line 1: is longer than 256 MiB; ")
