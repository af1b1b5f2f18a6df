"""Costs against the rules themselves: what a line has paid in the end is what the finished poem breaks."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from poem_books import BOOK, CHARACTERS, READINGS, UNKNOWN

from ham_mrc.quatrains.constraints import Constraints
from ham_mrc.quatrains.examine import broken_rules
from ham_mrc.quatrains.judge import FIRST_LINE, RHYME_FAULT, TONE_FAULT, WORN, Judge
from ham_mrc.quatrains.patterns import fits, nearest, too_often
from ham_mrc.quatrains.request import LineRequest

SYMBOLS = CHARACTERS.symbols
LETTERS = "".join(READINGS) + UNKNOWN
LINES = st.lists(st.text(alphabet=LETTERS, min_size=5, max_size=5), min_size=4, max_size=4)
STRENGTHS = st.sampled_from(["off", "prefer", "strict"])


def paid(lines: list[str], **asked: Any) -> float:
    """What the four lines cost when one is written after the other."""
    return sum(line_cost(lines, i, **asked) for i in range(4))


def line_cost(lines: list[str], i: int, after: tuple[str, ...] = (), **asked: Any) -> float:
    request = LineRequest(5, tuple(lines[:i]), constraints=Constraints(book=BOOK, after=after, **asked))
    return Judge(request, SYMBOLS).cost("", lines[i])


@given(LINES)
def test_preferred_rules_cost_what_the_nearest_pattern_has_in_faults(lines: list[str]) -> None:
    expected = min(TONE_FAULT * len(one.tone_faults) + RHYME_FAULT * len(one.rhyme_faults) for one in fits(lines, BOOK))
    assert paid(lines, tones="prefer", rhyme="prefer") == pytest.approx(expected)


@given(LINES)
def test_strictness_of_any_lines(lines: list[str]) -> None:
    for tones, rhyme in itertools.product(("off", "prefer", "strict"), repeat=2):
        check_strictness(lines, tones, rhyme)


def check_strictness(lines: list[str], tones: Any, rhyme: Any) -> None:
    """What is not broken can be written; and so can each line of it anew, the others kept."""
    fine = broken_rules(lines, length=5, tones=tones, rhyme=rhyme, book=BOOK) == []
    assert math.isfinite(paid(lines, tones=tones, rhyme=rhyme)) == fine
    for i in range(4):
        anew = line_cost(lines, i, after=tuple(lines[i + 1 :]), tones=tones, rhyme=rhyme)
        assert math.isfinite(anew) == fine


SPOILT = {"东": "木", "同": "木", "木": "东", "竹": "东"}


def fitting(pattern: int, choices: list[str]) -> list[str]:
    """A poem that fits `pattern` in tones and rhyme: the level 东 and 同, the oblique 木, by the given picks."""
    template = fits(["东东东东东"] * 4, BOOK)[pattern - 1]
    assert template.pattern == pattern
    from ham_mrc.quatrains.patterns import PATTERNS

    pools = {"P": "东同", "Z": "木竹", "*": "东木"}
    picks = iter(choices)
    return ["".join(pools[tone][int(next(picks))] for tone in line) for line in PATTERNS[5][pattern - 1]]


@given(st.integers(1, 4), st.lists(st.sampled_from("01"), min_size=20, max_size=20), st.integers(0, 3))
def test_a_fitting_poem_costs_nothing_and_one_line_of_it_can_be_written_anew(
    pattern: int, choices: list[str], i: int
) -> None:
    lines = fitting(pattern, choices)
    strict = {"tones": "strict", "rhyme": "strict"}
    assert paid(lines, **strict) == 0
    assert line_cost(lines, i, after=tuple(lines[i + 1 :]), **strict) == 0
    spoilt = list(lines)
    spoilt[i] = lines[i][:1] + SPOILT[lines[i][1]] + lines[i][2:]
    cost = line_cost(spoilt, i, after=tuple(lines[i + 1 :]), **strict)
    assert math.isfinite(cost) == (not broken_rules(spoilt, length=5, book=BOOK, **strict))


@given(
    st.integers(1, 4),
    st.lists(st.sampled_from("01"), min_size=20, max_size=20),
    st.sampled_from([first + second for first in "山间东送" for second in "东同山卜"]),
    st.sampled_from([None, (0, 1), (2, 1), (3, 1)]),
    STRENGTHS,
)
def test_a_first_line_rhymes_where_the_pattern_that_fits_ends_it_level(
    pattern: int, choices: list[str], ends: str, fault: tuple[int, int] | None, tones: Any
) -> None:
    """Poems that fit, or miss by a tone, and end their first and second line as is said."""
    lines = fitting(pattern, choices)
    lines[0], lines[1] = lines[0][:-1] + ends[0], lines[1][:-1] + ends[1]
    if fault:
        i, place = fault
        lines[i] = lines[i][:place] + SPOILT[lines[i][place]] + lines[i][place + 1 :]
    check_strictness(lines, tones, "strict")
    found = nearest(lines, BOOK)
    if tones == "off":
        assert paid(lines, rhyme="prefer") == pytest.approx(RHYME_FAULT * len(found.rhyme_faults))


def test_what_a_first_line_costs_is_given_back_with_a_fault() -> None:
    """木木木山山 / 山山木木东 ask for a rhyme in pattern 2, and a fault in line 3 ends that."""
    lines = ["木木木山山", "山山木木东", "木山木木木", "木木木山东"]
    assert [line_cost(lines, i, rhyme="strict") for i in range(4)] == [0, FIRST_LINE, -FIRST_LINE, 0]
    assert line_cost([*lines[:2], "木山山木木", lines[3]], 3, rhyme="strict") == math.inf


STOCK = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁"
PLACES = st.integers(0, len(STOCK) - 1)


@given(st.lists(st.tuples(PLACES, PLACES), max_size=4))
def test_repeats_are_forbidden_where_the_finished_poem_breaks_the_rule(copies: list[tuple[int, int]]) -> None:
    """28 different characters, of which up to four are written over by others."""
    characters = list(STOCK)
    for source, target in copies:
        characters[target] = characters[source]
    lines = ["".join(characters[start : start + 7]) for start in range(0, 28, 7)]
    costs = []
    for i in range(4):
        request = LineRequest(7, tuple(lines[:i]), constraints=Constraints(repeats="poem"))
        costs.append(Judge(request, tuple(STOCK)).cost("", lines[i]))
    assert math.isfinite(sum(costs)) == (not too_often(lines, 7))


def test_no_character_stands_three_times() -> None:
    judge = Judge(LineRequest(7, ("天地天玄黄宇宙",), constraints=Constraints(repeats="poem")), tuple(STOCK))
    assert judge.cost("", "天") == math.inf
    assert judge.cost("", "地洪荒") == 0


def test_a_double_counts_once() -> None:
    request = LineRequest(5, ("东木山竹关", "梦目送间同"), constraints=Constraints(repeats="poem"))
    judge = Judge(request, SYMBOLS)
    assert judge.cost("", "卜卜") == 0
    assert judge.cost("卜卜", "卜") == math.inf  # three in a row are three
    assert judge.cost("卜卜丫", "卜") == 0  # the second occurrence, and the only character that returns
    assert judge.cost("卜卜丫卜", "卜") == 0
    assert judge.cost("卜卜丫卜", "东") == math.inf  # one character returns already


def test_a_forced_first_character_is_the_only_one() -> None:
    judge = Judge(LineRequest(5, constraints=Constraints(first="山")), SYMBOLS)
    costs = judge.costs("")
    assert [SYMBOLS[i] for i in np.flatnonzero(np.isfinite(costs))] == ["山"]
    assert not judge.costs("山").any()


def test_a_barred_line_is_stopped_at_its_last_character() -> None:
    judge = Judge(LineRequest(5, constraints=Constraints(barred=frozenset({"东木山竹关"}))), SYMBOLS)
    assert judge.cost("", "东木山竹") == 0
    assert judge.cost("东木山竹", "关") == math.inf
    assert judge.cost("东木山竹", "东") == 0
    assert judge.cost("东木山木", "关") == 0
    longer = Judge(LineRequest(7, constraints=Constraints(barred=frozenset({"东木山竹关"}))), SYMBOLS)
    assert longer.cost("东木山竹", "关") == 0


def test_worn_characters_cost_the_same_everywhere() -> None:
    judge = Judge(LineRequest(5, constraints=Constraints(worn=frozenset("东龘"))), SYMBOLS)
    assert judge.cost("木", "东山东") == 2 * WORN


def test_lines_that_break_the_rules_already_leave_nothing() -> None:
    request = LineRequest(5, ("山山山山山",), constraints=Constraints(tones="strict", book=BOOK))
    assert np.isinf(Judge(request, SYMBOLS).costs("")).all()


def test_tones_without_a_book_are_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="looked up in a book"):
        Constraints(tones="prefer")
