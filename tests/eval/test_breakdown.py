"""Breakdowns: which bucket a question falls into, and that the buckets add up to the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.breakdown import BY, breakdown, breakdown_json
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.score import load_predictions, score_predictions
from ham_mrc.eval.significance import mean_intervals


def references(
    question: str | None = "Who?", answers: tuple[str, ...] = ("x",), context: str | None = "c"
) -> References:
    qa: dict[str, Any] = {"id": "q", "answers": [{"text": text} for text in answers]}
    qa |= {} if question is None else {"question": question}
    paragraph = {"qas": [qa]} | ({} if context is None else {"context": context})
    return load_references({"data": [{"paragraphs": [paragraph]}]})


def bucket(by: str, **texts: Any) -> str:
    return BY[by][0](references(**texts), 0)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is it?", "what"),
        ("In which year did it end?", "which"),
        ("WHO won?", "who"),
        ("To whom was it given?", "who"),
        ("Whose hat is it?", "who"),
        ("Who's there, and when?", "who"),
        ("Since when?", "when"),
        ("Where is what?", "where"),
        ("How many are there?", "how many"),
        ("How much is it?", "how many"),
        ("How do many fish live?", "how"),
        ("Somehow it ended?", "other"),
        ("Did it rain?", "other"),
        ("", "other"),
        ("Why not?", "why"),
    ],
)
def test_question_type(question: str, kind: str) -> None:
    assert bucket("question-type", question=question) == kind


@pytest.mark.parametrize(
    ("words", "step"),
    [(0, "up to 6"), (6, "up to 6"), (7, "7 to 9"), (12, "10 to 12"), (16, "13 to 16"), (17, "over 16")],
)
def test_question_length(words: int, step: str) -> None:
    assert bucket("question-length", question="w " * words) == step


@pytest.mark.parametrize(
    ("answers", "step"),
    [
        (("one",), "up to 1"),
        (("one two three", "one two"), "2"),  # the shortest counts
        (("a b c",), "3"),
        (("a b c d e",), "4 to 5"),
        (("24–10",), "3"),  # tokens, not words between spaces
        (("w " * 11,), "over 10"),
        ((), "no answer"),
    ],
)
def test_answer_length(answers: tuple[str, ...], step: str) -> None:
    assert bucket("answer-length", answers=answers) == step


@pytest.mark.parametrize(
    ("words", "step"), [(100, "up to 100"), (101, "101 to 150"), (300, "201 to 300"), (301, "over 300")]
)
def test_passage_length(words: int, step: str) -> None:
    assert bucket("passage-length", context="w " * words) == step


@pytest.mark.parametrize("by", ["question-type", "question-length"])
def test_a_missing_question_text(by: str) -> None:
    with pytest.raises(HamError, match=r"^question q: has no 'question' text to sort it by$"):
        bucket(by, question=None)


def test_a_missing_passage_text() -> None:
    with pytest.raises(HamError, match=r"^question q: has no 'context' text to sort it by$"):
        bucket("passage-length", context=None)


@pytest.mark.parametrize("by", sorted(BY))
def test_buckets_add_up(shared_data: Path, by: str) -> None:
    gold = load_references(shared_data / "squad" / "shared-dev-v1.1.json.gz")
    path = shared_data / "squad" / "predictions" / "match-lstm-ensemble.v1.1.json"
    scores = score_predictions(load_predictions(path, gold), gold)
    found = breakdown(scores, gold, by)
    assert sum(bucket.questions for bucket in found.buckets) == 1300
    assert [bucket.label for bucket in found.buckets] == [
        label for label in BY[by][1] if label in {bucket.label for bucket in found.buckets}
    ]
    for name, figure in scores.metrics.items():
        whole = sum(bucket.questions * bucket.metrics[name] for bucket in found.buckets) / 1300
        assert whole == pytest.approx(figure)
        assert all(not bucket.intervals for bucket in found.buckets)


def test_intervals_of_a_bucket() -> None:
    qas = [{"id": f"q{i}", "question": "Who?" if i % 2 else "When?", "answers": [{"text": "x"}]} for i in range(8)]
    paragraphs = [{"context": str(i), "qas": qas[2 * i : 2 * i + 2]} for i in range(4)]
    gold = load_references({"data": [{"paragraphs": paragraphs}]})
    scores = score_predictions({"q1": "x", "q3": "x", "q4": "x"}, gold)
    found = breakdown(scores, gold, "question-type", intervals=True, resamples=500, seed=3)
    assert [(bucket.label, bucket.questions) for bucket in found.buckets] == [("who", 4), ("when", 4)]
    assert found.buckets[0].metrics["f1"] == 50.0
    assert found.buckets[1].metrics["f1"] == 25.0
    assert found.buckets[0].intervals["f1"] == mean_intervals([[100.0, 100.0, 0.0, 0.0]], resamples=500, seed=3)[0]
    clustered = breakdown(scores, gold, "question-type", intervals=True, clusters=gold.clusters, resamples=500, seed=3)
    assert clustered == found  # one question of a kind in each passage
    assert breakdown_json(found)["buckets"][1]["questions"] == 4
