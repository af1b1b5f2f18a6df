"""Comparisons: rows, groups of seeds, differences and corrections, refusals."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from made_results import OVERLAP_BETTER, OVERLAP_GOLD, OVERLAP_WORSE, made_best, made_overlap, made_result

from ham_mrc.errors import HamError
from ham_mrc.eval.columns import columns_of, known_metrics, pooled
from ham_mrc.eval.compare import compare
from ham_mrc.eval.comparison import Comparison, comparison_json
from ham_mrc.eval.comparison_tables import comparison_tables
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.resampling import Bootstrap, randomization_tests
from ham_mrc.eval.significance import (
    bootstrap_test,
    detectable_difference,
    holm,
    mean_intervals,
    randomization_test,
)
from ham_mrc.files import to_json
from ham_mrc.tables import to_latex, to_markdown

# Ten questions; b gains four and loses one against a, c loses one.
A = [100, 100, 100, 0, 0, 0, 0, 0, 50, 50]
B = [100, 100, 0, 100, 100, 100, 100, 0, 50, 60]
C = [100, 100, 0, 0, 0, 0, 0, 0, 50, 50]

D5 = {"reader": "match-lstm", "depth": 5}


def test_two_results() -> None:
    found = compare([made_result("a", A), made_result("b", B)])
    assert [row.name for row in found.rows] == ["a", "b"]
    assert (found.baseline, found.test, found.correction, found.questions) == (0, "randomization", None, 10)
    assert found.metrics == ("exact_match", "f1")
    base, other = found.rows
    assert base.metrics == {"exact_match": 30.0, "f1": 40.0}
    assert base.differences == {}
    assert base.best == frozenset()
    assert other.best == {"exact_match", "f1"}
    f1 = other.differences["f1"]
    deltas = [float(b - a) for a, b in zip(A, B, strict=True)]
    assert f1.value == 31.0
    assert (f1.wins, f1.ties, f1.losses) == (5, 4, 1)
    assert f1.p == f1.p_corrected == randomization_test(deltas)
    assert f1.interval == mean_intervals([deltas])[0]
    assert f1.detectable == detectable_difference(deltas)
    assert other.intervals["f1"] == pytest.approx(mean_intervals([[float(value) for value in B]])[0])
    # Six differ, 100 five times and 10 once: 14 of the 64 sign patterns come as far as 310.
    assert f1.p == 14 / 64
    assert not f1.significant


def test_exact_match_by_hand() -> None:
    """Four gained, one lost: 12 of the 32 sign patterns are as uneven, a sign test by hand."""
    exact = compare([made_result("a", A), made_result("b", B)]).rows[1].differences["exact_match"]
    assert (exact.value, exact.wins, exact.ties, exact.losses) == (30.0, 4, 5, 1)
    assert exact.p == 12 / 32


def test_bootstrap_and_baseline_index() -> None:
    found = compare([made_result("a", A), made_result("b", B)], baseline_index=1, test="bootstrap", seed=4)
    assert found.baseline == 1
    assert found.rows[1].differences == {}
    difference = found.rows[0].differences["f1"]
    assert difference.value == -31.0
    assert (difference.wins, difference.losses) == (1, 5)
    assert difference.p == bootstrap_test([float(a - b) for a, b in zip(A, B, strict=True)], seed=4)


def test_holm_over_more_than_two_rows() -> None:
    results = [made_result("a", A), made_result("b", B), made_result("c", C)]
    found = compare(results)
    assert found.correction == "holm"
    for metric in found.metrics:
        differences = [row.differences[metric] for row in found.rows[1:]]
        assert [d.p_corrected for d in differences] == holm([d.p for d in differences])
        assert differences[0].p_corrected == 2 * differences[0].p
    plain = compare(results, correction=False)
    assert plain.correction is None
    assert all(d.p == d.p_corrected for row in plain.rows for d in row.differences.values())


def test_significance_follows_the_corrected_p_value() -> None:
    """Six gains and no loss give p = 2 / 64 = 0.031, which three such rows together do not support."""
    gained = [100] * 6 + [0] * 4
    results = [made_result("base", [0] * 10)] + [made_result(name, gained) for name in "xyz"]
    assert [row.differences["f1"].p for row in compare(results).rows[1:]] == [2 / 64] * 3
    assert [row.differences["f1"].p_corrected for row in compare(results).rows[1:]] == [6 / 64] * 3
    assert not any(row.differences["f1"].significant for row in compare(results).rows[1:])
    assert all(row.differences["f1"].significant for row in compare(results, correction=False).rows[1:])


def test_seeds_are_one_row() -> None:
    results = [
        made_result("a", A, {**D5, "depth": 1, "seed": 13}),
        made_result("b13", B, {**D5, "seed": 13}),
        made_result("c", C),
        made_result("b14", C, {**D5, "seed": 14}),
        made_result("b15", A, {**D5, "seed": 15}),
    ]
    found = compare(results)
    assert [row.name for row in found.rows] == ["a", "b13 and 2 more", "c"]
    row = found.rows[1]
    assert (row.reader, row.depth, row.seeds, row.results) == ("match-lstm", 5, (13, 14, 15), ("b13", "b14", "b15"))
    # F1 71, 30 and 40: mean 47, sample standard deviation by hand sqrt((576 + 289 + 49) / 2).
    assert row.metrics["f1"] == pytest.approx(47.0)
    assert row.spreads["f1"] == pytest.approx((914 / 2) ** 0.5)
    means = [(a + b + c) / 3 for a, b, c in zip(A, B, C, strict=True)]
    assert row.differences["f1"].p == randomization_test([m - a for m, a in zip(means, A, strict=True)])
    assert found.rows[0].spreads == found.rows[2].spreads == {}
    assert row.differences["f1"].ties == 4  # the mean of equal scores is a tie, whatever the rounding


def test_p_over_seeds_takes_the_seeds_that_both_rows_have() -> None:
    """F1: seed 13 gains 31, seed 14 loses 10, together 21; with other signs 41, 21 and 41, all at least as far out."""
    shallow = [made_result(f"a{seed}", A, {**D5, "depth": 1, "seed": seed}) for seed in (13, 14, 15)]
    deep = [made_result("b13", B, {**D5, "seed": 13}), made_result("b14", C, {**D5, "seed": 14})]
    found = compare([*shallow, *deep])
    assert found.rows[1].differences["f1"].p_over_seeds == 4 / 4
    assert comparison_json(found)["rows"][1]["differences"]["f1"]["p_over_seeds"] == 1.0
    gains = [made_result(f"c{seed}", B, {**D5, "depth": 9, "seed": seed}) for seed in (13, 14, 15)]
    both = compare([*shallow, *gains])
    assert both.rows[1].differences["f1"].p_over_seeds == 2 / 8
    differences = comparison_tables(both)[1]
    at = [column.header for column in differences.columns].index("p over seeds")
    assert [row[at].text for row in differences.rows] == ["0.2500"] * len(differences.rows)
    assert any(note.startswith("p over seeds: ") for note in differences.notes)
    alone = compare([shallow[0], deep[0]])
    assert alone.rows[1].differences["f1"].p_over_seeds is None
    assert "p over seeds" not in [column.header for column in comparison_tables(alone)[1].columns]


def test_where_a_run_was_made_sets_no_row_apart() -> None:
    settings = [{"device": "cpu", "checkpoint_minutes": 5.0}, {"device": "auto", "checkpoint_minutes": 0.0}]
    runs = [{**D5, **one, "seed": 13 + number} for number, one in enumerate(settings)]
    found = compare([made_result("a", A, runs[0]), made_result("b", B, runs[1])])
    assert [row.name for row in found.rows] == ["a and 1 more"]
    assert len(compare([made_result("a", A, runs[0]), made_result("b", B, {**runs[1], "lr": 1.0})]).rows) == 2


def test_the_same_seed_twice_stays_apart() -> None:
    results = [made_result("a", A, {**D5, "seed": 13}), made_result("b", B, {**D5, "seed": 13})]
    assert [row.name for row in compare(results).rows] == ["a", "b"]


def test_any_member_of_a_group_may_be_the_baseline() -> None:
    results = [made_result("x", C), made_result("a", A, {**D5, "seed": 1}), made_result("b", B, {**D5, "seed": 2})]
    assert compare(results, baseline_index=2).baseline == 1


def test_equal_names_are_told_apart_by_file() -> None:
    found = compare([made_result("a", A), made_result("b", B), made_result("a", C)])
    assert [row.name for row in found.rows] == ["a.json", "b", "a.json"]


def test_ties_for_best_and_a_lone_row() -> None:
    found = compare([made_result("a", A), made_result("b", A)])
    assert found.rows[0].best == found.rows[1].best == {"exact_match", "f1"}
    assert found.rows[1].differences["f1"].p == 1.0
    lone = compare([made_result("a", A)], paper=True)
    assert lone.rows[0].best == frozenset()
    assert lone.rows[0].differences == {}


def test_published_rows() -> None:
    found = compare([made_result("a", A)], paper=True)
    rows = [(row.name, row.depth, row.metrics["exact_match"], row.metrics["f1"]) for row in found.published]
    assert rows == [
        ("match-lstm", None, 54.29, 66.87),
        ("match-lstm", 2, 54.41, 66.99),
        ("match-lstm", 5, 55.29, 69.03),
        ("match-lstm", 10, 58.37, 70.70),
        ("match-lstm", 20, 58.47, 70.81),
    ]
    assert compare([made_result("a", A)]).published == ()


def test_only_common_metrics_are_compared() -> None:
    extended = made_result("b", B)
    rows = {key: {**row, "contains": 100.0} for key, row in extended.scores.per_question.items()}
    more = made_result("b", B, per_question=rows, metrics={**extended.scores.metrics, "contains": 100.0})
    assert compare([made_result("a", A), more]).metrics == ("exact_match", "f1")
    assert compare([more]).metrics == ("exact_match", "f1", "contains")
    strange = made_result("s", A, metrics={"other": 1.0})
    with pytest.raises(HamError, match="no metric in common"):
        compare([made_result("a", A), strange])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"signature": "squad-1.1|definition:2"},
            "b.json: has the signature squad-1.1|definition:2, a.json has squad-1.1|normalise:lower+delete-ascii-"
            "punctuation+drop-a-an-the+squeeze-space|unit:token|references:max-each|missing:0|definition:1; "
            "score both again with the same version",
        ),
        (
            {"references_sha256": "cd" * 32, "questions": 1300},
            "b.json: was scored on other references (1,300 questions, sha256 cdcdcdcdcdcd) than a.json "
            "(10, abababababab); score both on the same file",
        ),
        (
            {"per_question": {}},
            "b.json: was scored on other references (10 questions, sha256 abababababab) than a.json "
            "(10, abababababab); score both on the same file",
        ),
    ],
)
def test_refuses_to_mix(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(HamError) as caught:
        compare([made_result("a", A), made_result("b", B, **changes)])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline_index": 2}, "there is no result number 2; they count from 0 to 1"),
        ({"baseline_index": -1}, "there is no result number -1; they count from 0 to 1"),
        ({"test": "t"}, "no test 't'; there are: randomization, bootstrap"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HamError) as caught:
        compare([made_result("a", A), made_result("b", B)], **options)
    assert str(caught.value) == message


def test_nothing_to_compare_and_nothing_published() -> None:
    with pytest.raises(HamError, match="nothing to compare"):
        compare([])
    with pytest.raises(HamError, match="no published figures for poems; only squad"):
        compare([made_result("a", A, dataset="poems")], paper=True)


def test_json() -> None:
    found: Comparison = compare([made_result("a", A), made_result("b", B)], paper=True)
    document = json.loads(to_json(comparison_json(found)))
    assert document["schema"] == 1
    assert document["baseline"] == "a"
    assert document["rows"][1]["metrics"] == {"exact_match": 60.0, "f1": 71.0}
    assert document["rows"][1]["best"] == ["exact_match", "f1"]
    assert document["rows"][1]["differences"]["exact_match"]["wins"] == 4
    assert document["published"][0] == {
        "name": "match-lstm",
        "depth": None,
        "metrics": {"exact_match": 54.29, "f1": 66.87},
    }
    assert document["notes"][0].startswith("p is how often a difference at least this large")
    assert "other data" in document["notes"][1]


def test_the_same_seed_gives_the_same_comparison() -> None:
    results = [made_result("a", A * 40), made_result("b", [*(B * 40)[1:], 0])]
    first, again, other = (comparison_json(compare(results, seed=seed)) for seed in (13, 13, 14))
    assert to_json(first) == to_json(again)
    assert to_json(first) != to_json({**other, "seed": 13})


def test_corpus_figures() -> None:
    """BLEU by swapping the questions' counts; no wins and losses, for a question has no BLEU of its own."""
    one, other = made_overlap("a", OVERLAP_WORSE), made_overlap("b", OVERLAP_BETTER)
    found = compare([one, other], resamples=2000)
    assert found.metrics == ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l")
    metric = known_metrics(one.scores)["bleu_4"]
    tables = [columns_of(result.scores, [metric]) for result in (one, other)]
    difference = found.rows[1].differences["bleu_4"]
    assert difference.value == other.scores.metrics["bleu_4"] - one.scores.metrics["bleu_4"]
    assert difference.p == randomization_tests([metric], tables[1], tables[0], resamples=2000)["bleu_4"]
    assert difference.interval == Bootstrap(tables, resamples=2000).difference_interval(metric, 1, 0)
    assert (difference.wins, difference.ties, difference.losses) == (None, None, None)
    rouge = found.rows[1].differences["rouge_l"]
    # Of 40 questions 14 are cut in a, 8 in b, and 3 in both: a is never better there where b was left whole.
    assert rouge.wins is not None
    assert rouge.wins + (rouge.ties or 0) + (rouge.losses or 0) == 40
    assert rouge.wins >= 11
    again = compare([one, other], test="bootstrap", resamples=2000).rows[1].differences["bleu_4"]
    assert again.p == Bootstrap([tables[0], tables[1]], resamples=2000).p(metric, 1, 0)


