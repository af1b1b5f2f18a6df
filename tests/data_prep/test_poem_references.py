"""Which lines can stand for a poem's own: by a slow double loop, and rule by rule."""

from __future__ import annotations

import random
from pathlib import Path

from poem_builders import nonsense

from ham_mrc.data_prep.poem_references import load_references, save_references
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.records import Quatrain

THEMES = Taxonomy({"月": ("明月", "寒灯"), "春": ("春风", "细草"), "别": ("孤舟", "故人", "长安"), "山": ("青山",)})


def quatrains(count: int, seed: int) -> list[Quatrain]:
    return [
        Quatrain(one["id"], "", "", one["dynasty"], tuple(one["lines"]))
        for one in nonsense(count, seed=seed, fives=0.5)
    ]


def speaks_of(line: str) -> set[str]:
    """Slowly: themes of which the line holds the heading, or a phrase of two characters or more."""
    return {
        theme
        for theme, phrases in THEMES.themes.items()
        if theme in line or any(len(phrase) > 1 and phrase in line for phrase in phrases)
    }


def slow(poem: Quatrain, train: list[Quatrain], line: int) -> set[str]:
    found = {poem.lines[line]}
    for other in train:
        like = other.dynasty == "tang" and other.length == poem.length
        if like and speaks_of(other.lines[line - 1]) & speaks_of(poem.lines[line - 1]):
            found.add(other.lines[line])
    return found


def test_as_the_slow_loop(tmp_path: Path) -> None:
    train, test = quatrains(120, seed=1), quatrains(15, seed=2)
    save_references(tmp_path, {"train": train, "test": test}, THEMES)
    found = load_references(tmp_path, "test", test, train)
    sizes = set()
    for poem, references in zip(test, found, strict=True):
        assert set(references.lines) == {1, 2, 3}
        for line in (1, 2, 3):
            own = references.lines[line]
            assert own[0] == poem.lines[line]
            assert set(own) == slow(poem, train, line)
            assert len(set(own)) == len(own)
            sizes.add(len(own))
    assert max(sizes) > 10 > 2 > min(sizes)


def one(number: int, dynasty: str, *lines: str) -> Quatrain:
    return Quatrain(str(number), "", "", dynasty, lines)


def references(folder: Path, poem: Quatrain, *train: Quatrain) -> dict[int, tuple[str, ...]]:
    save_references(folder, {"train": train, "test": [poem]}, THEMES)
    return dict(load_references(folder, "test", [poem], train)[0].lines)


POEM = one(0, "song", "明月出天来", "水中看不见", "孤舟何处去", "细草岸边长")


def test_rule_by_rule(tmp_path: Path) -> None:
    train = [
        one(1, "tang", "寒灯照夜深", "甲甲甲甲甲", "水水水水水", "乙乙乙乙乙"),  # of one theme with line 1
        one(2, "唐", "月下一人来", "丙丙丙丙丙", "春风水水水", "丁丁丁丁丁"),  # by its heading
        one(3, "song", "寒灯照夜深", "戊戊戊戊戊", "水水水水水", "己己己己己"),  # not Tang
        one(4, "tang", "寒灯照夜深去来", "庚庚庚庚庚庚庚", "水水水水水水水", "辛辛辛辛辛辛辛"),  # of another length
        one(5, "tang", "壬壬壬壬壬", "明月照夜深", "癸癸癸癸癸", "子子子子子"),  # at another place
        one(6, "Tang ", "寒灯照夜深", "甲甲甲甲甲", "故人水水水", "丑丑丑丑丑"),  # a line that is there already
    ]
    assert references(tmp_path, POEM, *train) == {
        1: ("水中看不见", "甲甲甲甲甲", "丙丙丙丙丙"),
        2: ("孤舟何处去",),
        3: ("细草岸边长", "丑丑丑丑丑"),
    }


def test_a_poem_of_no_theme_has_its_own_lines(tmp_path: Path) -> None:
    bare = one(0, "tang", "水水水水水", "水水水水天", "水水水天天", "水水天天天")
    assert references(tmp_path, bare, POEM) == {line: (bare.lines[line],) for line in (1, 2, 3)}


def test_test_poems_are_no_references_of_each_other(tmp_path: Path) -> None:
    train, test = quatrains(40, seed=1), quatrains(40, seed=2)
    random.Random(0).shuffle(test)
    save_references(tmp_path, {"train": train, "test": test}, THEMES)
    known = {line for poem in train for line in poem.lines}
    for poem, found in zip(test, load_references(tmp_path, "test", test, train), strict=True):
        for line in (1, 2, 3):
            assert set(found.lines[line]) - known <= {poem.lines[line]}
