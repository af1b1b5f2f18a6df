"""Files that are no dataset, or another one: `ham-mrc prepare` says so in one line and leaves nothing behind."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from broken_inputs import FORMATS, Workplace

packed = partial(gzip.compress, mtime=0)


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.json", data)
    return file.getvalue()


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("train.json")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def wrong_checksum(data: bytes) -> bytes:
    """Packed data with zeros where the CRC-32 belongs."""
    return packed(data)[:-8] + bytes(4) + packed(data)[-4:]


EMPTY = "is empty; a JSON document is expected"
CUT_OFF = "the gzip data ends too early; the file was cut off: fetch it again"

WHOLE_FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", EMPTY),
    "white space": (lambda data: b" \n\t\r\n", EMPTY),
    "byte order mark alone": (lambda data: b"\xef\xbb\xbf", EMPTY),
    "gzip of nothing": (lambda data: packed(b""), EMPTY),
    "gzip without content": (lambda data: packed(data)[:10], CUT_OFF),
    "gzip cut in half": (lambda data: packed(data)[: len(packed(data)) // 2], CUT_OFF),
    "gzip without its length": (lambda data: packed(data)[:-4], CUT_OFF),
    "gzip with something behind": (
        lambda data: packed(data) + b"more",
        "the gzip data is damaged (Not a gzipped file (b'mo')); fetch it again",
    ),
    "gzip of an unknown method": (
        lambda data: b"\x1f\x8b\x07" + packed(data)[3:],
        "the gzip data is damaged (Unknown compression method); fetch it again",
    ),
    "zip": (zipped, "is a zip archive; unpack it first"),
    "tar": (tarred, "is a tar archive; unpack it first"),
    "tar in gzip": (lambda data: packed(tarred(data)), "is a tar archive; unpack it first"),
    "bzip2": (bz2.compress, "is packed by bzip2; unpack it first"),
    "xz": (lzma.compress, "is packed by xz; unpack it first"),
    "picture": (lambda data: b"\x89PNG\r\n\x1a\n" + data, "line 1: is not UTF-8 (column 1); convert it to UTF-8"),
    "UTF-16": (
        lambda data: data.decode("utf-8").encode("utf-16"),
        "line 1: is not UTF-8 (column 1); convert it to UTF-8",
    ),
    "web page": (lambda data: b"<!DOCTYPE html>\n", "line 1: is not JSON (Expecting value, column 1)"),
}


@pytest.mark.parametrize("name", ["squad", "cmrc", "dureader", "msmarco 2.1"])
@pytest.mark.parametrize("fault", WHOLE_FILES)
def test_file_that_is_no_dataset(workplace: Workplace, name: str, fault: str) -> None:
    change, expected = WHOLE_FILES[fault]
    found = workplace.refused(FORMATS[name].dataset, change(FORMATS[name].data()))
    assert found == f"f.json{', ' if expected.startswith('line') else ': '}{expected}"


@pytest.mark.parametrize("name", ["squad", "cmrc", "dureader", "msmarco 2.1"])
def test_gzip_with_a_wrong_checksum(workplace: Workplace, name: str) -> None:
    data = FORMATS[name].data()
    assert workplace.refused(FORMATS[name].dataset, wrong_checksum(data)) == (
        f"f.json: the gzip data is damaged (CRC check failed 0x0 != {zlib.crc32(data):#x}); fetch it again"
    )


EXPECTED = '{"data": [...]} is expected'
ENDS_EARLY = "f.json, line 1: is not JSON (the file ends too early, column "

DOCUMENTS = [
    ("squad", b"null", f"f.json: is null where an object is due; {EXPECTED}"),
    ("squad", b"NaN", f"f.json: is the number nan where an object is due; {EXPECTED}"),
    ("squad", b'"data"', f"f.json: is a text where an object is due; {EXPECTED}"),
    ("squad", b"[]", f"f.json: is a list where an object is due; {EXPECTED}"),
    ("squad", b"{}", 'f.json: has no "data"; a list is due there'),
    ("squad", b'{"data": null}', 'f.json: "data" is null where a list is due'),
    ("squad", b'{"data": [], "data": []}', 'f.json, line 1: has "data" twice'),
    ("squad", b'{"data": []}', "f.json: holds no questions"),
    ("squad", b'{"data": [', f"{ENDS_EARLY}11)"),
    ("squad", b'{"version": "1.1"', f"{ENDS_EARLY}18)"),
    ("squad", b'{"data": []} x', "f.json, line 1: is not JSON (something follows the document, column 14)"),
    ("squad", b'{"data": []}\n{}', "f.json, line 2: is not JSON (something follows the document, column 1)"),
    ("squad", b'{"data": [nil]}', "f.json, line 1: is not JSON (Expecting value, column 11)"),
    ("squad", b"[\n" * 501, "f.json, line 501: is nested deeper than 500 levels"),
    ("squad", b'{"a":' * 501, "f.json, line 1: is nested deeper than 500 levels"),
    ("squad", b'{"data": ["Caf\xe9"]}', "f.json, line 1: is not UTF-8 (column 15); convert it to UTF-8"),
    ("cmrc", b"3", f"f.json: is a whole number where an object or a list is due; {EXPECTED}"),
    ("cmrc", b"{}", 'f.json: has no "data"; a list is due there'),
    ("cmrc", b"[]", "f.json: holds no questions"),
    ("cmrc", b"[[]]", "f.json, article 1: is a list where an object is due"),
    ("cmrc", b"[] []", "f.json, line 1: is not JSON (something follows the document, column 4)"),
    ("cmrc", b"[{}, {]]", 'f.json, article 1: has neither "paragraphs" (as in SQuAD) nor "context_text" (as in CMRC)'),
    ("cmrc", b"[{]]", "f.json, line 1: is not JSON (Expecting property name enclosed in double quotes, column 3)"),
    ("cmrc", b'[{"a": "\n"}]', "f.json, line 1: is not JSON (Invalid control character at, column 9)"),
    ("cmrc", b"[" * 501, "f.json, line 1: is nested deeper than 500 levels"),
    ("dureader", b"null", "f.json, line 1: is null where an object is due"),
    ("dureader", b"\n\r\n [{}]", "f.json, line 3: is a list where an object is due"),
    ("dureader", b"{}", 'f.json, line 1: has no "question_id"; a whole number or a text is due there'),
    ("dureader", b"{} {}", "f.json, line 1: is not JSON (Extra data, column 4)"),
    (
        "dureader",
        b'{\n"question_id": 1\n}',
        "f.json, line 1: is not JSON (Expecting property name enclosed in double quotes, column 2)",
    ),
    ("dureader", b"[" * 100_000, "f.json, line 1: is nested too deep"),
    ("dureader", b'{"a": "\xe9"}', "f.json, line 1: is not UTF-8 (column 8); convert it to UTF-8"),
    ("msmarco", b"7", "f.json, line 1: is a whole number where an object is due"),
    ("msmarco", b"[]", "f.json, line 1: is a list where an object is due"),
    ("msmarco", b'{"a": {}', f"{ENDS_EARLY}9)"),
    ("msmarco", b'{"a": {}}', 'f.json: has no "query_id"; an object is due there'),
    ("msmarco", b'{"query": {}, "query": {}}', 'f.json, line 1: has "query" twice'),
    ("msmarco", b'{"query_id": {}, "query": {}, "passages": {}}', "f.json: holds no questions"),
    (
        "msmarco",
        b'{"query_id": {}, "query": {}, "passages": {}} x',
        "f.json, line 1: is not JSON (something follows the document, column 47)",
    ),
    ("msmarco", b'{"a":' * 501, "f.json, line 1: is nested deeper than 500 levels"),
    ("msmarco", b"[" * 100_000, "f.json, line 1: is nested too deep"),
]


@pytest.mark.parametrize(("dataset", "data", "expected"), DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_broken_document(workplace: Workplace, dataset: str, data: bytes, expected: str) -> None:
    """Lines and columns counted by hand. English in brackets before "column" is the standard library's."""
    assert workplace.refused(dataset, data) == expected


