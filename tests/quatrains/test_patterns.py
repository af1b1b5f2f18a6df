"""Patterns, rhymes and repeats: the table of the handbooks, famous poems, and laws."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poem_books import BOOK, EAST, MOUNTAIN, READINGS

from ham_mrc.quatrains.form import open_book, short_name
from ham_mrc.quatrains.patterns import (
    PATTERNS,
    are_neighbours,
    common_group,
    fit,
    fits,
    nearest,
    occurrences,
    returning,
    rhyme_lines,
    too_often,
)

HERON = ("白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼")
MOON = ("床前明月光", "疑是地上霜", "举头望明月", "低头思故乡")
BOUDOIR = ("两个黄鹂鸣翠柳", "一行白鹭上青天", "窗含西岭千秋雪", "门泊东吴万里船")


def test_seven_character_patterns_are_those_of_the_handbooks() -> None:
    assert PATTERNS[7][0] == ("*P*ZPPZ", "*ZPPZZP", "*Z*PPZZ", "*P*ZZPP")
    assert PATTERNS[7][3] == ("*ZPPZZP", "*P*ZZPP", "*P*ZPPZ", "*ZPPZZP")


@pytest.mark.parametrize("length", [5, 7])
def test_lines_stand_against_and_stick_to_each_other(length: int) -> None:
    """In every pattern the second tones of lines 1 and 2, and of 3 and 4, differ; those of 2 and 3 are the same."""
    place = length - 4
    for pattern in PATTERNS[length]:
        one, two, three, four = (line[place] for line in pattern)
        assert one != two == three != four
        assert [line[-1] for line in pattern[1:]] == ["P", "Z", "P"]


def test_the_heron_tower_fits_pattern_1_and_quiet_night_fits_none() -> None:
    book = open_book()
    heron, moon = nearest(HERON, book), nearest(MOON, book)
    assert (heron.pattern, heron.tone_faults, heron.rhyme_faults) == (1, (), ())
    assert heron.group is not None
    assert short_name(heron.group) == "尤"
    assert (moon.pattern, len(moon.tone_faults)) == (3, 3)
    assert moon.group is not None
    assert short_name(moon.group) == "阳"
    assert moon.rhyme_faults == ()


def test_a_famous_seven_character_poem_fits() -> None:
    found = nearest(BOUDOIR, open_book())
    assert (found.tone_faults, found.rhyme_faults) == ((), ())


def test_faults_are_named_by_line_and_place() -> None:
    # *ZPPZ: the second must be oblique and the last; a free place and an unknown character take anything.
    assert fit(["山山东东东", "", "", ""], PATTERNS[5][0], BOOK).tone_faults == ((0, 1), (0, 4))
    assert fit(["木卜卜卜卜"], PATTERNS[5][0], BOOK).tone_faults == ()


def test_half_a_line_has_no_rhyme_yet() -> None:
    assert fit(["木木东东木", "东东木木"], PATTERNS[5][0], BOOK, 1).group is None
    assert fit(["木木东东木", "东东木木山"], PATTERNS[5][0], BOOK, 1).group == MOUNTAIN


def test_the_first_line_rhymes_where_its_pattern_ends_level() -> None:
    assert [rhyme_lines(pattern) for pattern in PATTERNS[5]] == [(1, 3), (0, 1, 3), (1, 3), (0, 1, 3)]


def test_common_groups_by_hand() -> None:
    assert common_group({1: "山", 3: "关"}, BOOK) == (MOUNTAIN, ())
    assert common_group({1: "山", 3: "东"}, BOOK) == (MOUNTAIN, (3,))
    assert common_group({0: "山", 1: "东", 3: "同"}, BOOK) == (EAST, (0,))
    assert common_group({1: "木", 3: "东"}, BOOK) == (EAST, (1,))
    assert common_group({1: "木", 3: "目"}, BOOK) == (None, (1, 3))
    assert common_group({1: "卜", 3: "东"}, BOOK) == (EAST, ())
    assert common_group({1: "卜", 3: "丫"}, BOOK) == (None, ())


@given(st.dictionaries(st.integers(0, 3), st.sampled_from([*READINGS, "卜"])))
def test_the_common_group_leaves_out_as_few_as_any_group_would(ends: dict[int, str]) -> None:
    every = (EAST, MOUNTAIN)
    least = min(sum(end != "卜" and group not in READINGS[end] for end in ends.values()) for group in every)
    assert len(common_group(ends, BOOK)[1]) == least


def test_neighbours() -> None:
    assert are_neighbours("上平十五删", "上平十四寒")
    assert are_neighbours("上平一东", "上平二冬")
    assert not are_neighbours("上平十五删", "上平十五删")
    assert not are_neighbours("上平一东", "下平七阳")


def test_doubled_characters_count_once() -> None:
    assert occurrences(["青青河畔草", "行行重行行"]) == Counter("青河畔草行重行")
    assert occurrences(["青青青河河"]) == Counter("青青青河")
    assert returning(["青青河畔草", "郁郁园中柳"]) == ()


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (("春眠不觉晓", "处处闻啼鸟", "夜来风雨声", "花落知多少"), ()),
        (("春眠不觉晓", "春来闻啼鸟", "夜来风雨声", "花落知多少"), ("春", "来")),  # two characters for one allowed
        (("春眠春觉晓", "春来闻啼鸟", "夜去风雨声", "花落知多少"), ("春",)),  # three times
        (("春眠不觉晓", "春去闻啼鸟", "夜来风雨声", "花落知多少"), ()),
    ],
)
def test_repeats_in_five_character_lines(lines: tuple[str, ...], broken: tuple[str, ...]) -> None:
    assert too_often(lines, 5) == broken


def test_two_characters_may_return_in_seven_character_lines() -> None:
    lines = ["春江潮水连海平", "海上明月共潮生", "东西南北中发白", "甲乙丙丁戊己庚"]
    assert too_often(lines, 7) == ()
    assert too_often([*lines[:2], "东西南北中发春", lines[3]], 7) == ("春", "潮", "海")


@given(st.lists(st.text(alphabet="东山木竹卜", min_size=5, max_size=5), min_size=4, max_size=4))
def test_the_nearest_pattern_has_the_fewest_faults(lines: list[str]) -> None:
    best = nearest(lines, BOOK)
    assert len(best.tone_faults) == min(len(one.tone_faults) for one in fits(lines, BOOK))
    by_hand = sum(
        (tone == "P" and character in "木竹") or (tone == "Z" and character in "东山")
        for line, wanted in zip(lines, PATTERNS[5][best.pattern - 1], strict=True)
        for character, tone in zip(line, wanted, strict=True)
    )
    assert len(best.tone_faults) == by_hand
