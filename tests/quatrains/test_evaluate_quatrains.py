"""Evaluation: what a system is asked, what is made of its lines, and the rows by people beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from made_poems import MadeSystem, made_folder, made_line

from ham_mrc.errors import HamError
from ham_mrc.eval.poem_diagnostics import Rules
from ham_mrc.eval.quatrains import PROTOCOLS, References, bleu2, total
from ham_mrc.quatrains.evaluate import Asked, Evaluated, chosen, evaluate
from ham_mrc.quatrains.human import GOLD, ONE, RANDOM, lines_by_place, one_line, random_lines
from ham_mrc.quatrains.line_rules import fits, repeats, rhymes, rules_of
from ham_mrc.quatrains.request import LineRequest

HEADLINE, SINGLE, ORACLE, SINGLE_ORACLE = PROTOCOLS


def next_keyword(keywords: Sequence[str]) -> str:
    """Tells how many there were, so that a test can see it."""
    return "一二三"[len(keywords) - 1]


def evaluated(system: MadeSystem, folder: Any, **asked: Any) -> Evaluated:
    wanted = Asked(**{"resamples": 100, **asked})
    return evaluate(system, folder, wanted, next_keyword=next_keyword, rules=rules_of(None), name="run")


def gold_of(folder: Any) -> dict[tuple[str, ...], str]:
    """What follows the poets' lines."""
    poems = [one.poem for one in folder.poems("test")]
    return {poem.lines[:step]: poem.lines[step] for poem in poems for step in (1, 2, 3)}


def test_who_writes_the_poets_lines_gets_100() -> None:
    folder = made_folder()
    gold = gold_of(folder)
    found = evaluated(MadeSystem(lambda request: gold[request.before]), folder, keywords="both")
    assert set(found.result.columns) == set(PROTOCOLS)
    assert set(found.result.figures.values()) == {100.0}
    assert all(interval == (100.0, 100.0) for interval in found.result.intervals.values())
    assert len(found.result.intervals) == 32


def test_what_a_system_is_asked() -> None:
    """Three lines a poem, in calls of one length and place; keywords planned from the lines before, or leaked."""
    folder = made_folder()
    system = MadeSystem(lambda request: "水" * request.length)
    evaluated(system, folder, keywords="both", references="single")
    asked = [request for call in system.calls for request in call]
    assert len(asked) == 2 * 3 * 6
    assert all(len({(one.length, one.position) for one in call}) == 1 for call in system.calls)
    planned, oracle = asked[:18], asked[18:]
    assert {(one.position, one.keyword) for one in planned} == {(2, "一"), (3, "二"), (4, "三")}
    gold = gold_of(folder)
    assert {one.keyword for one in oracle} == {line[:2] for line in gold.values()}
    assert all(one.keyword == gold[one.before][:2] for one in oracle)
    assert all(one.constraints.free for one in asked)


def test_a_system_without_keywords_gets_none_and_has_no_oracle_column() -> None:
    system = MadeSystem(lambda request: "水" * request.length, name="smt", uses_keywords=False)
    found = evaluated(system, made_folder(), keywords="both")
    assert {one.keyword for call in system.calls for one in call} == {""}
    assert list(found.result.columns) == [HEADLINE, SINGLE]
    with pytest.raises(HamError) as caught:
        evaluated(system, made_folder(), keywords="oracle")
    assert str(caught.value) == ("smt takes no keywords, so that none can be leaked to it; ask for --keywords planned")


def test_without_a_taxonomy_there_is_one_reference() -> None:
    folder = made_folder(taxonomy=None)
    found = evaluated(MadeSystem(lambda request: "水" * request.length), folder)
    assert list(found.result.columns) == [SINGLE]
    assert next(iter(found.result.figures)) == "single_b1_5"


def test_figures_are_those_of_all_lines_together() -> None:
    """A system that writes the training poem that everyone has as second reference, and on one line nothing."""
    folder = made_folder()
    other = {one.poem.length: one.poem for one in reversed(folder.poems("train"))}

    def rule(request: LineRequest) -> str | None:
        if request.position == 3 and request.length == 5 and request.before[0] == made_line(0, 5):
            return None
        return other[request.length].lines[request.position - 1]

    found = evaluated(MadeSystem(rule), folder)
    figures = found.result.figures
    assert figures["b1_5"] == figures["bleu_7"] == 100.0
    # One of three lines is missing: nothing is wrong with the rest, and BP = exp(1 - 15 / 10).
    assert figures["b2_5"] == pytest.approx(100 * math.exp(-0.5))
    assert found.result.unwritten(HEADLINE) == found.result.unwritten(SINGLE) == 1
    rows = [one.poem for one in folder.poems("test") if one.poem.length == 7]
    alone = total(References([poem.lines[1]]).count(other[7].lines[1]) for poem in rows)
    assert figures["single_b1_7"] == bleu2(alone) < 100.0


def test_what_is_told_of_each_line() -> None:
    folder = made_folder()
    other = {one.poem.length: one.poem for one in reversed(folder.poems("train"))}
    found = evaluated(
        MadeSystem(lambda request: None if request.length == 7 else other[5].lines[request.position - 1]), folder
    )
    first, seven = found.lines["planned"][0], found.lines["planned"][3]
    assert first == {
        "poem": "p0",
        "position": 2,
        "before": [made_line(0, 5)],
        "keyword": "一",
        "written": made_line(401, 5),
        "score": -1.0,
        "gold": made_line(1, 5),
        "known": [["无名", "第100首"]],
    }
    assert (seven["poem"], seven["written"], seven["score"], seven["known"]) == ("p1", "", None, [])


