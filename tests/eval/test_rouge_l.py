"""ROUGE-L against a slow restatement of the official program, and its mean against NumPy."""

from __future__ import annotations

import math
import random

import pytest
import slow_overlap
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.eval.rouge_l import pairwise_mean, rouge_l


@given(st.text("abcd", min_size=1, max_size=40), st.lists(st.text("abcd", min_size=1, max_size=90), min_size=1))
def test_characters_equal_the_slow_restatement(candidate: str, references: list[str]) -> None:
    due = slow_overlap.rouge(" ".join(candidate), [" ".join(text) for text in references])
    assert rouge_l(candidate, references) == due


@given(
    st.lists(st.sampled_from(["a", "b", "cat", ""]), min_size=1),
    st.lists(st.lists(st.sampled_from(["a", "cat", ""]), min_size=1), min_size=1),
)
def test_words_equal_the_slow_restatement(candidate: list[str], references: list[list[str]]) -> None:
    due = slow_overlap.rouge(" ".join(candidate), [" ".join(text) for text in references])
    assert rouge_l(candidate, references) == due


def test_precision_and_recall_are_each_the_best_over_the_references() -> None:
    assert rouge_l("ab", ["a", "abc"]) == 1.0  # recall of the first, precision of the second: equal to neither
    assert rouge_l("ab", ["abc"]) < 1.0


def test_a_subsequence_may_have_gaps_and_must_keep_the_order() -> None:
    squared = 1.2**2
    assert rouge_l("abc", ["axbxc"]) == ((1 + squared) * 1.0 * 0.6) / (0.6 + squared * 1.0)
    assert rouge_l("abc", ["c b a".replace(" ", "")]) == slow_overlap.rouge("a b c", ["c b a"]) > 0
    assert rouge_l("abc", ["xyz"]) == 0.0


@pytest.mark.parametrize("size", [0, 1, 5, 7, 8, 9, 127, 128, 129, 130, 143, 255, 256, 257, 1000, 1301, 9754])
def test_the_mean_is_numpys(size: int) -> None:
    numbers = random.Random(size)
    for _ in range(20):
        values = [numbers.random() ** 3 for _ in range(size)]
        found, due = pairwise_mean(values), slow_overlap.mean(values)
        assert found == due or (math.isnan(found) and size == 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=400))
def test_the_mean_of_anything_is_numpys(values: list[float]) -> None:
    assert pairwise_mean(values) == slow_overlap.mean(values)
