"""A user's text as words that poets use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.quatrains.text_words import Words, rank

SEGMENTS = {
    "春": 30.0,
    "雨": 9.0,
    "夜听": 1.9,
    "明月": 12.0,
    "听雨": 6.2,
    "春夜": 1.3,
    "月几": 3.0,
    "时": 8.0,
    "学习": 0.6,
}
WORDS = Words(SEGMENTS)
THEMES = Words(SEGMENTS, Taxonomy({"夏": ("夜听", "炎天")}))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("春夜听雨", ["春夜", "听雨"]),  # two pairs, where 夜听 would leave one
        ("明月几时", ["明月", "几", "时"]),  # one pair either way: 明月 is commoner than 月几
        ("学习", ["学", "习"]),  # seen once or twice, which is no use
        ("不知", ["不", "知"]),
        ("雨", ["雨"]),
        ("", []),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    assert WORDS.cut(text) == pieces


@given(st.text(alphabet="春夜听雨明月几时学习不", max_size=12))
def test_pieces_are_the_text_and_no_cut_has_more_pairs(text: str) -> None:
    pieces = WORDS.cut(text)
    assert "".join(pieces) == text
    assert all(len(one) == 1 or WORDS.knows(one) for one in pieces)

    def pairs(rest: str) -> int:
        if len(rest) < 2:
            return 0
        return max(pairs(rest[1:]), 1 + pairs(rest[2:]) if WORDS.knows(rest[:2]) else 0)

    assert sum(len(one) == 2 for one in pieces) == pairs(text)


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("春夜听雨", ["春夜", "听雨"]),
        ("明月", ["明月"]),
        ("深度学习", ["深度学习"]),  # a short text that is not all pairs stays whole
        ("春雨", ["春雨"]),
        ("明月几时春", ["明月", "时", "春"]),  # a long one gives what poets use of it
        ("甲乙丙丁戊", ["甲乙丙丁"]),  # and where they use nothing, its beginning
        ("", []),
    ],
)
def test_keywords_of_a_text(text: str, keywords: list[str]) -> None:
    assert WORDS.keywords(text, 4)[0] == keywords


def test_the_best_stay_in_the_order_of_the_text() -> None:
    text = "雨时春明月春夜听雨"
    assert WORDS.cut(text) == ["雨", "时", "春", "明月", "春夜", "听雨"]
    assert WORDS.keywords(text, 4)[0] == ["春", "明月", "春夜", "听雨"]  # pairs first, then 春 by score


def test_the_taxonomy_makes_a_word_known_and_first() -> None:
    assert THEMES.knows("炎天")
    assert not WORDS.knows("炎天")
    assert rank(["明月", "夜听", "春"], SEGMENTS, THEMES.taxonomy) == ["夜听", "明月", "春"]
    assert rank(["夜听", "春", "明月"], SEGMENTS) == ["明月", "夜听", "春"]
