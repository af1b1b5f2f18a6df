"""The gate: least values, drops, significance, and the questions that flipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_results import OVERLAP_GOLD, OVERLAP_WORSE, made_best, made_overlap, made_result, made_scores

from ham_mrc.errors import HamError
from ham_mrc.eval.flips import flipped
from ham_mrc.eval.limits import check_minima, parse_limits, points
from ham_mrc.eval.regression import check_baseline, load_baseline
from ham_mrc.eval.results import Result, save_result
from ham_mrc.eval.significance import detectable_difference, mean_intervals, randomization_test
from ham_mrc.eval.tables import flips_summary

BEFORE = [100, 100, 100, 100, 0, 50, 50, 0]
AFTER = [100, 0, 40, 100, 100, 50, 20, 0]


@pytest.mark.parametrize(
    ("texts", "limits"),
    [
        ([], {}),
        (["f1=0.5"], {"f1": 0.5}),
        (["f1=0.5", "exact_match=1", "f1=2"], {"f1": 2.0, "exact_match": 1.0}),
    ],
)
def test_parse_limits(texts: list[str], limits: dict[str, float]) -> None:
    assert parse_limits(texts, "--max-drop") == limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f1", "--min f1: METRIC=NUMBER is expected; for example --min f1=0.5"),
        ("f1=", "--min f1=: '' is not a number of points from 0 up"),
        ("f1=much", "--min f1=much: 'much' is not a number of points from 0 up"),
        ("f1=nan", "--min f1=nan: 'nan' is not a number of points from 0 up"),
        ("f1=-1", "--min f1=-1: '-1' is not a number of points from 0 up"),
    ],
)
def test_wrong_limits(text: str, message: str) -> None:
    with pytest.raises(HamError) as caught:
        parse_limits([text], "--min")
    assert str(caught.value) == message


def test_least_values() -> None:
    scores = made_scores(BEFORE)  # exact match 50, F1 62.5
    high, equal = check_minima(scores, {"f1": 62.6, "exact_match": 50.0})
    assert not high.passed
    assert high.message() == "f1 is 62.50, 0.10 points below the least value of 62.60"
    assert high.to_json() == {"metric": "f1", "value": 62.5, "minimum": 62.6, "passed": False}
    assert equal.passed
    assert equal.message() == "exact_match is 50.00, at least 50.00 was asked for"
    with pytest.raises(HamError, match="--min contains: this metric was not scored; there are: exact_match, f1"):
        check_minima(scores, {"contains": 1.0})
    with pytest.raises(HamError, match="--min em=3: no metric 'em'; there are: exact_match, f1, contains"):
        check_minima(scores, {"em": 3.0})


def test_drops() -> None:
    exact, f1 = check_baseline(made_scores(AFTER), made_result("main", BEFORE), {})
    assert (exact.metric, exact.value, exact.baseline, exact.drop, exact.allowed) == (
        "exact_match",
        37.5,
        50.0,
        12.5,
        0.0,
    )
    assert not exact.passed
    assert not f1.passed
    assert f1.message() == "f1 fell by 11.25 points, from 62.50 in main.json to 51.25; 0.00 allowed"
    assert f1.to_json() == {
        "metric": "f1",
        "value": 51.25,
        "baseline": 62.5,
        "against": "main.json",
        "drop": 11.25,
        "allowed": 0.0,
        "detectable": detectable_difference([0, 100, 60, 0, -100, 0, 30, 0]),
        "passed": False,
    }


@pytest.mark.parametrize(("allowed", "passed"), [(11.24, False), (11.25, True), (12.0, True)])
def test_allowed_drops(allowed: float, passed: bool) -> None:
    checks = check_baseline(made_scores(AFTER), made_result("main", BEFORE), {"f1": allowed})
    assert [check.passed for check in checks] == [False, passed]  # exact match keeps its 0


def test_what_cannot_be_shown_is_told() -> None:
    """Half of the questions lost, of two: 2.8 standard errors of 50 points are more than there is to lose."""
    few = check_baseline(made_scores([0, 100]), made_result("main", [100, 100]), {})[0]
    assert few.detectable is not None
    assert few.detectable == pytest.approx((1.959964 + 0.841621) * 50, abs=1e-4)
    assert few.visible_text(2) == "no drop could be shown with 2 questions (80% power)"
    many = check_baseline(made_scores([0] + [100] * 99), made_result("main", [100] * 100), {})[0]
    assert many.visible_text(100) == "smallest drop that these questions show (80% power): 2.80"
    same = check_baseline(made_scores([100, 100]), made_result("main", [100, 100]), {})[0]
    assert same.visible_text(2) is None


def test_an_allowance_forgives_rounding() -> None:
    """70.01 - 69.71 is 0.3 and a little more in floating point."""
    scores = made_scores(AFTER, metrics={"f1": 69.71})
    baseline = made_result("main", BEFORE, metrics={"f1": 70.01})
    assert 70.01 - 69.71 > 0.3
    assert check_baseline(scores, baseline, {"f1": 0.3})[0].passed


def test_improvements_and_no_change() -> None:
    better = check_baseline(made_scores(BEFORE), made_result("main", AFTER), {})
    assert all(check.passed for check in better)
    assert better[1].message() == "f1 improved by 11.25 points, from 51.25 in main.json to 62.50"
    assert [check.risen_text() for check in better] == [
        "exact_match from 37.50 to 50.00",
        "f1 from 51.25 to 62.50",
    ]
    same = check_baseline(made_scores(BEFORE), made_result("main", BEFORE), {})
    assert [check.risen_text() for check in same] == ["", ""]
    assert all(check.passed and check.detectable is None for check in same)
    assert same[0].message() == "exact_match is 50.00, as in main.json"


def test_a_drop_must_be_significant() -> None:
    few = check_baseline(made_scores(AFTER), made_result("main", BEFORE), {}, significant=True)
    assert all(check.passed for check in few)
    assert few[1].p == randomization_test([0, 100, 60, 0, -100, 0, 30, 0])
    # Of the 16 sums of 100, 60, 100 and 30 with signs, 12 come as far from 0 as 90.
    assert few[1].p == 12 / 16
    assert few[1].message().endswith("; 0.00 allowed; not significant (p 0.7500)")
    drops = [100.0] * 30 + [0.0] * 170
    many = check_baseline(made_scores([0] * 200), made_result("main", drops), {}, significant=True)
    assert not any(check.passed for check in many)
    assert many[1].interval == mean_intervals([drops])[0]
    assert many[1].message().endswith("; significant (p <0.0001)")
    assert {"p", "interval"} <= many[1].to_json().keys()


def test_a_significant_drop_within_the_allowance_passes() -> None:
    baseline = made_result("main", [100.0] * 30 + [0.0] * 170)
    checks = check_baseline(made_scores([0] * 200), baseline, {"f1": 15.0, "exact_match": 14.9}, significant=True)
    assert [check.passed for check in checks] == [False, True]


def test_clusters_may_undo_significance() -> None:
    """One passage of ten questions went wrong: ten losses by question, one by passage."""
    baseline = made_result("main", [100] * 10 + [0] * 30)
    passages = [place // 10 for place in range(40)]
    by_question = check_baseline(made_scores([0] * 40), baseline, {}, significant=True)
    by_passage = check_baseline(made_scores([0] * 40), baseline, {}, significant=True, clusters=passages)
    assert by_question[0].p == 2 / 2**10
    assert by_passage[0].p == 1.0
    assert [by_question[0].passed, by_passage[0].passed] == [False, True]


def test_another_signature_and_an_unknown_metric() -> None:
    with pytest.raises(HamError, match=r"^old\.json: has the signature other, these scores has"):
        check_baseline(made_scores(AFTER), made_result("old", BEFORE, signature="other"), {})
    with pytest.raises(HamError, match=r"^old\.json: was scored on other references"):
        check_baseline(made_scores(AFTER), made_result("old", BEFORE, references_sha256="0" * 64), {})
    with pytest.raises(HamError, match="--max-drop contains: this metric was not scored"):
        check_baseline(made_scores(AFTER), made_result("old", BEFORE), {"contains": 1.0})


def test_flipped_questions_worst_first() -> None:
    found = flipped(made_scores(AFTER), made_scores(BEFORE))
    # q1 lost all, q2 lost 60 of F1, q4 turned right; q6 lost F1 but was not right before.
    assert [flip.key for flip in found] == ["q1", "q2", "q4"]
    assert found[1].before == {"exact_match": 100.0, "f1": 100.0}
    assert found[1].after == {"exact_match": 0.0, "f1": 40.0}


def test_baseline_files(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    with pytest.raises(HamError) as caught:
        load_baseline(path)
    assert str(caught.value) == (
        f"{path}: there is no baseline yet; add --update-baseline to write it, review and commit it"
    )
    save_result(path, made_scores(BEFORE), name="main")
    assert load_baseline(path).scores == made_scores(BEFORE)


def test_points() -> None:
    assert [points(value) for value in (0.0, 12.345, 0.01, 0.0012)] == ["0.00", "12.35", "0.01", "1.2e-03"]


def test_a_drop_of_a_corpus_figure() -> None:
    baseline = made_overlap("main", OVERLAP_GOLD)
    scores = made_overlap("new", OVERLAP_WORSE).scores
    checks = {check.metric: check for check in check_baseline(scores, baseline, {"bleu_1": 99.0}, significant=True)}
    assert list(checks) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l"]
    found = checks["bleu_4"]
    assert found.drop == baseline.scores.metrics["bleu_4"] - scores.metrics["bleu_4"]
    assert found.interval is not None
    assert found.interval[0] < found.drop < found.interval[1]
    assert found.p is not None
    assert found.p < 0.05
    assert not found.passed
    assert checks["bleu_1"].passed
    assert found.detectable is not None
    assert 0 < found.detectable < found.drop
    # One question cut short is no loss that 40 questions could show.
    one = made_overlap("new", [OVERLAP_GOLD[0][:3], *OVERLAP_GOLD[1:]]).scores
    found = next(check for check in check_baseline(one, baseline, {}, significant=True) if check.metric == "bleu_4")
    assert (found.p, found.passed) == (1.0, True)


def test_questions_without_exact_match_change_by_their_first_own_score() -> None:
    before = made_overlap("main", OVERLAP_GOLD).scores
    after = made_overlap("new", [OVERLAP_GOLD[0][:3], OVERLAP_GOLD[1][:6], *OVERLAP_GOLD[2:]]).scores
    found = flipped(after, before)
    assert [(flip.key, flip.leading) for flip in found] == [("0", "rouge_l"), ("1", "rouge_l")]
    assert found[0].loss > found[1].loss > 0
    assert [flip.loss < 0 for flip in flipped(before, after)] == [True, True]
    assert flips_summary(found) == "changed questions: 2 score lower, 0 higher"


def test_a_best_figure_has_no_test_and_a_threshold_no_check() -> None:
    before, after = made_best("").scores, made_best("y").scores
    before = replace(before, metrics={**before.metrics, "best_f1": 100.0, "best_f1_threshold": 0.9})
    after = replace(after, metrics={**after.metrics, "best_f1": 50.0, "best_f1_threshold": 0.1})
    checks = {check.metric: check for check in check_baseline(after, Result("m", before), {}, significant=True)}
    assert "best_f1_threshold" not in checks
    assert (checks["best_f1"].p, checks["best_f1"].passed, checks["best_f1"].detectable) == (None, False, None)
    assert checks["f1"].passed  # one of two questions
    with pytest.raises(HamError, match="best_f1_threshold: this figure is never better or worse than another"):
        check_baseline(after, Result("m", before), {"best_f1_threshold": 1.0})