OBJECT = f"is a list where an object is due; {EXPECTED}"
NO_ID = 'line 1: has no "question_id"; a whole number or a text is due there'


@pytest.mark.parametrize(
    ("dataset", "name", "expected"),
    [
        ("squad", "cmrc", f"f.json: {OBJECT}; is this a file of cmrc?"),
        ("squad", "dureader", 'f.json: has no "data"; a list is due there; is this a file of dureader?'),
        ("squad", "msmarco 1.1", 'f.json: has no "data"; a list is due there; is this a file of msmarco?'),
        ("squad", "msmarco 2.1", 'f.json: has no "data"; a list is due there; is this a file of msmarco?'),
        ("cmrc", "dureader", 'f.json: has no "data"; a list is due there; is this a file of dureader?'),
        ("cmrc", "msmarco 2.1", 'f.json: has no "data"; a list is due there; is this a file of msmarco?'),
        ("dureader", "squad", f"f.json, {NO_ID}; is this a file of squad?"),
        ("dureader", "cmrc", "f.json, line 1: is a list where an object is due; is this a file of cmrc?"),
        ("dureader", "msmarco 1.1", f"f.json, {NO_ID}; is this a file of msmarco?"),
        ("dureader", "msmarco 2.1", f"f.json, {NO_ID}; is this a file of msmarco?"),
        (
            "msmarco",
            "squad",
            'f.json, line 1: has no "query_id"; a whole number is due there; is this a file of squad?',
        ),
        ("msmarco", "cmrc", "f.json, line 1: is a list where an object is due; is this a file of cmrc?"),
        (
            "msmarco",
            "dureader",
            'f.json, line 1: has no "query_id"; a whole number is due there; is this a file of dureader?',
        ),
    ],
)
def test_file_of_another_dataset_is_told(workplace: Workplace, dataset: str, name: str, expected: str) -> None:
    assert workplace.refused(dataset, FORMATS[name].data()) == expected
    assert workplace.refused(dataset, packed(FORMATS[name].data())) == expected


