"""A user's own texts: words within five of a keyword."""

from __future__ import annotations

from pathlib import Path

import pytest

from ham_mrc.errors import HamError
from ham_mrc.quatrains.knowledge import Knowledge
from ham_mrc.quatrains.text_words import Words

PAIRS = ["春风", "明月", "青山", "流水", "白云", "梅花", "秋雨"]
WORDS = Words(dict.fromkeys(PAIRS, 5.0))


def knowledge(text: str) -> Knowledge:
    return Knowledge("notes.txt", text)


def test_five_words_on_either_side() -> None:
    """Before it 白云 stands fifth and 梅花 sixth; behind it 青山 fifth, marks not counted, and 流水 sixth."""
    text = "梅花白云甲乙丙丁手机一，二。三四 青山流水"
    assert knowledge(text).near(["手机"], WORDS) == ["白云", "青山"]


def test_every_place_and_every_keyword_counts_and_a_word_comes_once() -> None:
    text = "手机如春风。手机里有明月与春风，电脑如流水，电脑"
    assert knowledge(text).near(["手机", "电脑"], WORDS) == ["春风", "明月", "流水"]


def test_no_word_reaches_over_a_mark_and_a_keyword_is_not_near_itself() -> None:
    assert knowledge("手机，明。月").near(["手机"], WORDS) == []
    assert knowledge("明月下的明月，手机").near(["明月"], WORDS) == []
    assert knowledge("青山").near(["手机"], WORDS) == []


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes("\ufeff手机如春风".encode())
    assert Knowledge.read(file) == Knowledge(str(file), "手机如春风")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "notes.txt: is not UTF-8 (byte 0); convert it to UTF-8"),
        (b"no Chinese", "notes.txt: has no Chinese character in it; give a text that speaks of the theme"),
        (None, "notes.txt: no such file"),
    ],
)
def test_files_that_cannot_serve(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "notes.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(HamError) as error:
        Knowledge.read(file)
    assert words in str(error.value)
