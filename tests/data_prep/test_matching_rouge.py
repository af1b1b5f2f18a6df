"""The span of best ROUGE-L: against a search that tries every span with a plain table, and against given figures."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ham_mrc.data_prep.matching_rouge import best_rouge_span, exact_span, spaced
from ham_mrc.text import tokenize

# Few letters, in both cases, so that words repeat and coincide; the rare one is in few passages.
WORDS = st.lists(st.sampled_from(["a", "A", "b", "c", "d", "Rare"]), max_size=12)
TEXTS = st.lists(WORDS, max_size=3)


def longest_common_subsequence(left: list[str], right: list[str]) -> int:
    """The textbook table, (len(left) + 1) x (len(right) + 1)."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def rouge_l(span: list[str], answer: list[str]) -> Fraction:
    """(1 + beta^2) P R / (R + beta^2 P), with beta 1.2, and 0 where nothing is common; as an exact fraction."""
    common = longest_common_subsequence(span, answer)
    if not common:
        return Fraction(0)
    precision, recall, beta2 = Fraction(common, len(span)), Fraction(common, len(answer)), Fraction(144, 100)
    return (1 + beta2) * precision * recall / (recall + beta2 * precision)


def every_span(passages: list[list[str]], answers: list[list[str]]) -> tuple[int, int, int, Fraction, int] | None:
    """The first of the best spans, trying all that begin and end at words of the answer and are not too long."""
    best = None
    for number, answer in enumerate([[word.lower() for word in answer] for answer in answers]):
        for passage, words in enumerate([[word.lower() for word in words] for words in passages]):
            for start in range(len(words)):
                for end in range(start, min(len(words), start + 2 * len(answer) + 5)):
                    if words[start] in answer and words[end] in answer:
                        score = rouge_l(words[start : end + 1], answer)
                        if best is None or score > best[3]:
                            best = passage, start, end, score, number
    return best


@given(TEXTS, TEXTS)
@example([["c", "a", "x", "b"], ["x", "a", "b"]], [["a", "b", "c"]])
@example([["b", "a"], ["a", "b"]], [["a"], ["a", "b"]])
@example([["a"] * 14], [["a", "b"]])
def test_the_search_finds_what_trying_every_span_finds(passages: list[list[str]], answers: list[list[str]]) -> None:
    found, expected = best_rouge_span(passages, answers), every_span(passages, answers)
    if expected is None:
        assert found is None
    else:
        passage, start, end, score, answer = expected
        assert found == (passage, start, end, float(score), answer)


