"""SQuAD 2.0 against figures of the official script and against a slow restatement of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slow_squad2 as slow
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import combined
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.references_squad2 import load
from ham_mrc.eval.squad2 import METRICS, judge_all, signature
from ham_mrc.files import read_json

# The official script's name of each of our figures.
NAMES = {
    "exact": "exact_match",
    "f1": "f1",
    "HasAns_exact": "has_answer_exact_match",
    "HasAns_f1": "has_answer_f1",
    "NoAns_exact": "no_answer_exact_match",
    "NoAns_f1": "no_answer_f1",
    "best_exact": "best_exact_match",
    "best_exact_thresh": "best_exact_match_threshold",
    "best_f1": "best_f1",
    "best_f1_thresh": "best_f1_threshold",
    "pr_exact_ap": "exact_match_average_precision",
    "pr_f1_ap": "f1_average_precision",
    "pr_oracle_ap": "oracle_average_precision",
}

# References, prediction, exact and f1 as evaluate-v2.0.py prints them under Python 3.11.
OFFICIAL = [
    (["Paris"], "", 0.0, 0.0),
    (["The"], "a", 100.0, 100.0),
    (["!!!"], "???", 100.0, 100.0),
    (["", "Paris", "the"], "", 0.0, 0.0),
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
    # Right on an unanswerable question is whatever normalises to nothing.
    ([], "", 100.0, 100.0),
    ([], " the...", 100.0, 100.0),
    ([], "Oslo", 0.0, 0.0),
    (["the", "Who"], "a", 0.0, 0.0),  # the reference that normalises to nothing is dropped
]

# Three questions, official figures for probabilities in the order of their file, -t, and precision-recall curves.
THREE = {"q1": ["Paris", "the Paris"], "q2": [], "q3": ["Oslo"]}
ANSWERS = {"q1": "Paris", "q2": "Milan", "q3": "oslo city"}
PLAIN = {
    "exact": 33.333333333333336,
    "f1": 55.55555555555555,
    "HasAns_exact": 50.0,
    "HasAns_f1": 83.33333333333333,
    "NoAns_exact": 0.0,
    "NoAns_f1": 0.0,
}
TIED = {"best_exact": 66.66666666666667, "best_exact_thresh": 0.5, "best_f1": 66.66666666666667, "best_f1_thresh": 0.5}
THRESHOLDS: list[tuple[dict[str, Any], dict[str, Any], dict[str, float]]] = [
    (
        {"q1": 0.1, "q2": 0.8, "q3": 0.8},
        {"threshold": 0.5},
        {
            "exact": 66.66666666666667,
            "f1": 66.66666666666667,
            "HasAns_exact": 50.0,
            "HasAns_f1": 50.0,
            "NoAns_exact": 100.0,
            "NoAns_f1": 100.0,
            "best_exact": 66.66666666666667,
            "best_exact_thresh": 0.1,
            "best_f1": 66.66666666666667,
            "best_f1_thresh": 0.1,
        },
    ),
    ({"q1": 0.5, "q2": 0.5, "q3": 0.5}, {}, PLAIN | TIED),
    (
        {"q2": 0.5, "q1": 0.5, "q3": 0.5},
        {},
        PLAIN | TIED | {"best_exact": 33.333333333333336, "best_exact_thresh": 0.0, "best_f1": 55.55555555555555},
    ),
    (
        {"q1": 0.1, "q2": 0.8, "q3": 0.8},
        {"curves": True},
        PLAIN
        | {"best_exact": 66.66666666666667, "best_exact_thresh": 0.1, "best_f1": 66.66666666666667}
        | {"best_f1_thresh": 0.1, "pr_exact_ap": 50.0, "pr_f1_ap": 68.5185185185185}
        | {"pr_oracle_ap": 83.33333333333333},
    ),
]


def document(questions: dict[str, list[Any]] | list[tuple[str, list[Any]]]) -> dict[str, Any]:
    """A SQuAD 2.0 object with one passage, from question ids and their answers."""
    rows = questions.items() if isinstance(questions, dict) else questions
    qas = [{"id": identity, "answers": [{"text": text} for text in texts]} for identity, texts in rows]
    return {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "c", "qas": qas}]}]}


def judged(questions: Any, predictions: Any, **options: Any) -> Judged:
    return judge_all(predictions, load(document(questions), "dev.json"), **options)


def ours(report: dict[str, Any]) -> dict[str, Any]:
    """An official report under our names, without the counts."""
    return {NAMES[name]: value for name, value in report.items() if not name.endswith("total")}


@pytest.mark.parametrize(("references", "prediction", "exact", "f1"), OFFICIAL)
def test_official_figures(references: list[str], prediction: str, exact: float, f1: float) -> None:
    metrics = judged({"q": references}, {"q": prediction}).metrics
    assert (metrics["exact_match"], metrics["f1"]) == (exact, f1)
    block = "has_answer" if references else "no_answer"
    assert list(metrics) == ["exact_match", "f1", f"{block}_exact_match", f"{block}_f1"]


@pytest.mark.parametrize(("na_prob", "options", "figures"), THRESHOLDS)
def test_official_figures_with_probabilities(
    na_prob: dict[str, float], options: dict[str, Any], figures: dict[str, float]
) -> None:
    assert judged(THREE, ANSWERS, na_prob=na_prob, **options).metrics == ours(figures)


def test_published_predictions_to_the_last_digit(shared_data: Path) -> None:
    folder = shared_data / "squad"
    predictions = read_json(folder / "predictions" / "bert-single.v2.0.json")
    parts = [read_json(folder / f"shared-{part}-v2.0.json.gz") for part in ("train", "dev")]
    both = {"data": [*parts[0]["data"], *parts[1]["data"]]}
    # EM and F1 as the data's own page gives them; the last digits from the slow restatement.
    for content, rounded in ((both, ("79.32", "82.35")), (parts[1], ("77.49", "81.30"))):
        references = load(content, None)
        na_prob = {identity: random.Random(identity).randrange(50) / 49 for identity in references.ids}
        found = judge_all(predictions, references, na_prob=na_prob, threshold=0.5, curves=True)
        assert found.metrics == ours(slow.evaluate(content["data"], predictions, na_prob, 0.5, True))
        plain = judge_all(predictions, references)
        assert plain.metrics == ours(slow.evaluate(content["data"], predictions))
        assert (f"{plain.metrics['exact_match']:.2f}", f"{plain.metrics['f1']:.2f}") == rounded
        assert plain.extra == len(predictions) - len(references)
        for metric in METRICS:
            if metric.combine is not None and metric.name in found.metrics:
                assert combined(metric, found.statistics) == pytest.approx(found.metrics[metric.name], rel=1e-9)


WORDS = st.sampled_from(["a", "the", "cat", "Cat.", "dog", "U.S.", "été", "-", "x_y", "..."])
TEXTS = st.one_of(st.text(max_size=8), st.lists(WORDS, max_size=5).map(" ".join))
GOLDS = st.one_of(st.just([]), st.lists(TEXTS, max_size=3))
IDS = st.sampled_from("abcdefgh")


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str], dict[str, float] | None, float]:
    rows = draw(st.lists(st.tuples(IDS, GOLDS), min_size=1, max_size=10))
    known = dict.fromkeys(identity for identity, _ in rows)
    predictions = {identity: draw(TEXTS) for identity in [*known, "extra"]}
    probability = st.one_of(st.sampled_from([0, 0.5, 1, True]), st.floats(0, 2))
    order = draw(st.permutations(list(known)))
    na_prob = {identity: draw(probability) for identity in order} if draw(st.booleans()) else None
    return document(rows), predictions, na_prob, draw(st.sampled_from([1.0, 0.5, 0, -0.5]))


@settings(max_examples=300)
@given(evaluations())
def test_every_figure_equals_the_slow_restatement(evaluation: Any) -> None:
    content, predictions, na_prob, threshold = evaluation
    references = load(json.loads(json.dumps(content)), None)
    found = judge_all(predictions, references, na_prob=na_prob, threshold=threshold, curves=True)
    assert found.metrics == ours(slow.evaluate(content["data"], predictions, na_prob, threshold, True))
    for metric in METRICS:
        if metric.combine is not None and metric.name in found.metrics:
            assert combined(metric, found.statistics) == pytest.approx(found.metrics[metric.name], rel=1e-9)
            shown = [value for value in found.values[metric.name] if value is not None]
            assert sum(shown) / len(shown) == pytest.approx(found.metrics[metric.name], rel=1e-9)


def test_a_repeated_id_keeps_its_first_place_and_last_answers() -> None:
    found = judged([("q", ["Oslo"]), ("r", []), ("q", ["Rome"])], {"q": "Rome", "r": ""})
    assert found.keys == ("q", "r")
    assert found.metrics["exact_match"] == 100.0
    assert found.values["has_answer_f1"] == [100.0, None]
    assert found.statistics["has_answer_questions"] == [1, 0]


def test_only_articles_and_punctuation_is_an_answerable_question_right_with_nothing() -> None:
    found = judged({"q": ["The", "..."]}, {"q": ""})
    assert found.metrics == {
        "exact_match": 100.0,
        "f1": 100.0,
        "has_answer_exact_match": 100.0,
        "has_answer_f1": 100.0,
    }


def test_a_probability_equal_to_the_threshold_keeps_the_answer() -> None:
    assert judged({"q": []}, {"q": "Oslo"}, na_prob={"q": 0.5}, threshold=0.5).metrics["f1"] == 0.0
    assert judged({"q": []}, {"q": "Oslo"}, na_prob={"q": 0.5}, threshold=0.49).metrics["f1"] == 100.0


def test_a_negative_threshold_takes_every_answer_back() -> None:
    assert judged({"q": ["Oslo"], "r": []}, {"q": "Oslo", "r": "x"}, threshold=-0.5).metrics["f1"] == 50.0


def test_the_best_threshold_keeps_the_type_it_has_in_the_file() -> None:
    best = judged({"q": ["Oslo"]}, {"q": "Oslo"}, na_prob={"q": 0}).metrics["best_f1_threshold"]
    assert (best, type(best)) == (0, int)


@pytest.mark.parametrize(("prediction", "best"), [("the", 50.0), (" ", 50.0), ("", 100.0)])
def test_any_text_is_an_answer_to_the_best_threshold(prediction: str, best: float) -> None:
    """Articles and white space are right on an unanswerable question, and count as wrong for the threshold."""
    predictions = {"q": prediction, "r": "Oslo"}
    found = judged({"q": [], "r": ["Oslo"]}, predictions, na_prob={"q": 0.1, "r": 0.2}).metrics
    assert (found["f1"], found["best_f1"]) == (100.0, best)


def test_ids_without_a_question_count_only_for_curves() -> None:
    options = {"na_prob": {"q": 0.1, "zz": 0.0}}
    found = judged({"q": ["Oslo"]}, {"q": "Oslo", "zz": None}, **options)
    assert (found.metrics["best_f1"], found.extra) == (100.0, 1)
    with pytest.raises(HamError, match=r"^question zz: has a probability of no answer and is not in the references"):
        judged({"q": ["Oslo"]}, {"q": "Oslo"}, curves=True, **options)


def test_curves_need_an_answerable_question() -> None:
    assert "oracle_average_precision" not in judged({"q": []}, {"q": ""}, na_prob={"q": 0.3}, curves=True).metrics


def test_contains() -> None:
    found = judged({"q": ["Oslo"], "r": [], "s": []}, {"q": "In Oslo.", "r": "", "s": "Rome"}, contains=True)
    assert found.metrics["contains"] == 100.0 * 2 / 3
    assert found.values["contains"] == [100.0, 100.0, 0.0]


def test_the_signature_names_the_threshold() -> None:
    assert signature(1) == signature(1.0) == judged({"q": []}, {"q": ""}).signature
    assert signature(0.5) != signature()


@pytest.mark.parametrize(
    ("predictions", "options", "message"),
    [
        ({}, {}, "preds.json, question q1: has no prediction, nor have 2 others; the official SQuAD 2.0 program"),
        ({"q1": "", "q3": ""}, {}, "preds.json, question q2: has no prediction; the official SQuAD 2.0 program"),
        (ANSWERS | {"q2": None}, {}, "preds.json, question q2: the prediction is null, not a text"),
        (ANSWERS | {"q2": 3}, {}, "preds.json, question q2: the prediction is a number, not a text"),
        (ANSWERS | {"q2": ["x"]}, {}, "preds.json, question q2: the prediction is a list, not a text"),
        (ANSWERS, {"na_prob": {"q1": 0, "q3": 0}}, "question q2: has no probability of no answer"),
        (
            ANSWERS,
            {"na_prob": dict.fromkeys(ANSWERS, 0.1) | {"zz": "0.5"}},
            "question zz: the probability of no answer is a text, not a number",
        ),
        (
            ANSWERS,
            {"na_prob": {"q1": 0.1, "q2": None, "q3": 0.1}},
            "question q2: the probability of no answer is null, not a number",
        ),
    ],
)
def test_where_the_official_program_dies(predictions: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((KeyError, ZeroDivisionError, AttributeError, TypeError)):
        slow.evaluate(document(THREE)["data"], predictions, options.get("na_prob"))
    with pytest.raises(HamError) as caught:
        judged(THREE, predictions, file="preds.json", **options)
    assert str(caught.value).startswith(message)


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda qa: qa.pop(key)


def _with(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda qa: qa.update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("id"), "dev.json, article 1, paragraph 1, question 1: has no 'id'"),
        (_without("answers"), "dev.json, question q: has no 'answers'; an empty list stands for"),
        (_with(answers=None), "dev.json, question q: 'answers' is null, not a list"),
        (_with(answers=["Oslo"]), "dev.json, question q: answer 1 is not an object with a 'text'"),
        (_with(answers=[{"text": 5}]), "dev.json, question q: the 'text' of answer 1 is a number, not a text"),
    ],
)
def test_references_that_the_official_program_dies_of(change: Callable[[Any], None], message: str) -> None:
    content = document({"q": ["Oslo"]})
    change(content["data"][0]["paragraphs"][0]["qas"][0])
    with pytest.raises(HamError) as caught:
        load(content, "dev.json")
    assert str(caught.value).startswith(message)


def test_no_question() -> None:
    with pytest.raises(HamError, match=r"^dev\.json: holds no question"):
        load(document({}), "dev.json")


def test_version_and_is_impossible_are_not_looked_at() -> None:
    content = document({"q": ["Oslo"]})
    del content["version"]
    content["data"][0]["paragraphs"][0]["qas"][0]["is_impossible"] = True
    references = load(content, None)
    assert (references.dataset, references.version, references.answers) == ("squad", "2.0", (("Oslo",),))
    assert (references.passages, references.passage_of, references.clusters) == (("c",), (0,), [0])
