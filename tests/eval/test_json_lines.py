"""JSON Lines as the official programs of MS MARCO and DuReader read them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.json_lines import identity, keys_of, parse_lines, read_lines


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b'{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        (b'{"a": 1}\r\n{"a": 2}', [{"a": 1}, {"a": 2}]),
        (b'{"a": 1}\r[]', [{"a": 1}, []]),
        ('{"a": "x\u2028y\u0085z"}\n'.encode(), [{"a": "x\u2028y\u0085z"}]),  # no line ends to a text file
        (b'{"a": 1, "a": 2}', [{"a": 2}]),
        (b"", []),
    ],
)
def test_lines_end_as_in_text_files(data: bytes, values: list[object]) -> None:
    records = list(parse_lines(data, "f"))
    assert [value for _, value in records] == values
    assert [place for place, _ in records] == [f"line {number}" for number in range(1, len(values) + 1)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1}\n\n{"a": 2}\n', "f, line 2: is blank; the official program wants a record in each line"),
        (b'{"a": 1}\n \n', "f, line 2: is blank"),
        (b"\n", "f, line 1: is blank"),
        (b'{"a": 1}\n{"a": \n', "f, line 2"),
    ],
)
def test_every_line_is_a_record(data: bytes, message: str) -> None:
    with pytest.raises(HamError) as caught:
        list(parse_lines(data, "f"))
    assert str(caught.value).startswith(message)


def test_gzip_and_zip(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"1\n2\n"))
    assert [value for _, value in read_lines(tmp_path / "a.gz")] == [1, 2]
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/search.json", "3\n4\n")
        archive.writestr("zhidao.json", "5\n\n")
    records = read_lines(tmp_path / "b.zip")
    assert [next(records) for _ in range(3)] == [("line 1", 3), ("line 2", 4), ("line 1", 5)]
    with pytest.raises(HamError, match=r"b\.zip/zhidao\.json, line 2: is blank"):
        next(records)
    (tmp_path / "c.zip").write_bytes((tmp_path / "b.zip").read_bytes()[:60])
    with pytest.raises(HamError, match=r"c\.zip: is a zip file that cannot be read"):
        read_lines(tmp_path / "c.zip")


def test_ids_keep_their_type_and_their_texts_differ() -> None:
    assert identity({"id": 7}, "id", None, "line 1") == 7
    assert identity({"id": None}, "id", None, "line 1") is None
    assert keys_of([7, "7", "8", "7#2"]) == ("7", "7#2", "8", "7#2#2")
    assert keys_of(["7#2", 7, "7"]) == ("7#2", "7", "7#3")
