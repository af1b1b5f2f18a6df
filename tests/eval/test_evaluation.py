"""One evaluation with all that can be asked for, on questions that hang together by passage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ham_mrc.eval.evaluation import Asked, display_name, evaluate
from ham_mrc.eval.evaluation_json import evaluation_json
from ham_mrc.eval.results import save_result
from ham_mrc.eval.significance import detectable_alone, mean_intervals, randomization_test
from ham_mrc.files import to_json

PASSAGES, EACH = 12, 4
RIGHT = {0, 3, 4, 7, 8}
"""Passages whose questions are all answered; the others' not at all."""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paragraphs = [
        {
            "context": f"Passage {p}.",
            "qas": [{"id": f"p{p}q{q}", "question": "Who?", "answers": [{"text": f"name {p}"}]} for q in range(EACH)],
        }
        for p in range(PASSAGES)
    ]
    references, predictions = tmp_path / "references.json", tmp_path / "predictions.json"
    references.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    predictions.write_text(json.dumps({f"p{p}q{q}": f"name {p}" for p in RIGHT for q in range(EACH)}))
    return predictions, references


COLUMN = [100.0 if p in RIGHT else 0.0 for p in range(PASSAGES) for _ in range(EACH)]
CLUSTERS = [p for p in range(PASSAGES) for _ in range(EACH)]


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_resample_what_was_asked(files: tuple[Path, Path], clustered: bool) -> None:
    found = evaluate(*files, None, Asked(intervals=True, clustered=clustered, by="question-type", seed=7))
    clusters = CLUSTERS if clustered else None
    expected = mean_intervals([COLUMN], clusters=clusters, resamples=1000, seed=7)[0]
    assert found.intervals == {"exact_match": expected, "f1": expected}
    assert found.detectable["f1"] == detectable_alone(COLUMN, clusters=clusters)
    assert found.breakdown is not None
    assert found.breakdown.buckets[0].intervals["f1"] == expected
    assert evaluation_json(found)["unit"] == ("passage" if clustered else "question")


@pytest.mark.parametrize("clustered", [False, True])
def test_the_gate_tests_what_was_asked(tmp_path: Path, files: tuple[Path, Path], clustered: bool) -> None:
    """Two more passages were right before: eight questions lost, or two passages."""
    predictions, references = files
    better = tmp_path / "better.json"
    better.write_text(json.dumps({f"p{p}q{q}": f"name {p}" for p in RIGHT | {1, 2} for q in range(EACH)}))
    before = evaluate(better, references, None, Asked())
    save_result(tmp_path / "stored.json", before.scores, name="before")
    asked = Asked(baseline=tmp_path / "stored.json", significant=True, clustered=clustered)
    found = evaluate(predictions, references, None, asked)
    document = evaluation_json(found)
    assert [check["p"] for check in document["checks"]] == [2 / 2**2 if clustered else 2 / 2**8] * 2
    assert [check["passed"] for check in document["checks"]] == [clustered] * 2
    assert len(document["flipped"]) == 8
    assert document["flipped"][0] == {
        "id": "p1q0",
        "before": {"exact_match": 100.0, "f1": 100.0},
        "after": {"exact_match": 0.0, "f1": 0.0},
    }


def test_the_test_takes_ten_thousand_resamples_at_least(tmp_path: Path, files: tuple[Path, Path]) -> None:
    predictions, references = files
    save_result(tmp_path / "stored.json", evaluate(predictions, references, None, Asked()).scores, name="before")
    predictions.write_text("{}")
    asked = Asked(baseline=tmp_path / "stored.json", significant=True, resamples=200)
    found = evaluate(predictions, references, None, asked)
    assert found.checks[0].to_json()["p"] == randomization_test(COLUMN, resamples=10_000) == 1 / 10_001


def test_the_same_seed_gives_the_same_bytes(files: tuple[Path, Path]) -> None:
    def document(seed: int) -> bytes:
        return to_json(evaluation_json(evaluate(*files, None, Asked(intervals=True, seed=seed))))

    assert document(13) == document(13) != document(14)


def test_plain_scores_have_nothing_else(files: tuple[Path, Path]) -> None:
    found = evaluate(*files, "squad", Asked())
    assert (found.intervals, found.detectable, found.words, found.breakdown) == ({}, {}, None, None)
    assert (list(found.checks), list(found.flips), found.run) == ([], [], None)
    # 20 of 48, in the last digit as the official program has it: 100.0 * 20 / 48.
    assert found.scores.metrics["f1"] == 41.666666666666664


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/dev.json", "dev"),
        ("dev.jsonl.gz", "dev"),
        ("runs/d5.2", "d5.2"),
        (".json", ".json"),
        ("-", "standard input"),
    ],
)
def test_display_name(path: str, name: str) -> None:
    assert display_name(Path(path)) == name