def test_seeds_of_a_corpus_figure() -> None:
    """The row shows the mean of both BLEUs; the same two in another order do not differ."""
    run = {"reader": "bidaf", "depth": 1}
    results = [
        made_overlap("a", OVERLAP_WORSE, {**run, "seed": 1}),
        made_overlap("b", OVERLAP_BETTER, {**run, "seed": 2}),
    ]
    deep = [
        made_overlap("c", OVERLAP_BETTER, {**run, "depth": 5, "seed": 1}),
        made_overlap("d", OVERLAP_WORSE, {**run, "depth": 5, "seed": 2}),
    ]
    found = compare([*results, *deep], resamples=500)
    mean = sum(result.scores.metrics["bleu_4"] for result in results) / 2
    assert found.rows[0].metrics["bleu_4"] == pytest.approx(mean)
    assert found.rows[0].spreads["bleu_4"] > 0
    assert found.rows[1].differences["bleu_4"].p == 1.0
    low, high = found.rows[0].intervals["bleu_4"]
    assert low < mean < high


def over_places(columns: Mapping[str, Sequence[float]], metric: Metric, places: Sequence[int]) -> float:
    assert metric.combine is not None
    return float(metric.combine({name: sum(columns[name][place] for place in places) for name in metric.columns}))


@pytest.mark.parametrize("sizes", [(1, 3), (3, 2)])
def test_the_figure_of_several_seeds_is_resampled_as_a_mean_of_figures(sizes: tuple[int, int]) -> None:
    """By a slow loop over draws and seeds; BLEU of counts that are means over seeds is another number."""
    cuts = [
        [text if i % step else text[: 3 + i % 4] for i, text in enumerate(OVERLAP_GOLD)] for step in (2, 3, 4, 5, 6)
    ]
    groups = [cuts[: sizes[0]], cuts[-sizes[1] :]]
    results = [
        [made_overlap(f"{depth}-{seed}", cut, {"depth": depth, "seed": seed}) for seed, cut in enumerate(group)]
        for depth, group in enumerate(groups)
    ]
    found = compare([*results[0], *results[1]], resamples=400)
    metric = known_metrics(results[0][0].scores)["bleu_4"]
    columns = [[columns_of(result.scores, [metric]) for result in group] for group in results]

    def gap(places: Sequence[int]) -> float:
        base, ours = ([over_places(one, metric, places) for one in group] for group in columns)
        return statistics.fmean(ours) - statistics.fmean(base)

    difference = found.rows[1].differences["bleu_4"]
    assert difference.value == pytest.approx(gap(range(40)))
    drawn = [gap(draw) for draw in np.random.default_rng(13).integers(0, 40, size=(400, 40))]
    assert difference.interval == pytest.approx(np.percentile(drawn, [2.5, 97.5]).tolist())
    base, ours = (over_places(pooled(group), metric, range(40)) for group in columns)
    assert abs(ours - base - difference.value) > 0.01


