"""What users type, in the characters that a run knows; and keywords for acrostics."""

from __future__ import annotations

import pytest

from ham_mrc.data_prep.poem_vocab import SPECIALS, Characters
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.quatrains import spelling
from ham_mrc.quatrains.acrostic import acrostic_keywords
from ham_mrc.quatrains.spelling import near, near_ones, simplified, unknown

CHARACTERS = Characters((*SPECIALS, *"一丁七万丈三上下春夏"))


def test_traditional_characters_become_simplified_one_for_one() -> None:
    assert simplified("春夜聽雨") == "春夜听雨"
    assert simplified("乾坤") == "乾坤"


def test_without_opencc_a_text_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spelling, "has_converter", lambda: False)
    assert simplified("春夜聽雨") == "春夜聽雨"


def test_unknown_characters_are_named_once_and_no_special_symbol_is_known() -> None:
    assert unknown("春秋春冬秋", CHARACTERS) == "秋冬"
    assert unknown("<", CHARACTERS) == "<"


def test_near_characters_are_those_beside_it() -> None:
    # 丄 U+4E04; 七 4E03, 万 4E07, 丈 4E08, 三 4E09, 丁 4E01, 一 4E00
    assert near("丄", CHARACTERS) == ("七", "丁", "万")
    assert near_ones("丄丅", CHARACTERS) == "丄: 七, 丁, 万; 丅: 七, 万, 丈"


def test_keywords_get_the_first_characters_of_their_lines() -> None:
    taxonomy = Taxonomy({"夜": ("秋月", "夜雨"), "水": ("冬江",)})
    segments = ["明月", "春风", "春水", "夏日", "秋", "冬夜"]
    found = acrostic_keywords(("春风", "夜雨", "夜雨", "山"), "春夏秋冬", segments, taxonomy)
    assert found == ("春风", "夏日", "秋月", "冬夜")
    assert acrostic_keywords(("山",) * 4, "春夏秋冬", segments, None) == ("春风", "夏日", "秋", "冬夜")
