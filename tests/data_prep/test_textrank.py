"""TextRank against a dense power iteration, and the rule for a line's keyword."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.function_words import FUNCTION_WORDS
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.data_prep.textrank import keyword, textrank

LINES = [
    ("春风", "明月", "来"),
    ("春风", "看", "青山"),
    ("青山", "流水", "远"),
    ("流水", "不", "明月"),
    ("明月", "明月", "远"),
    ("孤舟", "春风", "流水", "来"),
    ("孤舟", "青山", "来", "远"),
    ("不知", "春风", "来"),
    ("长安", "之"),
    ("故人", "青山", "不见", "来"),
]


def dense(lines: list[tuple[str, ...]]) -> dict[str, float]:
    """The fixed point of the equation over a full matrix of weights, by 500 rounds."""
    words = sorted({word for line in lines for word in line if word not in FUNCTION_WORDS})
    weights = np.zeros((len(words), len(words)))
    for line in lines:
        for place, one in enumerate(line):
            for other in line[place + 1 :]:
                if one != other and one in words and other in words:
                    weights[words.index(one), words.index(other)] += 1
                    weights[words.index(other), words.index(one)] += 1
    out = weights.sum(1)
    share = np.divide(weights, out[:, None], out=np.zeros_like(weights), where=out[:, None] > 0)
    scores = np.ones(len(words))
    for _ in range(500):
        scores = 0.15 + 0.85 * share.T @ scores
    return dict(zip(words, scores.tolist(), strict=True))


def test_against_a_dense_power_iteration() -> None:
    ranks = textrank(LINES)
    assert ranks.scores == pytest.approx(dense(LINES), abs=1e-3)
    assert list(ranks.scores.values()) == sorted(ranks.scores.values(), reverse=True)
    assert ranks.scores["长安"] == pytest.approx(0.15)  # alone in its line but for a function word
    assert "不知" not in ranks.scores
    assert 5 < ranks.rounds < 100


words = st.sampled_from(["春风", "明月", "来", "看", "不", "青山", "何"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(words, words, words), max_size=8))
def test_any_lines_against_the_dense_way(lines: list[tuple[str, ...]]) -> None:
    assert textrank(lines).scores == pytest.approx(dense(lines), abs=1e-3)


def test_edges_are_counted_once_and_equal_scores_stand_by_code_point() -> None:
    ranks = textrank([("明月", "春风"), ("春风", "明月")])
    assert (ranks.edges, list(ranks.scores)) == (1, ["明月", "春风"] if "明月" < "春风" else ["春风", "明月"])
    assert list(ranks.scores.values()) == pytest.approx([1.0, 1.0])


SCORES = {"春": 9.0, "春风": 2.0, "明月": 3.0, "香": 5.0, "青山": 2.0}
THEMES = Taxonomy({"春": ("细草",)})


@pytest.mark.parametrize(
    ("segments", "with_taxonomy", "without"),
    [
        (("明月", "香", "春"), "春", "明月"),  # of the taxonomy before all else
        (("香", "春风", "明月"), "明月", "明月"),  # two characters before one, then by score
        (("春风", "香", "青山"), "春风", "春风"),  # of equals the first
        (("流水", "香", "细草"), "细草", "流水"),  # what training never saw scores 0, and is a candidate
        (("寒", "不", "香"), "香", "香"),
        (("不知", "何", "之"), "不知", "不知"),  # function words alone: the first segment
        (("不知", "何", "看"), "看", "看"),
    ],
)
def test_keyword(segments: tuple[str, ...], with_taxonomy: str, without: str) -> None:
    assert keyword(segments, SCORES, THEMES) == with_taxonomy
    assert keyword(segments, SCORES) == without


def test_function_words_are_one_or_two_characters_and_name_nothing() -> None:
    assert {len(word) for word in FUNCTION_WORDS} == {1, 2}
    assert {"不", "之", "不知", "如何"} <= FUNCTION_WORDS
    assert FUNCTION_WORDS.isdisjoint({"春风", "人间", "何处", "明月", "春", "山"})
