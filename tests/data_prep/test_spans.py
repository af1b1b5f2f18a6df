"""Answers to token spans: by hand on tricky text, by law on any text, by the published share on real text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ham_mrc.data_prep.spans import EXPLANATIONS, Label, Reason, describe, find_span, label_by_offset
from ham_mrc.data_prep.squad import read_squad
from ham_mrc.records import Answer, Example
from ham_mrc.text import tokenize

TRICKY = {example.id: example for example in read_squad(Path(__file__).parents[1] / "data" / "squad_tricky.json")}


def span_of(example: Example, limit: int | None = None) -> Label | Reason:
    (passage,) = example.passages
    return find_span(example.answers[0], passage, tokenize(passage), limit)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Paris0 is1 the2 capital3 of4 France5 .6 Paris7 lies8 on9 the10 Seine11 ,12 and13 many14 poems15 praise16
        # Paris17 .18
        ("second-paris", Label(0, 7, 7, True)),
        ("third-paris", Label(0, 17, 17, True)),
        ("last-token", Label(0, 18, 18, True)),
        # The0 café1 “2 Le3 Pré4 ”5 served6 cre7 ◌̀8 me9 bru10 ◌̂11 le12 ◌́13 e14 for15 €16 5 17 —18 😀19 delicious20
        # !21 A22 second23 line24 names25 Zoë26 O27 ’28 Brien29 .30
        ("curly", Label(0, 2, 5, True)),
        ("combining", Label(0, 7, 14, True)),
        ("nbsp", Label(0, 10, 17, True)),
        ("after-emoji", Label(0, 20, 20, True)),
        ("after-u2028", Label(0, 26, 29, True)),
        # In0 1990s1 -2 style3 the4 tower5 -6 block7 stood8 .9 Its10 height11 was12 324m13
        ("inside-a-token", Label(0, 1, 1, False)),
        ("last-inside", Label(0, 13, 13, False)),
        ("edge-space", Label(0, 5, 5, False)),
        # The0 Nile1 is2 long3 .4: wrong offsets, but "Nile" stands there once; "long. Very" nowhere
        ("past-the-end", Label(0, 1, 1, repaired=Reason.PAST_THE_END)),
        ("one-off", Label(0, 1, 1, repaired=Reason.TEXT_NOT_AT_OFFSET)),
        ("over-the-end", Reason.TEXT_NOT_AT_OFFSET),
        ("minus-one", Label(0, 1, 1, repaired=Reason.NO_OFFSET)),
        ("white-space", Reason.NO_TOKEN),
        ("empty-answer", Reason.NO_ANSWER),
    ],
)
def test_spans_counted_by_hand(name: str, expected: Label | Reason) -> None:
    assert span_of(TRICKY[name]) == expected


@pytest.mark.parametrize(
    ("passage", "char_start", "expected"),
    [
        ("The Nile", None, Label(0, 1, 1, repaired=Reason.NO_OFFSET)),
        ("The Oder", None, Reason.NO_OFFSET),
        ("The Oder", -1, Reason.NO_OFFSET),
        ("Nile and Nile", None, Reason.AMBIGUOUS),
        ("Nile and Nile", -1, Reason.NO_OFFSET),
        ("Nile and Nile", 1, Reason.TEXT_NOT_AT_OFFSET),
        ("Nile and Nile", 9, Label(0, 2, 2)),
        ("Nile and Nile", 13, Reason.PAST_THE_END),
        ("NileNile", None, Reason.AMBIGUOUS),
    ],
)
def test_answer_that_is_nowhere_once_or_often(passage: str, char_start: int | None, expected: Label | Reason) -> None:
    assert find_span(Answer("Nile", char_start), passage, tokenize(passage)) == expected


def test_label_is_of_the_first_answer_that_can_be_placed() -> None:
    passages = ("The Nile", "and the Oder")
    tokens = [tokenize(passage) for passage in passages]
    answers = (Answer("Rhine", 4), Answer("Oder", 8, passage=1), Answer("Nile", 4))
    example = Example("x", "q", passages, answers)
    assert label_by_offset(example, tokens, [2, 3]) == Label(1, 2, 2, answer=1)
    assert label_by_offset(example, tokens, [2, 2]) == Label(0, 1, 1, answer=2)
    assert label_by_offset(example, tokens, [1, 2]) is Reason.TEXT_NOT_AT_OFFSET
    assert label_by_offset(replace(example, gold=Answer("Nile", 4)), tokens, [2, 3]) == Label(0, 1, 1)
    assert label_by_offset(replace(example, answers=()), tokens, [2, 3]) is Reason.NO_ANSWER


def test_only_tokens_before_the_limit_can_be_pointed_at() -> None:
    assert span_of(TRICKY["third-paris"], 18) == Label(0, 17, 17, True)
    assert span_of(TRICKY["third-paris"], 17) is Reason.BEYOND_THE_CUT
    assert span_of(TRICKY["combining"], 14) is Reason.BEYOND_THE_CUT


ALPHABET = "ab1, .“\u00a0\u0301\u2028😀長江\ud800"


@given(st.text(ALPHABET, max_size=40), st.integers(0, 40), st.integers(0, 40), st.none() | st.integers(1, 40))
def test_span_is_every_token_that_overlaps_the_answer(text: str, one: int, other: int, limit: int | None) -> None:
    start, end = sorted((one, other))
    assume(end <= len(text))
    tokens = tokenize(text)
    found = find_span(Answer(text[start:end], start), text, tokens, limit)
    overlapping = [
        number
        for number, (first, last) in enumerate(zip(tokens.char_starts, tokens.char_ends, strict=True))
        if first < end and last > start
    ]
    if isinstance(found, Label):
        assert list(range(found.start, found.end + 1)) == overlapping
        gold = text[tokens.char_starts[found.start] : tokens.char_ends[found.end]]
        assert text[start:end].strip() in gold
        assert found.exact == (gold == text[start:end])
        assert limit is None or found.end < limit
    elif start == end:
        assert found is Reason.NO_ANSWER
    elif found is Reason.NO_TOKEN:
        assert text[start:end].isspace()
    else:
        assert found is Reason.BEYOND_THE_CUT
        assert limit is not None
        assert overlapping[-1] >= limit


@given(st.text(ALPHABET, max_size=20), st.text(ALPHABET, min_size=1, max_size=8), st.integers(-5, 30))
def test_answer_that_is_not_at_its_offset_is_where_it_stands_once(text: str, answer: str, start: int) -> None:
    tokens = tokenize(text)
    found = find_span(Answer(answer, start), text, tokens)
    fault = Reason.NO_OFFSET if start < 0 else Reason.PAST_THE_END if start >= len(text) else Reason.TEXT_NOT_AT_OFFSET
    places = [place for place in range(len(text)) if text.startswith(answer, place)]
    if start in places or answer.isspace():
        assert found != fault or answer.isspace()
    elif len(places) == 1:
        assert isinstance(found, Label)
        assert found.repaired is fault
        assert found == find_span(Answer(answer, places[0]), text, tokens)._replace(repaired=fault)  # type: ignore[union-attr]
    else:
        assert found is fault


@pytest.mark.parametrize(
    ("file", "dropped", "least"),
    [
        ("squad/shared-dev-v1.1.json.gz", 0, 99.3),  # readers.md: 99.3% of first answers on the whole of dev
        ("squad/shared-train-v1.1.json.gz", 0, 99.3),
        ("squad/extra-train44-v1.1.json.gz", 0, 99.0),
        ("cmrc2018/cmrc2018_dev.json.gz", 0, 99.3),
    ],
)
def test_share_of_real_answers_on_token_borders(shared_data: Path, file: str, dropped: int, least: float) -> None:
    found = [span_of(example) for example in read_squad(shared_data / file)]
    spans = [span for span in found if isinstance(span, Label)]
    assert len(found) - len(spans) == dropped
    assert 100 * sum(span.exact for span in spans) / len(spans) >= least


def test_text_of_every_real_span_contains_its_answer(shared_data: Path) -> None:
    for example in read_squad(shared_data / "squad" / "shared-dev-v1.1.json.gz"):
        (passage,) = example.passages
        tokens = tokenize(passage)
        span = find_span(example.answers[0], passage, tokens)
        assert isinstance(span, Label)
        assert example.answers[0].text.strip() in passage[tokens.char_starts[span.start] : tokens.char_ends[span.end]]


def test_every_reason_is_explained() -> None:
    assert set(EXPLANATIONS) == set(Reason)


@pytest.mark.parametrize(
    ("name", "reason", "text"),
    [
        ("past-the-end", Reason.PAST_THE_END, "answer_start 17 is past the end of its passage (17 characters)"),
        ("one-off", Reason.TEXT_NOT_AT_OFFSET, 'its passage holds "ile " at answer_start 5, not "Nile"'),
        ("over-the-end", Reason.TEXT_NOT_AT_OFFSET, 'its passage holds "long." at answer_start 12, not "long. Very"'),
        ("minus-one", Reason.NO_OFFSET, "its answer has no answer_start, or a negative one"),
    ],
)
def test_description_of_a_fault(name: str, reason: Reason, text: str) -> None:
    assert describe(reason, TRICKY[name]) == text


def test_description_stays_short() -> None:
    example = Example("x", "q", ("a" * 900,), (Answer("b" * 800, 3),))
    assert describe(Reason.TEXT_NOT_AT_OFFSET, example) == (
        f'its passage holds "{"a" * 40}..." at answer_start 3, not "{"b" * 40}..."'
    )