def test_p_of_several_seeds_counts_all_swaps_of_questions() -> None:
    """Two seeds against one: a swapped question brings the other row's texts into both seeds."""
    rows = [[(0, 1), (1, 2)], [(2, 3, 4)]]  # which questions each result cuts: 5 of them differ, 32 swaps
    results = [
        made_overlap(f"{depth}-{seed}", _cut_at(places), {"depth": depth, "seed": seed})
        for depth, row in enumerate(rows)
        for seed, places in enumerate(row)
    ]
    metric = known_metrics(results[0].scores)["bleu_4"]
    first, second, other = (columns_of(result.scores, [metric]) for result in results)

    def bleu(columns: Mapping[str, Sequence[float]], others: Mapping[str, Sequence[float]], swap: int) -> float:
        mixed = {
            name: [others[name][i] if i < 5 and swap >> i & 1 else columns[name][i] for i in range(40)]
            for name in columns
        }
        return over_places(mixed, metric, range(40))

    gaps = [
        abs(
            (bleu(other, first, swap) + bleu(other, second, swap)) / 2
            - (bleu(first, other, swap) + bleu(second, other, swap)) / 2
        )
        for swap in range(32)
    ]
    p = sum(gap >= gaps[0] - 1e-9 for gap in gaps) / 32
    assert 0.05 < p < 1
    assert compare(results).rows[1].differences["bleu_4"].p == p


