"""Segments: the forms of a line, mutual information counted slowly, and what the taxonomy adds."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.poem_segments import PHRASE, UNSEEN, Segmenter
from ham_mrc.data_prep.taxonomy import Taxonomy

LINES = ["春风明月来", "春风来明月", "青山流水去", "去看青山老", "长安春风起明月", "月明来月明"]


def slow_value(pair: str, lines: list[str]) -> float:
    """log of p(ab) over p(a) p(b), all counted in `lines`; what was never seen counts UNSEEN."""
    characters = Counter(character for line in lines for character in line)
    pairs = Counter(line[n : n + 2] for line in lines for n in range(len(line) - 1))
    both = max(pairs[pair], UNSEEN) / pairs.total()
    one, other = (max(characters[character], UNSEEN) / characters.total() for character in pair)
    return math.log(both / (one * other))


def slow_segments(line: str, lines: list[str], phrases: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The better of all forms, each written out and summed up over all of its pairs."""
    forms = {5: [(2, 2, 1), (2, 1, 2)], 7: [(2, 2, 2, 1), (2, 2, 1, 2)]}[len(line)]
    cut = []
    for form in forms:
        starts = [sum(form[:n]) for n in range(len(form))]
        cut.append(tuple(line[start : start + size] for start, size in zip(starts, form, strict=True)))
    sums = [sum(slow_value(s, lines) + 2 * (s in phrases) for s in form if len(s) == 2) for form in cut]
    return cut[0] if sums[0] >= sums[1] - 1e-9 else cut[1]


def test_hand_count() -> None:
    # 明月 stands 3 times among 26 pairs, 明 5 and 月 5 times among 32 characters.
    assert slow_value("明月", LINES) == pytest.approx(math.log((3 / 26) / ((5 / 32) * (5 / 32))))
    assert Segmenter(LINES).segments(["春风来明月", "春风明月来"]) == [("春风", "来", "明月"), ("春风", "明月", "来")]


texts = st.integers(5, 7).filter(lambda n: n != 6).flatmap(lambda n: st.text("春风明月来去山", min_size=n, max_size=n))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(texts, min_size=1, max_size=8),
    st.lists(texts, max_size=4),
    st.sets(st.sampled_from(["明月", "来去", "山"])),
)
def test_as_the_slow_way(train: list[str], others: list[str], phrases: set[str]) -> None:
    segmenter = Segmenter(train, Taxonomy({"题目": tuple(phrases)}))
    found = segmenter.segments([*train, *others])
    assert ["".join(segments) for segments in found] == [*train, *others]
    assert found == [slow_segments(line, train, frozenset(phrases)) for line in [*train, *others]]


def test_a_phrase_counts_more() -> None:
    assert PHRASE == 2
    lines = ["春风去来月", "春风来月去"]
    plain = Segmenter(lines)
    listed = Segmenter(lines, Taxonomy({"别": ("去来",)}))
    assert plain.segments(["春风去来月"]) == [("春风", "去", "来月")]
    assert listed.segments(["春风去来月"]) == [("春风", "去来", "月")]


def test_equal_sums_end_in_one_character_and_no_line_is_no_segment() -> None:
    assert Segmenter(["春夏秋冬春"]).segments(["甲乙丙丁戊", "甲乙丙丁戊己庚"]) == [
        ("甲乙", "丙丁", "戊"),
        ("甲乙", "丙丁", "戊己", "庚"),
    ]
    assert Segmenter([]).segments(["甲乙丙丁戊"]) == [("甲乙", "丙丁", "戊")]
    assert Segmenter(LINES).segments([]) == []
