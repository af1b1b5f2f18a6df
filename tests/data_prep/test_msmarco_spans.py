"""MS MARCO: the gold spans of free answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msmarco_builders import READING, query, read, read_file

from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.msmarco import MSMARCO, NO_ANSWER
from ham_mrc.data_prep.spans import Label, Reason
from ham_mrc.records import Example
from ham_mrc.text import Tokens, tokenize


def tokens_of(example: Example, limit: int = 800) -> tuple[list[Tokens], list[int]]:
    """The tokens of the passages, and how many of each are kept of `limit` in all."""
    tokens, kept = [tokenize(text) for text in example.passages], []
    for part in tokens:
        kept.append(min(len(part.words), limit))
        limit -= kept[-1]
    return tokens, kept


def label(example: Example, reading: Reading = READING, *, limit: int = 800) -> Label | Reason:
    return MSMARCO.label(example, *tokens_of(example, limit), reading)


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> list[Example]:
    return read_file(shared_data / "msmarco" / "v1.1.sample160.jsonl.gz")


def test_every_gold_span_of_the_sample_is_as_near_as_it_says(sample: list[Example]) -> None:
    """Against windows of words and a plain table, not against the search; and every query is accounted for."""
    counts: Counter[str] = Counter()
    for example in sample:
        passages = [lower(part.words[:size]) for part, size in zip(*tokens_of(example), strict=True)]
        answers = [lower(tokenize(answer.text).words) for answer in example.answers]
        found = label(example)
        if isinstance(found, Label):
            span = passages[found.passage][found.start : found.end + 1]
            assert found.match == pytest.approx(rouge_l(span, answers[found.answer]))
            assert found.match >= 0.5
            assert (found.match == 1) == any(stands_in(answer, words) for answer in answers for words in passages)
            counts["exact" if found.match == 1 else "near"] += 1
        else:
            counts[found.value] += 1
            assert found is not Reason.IMPOSSIBLE or example.impossible
            assert found is not Reason.YES_NO or example.answers[0].text in ("Yes", "No", "Yes.", "No.")
            assert found is not Reason.BEYOND_THE_CUT or sum(len(part.words) for part in tokens_of(example)[0]) > 800
    # 4 without an answer as counted in the sample's description, the others as first found: a change must show.
    assert counts == {
        "exact": 95,
        "near": 49,
        "yes_no": 9,
        "impossible": 4,
        "beyond_the_cut": 2,
        "below_min_match": 1,
    }


def lower(words: list[str]) -> list[str]:
    return [word.lower() for word in words]


def stands_in(answer: list[str], words: list[str]) -> bool:
    return any(words[start : start + len(answer)] == answer for start in range(len(words)))


def rouge_l(span: list[str], answer: list[str]) -> float:
    """One candidate against one reference by the definition of MS MARCO's official program."""
    row = [0] * (len(answer) + 1)
    for one in span:
        above = row[:]
        for number, other in enumerate(answer, 1):
            row[number] = above[number - 1] + 1 if one == other else max(above[number], row[number - 1])
    precision, recall = row[-1] / len(span), row[-1] / len(answer)
    return (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision)


