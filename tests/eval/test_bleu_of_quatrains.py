"""BLEU-2 of written lines: by hand, against NLTK, and what a corpus of many references does to it."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import corpus_bleu

from ham_mrc.eval.metric import Metric
from ham_mrc.eval.quatrains import (
    LENGTHS,
    MEANS,
    METRICS,
    NO_LINE,
    PROTOCOLS,
    STEPS,
    LineCounts,
    References,
    bleu2,
    column,
    sentence_mean,
    total,
)

HEADLINE = PROTOCOLS[0]
lines = st.text("日月山水云", min_size=1, max_size=7)
references = st.lists(lines, min_size=1, max_size=6)


def slow_counts(line: str, held: list[str]) -> LineCounts:
    """By the definition: every n-gram, its count cut to the most that any one reference has."""
    matches = []
    for order in (1, 2):
        grams = Counter(line[i : i + order] for i in range(len(line) - order + 1))
        tables = [Counter(one[i : i + order] for i in range(len(one) - order + 1)) for one in held]
        matches.append(sum(min(times, max(table[gram] for table in tables)) for gram, times in grams.items()))
    closest = min((abs(len(one) - len(line)), len(one)) for one in held)[1]
    return LineCounts(matches[0], matches[1], len(line), max(0, len(line) - 1), closest)


@pytest.mark.parametrize(
    ("line", "held", "counts"),
    [
        # 春 stands once in either reference, 江南 once in the second: 春 江 南 and 江南.
        ("春春江南南", ["春风又绿江", "江南岸上春"], (3, 1, 5, 4, 5)),
        # 春 twice in one reference: both count; 春春 stands there too.
        ("春春江南南", ["春春风又绿", "江南岸上春"], (4, 2, 5, 4, 5)),
        ("明月松间照", ["明月松间照"], (5, 4, 5, 4, 5)),
        ("明月松间照", ["清泉石上流"], (0, 0, 5, 4, 5)),
        # 间照 is split between two references, and no pair reaches from one into the next.
        ("间照", ["明月松间", "照"], (2, 0, 2, 1, 1)),
        ("", ["明月松间照"], (0, 0, 0, 0, 5)),
        ("明月", [], NO_LINE),
    ],
)
def test_counts_by_hand(line: str, held: list[str], counts: tuple[int, ...]) -> None:
    assert References(held).count(line) == LineCounts(*counts)


@given(lines, references)
def test_counts_are_those_of_the_definition(line: str, held: list[str]) -> None:
    assert References(held).count(line) == slow_counts(line, held)


def test_bleu_by_hand() -> None:
    """p1 = 3/5, p2 = 1/4: the root of 0.15; with a missing line of 5 beside it BP = exp(1 - 10/5)."""
    one = References(["春风又绿江", "江南岸上春"]).count("春春江南南")
    assert bleu2(one) == pytest.approx(100 * math.sqrt(0.15), abs=1e-12)
    missing = References(["明月松间照"]).count("")
    assert bleu2(total([one, missing])) == pytest.approx(100 * math.exp(-1) * math.sqrt(0.15), abs=1e-12)
    # Sums first, then the fractions: 3 + 5 of 10 and 1 + 4 of 8.
    both = total([one, References(["明月松间照"]).count("明月松间照")])
    assert bleu2(both) == pytest.approx(100 * math.sqrt(Fraction(8, 10) * Fraction(5, 8)), abs=1e-12)
    assert bleu2(total([missing])) == 0.0
    assert math.isnan(bleu2(total([])))


def test_the_gold_line_against_itself_is_100_and_a_one_line_corpus_is_one() -> None:
    own = References(["白日依山尽"]).count("白日依山尽")
    assert bleu2(own) == bleu2(total([own])) == 100.0
    assert bleu2(References(["白日依山尽"]).count("黄河入海流")) == 0.0


@given(st.lists(st.tuples(lines, references), min_size=1, max_size=8))
def test_corpus_bleu_is_nltks(corpus: list[tuple[str, list[str]]]) -> None:
    """NLTK smooths a corpus without a common pair to a tiny number, we do not smooth."""
    ours = bleu2(total(References(held).count(line) for line, held in corpus))
    counts = total(References(held).count(line) for line, held in corpus)
    theirs = corpus_bleu([held for _, held in corpus], [line for line, _ in corpus], weights=(0.5, 0.5))
    if counts.matches_2:
        # NLTK gives a line of one character one pair, of which none is found (at least 1 in the denominator).
        pairs = sum(max(1, len(line) - 1) for line, _ in corpus)
        assert ours * math.sqrt(counts.ngrams_2 / pairs) == pytest.approx(100 * float(theirs), rel=1e-9)
    else:
        assert ours == 0.0


def test_many_references_of_real_lines_against_nltk() -> None:
    famous = [
        "白日依山尽",
        "黄河入海流",
        "欲穷千里目",
        "更上一层楼",
        "床前明月光",
        "疑是地上霜",
        "举头望明月",
        "低头思故乡",
    ]
    candidates = ["举头望千里", "低头思明月", "更上一层山", "黄河依山流"]
    held = [famous[i : i + 5] for i in range(4)]
    ours = bleu2(total(References(some).count(line) for line, some in zip(candidates, held, strict=True)))
    theirs = corpus_bleu(held, candidates, weights=(0.5, 0.5))
    assert ours == pytest.approx(100 * float(theirs), rel=1e-12)
    assert 10 < ours < 90


def test_more_references_never_lower_a_figure() -> None:
    line, held = "举头望千里", ["床前明月光", "举头望明月", "欲穷千里目"]
    figures = [bleu2(References(held[: i + 1]).count(line)) for i in range(3)]
    assert figures == sorted(figures)
    assert figures[0] == 0.0
    assert figures[2] == pytest.approx(100 * math.sqrt(1 * 3 / 4))


def test_sentence_means() -> None:
    """38.7 and 100 and 0; a line without a reference does not count."""
    counts = [
        References(["春风又绿江", "江南岸上春"]).count("春春江南南"),
        References(["明月松间照"]).count("明月松间照"),
        References(["清泉石上流"]).count("明月松间照"),
        NO_LINE,
    ]
    assert sentence_mean(counts) == pytest.approx((100 * math.sqrt(0.15) + 100) / 3)
    assert math.isnan(sentence_mean([NO_LINE]))


def sums_of(cells: dict[tuple[int, int], LineCounts]) -> dict[str, int]:
    return {
        column(HEADLINE, step, length, field): getattr(counts, field)
        for (step, length), counts in cells.items()
        for field in LineCounts._fields
    }


def test_the_mean_of_a_length_is_that_of_its_three_cells() -> None:
    perfect, half = LineCounts(5, 4, 5, 4, 5), LineCounts(3, 1, 5, 4, 5)
    cells = {(step, 5): perfect if step == 1 else half for step in STEPS}
    cells |= {(step, 7): LineCounts(0, 0, 7, 6, 7) for step in STEPS}
    sums = sums_of(cells)

    def figure(metric: Metric) -> float:
        assert metric.combine is not None
        return float(metric.combine(sums))

    assert figure(METRICS["b1_5"]) == 100.0
    assert figure(METRICS["b2_5"]) == pytest.approx(100 * math.sqrt(0.15))
    assert figure(METRICS["bleu_5"]) == pytest.approx((100 + 200 * math.sqrt(0.15)) / 3)
    assert figure(METRICS["bleu_7"]) == 0.0


def test_arrays_of_resamples_give_what_numbers_give() -> None:
    many = [LineCounts(3, 1, 5, 4, 5), LineCounts(0, 0, 5, 4, 5), LineCounts(0, 0, 0, 0, 5), NO_LINE]
    together = bleu2([np.array(column) for column in zip(*many, strict=True)])
    assert together[:3].tolist() == [bleu2(one) for one in many[:3]]
    assert math.isnan(together[3])


def test_names_and_signatures() -> None:
    assert list(METRICS)[:8] == ["b1_5", "b1_7", "b2_5", "b2_7", "b3_5", "b3_7", "bleu_5", "bleu_7"]
    assert [one.key for one in PROTOCOLS] == ["multi-planned", "single-planned", "multi-oracle", "single-oracle"]
    assert MEANS[:4] == ("bleu_5", "bleu_7", "single_bleu_5", "single_bleu_7")
    assert METRICS["single_oracle_b3_7"].label == "single oracle B3 7"
    assert len(METRICS) == len(PROTOCOLS) * len(LENGTHS) * (len(STEPS) + 1)
    # The one of the specification, letter by letter.
    assert HEADLINE.signature("random") == "bleu2|corpus|refs=multi-tang-theme|keywords=planned|split=random|v1"
    assert PROTOCOLS[3].signature("balanced") == "bleu2|corpus|refs=single|keywords=oracle|split=balanced|v1"