def _cut_at(places: Sequence[int]) -> list[str]:
    return [text[:5] if i in places else text for i, text in enumerate(OVERLAP_GOLD)]


@pytest.mark.parametrize(
    ("dataset", "reader", "metrics", "first", "last"),
    [
        ("dureader", "bidaf", ("bleu_4", "rouge_l"), (33.95, 44.20), (35.79, 47.41)),
        ("msmarco", "r-net", ("bleu_1", "rouge_l"), (41.29, 43.38), (43.62, 45.78)),
    ],
)
def test_published_rows_of_other_datasets(
    dataset: str, reader: str, metrics: tuple[str, str], first: tuple[float, float], last: tuple[float, float]
) -> None:
    rows = compare([made_overlap("a", OVERLAP_WORSE, dataset=dataset)], paper=True, resamples=100).published
    assert [row.depth for row in rows] == [None, 2, 5, 10, 20]
    assert {row.name for row in rows} == {reader}
    assert rows[0].metrics == dict(zip(metrics, first, strict=True))
    assert rows[-1].metrics == dict(zip(metrics, last, strict=True))


def test_figures_that_are_no_sums_have_neither_interval_nor_difference() -> None:
    found = compare([made_best("y"), made_best("")])
    assert "best_f1" in found.metrics
    assert not {"best_f1", "best_f1_threshold"} & set(found.rows[1].intervals)
    assert not {"best_f1", "best_f1_threshold"} & set(found.rows[1].differences)
    assert "best_f1" in found.rows[1].best
    assert "best_f1_threshold" not in found.rows[0].best | found.rows[1].best  # no threshold is better than another
    systems, differences = comparison_tables(found)
    headers = [column.header for column in systems.columns]
    assert headers[-4:] == ["Best EM", "Best EM threshold", "Best F1", "Best F1 threshold"]
    assert systems.rows[0][headers.index("Best F1 threshold")].text == "0.2"
    assert not any("Best" in cell.text for row in differences.rows for cell in row)


def test_marks_of_significance_in_every_rendering() -> None:
    gold = [*OVERLAP_GOLD]
    systems, differences = comparison_tables(compare([made_overlap("a", OVERLAP_WORSE), made_overlap("b", gold)]))
    assert "<sup>a</sup>" in to_markdown(systems)
    assert r"\textsuperscript{a}" in to_latex(systems)
    headers = [column.header for column in systems.columns]
    assert systems.rows[1][headers.index("BLEU-4")].mark == "a"
    assert systems.rows[1][headers.index("BLEU-4")].best
    bleu = next(row for row in differences.rows if row[2].text == "BLEU-4")
    assert [cell.text for cell in bleu[-3:]] == ["", "", ""]