@pytest.mark.parametrize(
    ("passages", "answers", "changes", "expected"),
    [
        # Word for word, in any case; the selected passage (number 1) before the others, the first answer before all.
        (["x Nile", "a NILE nile", "nile"], ["nile"], {}, Label(1, 1, 1)),
        (["x Nile", "none", "nile"], ["Nile"], {}, Label(0, 1, 1)),
        (["the Nile", "a b", "Ganges"], ["Ganges", "Nile"], {}, Label(2, 0, 0)),
        (["the Nile", "a b", "x"], ["Ganges", "Nile"], {}, Label(0, 1, 1, answer=1)),
        (["the blue nile river", "x", "y"], ["the nile river"], {}, Label(0, 0, 3, match=61 * 3 / (25 * 4 + 36 * 3))),
        # F1 sees no order; still an answer word for word comes first.
        (["river the nile", "x", "y"], ["the nile river"], {"match": "f1"}, Label(0, 0, 2)),
        (["the nile river", "river the nile", "y"], ["the nile river"], {"match": "f1"}, Label(0, 0, 2)),
        (["river the nile", "x", "y"], ["the nile river"], {}, Label(0, 1, 2, match=61 * 2 / (25 * 2 + 36 * 3))),
        # min_match
        (["the Nile", "x", "y"], ["nile river of all"], {}, Reason.BELOW_MIN_MATCH),
        (["the Nile", "x", "y"], ["nile river of all"], {"match": "f1"}, Reason.BELOW_MIN_MATCH),
        (["km long , the", "x", "y"], ["km of the Ganges"], {}, Label(0, 0, 3, match=122 / (25 * 4 + 36 * 4))),  # 0.5
        (["the Nile", "x", "y"], ["nile river of all"], {"min_match": 0.0}, Label(0, 1, 1, match=61 / (25 + 36 * 4))),
        (["the Nile", "x", "y"], ["nile river of all"], {"min_match": 0.36}, Label(0, 1, 1, match=61 / (25 + 36 * 4))),
        (["the Nile", "x", "y"], ["nile river of all"], {"min_match": 0.3610}, Reason.BELOW_MIN_MATCH),
        (["the Nile", "x", "y"], ["Ganges"], {}, Reason.NO_COMMON_TOKEN),
        (["the Nile", "x", "y"], ["Ganges"], {"match": "f1"}, Reason.NO_COMMON_TOKEN),
        (["the Nile", "x", "y"], ["", " \n"], {}, Reason.NO_ANSWER),
        (["the Nile", "x", "y"], ["", "Nile"], {}, Label(0, 1, 1, answer=1)),
        (["the Nile", "x", "y"], ..., {}, Reason.NO_ANSWER),
        (["the Nile", "x", "y"], [NO_ANSWER], {}, Reason.IMPOSSIBLE),
        # Yes and no
        (["the Nile", "x", "y"], ["Yes."], {}, Reason.YES_NO),
        (["the Nile", "no", "y"], ["No"], {}, Label(1, 0, 0)),
        (["the Nile", "no", "y"], [" No. "], {"yes_no": True}, Reason.YES_NO),
        (["the Nile", "no", "y"], ["No, never"], {"yes_no": True, "min_match": 0.9}, Reason.BELOW_MIN_MATCH),
        (["the Nile", "x", "y"], ["Nile", "yes"], {"yes_no": True}, Label(0, 1, 1)),
    ],
)
def test_the_gold_span(passages: list[str], answers: Any, changes: dict[str, Any], expected: Label | Reason) -> None:
    texts = [{"is_selected": int(number == 1), "passage_text": text} for number, text in enumerate(passages)]
    assert label(read(query(passages=texts, answers=answers)), replace(READING, **changes)) == expected


def test_an_answer_beyond_the_kept_tokens_is_told_from_a_bad_one() -> None:
    example = read(query(answers=["6,650 km"]))
    assert label(example) == Label(1, 2, 5)
    assert label(example, limit=11) == Label(1, 2, 5)  # five tokens of passage 0, six of passage 1
    near = label(example, limit=10)
    assert near == Label(1, 2, 4, match=61 * 3 / (25 * 3 + 36 * 4))  # "6,650" without its "km"
    assert label(example, replace(READING, min_match=0.9), limit=10) is Reason.BEYOND_THE_CUT
    assert label(example, limit=5) is Reason.BEYOND_THE_CUT
    assert label(read(query(answers=["Ganges"])), limit=5) is Reason.NO_COMMON_TOKEN
    assert label(read(query(answers=["km of a Ganges"])), limit=5) is Reason.BELOW_MIN_MATCH


def test_training_on_selected_passages_only() -> None:
    only = replace(READING, selected_only=True)
    example = read(query(), only, training=True)
    assert (example.passages, example.selected) == (("It is 6,650 km long, the Nile.",), (0,))
    assert label(example, only) == Label(0, 2, 5)
    assert len(read(query(), only).passages) == 3
    nobody = query(passages=[{"is_selected": 0, "passage_text": "6,650 km"}] * 2)
    assert len(read(nobody, only, training=True).passages) == 2
    assert label(read(nobody, only, training=True), only) is Reason.NOT_SELECTED
    assert label(read(nobody | {"answers": []}, only, training=True), only) is Reason.IMPOSSIBLE
    assert label(read(nobody), READING) == Label(0, 0, 3)
