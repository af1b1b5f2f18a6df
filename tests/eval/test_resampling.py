"""Intervals and paired tests of any figure: against sacrebleu for BLEU, scipy for ratios, and full enumeration."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest
from scipy import stats

from ham_mrc.eval import sacrebleu_variant
from ham_mrc.eval.bleu import COLUMNS, bleu_metric, count
from ham_mrc.eval.metric import Metric, mean_metric
from ham_mrc.eval.resampling import Bootstrap, randomization_tests
from ham_mrc.eval.significance import bootstrap_test, mean_intervals, pseudo_scores, randomization_test, standard_error

SACREBLEU = sacrebleu_variant.METRICS[0]
BLEU_4 = bleu_metric(4)
HAS_ANSWER = mean_metric("has_answer_f1", "HasAns F1", over="has_answer_questions")
F1 = mean_metric("f1", "F1")

Table = dict[str, Sequence[float]]


def sentences(count: int) -> list[str]:
    generator = np.random.default_rng(1)
    lengths = generator.integers(8, 20, count)
    return [" ".join(f"w{word}" for word in generator.integers(0, 60, length)) for length in lengths]


def damaged(texts: Sequence[str], share: float, seed: int) -> list[str]:
    """Each text with that share of its words replaced."""
    generator = np.random.default_rng(seed)
    return [
        " ".join("oops" if generator.random() < share else word for word in text.split()) or "oops" for text in texts
    ]


GOLD = sentences(150)
SYSTEMS = [damaged(GOLD, 0.25, 2), damaged(GOLD, 0.27, 3), damaged(GOLD, 0.40, 4)]


def sacrebleu_table(system: Sequence[str]) -> Table:
    return dict(sacrebleu_variant.score(system, [[text] for text in GOLD], "13a")[1])


def coco_table(system: Sequence[str]) -> Table:
    rows = [count(tuple(a.split()), [tuple(b.split())]).row() for a, b in zip(system, GOLD, strict=True)]
    return dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))


def outside(test_type: str, samples: int) -> list[Any]:
    test = PairedTest(
        [(f"s{number}", system) for number, system in enumerate(SYSTEMS)],
        {"BLEU": BLEU()},
        [GOLD],
        test_type=test_type,
        n_samples=samples,
    )
    return test()[1]["BLEU"]


def test_paired_randomisation_agrees_with_sacrebleu() -> None:
    theirs = outside("ar", 4000)
    tables = [sacrebleu_table(system) for system in SYSTEMS]
    for place in (1, 2):
        ours = randomization_tests([SACREBLEU], tables[place], tables[0], resamples=4000)["sacrebleu"]
        # Two independent draws of 4,000: each has a standard error below 0.008.
        assert ours == pytest.approx(theirs[place].p_value, abs=0.03)
    assert 0.05 < theirs[1].p_value < 0.95  # or nothing was compared
    assert theirs[2].p_value == 1 / 4001


def test_coco_bleu_gives_the_same_p_as_sacrebleu() -> None:
    """The same counts without smoothing: the constants of coco-caption move nothing that a test could see."""
    theirs = outside("ar", 4000)
    tables = [coco_table(system) for system in SYSTEMS]
    ours = randomization_tests([BLEU_4], tables[1], tables[0], resamples=4000)["bleu_4"]
    assert ours == pytest.approx(theirs[1].p_value, abs=0.03)


def test_bootstrap_agrees_with_sacrebleu() -> None:
    """The same seed draws the same questions. sacrebleu's p counts one tail, ours both: twice as much."""
    theirs = outside("bs", 2000)
    tables = [sacrebleu_table(system) for system in SYSTEMS]
    found = Bootstrap(tables, resamples=2000, seed=12345)
    for place, result in enumerate(theirs):
        low, high = found.interval(SACREBLEU, place)
        assert (high - low) / 2 == pytest.approx(result.ci, rel=0.01)
        assert (high + low) / 2 == pytest.approx(result.mean, abs=0.3)
    assert found.p(SACREBLEU, 1, 0) == pytest.approx(2 * theirs[1].p_value, abs=0.02)
    assert found.p(SACREBLEU, 2, 0) == theirs[2].p_value == 1 / 2001
    low, high = found.difference_interval(SACREBLEU, 2, 0)
    assert low < theirs[2].score - theirs[0].score < high < 0


