"""Collections of poems: what is a poem, what is dropped and counted, and the one line that says so."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from poem_builders import nonsense, write_poems

from ham_mrc.data_prep.quatrains import Fault, read_quatrains
from ham_mrc.errors import HamError

FIVE = ["白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"]
SEVEN = ["朝辞白帝彩云间", "千里江陵一日还", "两岸猿声啼不住", "轻舟已过万重山"]

FAULTS = [
    ({"id": "x"}, Fault.NO_LINES, 'has no list of texts named "lines"'),
    (["白日依山尽"], Fault.NO_LINES, 'has no list of texts named "lines"'),
    ({"lines": "白日依山尽"}, Fault.NO_LINES, 'has no list of texts named "lines"'),
    ({"lines": [1, 2, 3, 4]}, Fault.NO_LINES, 'has no list of texts named "lines"'),
    ({"lines": FIVE[:3]}, Fault.NOT_FOUR, "has 3 lines; a quatrain has 4"),
    ({"lines": [*FIVE, *FIVE]}, Fault.NOT_FOUR, "has 8 lines; a quatrain has 4"),
    (
        {"lines": [*FIVE[:3], SEVEN[3]]},
        Fault.UNEQUAL,
        "has lines of 5, 5, 5, 7 characters; all four are due to be equal",
    ),
    ({"lines": ["白日依山"] * 4}, Fault.LENGTH, "has lines of 4 characters; a line has 5 or 7"),
    ({"lines": [""] * 4}, Fault.LENGTH, "has lines of 0 characters; a line has 5 or 7"),
    ({"lines": ["light"] * 4}, Fault.NOT_HAN, '"light" holds "l", which is no Han character'),
    (
        {"lines": ["白日依山，", *FIVE[1:]]},
        Fault.NOT_HAN,
        '"白日依山，" holds "，", which is no Han character',
    ),
    ({"lines": ["白日依山□", *FIVE[1:]]}, Fault.NOT_HAN, '"白日依山□" holds "□", which is no Han character'),
    ({"lines": SEVEN, "id": "y"}, Fault.REPEATED, "has the same four lines as a poem before it"),
    ({"lines": FIVE, "id": "seven"}, Fault.ID_TWICE, 'has the id "seven" of another poem before it'),
]


def file(folder: Path, *records: Any) -> Path:
    return write_poems(folder / "poems.jsonl", [{"id": "seven", "lines": SEVEN}, *records])


@pytest.mark.parametrize(("record", "fault", "said"), FAULTS)
def test_a_fault_is_counted_and_named(tmp_path: Path, record: Any, fault: Fault, said: str) -> None:
    path = file(tmp_path, record, {"id": "five", "lines": ["更上一层楼", *FIVE[1:]]})
    found = read_quatrains(path)
    assert (found.read, found.dropped) == (3, {fault: 1})
    assert [poem.id for poem in found.poems] == ["seven", "five"]
    with pytest.raises(HamError) as raised:
        read_quatrains(path, strict=True)
    assert str(raised.value) == f"{path}, line 2: {said}; leave it out, or leave out --strict"


def test_fields_of_a_poem(tmp_path: Path) -> None:
    poem = {"id": 7, "author": "王之涣", "title": "登鹳雀楼", "dynasty": "tang", "lines": FIVE}
    first, second, third = read_quatrains(
        write_poems(tmp_path / "p", [poem, {"lines": SEVEN}, {"lines": ["〇" * 5] * 4}])
    ).poems
    assert (first.id, first.author, first.title, first.dynasty) == ("7", "王之涣", "登鹳雀楼", "tang")
    assert (first.lines, first.length) == (tuple(FIVE), 5)
    assert (second.id, second.author, second.length) == ("line 2", "", 7)
    assert third.length == 5


def test_characters_beyond_the_first_plane_count_as_one(tmp_path: Path) -> None:
    path = write_poems(tmp_path / "p", [{"lines": ["\U00020000" * 5, *FIVE[1:]]}])
    assert read_quatrains(path, strict=True).poems[0].length == 5


def test_plain_and_gzip_are_the_same(tmp_path: Path) -> None:
    plain = write_poems(tmp_path / "poems.jsonl", nonsense(30))
    packed = tmp_path / "poems.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_quatrains(plain) == read_quatrains(packed)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(HamError, match="gzip data ends too early"):
        read_quatrains(packed)


def test_a_line_that_is_no_json_stops(tmp_path: Path) -> None:
    path = file(tmp_path)
    path.write_text(path.read_text("utf-8") + '{"lines": [\n', "utf-8")
    with pytest.raises(HamError, match=r"poems.jsonl, line 2: is not JSON"):
        read_quatrains(path)


def test_a_file_without_a_poem_says_what_is_due(tmp_path: Path) -> None:
    path = write_poems(tmp_path / "p", [{"lines": ["light"] * 4}, {"text": "x"}])
    with pytest.raises(HamError) as raised:
        read_quatrains(path)
    assert str(raised.value) == (
        f'{path}: holds no poem in 2 records: line 1 "light" holds "l", which is no Han character; '
        'one JSON object a line is due, with "lines": four texts, all of 5 or all of 7 Han characters'
    )
    path.write_text("")
    with pytest.raises(HamError, match="holds no poem; one JSON object a line"):
        read_quatrains(path)


def test_a_lone_surrogate_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text('{"lines": ["\\ud800山依日白", "", "", ""]}\n' + json.dumps({"lines": FIVE}), "utf-8")
    assert read_quatrains(path).dropped == {Fault.NOT_HAN: 1}
