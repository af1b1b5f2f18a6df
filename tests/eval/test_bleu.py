"""BLEU against figures of the official program and against a slow restatement of it."""

from __future__ import annotations

import numpy as np
import pytest
import slow_overlap
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.eval.bleu import COLUMNS, Counts, bleu, bleu_metric, count, total

# Generated line, gold line, BLEU-2 over characters as the coco-caption program gives it.
OFFICIAL = [
    ("青别感新花", "青别感新花", 0.9999999995750004),
    ("晚深漠长大云泉", "泉云大长漠深晚", 1.2909944483515812e-08),
    ("照孤风来晚", "草感别松水", 2.236067976549461e-16),
    ("照恨日溅人花明", "照恨日泪破江流", 0.37796447289673796),
    ("气别感恨流", "气别感恨清", 0.7745966689122801),
    ("上上上上上上上", "上明惊孤深草风", 4.879500363290437e-09),
    ("长江夜", "长江夜天上", 0.5134171186475296),
    ("水心山云新上花，", "水心山云新上花", 0.8660254036684533),
    ("木孤天照鸟", "鸟孤照木天", 1.5811388294122063e-08),
    ("深水大别溅风漠", "漠深水大别溅风", 0.9128709289035893),
]

TEXTS = st.text("abc", max_size=25)


@pytest.mark.parametrize(("generated", "gold", "figure"), OFFICIAL)
def test_official_figures(generated: str, gold: str, figure: float) -> None:
    assert bleu(count(generated, [gold]))[1] == figure


def test_matches_are_clipped_at_the_one_reference_that_has_most() -> None:
    counts = count("aaab", ["aab", "aacab", "b"])
    assert counts.matches == (4, 2, 1, 0)  # a 3, not 2 + 3; aa 1 of 2 and ab 1; aab
    assert counts.ngrams == (4, 3, 2, 1)


@pytest.mark.parametrize(
    ("references", "length"),
    [(["ab", "abcd"], 2), (["abcd", "ab"], 2), (["abcdefg", "ab"], 2), (["abcdef", "abcd", ""], 4)],
)
def test_the_closest_reference_counts_and_of_two_the_shorter(references: list[str], length: int) -> None:
    assert count("abc", references).reference_length == length


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=4))
def test_counts_equal_the_slow_restatement(candidate: str, references: list[str]) -> None:
    matches, ngrams, length, closest = slow_overlap.bleu_counts(
        " ".join(candidate), [" ".join(reference) for reference in references]
    )
    due = Counts(tuple(matches), tuple(ngrams), length, closest)
    assert count(candidate, references) == due
    assert count(tuple(candidate), [tuple(reference) for reference in references]) == due


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), max_size=6))
def test_figures_equal_the_slow_restatement(corpus: list[tuple[str, list[str]]]) -> None:
    candidates = {number: " ".join(candidate) for number, (candidate, _) in enumerate(corpus)}
    references = {number: [" ".join(text) for text in texts] for number, (_, texts) in enumerate(corpus)}
    assert list(bleu(total(count(*pair) for pair in corpus))) == slow_overlap.bleus(candidates, references)


def test_what_the_official_constants_lead_to() -> None:
    perfect = bleu(count("abcdefgh", ["abcdefgh"]))
    assert all(1 - 1e-8 < figure < 1 for figure in perfect)
    one_token = bleu(total([count("a", ["a"])] * 10))
    assert 1e-4 < one_token[1] < 1.1e-3
    assert one_token[3] < one_token[2] < one_token[1]
    assert 0 < bleu(count("abcd", ["efgh"]))[0] < 1e-15
    assert bleu(total([count("", ["abc"]), count("", ["d"])])) == (0.0, 0.0, 0.0, 0.0)
    assert bleu(total([])) == (0.0, 0.0, 0.0, 0.0)


def test_the_metric_combines_sums_as_numbers_and_as_arrays() -> None:
    counts = [count("abcde", ["abde"]), count("aab", ["aabb", "b"]), count("", ["c"])]
    sums = dict(zip(COLUMNS, total(counts).row(), strict=True))
    for order in (1, 2, 3, 4):
        metric = bleu_metric(order, prefix="part_", label="part ")
        assert (metric.name, metric.label) == (f"part_bleu_{order}", f"part BLEU-{order}")
        assert metric.combine is not None
        due = 100.0 * bleu(total(counts))[order - 1]
        prefixed = {f"part_{name}": value for name, value in sums.items()}
        assert set(metric.columns) == set(prefixed)
        assert metric.combine(prefixed) == due
        # Resamples: the corpus as it is, nothing at all, only the empty answer, only one longer than its reference.
        long = count("abcdefgh", ["bcdefg"])
        rows = [total(counts).row(), total([]).row(), counts[2].row(), long.row()]
        columns = {
            f"part_{name}": np.array([column]) for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)
        }
        found = metric.combine(columns)
        assert found.shape == (1, 4)
        assert list(found[0]) == pytest.approx([due, 0.0, 0.0, 100.0 * bleu(long)[order - 1]], rel=1e-12)