def figure(metric: Metric, table: Mapping[str, Sequence[float]], places: Sequence[int]) -> float:
    assert metric.combine is not None
    return float(metric.combine({name: sum(table[name][place] for place in places) for name in metric.columns}))


def all_swaps(metric: Metric, ours: Table, base: Table, units: Sequence[Sequence[int]]) -> float:
    """Exact p: every way of swapping units, each figure from the beginning."""
    assert metric.combine is not None
    found = []
    for swap in itertools.product((False, True), repeat=len(units)):
        sums: list[dict[str, float]] = [dict.fromkeys(metric.columns, 0.0) for _ in range(2)]
        for swapped, unit in zip(swap, units, strict=True):
            for place, name in itertools.product(unit, metric.columns):
                sums[swapped][name] += ours[name][place]
                sums[not swapped][name] += base[name][place]
        found.append(abs(float(metric.combine(sums[0]) - metric.combine(sums[1]))))
    return sum(value >= found[0] - 1e-9 for value in found) / len(found)


@pytest.mark.parametrize("clusters", [None, [0, 0, 1, 2, 2, 3, 3, 3]])
def test_all_swaps_of_bleu(clusters: list[int] | None) -> None:
    ours, base = ({name: column[:8] for name, column in coco_table(system).items()} for system in SYSTEMS[:2])
    units = (
        [[place for place in range(8) if clusters[place] == unit] for unit in range(4)]
        if clusters
        else [[place] for place in range(8)]
    )
    found = randomization_tests([BLEU_4], ours, base, clusters=clusters)["bleu_4"]
    assert found == pytest.approx(all_swaps(BLEU_4, ours, base, units))
    assert 0 < found < 1


def test_all_swaps_of_a_share_of_the_questions() -> None:
    ours: Table = {"has_answer_f1": [100, 0, 50, 0, 80, 0], "has_answer_questions": [1, 0, 1, 0, 1, 1]}
    base: Table = {"has_answer_f1": [0, 0, 50, 0, 40, 0], "has_answer_questions": [1, 0, 1, 0, 1, 1]}
    found = randomization_tests([HAS_ANSWER], ours, base)["has_answer_f1"]
    # Two units differ, by 100 and 40: of the four signed sums two are as far out as 140.
    assert found == 0.5 == all_swaps(HAS_ANSWER, ours, base, [[place] for place in range(6)])


def test_a_ratio_agrees_with_scipy() -> None:
    generator = np.random.default_rng(7)
    counts = (generator.random(400) < 0.6).astype(float)
    scores = counts * generator.choice([0.0, 100.0, 66.7], 400)
    found = Bootstrap([{"has_answer_f1": scores.tolist(), "has_answer_questions": counts.tolist()}], resamples=5000)
    theirs = stats.bootstrap(
        (scores, counts),
        lambda x, y, axis: x.sum(axis=axis) / y.sum(axis=axis),
        paired=True,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(4),
    )
    low, high = found.interval(HAS_ANSWER)
    error = float(theirs.standard_error)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.15 * error)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.15 * error)


def test_all_resamples_of_bleu() -> None:
    """Three questions: all 27 draws written out; the 50% interval's ends are draws of that list."""
    table = {name: column[:3] for name, column in coco_table(SYSTEMS[0]).items()}
    draws = sorted(figure(BLEU_4, table, draw) for draw in itertools.product(range(3), repeat=3))
    low, high = Bootstrap([table], resamples=20_000).interval(BLEU_4, level=0.5)
    # The quartiles of 27 equally likely figures fall on the 7th and the 21st, or on an equal neighbour.
    assert low == pytest.approx(draws[6])
    assert high == pytest.approx(draws[20])


def test_resamples_in_which_nothing_counts_are_left_out() -> None:
    table: Table = {"has_answer_f1": [0.0, 0.0, 80.0], "has_answer_questions": [0, 0, 1]}
    other: Table = {"has_answer_f1": [0.0, 0.0, 20.0], "has_answer_questions": [0, 0, 1]}
    found = Bootstrap([table, other], resamples=500)
    assert found.interval(HAS_ANSWER) == (80.0, 80.0)
    assert found.difference_interval(HAS_ANSWER, 0, 1) == (60.0, 60.0)
    assert 0 < found.p(HAS_ANSWER, 0, 1) <= 1


