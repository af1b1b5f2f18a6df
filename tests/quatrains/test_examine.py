"""What is said of finished poems, and how four lines are read from what people type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poem_books import BOOK, EAST

from ham_mrc.errors import HamError
from ham_mrc.quatrains.examine import broken_rules, examine, read_lines, read_poem
from ham_mrc.quatrains.form import open_book

MOON = ("床前明月光", "疑是地上霜", "举头望明月", "低头思故乡")


@pytest.mark.parametrize(
    "text",
    [
        "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
        "床前明月光 疑是地上霜\n举头望明月\t低头思故乡",
        "  床前明月光/疑是地上霜/举头望明月/低头思故乡!",
        "床前明月光疑是地上霜举头望明月低头思故乡",
    ],
)
def test_four_lines_however_they_are_set(text: str) -> None:
    assert read_poem(text) == MOON


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the poem: is empty; give it in Chinese characters"),
        ("，。", "the poem: is empty; give it in Chinese characters"),
        ("to be or not to be", "the poem: holds 'to'; give it in Chinese characters"),
        ("床前明月光 moonlight 举头望明月 低头思故乡", "the poem: holds 'moonlight'; give it in Chinese characters"),
        ("床前明月光 疑是地上霜", "the poem: has 2 lines; a quatrain has four"),
        ("床前明月", "the poem: has 1 line; a quatrain has four"),
        ("床前明月 " * 4, "line 1 (床前明月): has 4 characters; a line has 5 or 7"),
        ("床 " * 4, "line 1 (床): has 1 character; a line has 5 or 7"),
        (
            "床前明月光 疑是地上霜雪花 举头望明月 低头思故乡",
            "line 2 (疑是地上霜雪花): has 7 characters and line 1 has 5; all four have the same",
        ),
    ],
)
def test_what_is_no_quatrain_is_named(text: str, message: str) -> None:
    with pytest.raises(HamError) as caught:
        read_poem(text)
    assert str(caught.value) == message


def test_characters_beyond_the_basic_plane_are_characters() -> None:
    assert read_lines("𠮷〇") == ("𠮷〇",)


def test_quiet_night_as_the_handbooks_see_it() -> None:
    found = examine(MOON, open_book())
    assert found.fit is not None
    assert found.fit.pattern == 3
    assert found.fit.tone_faults == ((0, 4), (1, 3), (2, 1))  # 光, 上 and 头
    assert found.returning == found.too_often == ("明", "月", "头")
    assert found.strange == ()
    assert found.length == 5


def test_without_a_book_the_rest_is_still_said() -> None:
    found = examine(MOON, None)
    assert (found.tones, found.fit, found.strange) == (None, None, ())
    assert found.too_often == ("明", "月", "头")


def test_strange_characters_are_named_once() -> None:
    assert examine(("卜木卜木木", "东东东东东", "丫东木木木", "东木山竹关"), BOOK).strange == ("卜", "丫")


GOOD = ("木木山山木", "山山木木东", "木山山木木", "木木木山东")


@pytest.mark.parametrize(
    ("lines", "asked", "broken"),
    [
        (GOOD, {"tones": "strict", "rhyme": "strict", "acrostic": "木山木木"}, []),
        (GOOD, {"acrostic": "木山木东"}, ["the lines do not begin with 木山木东"]),
        (GOOD[:3], {}, ["there are 3 lines"]),
        ((*GOOD[:3], "木木木山"), {"tones": "strict"}, ["line 4 has 4 characters"]),
        (GOOD, {"repeats": "poem"}, ["there are too many of 木、山"]),
        (
            (*GOOD[:3], "木木木山山"),
            {"tones": "strict", "rhyme": "strict"},
            ["lines 2, 4 do not share a level rhyme group"],
        ),
        ((*GOOD[:3], "木木木山山"), {"tones": "strict", "rhyme": "prefer"}, []),
        (
            (*GOOD[:3], "木山木山东"),
            {"tones": "strict"},
            ["no pattern fits: 1, the nearest, with 1 fault"],
        ),
        ((*GOOD[:3], "木山木山东"), {"tones": "prefer", "rhyme": "strict"}, []),
    ],
)
def test_broken_rules(lines: tuple[str, ...], asked: dict[str, str], broken: list[str]) -> None:
    assert broken_rules(lines, length=5, book=BOOK, **asked) == broken  # type: ignore[arg-type]


@pytest.mark.parametrize("tones", ["off", "prefer", "strict"])
def test_the_pattern_that_a_poem_fits_says_whether_its_first_line_rhymes(tones: Any) -> None:
    """Pattern 2, whose first line must rhyme, without a fault; another pattern would ask less and has faults."""
    lines = ("木木木山山", "山山木木东", "木山山木木", "木木木山东")
    assert broken_rules(lines, length=5, tones=tones, rhyme="strict", book=BOOK) == [
        "lines 1, 2, 4 do not share a level rhyme group"
    ]


def test_a_poem_that_fits_no_pattern_rhymes_in_lines_2_and_4() -> None:
    lines = ("木木木山山", "山山木木东", "木山山木木", "木山木山东")
    found = examine(lines, BOOK)
    assert found.fit is not None
    assert (found.fit.pattern, len(found.fit.tone_faults), found.fit.rhyme_lines) == (2, 1, (1, 3))
    assert broken_rules(lines, length=5, rhyme="strict", book=BOOK) == []
    assert broken_rules(lines, length=5, tones="strict", rhyme="strict", book=BOOK) == [
        "no pattern fits: 2, the nearest, with 1 fault"
    ]


@given(st.lists(st.text(alphabet="东山送木间卜", min_size=5, max_size=5), min_size=4, max_size=4))
def test_the_verdicts_are_what_is_examined(lines: list[str]) -> None:
    fit = examine(lines, BOOK).fit
    assert fit is not None
    asked: dict[str, Any]
    for asked, faults in (
        ({"tones": "strict"}, fit.tone_faults),
        ({"rhyme": "strict"}, fit.rhyme_faults),
        ({"tones": "strict", "rhyme": "strict"}, (*fit.tone_faults, *fit.rhyme_faults)),
    ):
        assert (broken_rules(lines, length=5, book=BOOK, **asked) == []) == (not faults)


def test_ends_that_the_book_does_not_have_are_told_apart() -> None:
    found = examine(("木木山山木", "山山木木卜", "木山山木木", "木木木山东"), BOOK)
    assert (found.unknown_ends, found.ends) == ((1,), {3: (EAST,)})
    assert examine(MOON, None).unknown_ends == ()
