"""Figures of other libraries: equal to those libraries, under their own names, never a silent 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import columns_of, combined
from ham_mrc.eval.compare import compare
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.results import Result, load_result, save_result
from ham_mrc.eval.score import load_predictions, score_predictions
from ham_mrc.eval.variants import FAMILIES, METRICS, with_variants
from ham_mrc.records import Scores


def squad(answers: dict[str, list[str]]) -> References:
    qas = [{"id": key, "answers": [{"text": text} for text in texts]} for key, texts in answers.items()]
    return load_references({"data": [{"paragraphs": [{"qas": qas}]}]}, "squad")


def scored(predictions: dict[str, str], answers: dict[str, list[str]], *names: str) -> Scores:
    gold = squad(answers)
    return with_variants(score_predictions(predictions, gold), predictions, gold, names)


@pytest.fixture
def real(shared_data: Path) -> tuple[Scores, dict[Any, Any], References]:
    gold = load_references(shared_data / "squad" / "shared-dev-v1.1.json.gz")
    given = load_predictions(shared_data / "squad" / "predictions" / "match-lstm-ensemble.v1.1.json", gold)
    return score_predictions(given, gold), given, gold


@pytest.mark.parametrize("tokeniser", ["13a", "intl", "char"])
def test_sacrebleu_is_sacrebleu(real: tuple[Scores, dict[Any, Any], References], tokeniser: str) -> None:
    scores, given, gold = real
    found = with_variants(scores, given, gold, [f"sacrebleu:{tokeniser}"])
    most = max(map(len, gold.answers))
    streams = [[texts[i] if i < len(texts) else None for texts in gold.answers] for i in range(most)]
    theirs = sacrebleu.corpus_bleu([given[key] for key in gold.ids], streams, tokenize=tokeniser)
    assert found.metrics["sacrebleu"] == theirs.score
    assert combined(METRICS["sacrebleu"], columns_of(found, [METRICS["sacrebleu"]])) == pytest.approx(
        theirs.score, rel=1e-12
    )
    assert f"|tok:{tokeniser}|" in found.variants["sacrebleu"]
    assert found.variants["sacrebleu"].endswith(f"|order:4|version:{sacrebleu.__version__}")
    # What is official stays as it was, and keeps its signature.
    assert {name: found.metrics[name] for name in scores.metrics} == scores.metrics
    assert found.signature == scores.signature


@pytest.mark.parametrize("stemmed", [False, True])
def test_rouge_score_is_rouge_score(stemmed: bool) -> None:
    answers = {"q1": ["the running dogs", "a dog runs"], "q2": ["1889"], "q3": ["Oslo in Norway"]}
    given = {"q1": "a dog was running", "q2": "in 1889", "q3": "Norway"}
    found = scored(given, answers, "rouge-score:stemmed" if stemmed else "rouge-score")
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stemmed)
    rows = [scorer.score_multi(answers[key], given[key]) for key in answers]
    for name, theirs in (("rouge_score_1", "rouge1"), ("rouge_score_2", "rouge2"), ("rouge_score_l", "rougeL")):
        own = [100.0 * row[theirs].fmeasure for row in rows]
        assert [row[name] for row in found.per_question.values()] == own
        assert found.metrics[name] == pytest.approx(sum(own) / 3)


def test_chinese_gets_a_tokeniser_that_divides_it() -> None:
    answers = {"q1": ["北京是中国的首都"], "q2": ["一九八九年"]}
    same = {key: texts[0] for key, texts in answers.items()}
    found = scored(same, answers, "sacrebleu", "rouge-score")
    assert found.metrics["sacrebleu"] == pytest.approx(100.0)
    assert [found.metrics[name] for name in ("rouge_score_1", "rouge_score_2", "rouge_score_l")] == [100.0] * 3
    assert "|tok:zh|" in found.variants["sacrebleu"]
    assert "|tok:lower+words-v1|" in found.variants["rouge_score_l"]
    # Half of the characters, none of them next to each other: ROUGE-1 2 * 1 * 0.5 / 1.5, worked out by hand.
    half = scored({"q1": "北是国首", "q2": "一九八九年"}, answers, "rouge-score")
    assert half.per_question["q1"]["rouge_score_1"] == pytest.approx(100 * 2 / 3)
    assert half.per_question["q1"]["rouge_score_2"] == 0.0


@pytest.mark.parametrize(
    ("name", "able"),
    [
        ("sacrebleu:13a", "sacrebleu:zh or sacrebleu:char"),
        ("sacrebleu:intl", "sacrebleu:zh or sacrebleu:char"),
        ("rouge-score:default", "rouge-score:words"),
    ],
)
def test_a_tokeniser_that_cannot_divide_chinese(name: str, able: str) -> None:
    with pytest.raises(HamError) as caught:
        scored({"q1": "北京"}, {"q1": ["北京"]}, name)
    assert str(caught.value) == (
        f"--metrics {name}: this tokeniser does not divide Chinese, and the references are Chinese; use {able}"
    )


def test_a_reference_of_which_nothing_is_left() -> None:
    answers = {"q1": ["Oslo"], "q2": ["北京"], "q3": ["Bergen in Norway"]}
    with pytest.raises(HamError) as caught:
        scored({}, answers, "rouge-score")
    assert str(caught.value) == (
        "question q2: the tokeniser 'default' of rouge-score leaves nothing of the reference '北京', which would score "
        "0 whatever is predicted; use --metrics rouge-score:words"
    )
    assert scored({}, answers, "rouge-score:words").metrics["rouge_score_l"] == 0.0
    assert scored({}, {"q1": ["Oslo", " "]}, "rouge-score").metrics["rouge_score_l"] == 0.0  # nothing visible is lost


def test_questions_without_a_reference_are_left_out() -> None:
    document = {
        "version": "v2.0",
        "data": [
            {
                "paragraphs": [
                    {
                        "qas": [
                            {"id": "q1", "answers": [], "is_impossible": True},
                            {"id": "q2", "answers": [{"text": "Oslo"}]},
                        ]
                    }
                ]
            }
        ],
    }
    gold = load_references(document)
    given = {"q1": "", "q2": "Oslo"}
    found = with_variants(score_predictions(given, gold), given, gold, ["rouge-score"])
    assert found.metrics["rouge_score_1"] == 100.0
    assert "rouge_score_1" not in found.per_question["q1"]
    assert found.statistics["rouge_score_questions"] == [0, 1]
    nothing = load_references({**document, "data": [{"paragraphs": [{"qas": [{"id": "q1", "answers": []}]}]}]})
    with pytest.raises(HamError, match="no question has a reference"):
        with_variants(score_predictions({"q1": ""}, nothing), {"q1": ""}, nothing, ["rouge-score"])


def test_stored_and_compared(tmp_path: Path) -> None:
    answers = {"q1": ["the river Ash rises here"], "q2": ["seven long years of rain"]}
    one = scored({"q1": "the river Ash rises", "q2": "seven years"}, answers, "sacrebleu", "rouge-score")
    save_result(tmp_path / "one.json", one, name="one")
    assert load_result(tmp_path / "one.json").scores == one
    document = json.loads((tmp_path / "one.json").read_text())
    assert set(document["variants"]) == {"sacrebleu", "rouge_score_1", "rouge_score_2", "rouge_score_l"}
    found = compare([Result("a", one), Result("b", one)])
    assert found.metrics[-4:] == ("sacrebleu", "rouge_score_1", "rouge_score_2", "rouge_score_l")
    assert found.variants == one.variants
    assert found.rows[1].differences["sacrebleu"].p == 1.0
    other = scored({}, answers, "sacrebleu:char")
    with pytest.raises(HamError, match=r"^b: has sacrebleu with the signature .*tok:char.*, a with .*tok:13a"):
        compare([Result("a", one), Result("b", other)])
    # A result without the variant is compared by what both have.
    plain = score_predictions({}, squad(answers))
    assert compare([Result("a", one), Result("b", plain)]).metrics == ("exact_match", "f1")


def test_no_name_of_a_variant_is_official() -> None:
    for name in FAMILIES:
        metrics = [metric.name for metric in FAMILIES[name].metrics]
        assert metrics
        assert all(metric.startswith(name.replace("-", "_")) for metric in metrics)


def test_unknown_names() -> None:
    with pytest.raises(HamError, match="--metrics bleurt: there is no 'bleurt'; there are: sacrebleu, rouge-score"):
        scored({}, {"q1": ["x"]}, "bleurt")
    with pytest.raises(HamError, match="there is no tokeniser 'ja'; there are: 13a, intl, zh, char"):
        scored({}, {"q1": ["x"]}, "sacrebleu:ja")