SCORES = st.lists(st.integers(0, 100).map(float), min_size=2, max_size=25)


@given(SCORES, st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_means_are_what_the_tests_of_means_give(scores: list[float], seed: int) -> None:
    other = scores[::-1]
    ours: Table = {"f1": scores, "questions": [1] * len(scores)}
    base: Table = {"f1": other, "questions": [1] * len(scores)}
    gaps = [a - b for a, b in zip(scores, other, strict=True)]
    found = Bootstrap([ours, base], resamples=300, seed=seed)
    assert found.interval(F1) == mean_intervals([scores], resamples=300, seed=seed)[0]
    assert found.difference_interval(F1, 0, 1) == mean_intervals([gaps], resamples=300, seed=seed)[0]
    assert found.p(F1, 0, 1) == bootstrap_test(gaps, resamples=300, seed=seed)
    swapped = randomization_tests([F1], ours, base, resamples=300, seed=seed)["f1"]
    assert swapped == randomization_test(gaps, resamples=300, seed=seed)


def test_equal_systems_and_no_question() -> None:
    table = coco_table(SYSTEMS[0])
    assert randomization_tests([BLEU_4], table, table) == {"bleu_4": 1.0}
    assert Bootstrap([table, table], resamples=100).p(BLEU_4, 0, 1) == 1.0
    with pytest.raises(ValueError, match="no questions"):
        Bootstrap([{"f1": [], "questions": []}])


def test_every_metric_of_one_call_is_as_if_alone() -> None:
    ours, base = coco_table(SYSTEMS[1]), coco_table(SYSTEMS[0])
    metrics = [bleu_metric(order) for order in (1, 2, 3, 4)]
    together = randomization_tests(metrics, ours, base, resamples=500)
    for metric in metrics:
        assert randomization_tests([metric], ours, base, resamples=500)[metric.name] == together[metric.name]


def test_pseudo_scores_have_the_standard_error_of_the_figure() -> None:
    """Against the delete-one jackknife, question by question from the beginning (Efron & Tibshirani, chapter 11)."""
    table, places = coco_table(SYSTEMS[0]), range(len(GOLD))
    left_out = [figure(BLEU_4, table, [other for other in places if other != place]) for place in places]
    mean = math.fsum(left_out) / len(left_out)
    jackknife = math.sqrt((len(GOLD) - 1) / len(GOLD) * math.fsum((value - mean) ** 2 for value in left_out))
    pseudo = pseudo_scores(BLEU_4, table)
    assert standard_error(pseudo) == pytest.approx(jackknife, rel=0.02)
    assert math.fsum(pseudo) / len(pseudo) == pytest.approx(figure(BLEU_4, table, list(places)), abs=1e-3)


def test_pseudo_scores_of_a_ratio_are_cochrans() -> None:
    counts = [1, 0, 1, 1, 0, 1, 1]
    scores = [100.0, 0.0, 40.0, 0.0, 0.0, 100.0, 75.0]
    ratio = sum(scores) / 5
    residuals = [score - ratio * number for score, number in zip(scores, counts, strict=True)]
    cochran = math.sqrt(7 / 6 * sum(residual**2 for residual in residuals)) / 5
    pseudo = pseudo_scores(HAS_ANSWER, {"has_answer_f1": scores, "has_answer_questions": counts})
    assert standard_error(pseudo) == pytest.approx(cochran, rel=1e-6)


def test_pseudo_scores_where_an_order_never_matches() -> None:
    table = {name: [0, 0, 0] if name == "bleu_matches_4" else column[:3] for name, column in coco_table(GOLD).items()}
    assert all(abs(score) < 1 for score in pseudo_scores(BLEU_4, table))


def test_ten_thousand_by_ten_thousand_of_bleu_in_seconds() -> None:
    tables = [{name: list(column) * 67 for name, column in coco_table(system).items()} for system in SYSTEMS[:2]]
    begin = time.process_time()
    Bootstrap(tables, resamples=10_000).difference_interval(BLEU_4, 1, 0)
    randomization_tests([BLEU_4], tables[1], tables[0], resamples=10_000)
    assert time.process_time() - begin < 20  # about 3 s on an idle core
