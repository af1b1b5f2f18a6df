"""Answers to token spans: by hand on tricky text, by law on any text, by the published share on real text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ham_mrc.data_prep.spans import EXPLANATIONS, Reason, Span, describe, find_span
from ham_mrc.data_prep.squad import read_squad
from ham_mrc.records import Answer, Example
from ham_mrc.text import tokenize

TRICKY = {example.id: example for example in read_squad(Path(__file__).parents[1] / "data" / "squad_tricky.json")}


def span_of(example: Example, limit: int | None = None) -> Span | Reason:
    (passage,) = example.passages
    return find_span(example.answers[0], passage, tokenize(passage), limit)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Paris0 is1 the2 capital3 of4 France5 .6 Paris7 lies8 on9 the10 Seine11 ,12 and13 many14 poems15 praise16
        # Paris17 .18
        ("second-paris", Span(7, 7, True)),
        ("third-paris", Span(17, 17, True)),
        ("last-token", Span(18, 18, True)),
        # The0 café1 “2 Le3 Pré4 ”5 served6 cre7 ◌̀8 me9 bru10 ◌̂11 le12 ◌́13 e14 for15 €16 5 17 —18 😀19 delicious20
        # !21 A22 second23 line24 names25 Zoë26 O27 ’28 Brien29 .30
        ("curly", Span(2, 5, True)),
        ("combining", Span(7, 14, True)),
        ("nbsp", Span(10, 17, True)),
        ("after-emoji", Span(20, 20, True)),
        ("after-u2028", Span(26, 29, True)),
        # In0 1990s1 -2 style3 the4 tower5 -6 block7 stood8 .9 Its10 height11 was12 324m13
        ("inside-a-token", Span(1, 1, False)),
        ("last-inside", Span(13, 13, False)),
        ("edge-space", Span(5, 5, False)),
        ("past-the-end", Reason.PAST_THE_END),
        ("one-off", Reason.TEXT_NOT_AT_OFFSET),
        ("over-the-end", Reason.TEXT_NOT_AT_OFFSET),
        ("minus-one", Reason.NO_OFFSET),
        ("white-space", Reason.NO_TOKEN),
        ("empty-answer", Reason.NO_ANSWER),
    ],
)
def test_spans_counted_by_hand(name: str, expected: Span | Reason) -> None:
    assert span_of(TRICKY[name]) == expected


def test_answer_without_an_offset() -> None:
    assert find_span(Answer("Nile"), "The Nile", tokenize("The Nile")) is Reason.NO_OFFSET


def test_only_tokens_before_the_limit_can_be_pointed_at() -> None:
    assert span_of(TRICKY["third-paris"], 18) == Span(17, 17, True)
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
    if isinstance(found, Span):
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
def test_answer_that_is_not_at_its_offset_has_no_span(text: str, answer: str, start: int) -> None:
    found = find_span(Answer(answer, start), text, tokenize(text))
    if start < 0:
        assert found is Reason.NO_OFFSET
    elif start >= len(text):
        assert found is Reason.PAST_THE_END
    else:
        assert (found is Reason.TEXT_NOT_AT_OFFSET) == (not text.startswith(answer, start))


@pytest.mark.parametrize(
    ("file", "dropped", "least"),
    [
        ("squad/shared-dev-v1.1.json.gz", 0, 99.3),  # readers.md: 99.3% of first answers on the whole of dev
        ("squad/shared-train-v1.1.json.gz", 0, 99.3),
        ("squad/extra-train44-v1.1.json.gz", 0, 99.0),
        ("cmrc2018/cmrc2018_dev.json.gz", 3, 99.3),
    ],
)
def test_share_of_real_answers_on_token_borders(shared_data: Path, file: str, dropped: int, least: float) -> None:
    found = [span_of(example) for example in read_squad(shared_data / file)]
    spans = [span for span in found if isinstance(span, Span)]
    assert len(found) - len(spans) == dropped
    assert 100 * sum(span.exact for span in spans) / len(spans) >= least


def test_text_of_every_real_span_contains_its_answer(shared_data: Path) -> None:
    for example in read_squad(shared_data / "squad" / "shared-dev-v1.1.json.gz"):
        (passage,) = example.passages
        tokens = tokenize(passage)
        span = find_span(example.answers[0], passage, tokens)
        assert isinstance(span, Span)
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