def test_people_are_scored_beside_the_system() -> None:
    folder = made_folder()
    found = evaluated(MadeSystem(lambda request: "水" * request.length), folder)
    rows = {(row.name, row.protocol): row for row in found.result.human}
    assert set(rows) == {(who, by) for who in (RANDOM, ONE) for by in (HEADLINE, SINGLE)} | {(GOLD, HEADLINE)}
    # The poet's own line against the one other reference, which is that of the training poem.
    other = {one.poem.length: one.poem for one in reversed(folder.poems("train"))}
    poems = [one.poem for one in folder.poems("test") if one.poem.length == 7]
    held = total(References([other[7].lines[1]]).count(poem.lines[1]) for poem in poems)
    assert rows[GOLD, HEADLINE].figures["b1_7"] == bleu2(held)
    assert rows[GOLD, HEADLINE].lines["b1_7"] == 3
    low, high = rows[RANDOM, HEADLINE].intervals["bleu_5"]
    assert low <= rows[RANDOM, HEADLINE].figures["bleu_5"] <= high


def test_a_gold_line_without_another_reference_is_not_scored() -> None:
    folder = made_folder(train=1)  # one training poem, of 5 characters
    found = evaluated(MadeSystem(lambda request: "水" * request.length), folder)
    row = next(row for row in found.result.human if row.name == GOLD)
    assert (row.lines["b1_5"], row.lines["b1_7"]) == (3, 0)
    assert "b1_7" not in row.figures
    assert "bleu_7" not in row.intervals


def test_random_lines_are_of_the_same_place_and_length_and_of_the_seed() -> None:
    folder = made_folder(train=40)
    poems = [one.poem for one in folder.poems("test")]
    train = [one.poem for one in folder.poems("train")]
    places = lines_by_place(train)
    drawn = random_lines(poems, places, 1)
    for poem in poems:
        for step in (1, 2, 3):
            assert drawn[poem.id][step - 1] in {one.lines[step] for one in train if one.length == poem.length}
    assert drawn == random_lines(poems, places, 1)
    assert drawn != random_lines(poems, places, 2)


def test_the_one_line_is_that_of_the_commonest_pairs() -> None:
    """春风 stands three times, 风来 twice, 来雨 once: 春风来 has 5 of them, 风来雨 only 3; of two the first."""
    places = {(1, 5): ["风来雨", "春风来", "春风花", "春风来"], (2, 5): ["甲乙", "丙丁"]}
    poem = made_folder().poems("test")[0].poem
    assert one_line([poem], places) == {poem.id: ("春风来", "甲乙", "")}


def test_a_limit_takes_poems_evenly() -> None:
    assert chosen(10, None) == chosen(10, 10) == chosen(10, 99) == list(range(10))
    assert chosen(10, 4) == [0, 2, 5, 7]
    assert chosen(2000, 500)[:3] == [0, 4, 8]
    system = MadeSystem(lambda request: "水" * request.length)
    found = evaluated(system, made_folder(), limit=4)
    assert list(found.result.lengths) == ["p0", "p1", "p3", "p4"]
    assert system.measured == [["p0", "p1", "p3", "p4"]]
    assert found.result.poems_of_part == 6
    whole = evaluated(MadeSystem(lambda request: "水" * request.length), made_folder())
    one, other = (each.result.columns for each in (whole, found))
    assert one[HEADLINE].references_sha256 != other[HEADLINE].references_sha256
    assert one[HEADLINE].references_sha256 != one[SINGLE].references_sha256


def test_diagnostics_stand_beside_those_of_the_poets() -> None:
    folder = made_folder()
    other = {one.poem.length: one.poem for one in reversed(folder.poems("train"))}
    found = evaluated(MadeSystem(lambda request: other[request.length].lines[1]), folder, keywords="both")
    facts = found.result.diagnostics
    line = other[7].lines[1]
    poems = ["".join(before) + line for before in gold_of(folder) if len(before[0]) == 7]
    again = [any(poem.count(character) > 1 for character in line) for poem in poems]
    assert list(facts) == ["planned", "oracle", "gold"]
    assert facts["planned"]["7"] == {
        "lines": 9,
        "tone_fit": None,
        "rhyme": None,
        "repeats": pytest.approx(100 * sum(again) / 9),
        "copied": 100.0,
        "different": 100.0 / 9,
    }
    assert (facts["planned"]["perplexity"], facts["oracle"]["perplexity"]) == (75.0, 50.0)
    assert facts["gold"]["5"]["copied"] == 0.0
    assert "perplexity" not in facts["gold"]


class Book:
    """平 for characters of the first half of the book, and each its own rhyme group but 东 and 风."""

    level = "东风尽流楼"

    def tone(self, character: str) -> str:
        return "P" if character in self.level else "Z"

    def tones(self, line: str) -> str:
        return "".join(map(self.tone, line))

    def level_groups(self, character: str) -> frozenset[str]:
        group = "东" if character in "东风" else character
        return frozenset({f"上平一{group}"} if character in self.level else ())


def test_rules_look_at_the_last_line() -> None:
    book: Any = Book()
    assert fits(["仄仄东东仄"], book)  # *ZPPZ, pattern 1
    assert not fits(["仄东仄东仄"], book)
    assert fits(["仄东仄东仄", "东东仄仄东"], book)  # PPZZP; the first line's faults are its own
    assert rhymes(["", "仄仄仄仄东", "", "仄仄仄仄风"], book)
    assert not rhymes(["", "仄仄仄仄东", "", "仄仄仄仄楼"], book)
    assert not rhymes(["", "仄仄仄仄仄", "", "仄仄仄仄风"], book)
    assert repeats(["明月松间照", "清泉月上流"])
    assert not repeats(["明月明间照", "清泉石上流"])
    assert not repeats(["明月松间照", "青青石上流"])
    assert rules_of(None) == Rules(repeats)
    assert rules_of(book).fits is not None
