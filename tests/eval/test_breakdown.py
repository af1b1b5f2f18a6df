"""Breakdowns: which bucket a question falls into, and that the buckets add up to the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.breakdown import BY, breakdown, breakdown_json
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.score import load_predictions, score, score_predictions
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
        ("谁发明了电话？", "who"),
        ("该书是由哪位作家写的", "who"),
        ("什么时候建成的", "when"),
        ("他是哪一年出生的？", "when"),
        ("战争持续了多久", "when"),
        ("总部在哪里", "where"),
        ("在哪个城市举行", "where"),
        ("为什么天是蓝的", "why"),
        ("有多少人口", "how many"),
        ("有几个孩子", "how many"),
        ("手机怎么截图", "how"),
        ("怎么会这样", "why"),
        ("哪个好", "which"),
        ("什么是区块链", "what"),
        ("什么地方最冷", "where"),
        ("苹果能吃吗", "yes or no"),
        ("是否可以退款", "yes or no"),
        ("谁在什么时候说的", "who"),
        ("天津天气", "other"),
        ("iPhone 怎么样 how", "how"),
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
    ("answers", "kind"),
    [
        (("1889",), "date"),
        (("in 1889",), "date"),
        (("July 4",), "date"),
        (("Monday",), "date"),
        (("1999年",), "date"),
        (("八月十五日",), "date"),
        (("42",), "number"),
        (("10 percent",), "number"),
        (("三百人",), "number"),
        (("Mount Ash",), "name"),
        (("University of Oslo",), "name"),
        (("the river",), "phrase"),
        (("北京",), "phrase"),
        (("Yes",), "yes or no"),
        (("是",), "yes or no"),
        (("it rose because of the rain in spring",), "clause"),
        (("他在一九八零年离开了家乡",), "clause"),
        (("the river", "1889"), "phrase"),  # the first counts
        ((), "no answer"),
    ],
)
def test_answer_type(answers: tuple[str, ...], kind: str) -> None:
    assert bucket("answer-type", answers=answers) == kind


def test_a_marked_no_answer_has_no_type() -> None:
    gold = load_references([{"query_id": 1, "answers": ["No Answer Present."]}, {"query_id": 2, "answers": ["Oslo"]}])
    assert [BY["answer-type"][0](gold, place) for place in range(2)] == ["no answer", "name"]
    assert [BY["answer-length"][0](gold, place) for place in range(2)] == ["no answer", "up to 1"]


def test_corpus_figures_and_parts_of_a_dataset() -> None:
    """BLEU of a bucket is that of a file of these questions alone; a figure that nothing counts for is left out."""

    def rows(texts: list[str], first: int = 0) -> list[dict[str, Any]]:
        fields = {"question_type": "ENTITY", "yesno_answers": [], "entity_answers": [[]]}
        return [
            {
                **fields,
                "question_id": first + i,
                "question": "谁" if i % 2 else "哪里",
                "answers": [text],
                "source": "search" if i % 2 else "zhidao",
            }
            for i, text in enumerate(texts)
        ]

    texts = ["北京市中心广场", "上海浦东新区政府", "广州的天河体育场", "深圳市民中心"]
    given = {str(i): text[: 4 + i] for i, text in enumerate(texts)}
    gold = load_references(rows(texts))
    found = breakdown(score(given, gold), gold, "question-type", intervals=True, resamples=100)
    assert [bucket.label for bucket in found.buckets] == ["who", "where"]
    odd = load_references([row for row in rows(texts) if row["question_id"] % 2])
    alone = score(given, odd).metrics
    for name, figure in found.buckets[0].metrics.items():
        assert figure == pytest.approx(alone[name], rel=1e-9)
    assert "search_bleu_4" in found.buckets[0].metrics
    assert not {"zhidao_rouge_l", "zhidao_bleu_4"} & set(found.buckets[0].metrics)
    assert "zhidao_rouge_l" not in found.buckets[0].metrics
    assert found.buckets[0].intervals.keys() == found.buckets[0].metrics.keys()


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
