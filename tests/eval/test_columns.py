"""Columns of a result: what figures follow from, for every dataset, also where a result was stored long ago."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_results import made_scores

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import columns_of, combined, known_metrics, pooled, summed_metrics
from ham_mrc.eval.metric import Metric, mean_metric, share
from ham_mrc.eval.results import load_result, save_result
from ham_mrc.eval.score import load_references, score, score_predictions
from ham_mrc.records import Scores

F1 = mean_metric("f1", "F1")


def dureader(number: int, source: str, text: str) -> dict[str, object]:
    return {
        "question_id": number,
        "question_type": "ENTITY",
        "answers": [text],
        "yesno_answers": [],
        "entity_answers": [[text]],
        "source": source,
    }


@pytest.fixture(params=["squad", "squad2", "dureader", "msmarco"])
def scores(request: pytest.FixtureRequest, shared_data: Path) -> Scores:
    folder = shared_data / "squad"
    if request.param == "squad":
        return score(folder / "predictions/bert-ensemble.v1.1.json", folder / "shared-dev-v1.1.json.gz", contains=True)
    if request.param == "squad2":
        return score(folder / "predictions/bert-single.v2.0.json", folder / "shared-dev-v2.0.json.gz")
    if request.param == "msmarco":
        gold = load_references(shared_data / "msmarco/v1.1.sample160.jsonl.gz")
        pytest.importorskip("spacy")
        return score_predictions(dict.fromkeys(gold.own_ids, "a city in the north"), gold)
    texts = ["北京市中心", "上海浦东新区", "广州的天河", "深圳"]
    rows = [dureader(i, "search" if i % 2 else "zhidao", text) for i, text in enumerate(texts)]
    return score({str(i): text[:3] for i, text in enumerate(texts)}, rows)


def test_sums_give_the_official_figures(scores: Scores) -> None:
    metrics = summed_metrics(scores)
    columns = columns_of(scores, metrics.values())
    assert set(metrics) == set(scores.metrics)
    for name, metric in metrics.items():
        assert combined(metric, columns) == pytest.approx(scores.metrics[name], rel=1e-9, abs=1e-12)


def test_a_stored_result_has_the_same_columns(tmp_path: Path, scores: Scores) -> None:
    save_result(tmp_path / "result.json", scores, name="mine")
    found = load_result(tmp_path / "result.json").scores
    assert found == scores
    metrics = summed_metrics(scores).values()
    assert columns_of(found, metrics) == columns_of(scores, metrics)


def test_parts_add_up(scores: Scores) -> None:
    """BLEU and means alike: the figure over some places follows from the columns at these places."""
    metrics = summed_metrics(scores)
    columns = columns_of(scores, metrics.values())
    chosen = range(0, len(scores.per_question), 2)
    part = {name: [column[place] for place in chosen] for name, column in columns.items()}
    for metric in metrics.values():
        assert combined(metric, columns, chosen) == pytest.approx(combined(metric, part), nan_ok=True)


def test_a_result_of_schema_1(tmp_path: Path) -> None:
    """As version 0.1 wrote them: no columns, no sums, every metric in every row."""
    path = tmp_path / "old.json"
    document = {
        "schema": 1,
        "kind": "ham-mrc scores",
        "name": "old",
        "dataset": "squad",
        "version": "1.1",
        "questions": 2,
        "answered": 2,
        "missing": 0,
        "extra": 0,
        "metrics": {"exact_match": 50.0, "f1": 75.0},
        "signature": "squad-1.1",
        "references_sha256": "ab" * 32,
        "run": None,
        "per_question": {"q1": {"exact_match": 100.0, "f1": 100.0}, "q2": {"exact_match": 0.0, "f1": 50.0}},
    }
    path.write_text(json.dumps(document))
    found = load_result(path).scores
    assert columns_of(found, [F1]) == {"f1": [100.0, 50.0], "questions": [1.0, 1.0]}
    assert (found.statistics, found.variants) == ({}, {})
    document["per_question"] = {"q1": {"exact_match": 100.0, "f1": 100.0}, "q2": {"f1": 50.0}}
    path.write_text(json.dumps(document))
    with pytest.raises(HamError, match="question q2 has other metrics than the result"):
        load_result(path)


@pytest.mark.parametrize("sums", [None, [1], [1, 2, 3], ["1", 2], [1, float("inf")], {"a": 1}])
def test_spoilt_sums(tmp_path: Path, sums: object) -> None:
    scores = made_scores([100, 0], statistics={"a": [1, 2], "b": [3, 4]})
    path = tmp_path / "result.json"
    save_result(path, scores, name="mine")
    document = json.loads(path.read_text())
    document["per_question"]["q1"]["sums"] = sums
    path.write_text(json.dumps(document))
    with pytest.raises(HamError, match="question q1, 'sums' is not a list of 2 numbers"):
        load_result(path)
    document["columns"] = "ab"
    path.write_text(json.dumps(document))
    with pytest.raises(HamError, match="'columns' is not a list of names"):
        load_result(path)


def test_sums_read_well_in_a_diff(tmp_path: Path) -> None:
    scores = made_scores([100, 0], statistics={"a": [1.0, 2.5], "b": [3, 4]})
    save_result(tmp_path / "result.json", scores, name="mine")
    lines = (tmp_path / "result.json").read_text().splitlines()
    assert lines[-4:-2] == [
        '    "q0": {"exact_match":100.0,"f1":100.0,"sums":[1,3]},',
        '    "q1": {"exact_match":0.0,"f1":0.0,"sums":[2.5,4]}',
    ]


def test_columns_in_another_order() -> None:
    found = columns_of(made_scores([10, 20, 30]), [F1], order=["q2", "q0", "q1"])
    assert found["f1"] == [30.0, 10.0, 20.0]


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(HamError, match="the result has no column 'bleu_length' to resample; score again and save"):
        columns_of(made_scores([10]), [Metric("bleu_1", "BLEU-1", "%", True, ("bleu_length",), lambda sums: 0.0)])


def test_pooled_columns_are_means_over_seeds() -> None:
    assert pooled([{"f1": [10.0, 0.0]}, {"f1": [20.0, 3.0]}]) == {"f1": [15.0, 1.5]}
    table = {"f1": [0.1]}
    assert pooled([table]) is table


def test_metrics_of_an_unknown_dataset() -> None:
    assert known_metrics(made_scores([10], dataset="poems")) == {}


def test_share() -> None:
    assert share(3, 4) == 0.75
    assert share(0, 0) != share(0, 0)  # NaN
    np = pytest.importorskip("numpy")
    found = share(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    assert found[0] == 0.5
    assert np.isnan(found[1])


def test_a_figure_that_is_no_function_of_sums() -> None:
    with pytest.raises(ValueError, match="no function of sums"):
        combined(Metric("best_f1", "Best F1", "%", higher_is_better=True), {})
