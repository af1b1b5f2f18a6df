"""The span of best token F1: against every span, tried one by one, by hand, and against those that DuReader ships."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.matching import Match, best_f1_span, overlap, token_f1


def slow_f1(span: Sequence[str], answer: Sequence[str]) -> float:
    """As the official program has it, in its order of operations."""
    same = sum((Counter(span) & Counter(answer)).values())
    if not same:
        return 0.0
    precision, recall = 1.0 * same / len(span), 1.0 * same / len(answer)
    return (2 * precision * recall) / (precision + recall)


def slow_best_span(passages: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> Match | None:
    """Every span: starts ascend and are words of an answer, ends descend, the first best wins."""
    best, wanted = None, {word for answer in answers for word in answer}
    for number, passage in enumerate(passages):
        for start, word in enumerate(passage):
            if word not in wanted:
                continue
            for end in range(len(passage) - 1, start - 1, -1):
                scores = [slow_f1(passage[start : end + 1], answer) for answer in answers]
                if max(scores) > (best.f1 if best else 0):
                    best = Match(number, start, end, max(scores), scores.index(max(scores)))
    return best


@pytest.mark.parametrize(
    ("passages", "answers", "expected"),
    [
        (["a b c d"], ["b c"], Match(0, 1, 2, 1.0, 0)),
        (["a x b"], ["a b"], Match(0, 0, 2, 0.8, 0)),  # 2 of 3 words and 2 of 2
        (["a x x x x b"], ["a b"], Match(0, 0, 0, 2 / 3, 0)),  # 1 of 1 and 1 of 2; the first of two
        (["b x a", "a b"], ["a b"], Match(1, 0, 1, 1.0, 0)),
        (["a", "a"], ["a"], Match(0, 0, 0, 1.0, 0)),
        (["a a a"], ["a a"], Match(0, 0, 1, 1.0, 0)),  # a word counts as often as the answer has it
        (["b b a b"], ["a b c d", "a b"], Match(0, 1, 2, 1.0, 1)),
        (["a b"], ["a b", "b a"], Match(0, 0, 1, 1.0, 0)),
        (["a c b"], ["a", "b"], Match(0, 0, 0, 1.0, 0)),
        # One word of two and three words with both of two, 2/3 and 4/6: the longer end comes first.
        (["a x x b"], ["a b"], Match(0, 0, 3, 2 / 3, 0)),
        (["x y"], ["a b"], None),
        ([""], ["a"], None),
        (["a"], [""], None),
        ([], ["a"], None),
        (["a"], [], None),
    ],
)
def test_spans_by_hand(passages: list[str], answers: list[str], expected: Match | None) -> None:
    found = best_f1_span([text.split() for text in passages], [text.split() for text in answers])
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found == expected._replace(f1=found.f1)
        assert found.f1 == pytest.approx(expected.f1, rel=1e-15)


WORDS = st.lists(st.sampled_from("abcdexyz"), max_size=24)


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=3), st.sampled_from([1, 30, 1 << 20]))
def test_span_is_the_first_best_of_all_spans_to_the_last_digit(
    passages: list[list[str]], answers: list[list[str]], cells: int
) -> None:
    with patch("ham_mrc.data_prep.matching._CELLS", cells):
        assert best_f1_span(passages, answers) == slow_best_span(passages, answers)


@pytest.mark.parametrize("cells", [1, 30, 1 << 20])
def test_span_of_longer_texts(cells: int) -> None:
    """What hypothesis seldom draws: some dozens of words with many a word of the answer among them."""
    random = Random(5)
    with patch("ham_mrc.data_prep.matching._CELLS", cells):
        for _ in range(100):
            passages = [random.choices("abcdefgwxyz", k=random.randint(20, 40)) for _ in range(3)]
            answers = [random.choices("abcdefg", k=random.randint(3, 12)) for _ in range(2)]
            assert best_f1_span(passages, answers) == slow_best_span(passages, answers)


def test_a_slightly_better_span_of_a_later_passage() -> None:
    answer = [str(number) for number in range(100)]
    passages = [[*answer[:49], *"xxxx", *answer[49:98]], answer[:95]]
    found = best_f1_span(passages, [answer])
    assert found == (1, 0, 94, pytest.approx(190 / 195), 0)  # against 196 / 202: 98 words among 102


@given(WORDS, WORDS)
def test_overlap_and_f1_are_those_of_counters(words: list[str], answer: list[str]) -> None:
    assert overlap(words, Counter(answer)) == sum((Counter(words) & Counter(answer)).values())
    assert token_f1(words, Counter(answer)) == slow_f1(words, answer)


def records(folder: Path, file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.open(folder / "dureader" / file).read().split(b"\n") if line]


@pytest.mark.parametrize(
    ("file", "spans"),
    [("search.train.json.gz", 95), ("search.dev.json.gz", 99), ("zhidao.dev50.json.gz", 47)],  # README of the data
)
def test_spans_and_scores_are_those_that_the_files_ship(shared_data: Path, file: str, spans: int) -> None:
    found = 0
    for record in records(shared_data, file):
        selected = [number for number, document in enumerate(record["documents"]) if document["is_selected"]]
        documents = [record["documents"][number] for number in selected]
        paragraphs = [document["segmented_paragraphs"][document["most_related_para"]] for document in documents]
        match = best_f1_span([words[:1000] for words in paragraphs], record["segmented_answers"])
        if match is None:
            assert record["answer_spans"] == []
            continue
        found += 1
        assert [selected[match.passage]] == record["answer_docs"]
        assert [[match.start, match.end]] == record["answer_spans"]
        assert [match.f1] == record["match_scores"]
        assert ["".join(paragraphs[match.passage][match.start : match.end + 1])] == record["fake_answers"]
    assert found == spans
