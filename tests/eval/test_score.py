"""Corpus figures against the official algorithm, on real files and on every odd case it has."""

from __future__ import annotations

import doctest
import gc
import gzip
import importlib
import json
from pathlib import Path
from typing import Any

import official_squad
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.errors import HamError
from ham_mrc.eval import score
from ham_mrc.eval.score import load_references, mean_words, question_rows, score_predictions
from ham_mrc.eval.squad import contains, exact_match, token_f1

# EM / F1 as the data's own page gives them, by the official program, over all shared questions and over dev.
SYSTEMS = {
    "match-lstm-ensemble": ((68.57, 77.49), (63.92, 75.10)),
    "r-net-plus-ensemble": ((83.27, 88.98), (79.62, 86.32)),
    "bert-ensemble": ((86.76, 92.58), (81.92, 89.48)),
    "logistic-regression": ((40.80, 51.66), (37.69, 49.27)),
}


def document(*qas: Any) -> dict[str, Any]:
    return {"version": "1.1", "data": [{"paragraphs": [{"context": "c", "qas": list(qas)}]}]}


def qa(name: str, *texts: Any) -> dict[str, Any]:
    return {"id": name, "answers": [{"text": text} for text in texts]}


def shared_references(shared_data: Path) -> list[list[dict[str, Any]]]:
    parts = []
    for part in ("train", "dev"):
        with gzip.open(shared_data / "squad" / f"shared-{part}-v1.1.json.gz") as stream:
            parts.append(json.load(stream)["data"])
    return [parts[0] + parts[1], parts[1]]


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_published_predictions_to_the_last_digit(shared_data: Path, system: str) -> None:
    path = shared_data / "squad" / "predictions" / f"{system}.v1.1.json"
    predictions = json.loads(path.read_text(encoding="utf-8"))
    for data, figures in zip(shared_references(shared_data), SYSTEMS[system], strict=True):
        found = score(path, {"version": "1.1", "data": data})
        assert found.metrics == official_squad.evaluate(data, predictions)
        assert (round(found.metrics["exact_match"], 2), round(found.metrics["f1"], 2)) == figures


def test_counts_of_a_real_file(shared_data: Path) -> None:
    folder = shared_data / "squad"
    found = score(folder / "predictions" / "logistic-regression.v1.1.json", folder / "shared-train-v1.1.json.gz")
    # 8 of the 8,567 shared questions have no prediction, 3 of these are in the dev part.
    assert (found.questions, found.answered, found.missing) == (7267, 7262, 5)
    assert found.extra == 8559 - 7262


def test_whole_passages_as_predictions(shared_data: Path) -> None:
    data = shared_references(shared_data)[1]
    predictions = {
        qa["id"]: paragraph["context"]
        for article in data
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    }
    found = score(predictions, {"data": data}, contains=True)
    assert {name: found.metrics[name] for name in ("exact_match", "f1")} == official_squad.evaluate(data, predictions)
    # In nine questions deleting punctuation glues the answer to its neighbour: Darwin's becomes darwins.
    assert found.metrics["contains"] == 100.0 * (1300 - 9) / 1300


TEXTS = st.one_of(
    st.text(max_size=12), st.lists(st.sampled_from(["the", "red", "Red.", "cat", "-"]), max_size=5).map(" ".join)
)
SINGLE = {"exact_match": exact_match, "f1": token_f1, "contains": contains}
QUESTIONS = st.lists(
    st.tuples(st.sampled_from(["q1", "q2", "q3", "q4"]), st.lists(TEXTS, min_size=1, max_size=3)),
    min_size=1,
    max_size=6,
)


@given(QUESTIONS, st.dictionaries(st.sampled_from(["q1", "q2", "q3", "else"]), TEXTS))
def test_equals_the_official_algorithm(questions: list[tuple[str, list[str]]], predictions: dict[str, str]) -> None:
    """Ids stand again, predictions are missing or for nothing: the figures stay equal to the last digit."""
    content = document(*(qa(name, *texts) for name, texts in questions))
    found = score(predictions, content, contains=True)
    official = official_squad.evaluate(content["data"], predictions)
    assert {name: found.metrics[name] for name in official} == official
    assert found.questions == len(found.per_question) == len(questions)
    assert found.missing == sum(name not in predictions for name, _ in questions)
    assert found.extra == len(predictions.keys() - {name for name, _ in questions})
    # Per-question scores are those of the one-question metrics and average to the corpus figures.
    for (name, texts), row in zip(questions, found.per_question.values(), strict=True):
        expected = {key: of(predictions[name], texts) if name in predictions else 0.0 for key, of in SINGLE.items()}
        assert row == expected
    for name, figure in found.metrics.items():
        mean = sum(row[name] for row in found.per_question.values()) / len(questions)
        assert mean == pytest.approx(figure, abs=1e-9)


def test_a_repeated_question_counts_twice() -> None:
    found = score({"x": "1"}, document(qa("x", "1"), qa("x", "2"), qa("y", "3")))
    assert found.metrics["exact_match"] == 100.0 / 3
    assert (found.questions, found.answered, found.missing) == (3, 2, 1)
    assert {key: row["exact_match"] for key, row in found.per_question.items()} == {"x": 100.0, "x#2": 0.0, "y": 0.0}