def test_the_search_finds_it_in_real_passages_too(shared_data: Path) -> None:
    """The first queries of MS MARCO whose answers are no part of the passages that people selected for them."""
    searched = 0
    with gzip.open(shared_data / "msmarco" / "v1.1.sample160.jsonl.gz", "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            chosen = [passage["passage_text"] for passage in record["passages"] if passage["is_selected"]]
            passages, answers = ([tokenize(text).words for text in texts] for texts in (chosen, record["answers"]))
            found = best_rouge_span(passages, answers)
            if found is None or found.rouge_l == 1 or sum(map(len, answers)) > 20:
                continue
            passage, start, end, score, answer = every_span(passages, answers) or (0, 0, 0, Fraction(0), 0)
            assert found == (passage, start, end, float(score), answer)
            searched += 1
            if searched == 8:
                return
    pytest.fail("the sample has more of them")


def test_an_answer_longer_than_a_machine_word_is_searched_alike() -> None:
    """Rows of the table of more than 64 bits: 70 words, of which the passage lacks every third and has others."""
    answer = [f"w{number % 37}" for number in range(70)]
    passage = ["x", *(word for number, word in enumerate(answer) if number % 3), "x", "w5", "y", *answer[:9]]
    expected = every_span([passage], [answer])
    assert expected is not None
    assert best_rouge_span([passage], [answer]) == (*expected[:3], float(expected[3]), 0)


@pytest.mark.parametrize(
    ("passage", "answer", "expected"),
    [
        # One reference and one candidate, as MS MARCO's official program (version 2, with spaCy 3.8.18) has it.
        ("5", "$ 5", 0.6288659793814433),
        ("x", "x y", 0.6288659793814433),
        ("paris ，", "paris", 1.0),  # the span is the one word; the program's 0.709 is of both
        ("new york", "new york", 1.0),
        ("b c", 'a " b " \\ c', 0.45864661654135336),
    ],
)
def test_a_match_is_the_official_rouge_l(passage: str, answer: str, expected: float) -> None:
    found = best_rouge_span([passage.split()], [answer.split()])
    assert found is not None
    assert found.rouge_l == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("passages", "answers", "expected"),
    [
        (["a b"], [], None),
        ([], ["a"], None),
        ([""], ["a"], None),
        (["a b"], [""], None),
        (["a b"], ["c"], None),
        (["x a y a"], ["a"], (0, 1, 1, 1.0, 0)),  # the earliest start
        (["x A b", "a B"], ["A B"], (0, 1, 2, 1.0, 0)),  # the earliest passage, whatever the case
        (["b", "a"], ["a", "b"], (1, 0, 0, 1.0, 0)),  # the earliest answer before the earliest passage
        (["a b x", "a c y"], ["a c z", "a b z"], (1, 0, 1, 61 * 2 / (25 * 2 + 36 * 3), 0)),
        (["abc a"], ["a"], (0, 1, 1, 1.0, 0)),  # whole words only
        (["b a"], ["a b"], (0, 0, 0, 61 / (25 + 72), 0)),  # order counts, and the first of two equals wins
        (["a x x x x x x b"], ["a b"], (0, 0, 0, 61 / (25 + 72), 0)),
        (["a x x b"], ["a b"], (0, 0, 3, 122 / (100 + 72), 0)),
    ],
)
def test_the_first_of_the_best_spans_wins(
    passages: list[str], answers: list[str], expected: tuple[int, int, int, float, int] | None
) -> None:
    assert best_rouge_span([text.split() for text in passages], [text.split() for text in answers]) == expected


def test_a_passage_that_is_hardly_better_is_not_passed_over() -> None:
    answer = [f"w{number}" for number in range(30)]
    good, better = [*answer[:9], "x", *answer[10:]], answer[1:]  # 29 of its words in a span of 30, and of 29
    assert best_rouge_span([good, better], [answer]) == (1, 0, 28, 61 * 29 / (25 * 29 + 36 * 30), 0)
    assert best_rouge_span([better, better], [answer]) == (0, 0, 28, 61 * 29 / (25 * 29 + 36 * 30), 0)


def test_a_span_is_at_most_twice_as_long_as_the_answer_and_five_words_more() -> None:
    answer = [f"w{number}" for number in range(30)]
    wide = [*answer[:15], *["x"] * 35, *answer[15:]]  # 65 words = 2 * 30 + 5
    assert best_rouge_span([wide], [answer]) == (0, 0, 64, 61 * 30 / (25 * 65 + 36 * 30), 0)
    wider = [*answer[:15], *["x"] * 36, *answer[15:]]  # all 30 in 66 words would be 0.671
    assert best_rouge_span([wider], [answer]) == (0, 0, 64, 61 * 29 / (25 * 65 + 36 * 30), 0)


@given(st.text())
def test_a_text_in_lower_case_has_the_words_of_its_words_in_lower_case(text: str) -> None:
    """Lower-casing looks at neighbours (a last sigma), so that words are put together before it only with care."""
    words = tokenize(text).words
    assert spaced(words) == "".join(f" {word.lower()}" for word in words or [""]) + " "


@given(st.lists(WORDS, min_size=1, max_size=3), st.data())
def test_an_answer_cut_out_of_a_passage_is_found_whole(passages: list[list[str]], data: st.DataObject) -> None:
    passage = data.draw(st.sampled_from(passages))
    start = data.draw(st.integers(0, len(passage)))
    answer = passage[start : data.draw(st.integers(start, len(passage)))]
    found = exact_span([spaced(words) for words in passages], [spaced(answer)])
    if not answer:
        assert found is None
    else:
        assert found is not None
        words = passages[found.passage][found.start : found.end + 1]
        assert [word.lower() for word in words] == [word.lower() for word in answer]
        assert found.passage <= passages.index(passage)
