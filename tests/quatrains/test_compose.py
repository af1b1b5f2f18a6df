"""Whole poems: they obey, drafts differ, a line can be written anew, and where nothing fits the rules are named."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from poem_books import BOOK, CHARACTERS

from ham_mrc.errors import HamError
from ham_mrc.quatrains.beam import search
from ham_mrc.quatrains.compose import Wish, compose
from ham_mrc.quatrains.examine import broken_rules, examine
from ham_mrc.quatrains.judge import Judge
from ham_mrc.quatrains.request import LineRequest, Sampling, Written
from ham_mrc.quatrains.rnnpg import RNNPG

OPENING = ("木木山山木", "山山木木东", "木山山木木", "木木木山东")  # fits pattern 1, rhymes
WISH = Wish(length=5, keywords=("风", "山", "木", "东"), given=(OPENING[0], "", "", ""), repeats="off", book=BOOK)


@dataclass
class Untrained:
    """RNNPG as it starts, which is enough to see what is asked of it."""

    network: RNNPG
    asked: list[LineRequest] = field(default_factory=list)

    def write(
        self, requests: Sequence[LineRequest], *, beam: int = 10, n: int = 1, sample: Sampling | None = None
    ) -> list[list[Written]]:
        self.asked += requests
        return search(self.network, requests, width=beam, n=n, sample=sample)


@dataclass
class Opened:
    """Another system, with first lines that fit patterns 3, 1 and 2, in this order."""

    system: Untrained

    def write(self, requests: Sequence[LineRequest], **how: Any) -> list[list[Written]]:
        if requests[0].before:
            return self.system.write(requests, **how)
        judge = Judge(requests[0], CHARACTERS.symbols)
        lines = ("木山山木木", "木木山山木", "木木木山山")
        return [[Written(line, -1.0) for line in lines if judge.cost("", line) < float("inf")]]


@dataclass
class Scripted:
    """Writes what stands in its list for each line, best first, or nothing."""

    lines: dict[int, list[str]]

    def write(self, requests: Sequence[LineRequest], **_: Any) -> list[list[Written]]:
        return [[Written(line, -1.0) for line in self.lines.get(one.position, [])] for one in requests]


@pytest.fixture(scope="module")
def system() -> Untrained:
    torch.manual_seed(2)
    return Untrained(RNNPG(CHARACTERS, width=8, kernel=3))


STRENGTHS = st.sampled_from(["off", "prefer", "strict"])


@settings(deadline=None, max_examples=25)
@given(STRENGTHS, STRENGTHS, st.sampled_from(["", "木东山关", "木间竹卜"]), st.booleans())
def test_every_poem_obeys(tones: Any, rhyme: Any, acrostic: str, drawn: bool) -> None:
    torch.manual_seed(2)
    writer = Untrained(RNNPG(CHARACTERS, width=8, kernel=3))
    sample = Sampling(seed=4) if drawn else None
    wish = replace(WISH, tones=tones, rhyme=rhyme, acrostic=acrostic, sample=sample)
    for draft in compose(writer, wish, 2):
        rules = {"tones": tones, "rhyme": rhyme, "acrostic": acrostic}
        assert broken_rules(draft.lines, length=5, book=BOOK, **rules) == []  # type: ignore[arg-type]
        assert draft.lines[0] == OPENING[0]
        assert draft.scores[0] is None
        assert all(score is not None and score < 0 for score in draft.scores[1:])


def test_repeats_are_kept_low_through_the_poem() -> None:
    torch.manual_seed(2)
    letters = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"
    characters = type(CHARACTERS)((*CHARACTERS.symbols, *letters))
    writer = Untrained(RNNPG(characters, width=8, kernel=3))
    wish = replace(WISH, given=("天地玄黄木", "", "", ""), repeats="poem")
    free = compose(writer, replace(wish, repeats="off"))[0]
    assert broken_rules(free.lines, length=5, repeats="poem") != []  # an untrained network says the same again
    assert broken_rules(compose(writer, wish)[0].lines, length=5, repeats="poem") == []


def test_lines_of_ones_own_may_repeat_as_they_like() -> None:
    torch.manual_seed(2)
    writer = Untrained(RNNPG(CHARACTERS, width=8, kernel=3))
    drafts = compose(writer, replace(WISH, given=("木木山木山", "目梦目梦竹", "", "同东关送卜"), repeats="poem"))
    assert len(set(drafts[0].lines[2]) - set("木山目梦竹同东关送卜")) > 0
    assert drafts[0].lines[3] == "同东关送卜"


def test_drafts_differ_in_every_written_line(system: Untrained) -> None:
    drafts = compose(system, WISH, 4)
    for i in (1, 2, 3):
        assert len({draft.lines[i] for draft in drafts}) == 4


def test_samples_of_one_seed_are_the_same_and_of_another_differ(system: Untrained) -> None:
    first, again, other = (compose(system, replace(WISH, sample=Sampling(seed=seed)), 2) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first[0].lines != first[1].lines


def test_keywords_and_lines_above_are_handed_on(system: Untrained) -> None:
    system.asked.clear()
    draft = compose(system, WISH)[0]
    assert [one.keyword for one in system.asked] == ["山", "木", "东"]
    assert [one.before for one in system.asked] == [draft.lines[:1], draft.lines[:2], draft.lines[:3]]


@pytest.mark.parametrize("redone", [(1,), (2,), (3,), (1, 2)])
def test_lines_are_written_anew_and_the_others_stay(system: Untrained, redone: tuple[int, ...]) -> None:
    given = tuple("" if i in redone else line for i, line in enumerate(OPENING))
    wish = replace(WISH, given=given, barred=frozenset(OPENING), tones="strict", rhyme="strict")
    draft = compose(system, wish)[0]
    for i, line in enumerate(OPENING):
        assert (draft.lines[i] == line) == (i not in redone)
    assert broken_rules(draft.lines, length=5, tones="strict", rhyme="strict", book=BOOK) == []


def test_a_dead_end_is_left_by_the_next_candidate() -> None:
    class Choosy(Scripted):
        def write(self, requests: Sequence[LineRequest], **_: Any) -> list[list[Written]]:
            below_second = requests[0].before[-1:] == ("东东东东东",)
            return [[]] if below_second else super().write(requests)

    system = Choosy({1: ["木木木木木"], 2: ["东东东东东", "山山山山山"], 3: ["竹竹竹竹竹"], 4: ["目目目目目"]})
    wish = replace(WISH, given=("", "", "", ""))
    assert compose(system, wish)[0].lines == ("木木木木木", "山山山山山", "竹竹竹竹竹", "目目目目目")


@pytest.mark.parametrize(
    ("asked", "given", "message"),
    [
        (
            {"tones": "strict", "acrostic": "木山目东"},
            (OPENING[0], "", "", ""),
            "no line 2 fits pattern 1 and begins with 山; try --tones prefer",
        ),
        (
            {"tones": "strict", "rhyme": "strict"},
            (*OPENING[:2], "", ""),
            "no line 3 fits pattern 1; try --tones prefer",
        ),
        ({"rhyme": "strict"}, (OPENING[0], "", "", ""), "no line 2 rhymes; try --rhyme prefer"),
        (  # the third does not rhyme itself; as the others stand it has to break the pattern
            {"rhyme": "strict"},
            ("木木木山山", *OPENING[1:2], "", OPENING[3]),
            "no line 3 goes on from the lines above; try --rhyme prefer",
        ),
        (
            {"repeats": "poem", "acrostic": "木山目东"},
            (*OPENING[:2], "", ""),
            "no line 3 begins with 目 and repeats no more than a poem may; try another --acrostic",
        ),
        ({}, (*OPENING[:1], "", "", ""), "no line 2 goes on from the lines above; try another theme"),
    ],
)
def test_what_leaves_nothing_is_named(asked: dict[str, Any], given: tuple[str, ...], message: str) -> None:
    with pytest.raises(HamError) as caught:
        compose(Scripted({}), replace(WISH, given=given, **asked))
    assert str(caught.value) == message


def test_the_line_where_it_ended_is_named_not_the_one_it_went_back_to() -> None:
    with pytest.raises(HamError, match="no line 4 goes on"):
        compose(Scripted({2: ["东" * 5, "山" * 5], 3: ["竹" * 5]}), WISH)


def test_a_given_line_with_another_first_character_is_refused() -> None:
    message = "line 1 is given and begins with 木, where the acrostic has 东; change one of them"
    with pytest.raises(HamError, match=message):
        compose(Scripted({}), replace(WISH, acrostic="东山目木"))


def test_a_given_line_that_fits_no_pattern_is_refused() -> None:
    message = r"木木木木木 fits no pattern \(in 1, the nearest, 木 has the wrong tone\); try --tones prefer"
    with pytest.raises(HamError, match=message):
        compose(Scripted({}), replace(WISH, given=("木木木木木", "", "", ""), tones="strict"))


@pytest.mark.parametrize(
    ("given", "tones", "message"),
    [
        (
            ("", "山山木木东", "木山山木木", "木木木山山"),
            "strict",
            "lines 2 and 4 stand and do not rhyme (东 山); try --rhyme prefer, or --redo 2 or 4 as well",
        ),
        (
            ("木木山山木", "山山木木东", "", "木木木山山"),
            "off",
            "lines 2 and 4 stand and do not rhyme (东 山); try --rhyme prefer, or --redo 2 or 4 as well",
        ),
        (
            ("", "山山木木木", "", ""),
            "prefer",
            "line 2 stands and ends in 木, which is no level character; try --rhyme prefer, or --redo 2 as well",
        ),
        (  # line 4 alone could not mend it
            ("", "山山木木木", "", "木木木山东"),
            "off",
            "lines 2 and 4 stand and do not rhyme (木 东); try --rhyme prefer, or --redo 2 as well",
        ),
        (
            ("木木木山山", "山山木木东", "", "木木木山东"),
            "strict",
            "lines 1, 2 and 4 stand and do not rhyme (山 东 东); try --rhyme prefer, or --redo 1 as well",
        ),
        (
            ("", "山山木木木", "", "木木木山目"),
            "off",
            "lines 2 and 4 stand and do not rhyme (木 目); try --rhyme prefer",
        ),
    ],
)
def test_lines_that_stand_and_do_not_rhyme_are_named_before_anything_is_written(
    given: tuple[str, ...], tones: Any, message: str
) -> None:
    with pytest.raises(HamError) as caught:
        compose(Scripted({}), replace(WISH, given=given, tones=tones, rhyme="strict"))
    assert str(caught.value) == message


@pytest.mark.parametrize("tones", ["off", "prefer"])
@pytest.mark.parametrize("beam", [1, 10])
def test_a_first_line_that_does_not_rhyme_is_gone_on_from_where_tones_are_free(
    system: Untrained, tones: Any, beam: int
) -> None:
    """The poem may not fit pattern 2 then, whose first line rhymes."""
    wish = replace(WISH, given=("木木木山山", "山山木木东", "", ""), tones=tones, rhyme="strict", beam=beam)
    for draft in compose(system, wish, 2):
        found = examine(draft.lines, BOOK).fit
        assert found is not None
        assert (bool(found.tone_faults), found.rhyme_faults) == (True, ())


def test_an_acrostic_that_fits_no_pattern_is_refused_at_once() -> None:
    """Only patterns 3 and 4 let line 2 begin obliquely, only 1 and 2 line 4."""
    message = r"the acrostic 山木山木 fits no pattern \(in 1, the nearest, 木 has the wrong tone\); try --tones prefer"
    with pytest.raises(HamError, match=message):
        compose(Scripted({}), replace(WISH, given=("", "", "", ""), acrostic="山木山木", tones="strict"))


def test_what_an_acrostic_will_need_is_known_from_the_first_line_on(system: Untrained) -> None:
    """Patterns 3 and 4 would do for lines 1 to 3, but not for a fourth line that begins obliquely."""
    wish = replace(WISH, given=("", "", "", ""), acrostic="木山木木", tones="strict", book=BOOK)
    drafts = compose(Opened(system), wish, 2)
    assert [one.lines[0] for one in drafts] == ["木木山山木", "木木木山山"]
    assert all(broken_rules(one.lines, length=5, tones="strict", book=BOOK) == [] for one in drafts)


def test_poems_that_break_what_was_asked_are_a_mistake_of_ours() -> None:
    lines = {i: [character * 5] for i, character in zip(itertools.count(1), "木东山竹", strict=False)}
    with pytest.raises(AssertionError, match="breaks the rules"):
        compose(Scripted(lines), replace(WISH, tones="strict"))