def test_one_document_for_lines_and_lines_for_one_document(workplace: Workplace) -> None:
    listed = json.dumps(FORMATS["dureader"].value()).encode()
    assert workplace.refused("dureader", listed) == "f.json, line 1: is a list where an object is due"
    articles = b"".join(json.dumps(article).encode() + b"\n" for article in FORMATS["squad"].value()["data"])
    assert workplace.refused("squad", articles) == 'f.json: has no "data"; a list is due there'


@pytest.mark.parametrize(("name", "place"), [(name, "line 1") for name in FORMATS if FORMATS[name].lines])
def test_huge_line(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    too_long(workplace, monkeypatch, name, place)


@pytest.mark.parametrize(
    ("name", "place"), [("squad", "article 1"), ("cmrc", "article 1"), ("msmarco 2.1", 'row "0" of "passages"')]
)
def test_huge_record(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    monkeypatch.setattr("ham_mrc.data_prep.json_text.BLOCK", 64)
    too_long(workplace, monkeypatch, name, place)


def too_long(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    monkeypatch.setattr("ham_mrc.data_prep.json_record.LIMIT", 128)
    assert workplace.refused(FORMATS[name].dataset, FORMATS[name].data()) == (
        f"f.json, {place}: is longer than 0 MiB; a quote or a line end is missing, or this is a file of another kind"
    )


@pytest.mark.parametrize("name", ["squad", "cmrc", "dureader", "msmarco 1.1"])
@pytest.mark.parametrize("begin", [b"", b'{"a": "'])
def test_bomb_of_zeros(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, name: str, begin: bytes) -> None:
    """256 MB in 250 KB: whoever reads on has at least these in memory, and the line is over after 4."""
    monkeypatch.setattr("ham_mrc.data_prep.json_record.LIMIT", 4 << 20)
    bomb = packed(begin) + packed(bytes(8 << 20)) * 32
    tracemalloc.start()
    try:
        found = workplace.refused(FORMATS[name].dataset, bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == (
        "f.json, line 1: is longer than 4 MiB; a quote or a line end is missing, or this is a file of another kind"
    )
    assert peak < 48 << 20
