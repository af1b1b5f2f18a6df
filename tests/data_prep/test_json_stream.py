"""Cutting raw files into records: against the standard library's parser and ijson."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import ijson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep import json_text
from ham_mrc.data_prep.dataset import Record
from ham_mrc.data_prep.json_stream import cut_items, cut_lines, parse_record
from ham_mrc.errors import HamError

# Texts made of what ends texts, hides ends, or looks like structure; characters of one to four bytes; line ends.
TEXTS = st.text(st.sampled_from('"\\{}[],: \n\r\taé中翿😀\u2028\u0000/'), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
LAYOUTS = st.fixed_dictionaries(
    {"indent": st.sampled_from([None, 0, 2, "\t"]), "ensure_ascii": st.booleans()}
) | st.just({"separators": (",", ":")})


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


def stands_at(document: str, record: Record) -> bool:
    """Whether the record's bytes are found at its line and column of the text, lines ending at "\\n"."""
    lines = document.split("\n")[record.line - 1 :]
    return "\n".join(lines)[record.column :].encode().startswith(record.data)


@settings(deadline=None)
@given(
    items=st.lists(VALUES, max_size=5),
    before=st.dictionaries(TEXTS, VALUES, max_size=2),
    behind=st.dictionaries(TEXTS, VALUES, max_size=2),
    layout=LAYOUTS,
    block=st.integers(1, 50),
    mark=st.booleans(),
)
def test_elements_are_those_of_the_standard_parser(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[Any],
    before: dict[str, Any],
    behind: dict[str, Any],
    layout: dict[str, Any],
    block: int,
    mark: bool,
) -> None:
    content = {**before, "data": items, **{key: value for key, value in behind.items() if key not in before}}
    document = json.dumps(content, **layout)
    path = written(tmp_path_factory.getbasetemp(), b"\xef\xbb\xbf" * mark + document.encode())
    with mock.patch.object(json_text, "BLOCK", block):
        records = list(cut_items(path, "data", "article"))
    assert [json.loads(record.data) for record in records] == json.loads(document)["data"]
    assert [record.place for record in records] == [f"article {n}" for n in range(1, len(items) + 1)]
    assert all(stands_at(document, record) for record in records)


@settings(deadline=None)
@given(
    items=st.lists(VALUES, max_size=3),
    block=st.integers(1, 50),
    change=st.tuples(st.integers(0), st.sampled_from([b"", *(bytes([n]) for n in b'"\\{}[],: \nx0\x00\xff\xc3')])),
)
def test_a_changed_byte_is_a_fault_or_none_as_the_standard_parser_has_it(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], block: int, change: tuple[int, bytes]
) -> None:
    document = json.dumps({"data": items}, ensure_ascii=False).encode()
    position = change[0] % len(document)
    changed = document[:position] + change[1] + document[position + 1 :]
    path = written(tmp_path_factory.getbasetemp(), changed)
    try:
        # Pairs, so that a key which stands twice is seen.
        pairs = json.loads(changed.decode(), object_pairs_hook=tuple)
        expected = json.loads(changed)["data"] if [key for key, _ in pairs].count("data") == 1 else None
    except (ValueError, KeyError, TypeError):
        expected = None
    with mock.patch.object(json_text, "BLOCK", block):
        if not isinstance(expected, list):
            assert message(lambda: values(path)).startswith("f.json")
        else:
            assert values(path) == expected


@settings(deadline=None)
@given(items=st.lists(VALUES, max_size=3), block=st.integers(1, 50), keep=st.integers(0))
def test_every_shortened_document_is_a_fault(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], block: int, keep: int
) -> None:
    document = json.dumps({"version": ["1.1"], "data": items, "more": {"a": items}}).encode()
    path = written(tmp_path_factory.getbasetemp(), document[: keep % len(document)])
    with mock.patch.object(json_text, "BLOCK", block):
        assert message(lambda: values(path)).startswith("f.json")


@settings(deadline=None)
@given(lines=st.lists(VALUES | st.just(""), min_size=1, max_size=6), end=st.sampled_from(["\n", "\r\n"]))
def test_lines_are_those_of_the_text(tmp_path_factory: pytest.TempPathFactory, lines: list[Any], end: str) -> None:
    texts = [json.dumps(line, ensure_ascii=False) if line != "" else " " for line in lines]
    path = written(tmp_path_factory.getbasetemp(), ("\ufeff" + end.join([*texts, "7"])).encode())
    records = list(cut_lines(path))
    expected = [(f"line {n}", n, 0, text.encode()) for n, text in enumerate([*texts, "7"], 1) if text != " "]
    assert [tuple(record) for record in records] == expected


@pytest.mark.parametrize("name", ["squad/shared-dev-v1.1", "squad/shared-dev-v2.0", "cmrc2018/cmrc2018_dev"])
def test_real_files_give_what_ijson_gives(shared_data: Path, name: str) -> None:
    (path,) = list(shared_data.glob(f"{name}*.json.gz"))
    with gzip.open(path) as stream:
        assert values(path) == list(ijson.items(stream, "data.item", use_float=True))


def test_real_lines_and_line_separators_within_texts(shared_data: Path) -> None:
    """Two lines of this DuReader file hold U+2028 and the like (data README); it has 100 records."""
    path = shared_data / "dureader" / "search.train.json.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    assert [parse_record(record, path) for record in cut_lines(path)] == [json.loads(line) for line in lines if line]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"d\\u0061ta": [1, "\\ud83d"], "b": NaN}', [1, "\ud83d"]),
        (b'{"b": {"data": 3}, "data": [NaN, [Infinity]]}', None),
        (b' {"data": [] } \r\n\t', []),
        (b'{"data": [{"a": 1, "a": 2}]}', [{"a": 2}]),
        (b'{"": 5, "data": ["\\\\", "\\\\\\"]", "]\\\\\\\\"]}', ["\\", '\\"]', "]\\\\"]),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 3, 1 << 20])
def test_what_official_programs_accept(tmp_path: Path, data: bytes, expected: list[Any] | None, block: int) -> None:
    with mock.patch.object(json_text, "BLOCK", block):
        found = values(written(tmp_path, data))
    # NaN is equal to nothing, but is written the same.
    assert repr(found) == ("[nan, [inf]]" if expected is None else repr(expected))


def test_a_list_by_itself_where_that_is_allowed(tmp_path: Path) -> None:
    path = written(tmp_path, b' [{"a": [1]}, 2]')
    assert values(path, array_ok=True) == [{"a": [1]}, 2]
    assert message(lambda: values(path)) == 'f.json: is a list where an object is due; {"data": [...]} is expected'


@pytest.mark.parametrize("name", ["f.json", "f.json.gz"])
@pytest.mark.parametrize("blank", [0, 3_000_000])
def test_moved_sums_up_to_the_size_on_disk(tmp_path: Path, name: str, blank: int) -> None:
    data = json.dumps({"data": list(range(100_000))}).encode() + b" " * blank
    path = written(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)
    for cut in (lambda moved: cut_items(path, "data", "n", moved=moved), lambda moved: cut_lines(path, moved=moved)):
        steps: list[int] = []
        assert sum(1 for _ in cut(steps.append)) in (1, 100_000)
        assert sum(steps) == path.stat().st_size
        assert min(steps) > 0


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]) -> None:
    data, steps = pack(b'{"data": [1, [2]]}'), list[int]()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert [record.data for record in cut_items("-", "data", "n", moved=steps.append)] == [b"1", b"[2]"]
    assert sum(steps) == len(data)
    assert not sys.stdin.buffer.closed
