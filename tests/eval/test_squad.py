"""The metrics against figures of the official script and against a slow restatement of it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from official_squad import f1 as slow_f1
from official_squad import normal as slow_normal
from official_squad import question as slow_question

from ham_mrc.errors import HamError
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.squad import METRICS, Normaliser, contains, exact_match, normalise, overlap_f1, token_f1

# References, prediction, exact_match and f1 as evaluate-v1.1.py prints them under Python 3.
OFFICIAL = [
    (["Paris"], "", 0.0, 0.0),
    (["The"], "a", 100.0, 0.0),
    (["!!!"], "???", 100.0, 0.0),
    (["", "Paris", "the"], "", 100.0, 0.0),
    (["Paris"], "Paris，", 0.0, 0.0),
    (["well-known"], "wellknown", 100.0, 100.0),
    (["anapple"], "an'apple", 100.0, 100.0),
    (["10 a.m."], "10 am", 100.0, 100.0),
    (["$5"], "5", 100.0, 100.0),
    (["cat cat cat"], "cat cat", 0.0, 80.0),
    (["a\u0301"], "\u0301", 100.0, 100.0),
    (["New York"], "New\u3000York", 100.0, 100.0),
    (["Paris"], "\ufeffParis", 0.0, 0.0),
    (["STRA\u1e9eE"], "stra\u00dfe", 100.0, 100.0),
    (["\u00e9t\u00e9 a hiver"], "\u00e9t\u00e9 hiver", 100.0, 100.0),
    (["巴黎the塔"], "巴黎 塔", 0.0, 0.0),
    (["\U0001f1eb\U0001f1f7"], "\U0001f1eb", 0.0, 0.0),
    (["北京"], "北京。", 0.0, 0.0),
    (["x2"], "x²", 0.0, 0.0),
    (["abc"], "\u200fabc", 0.0, 0.0),
    (["abc"], "abc\x00", 0.0, 0.0),
    (["red blue", "green", "red blue green yellow"], "red green yellow", 0.0, 85.71428571428571),
    (["No Answer Present."], "No Answer Present.", 100.0, 100.0),
    (["a\tb\tc"], "a b c", 100.0, 100.0),
]


@pytest.mark.parametrize(("references", "prediction", "exact", "f1"), OFFICIAL)
def test_official_figures(references: list[str], prediction: str, exact: float, f1: float) -> None:
    assert exact_match(prediction, references) == exact
    assert token_f1(prediction, references) == f1


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("U.S.A.", "usa"),
        ("“quoted” – dash", "“quoted” – dash"),
        ("the_end", "theend"),  # the underscore goes first, so no article stands alone
        ("\u0130stanbul", "i\u0307stanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("a\x1cb", "b"),  # U+001C is white space to Python 3
        ("no\u200bbreak", "no\u200bbreak"),
        ("The An A", ""),
        ("«the»", "« »"),  # a word border, so an article, and its place stays empty
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


WORDS = st.sampled_from(
    ["a", "the", "an", "cat", "Cat.", "dog", "U.S.", "été", "巴黎the塔", "a\u0301", "-", "\u3000", "x_y"]
)
TEXTS = st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=8).map(" ".join))


@given(TEXTS)
def test_normalise_equals_the_slow_restatement(text: str) -> None:
    assert normalise(text) == slow_normal(text)
    remembered = Normaliser()
    assert remembered[text] == remembered[text] == slow_normal(text)


# What could reach over the end of a text: a final sigma, articles, white space, marks, halves of surrogate pairs.
PIECES = st.sampled_from([*"aAnthe .-_\0\u2028\u03a3\u0301\u0130\ud83d\ude00\x85", "the", "an", " a ", "thea"])


@given(st.lists(st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join)), max_size=8))
@example(["a", "the", "an", ""])
@example(["\u039f\u03a3", "\u03a3a", "a\0the"])
def test_all_at_once_is_one_by_one(texts: list[str]) -> None:
    normal = Normaliser(texts)
    assert dict(normal) == {text: slow_normal(text) for text in texts}
    normal.learn(["the end", *texts])
    assert normal["the end"] == "end"


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=4))
def test_metrics_equal_the_slow_restatement(prediction: str, references: list[str]) -> None:
    exact, f1 = slow_question(prediction, references)
    assert exact_match(prediction, references) == 100.0 * exact
    assert token_f1(prediction, references) == 100.0 * f1


@given(st.lists(st.sampled_from("xyz"), max_size=12), st.lists(st.sampled_from("xyzw"), max_size=12))
def test_overlap_counts_repeated_words(predicted: list[str], reference: list[str]) -> None:
    assert overlap_f1(predicted, reference) == slow_f1(" ".join(predicted), " ".join(reference))


@pytest.mark.parametrize(
    ("references", "prediction", "score"),
    [
        (["Paris"], "It is Paris, of course.", 100.0),
        (["Paris"], "It is comparison.", 0.0),  # whole words only
        (["New York", "NYC"], "in the city of New  York", 100.0),
        (["New York"], "York New", 0.0),
        (["the"], "anything", 0.0),  # normalises to nothing, which is not in everything
        (["the"], "a", 100.0),
    ],
)
def test_contains(references: list[str], prediction: str, score: float) -> None:
    assert contains(prediction, references) == score


SINGLE = {"exact_match": exact_match, "f1": token_f1, "contains": contains}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric(metric: Metric) -> None:
    assert metric.higher_is_better
    assert metric.unit == "%"
    # Three questions with 100, 50 and 0, worked out by hand: sums 150 and 3.
    assert metric.combine is not None
    assert metric.combine({metric.name: 150.0, "questions": 3}) == 50.0
    of = SINGLE[metric.name]
    assert of("Oslo", ["oslo!", "Bergen"]) == 100.0
    assert of("Oslo", ["Bergen"]) == 0.0
    with pytest.raises(HamError, match="against no references"):
        of("Oslo", [])