def test_the_order_of_operations_shows() -> None:
    """100.0 * sum / total, not 100.0 * (sum / total): a third ends in 36, and in 3 the other way."""
    found = score({"x": "1"}, document(qa("x", "1"), qa("y", "2"), qa("z", "3")))
    assert repr(found.metrics["exact_match"]) == repr(found.metrics["f1"]) == "33.333333333333336"
    # F1 of 1 and 2/3, as the official program prints it for such a pair of answers.
    found = score({"x": "1", "z": "oslo city"}, document(qa("x", "1"), qa("y", "2"), qa("z", "Oslo")))
    assert repr(found.metrics["f1"]) == "55.55555555555555"


def test_no_predictions_at_all() -> None:
    found = score([], document(qa("x", "1")))
    assert found.metrics == {"exact_match": 0.0, "f1": 0.0}
    assert (found.answered, found.missing, found.extra) == (0, 1, 0)


@pytest.mark.parametrize(
    ("prediction", "kind"),
    [(None, "null"), (3, "a number"), (1.5, "a number"), (True, "true or false"), (["x"], "a list"), ({}, "an object")],
)
def test_a_prediction_that_is_no_text(prediction: Any, kind: str) -> None:
    with pytest.raises(HamError) as caught:
        score({"q2": prediction}, document(qa("q1", "1"), qa("q2", "2")))
    assert str(caught.value) == (
        f'question q2: the prediction is {kind}, not a text; an empty text "" stands for no answer'
    )
    assert score({"q1": "1", "elsewhere": prediction}, document(qa("q1", "1"))).metrics["f1"] == 100.0


def test_messages_name_the_file(tmp_path: Path) -> None:
    predictions, references = tmp_path / "p.json", tmp_path / "r.json"
    predictions.write_text('{"q1": null}')
    references.write_text(json.dumps(document(qa("q1", "1"))))
    with pytest.raises(HamError, match=rf"^{predictions}, question q1: the prediction is null"):
        score(predictions, references)
    predictions.write_text('{"q1": "x"}')
    references.write_text(json.dumps(document(qa("q1"))))
    with pytest.raises(HamError, match=rf"^{references}, question q1: has an empty list of answers"):
        score(predictions, references)


@pytest.mark.parametrize("answers", [[], [{"text": 5}], None, [{}]])
def test_answers_that_cannot_be_scored_matter_only_with_a_prediction(answers: Any) -> None:
    content = document(qa("q1", "1"), {"id": "q2", "answers": answers})
    assert score({"q1": "1"}, content).metrics["exact_match"] == 50.0
    with pytest.raises(HamError, match=r"^question q2: "):
        score({"q1": "1", "q2": "x"}, content)


def test_signature_and_hash() -> None:
    found = score({}, document(qa("x", "1")))
    assert found.signature == (
        "squad-1.1|normalise:lower+delete-ascii-punctuation+drop-a-an-the+squeeze-space"
        "|unit:token|references:max-each|missing:0|definition:1"
    )
    assert found.references_sha256 == load_references(document(qa("x", "1"))).sha256
    assert (found.dataset, found.version) == ("squad", "1.1")


def test_scoring_twice_against_the_same_references() -> None:
    references = load_references(document(qa("x", "The Cat"), qa("y", "Dog")))
    for predictions, figure in [({"x": "cat", "y": "dog"}, 100.0), ({"x": "dog", "y": "dog"}, 50.0)]:
        assert score_predictions(predictions, references).metrics["exact_match"] == figure


def test_the_collector_runs_again_afterwards() -> None:
    assert gc.isenabled()
    score({"q": "x"}, document(qa("q", "x")))
    assert gc.isenabled()
    with pytest.raises(HamError):
        score({"q": None}, document(qa("q", "x")))
    assert gc.isenabled()
    gc.disable()
    try:
        score({"q": "x"}, document(qa("q", "x")))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_rows_are_a_dictionary_for_who_calls_it() -> None:
    rows = score({"q": "x"}, document(qa("q", "x"))).per_question
    assert type(rows) is dict
    assert rows == {"q": {"exact_match": 100.0, "f1": 100.0}}


def test_mean_words() -> None:
    references = load_references(document(qa("x", "the red cat", "cat"), qa("y", "a b c")))
    # Once normalised: "red cat", "cat", "b c"; and "very red cat indeed".
    assert mean_words({"x": "The very red cat, indeed.", "z": "no"}, references) == (4.0, 5 / 3)
    assert mean_words({}, references) == (0.0, 5 / 3)


def test_question_rows() -> None:
    references = load_references(document(qa("x", "1", "one"), qa("y", "\ud800")))
    predictions = {"x": "one \udfff"}
    rows = list(question_rows(score_predictions(predictions, references), predictions, references))
    assert rows[0]["prediction"] == "one ?"
    assert rows[1] == {"id": "y", "exact_match": 0.0, "f1": 0.0, "prediction": None, "answers": ["?"]}


def test_the_example_in_the_docstring() -> None:
    # The name ham_mrc.eval.score is the function, so the module has to be asked for by its name.
    results = doctest.testmod(importlib.import_module("ham_mrc.eval.score"))
    assert results.attempted >= 4
    assert results.failed == 0
