"""Texts of a chunk as numbers: each number stands for the word that the readable tokeniser finds there."""

from __future__ import annotations

import pytest
from chunk_builders import example
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep import coded_texts
from ham_mrc.data_prep.coded_texts import Coded, CodedTexts
from ham_mrc.data_prep.dataset import Segment
from ham_mrc.data_prep.segment import tokens_of
from ham_mrc.records import Example, Words
from ham_mrc.text import TokenSequence, tokenize

TEXT = st.one_of(
    st.text(max_size=15), st.sampled_from(["Der NIL", "der Nil ist lang.", "尼罗河 Nil", "", " ", "ẞ İ ǅ"])
)
QUESTIONS = st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), max_size=6)


def examples(questions: list[tuple[str, list[str]]]) -> list[Example]:
    return [example(str(number), passages, question=text) for number, (text, passages) in enumerate(questions)]


def check(texts: CodedTexts, coded: Coded, expected: TokenSequence, *, lowercase: bool) -> None:
    words = texts.words
    folded = [word.lower() if lowercase else word for word in expected.words]
    assert [words[number] for number in coded.ids.tolist()] == folded
    assert list(coded.words) == list(expected.words)
    assert list(coded.char_starts) == list(expected.char_starts)
    assert list(coded.char_ends) == list(expected.char_ends)
    assert len(coded) == len(folded)


@settings(deadline=None)
@given(QUESTIONS, st.booleans())
def test_characters_rule(questions: list[tuple[str, list[str]]], lowercase: bool) -> None:
    everything = examples(questions)
    texts = CodedTexts("characters", lowercase, everything)
    for one in everything:
        check(texts, texts.question(one), tokenize(one.question), lowercase=lowercase)
        for coded, text in zip(texts.passages(one), one.passages, strict=True):
            check(texts, coded, tokenize(text), lowercase=lowercase)
    seen = [word for one in everything for text in (*one.passages, one.question) for word in tokenize(text).words]
    assert texts.words == list(dict.fromkeys(word.lower() if lowercase else word for word in seen))


@pytest.mark.parametrize("segment", ["given", "rjieba"])
def test_words_of_a_library_are_numbered_as_texts_are_asked_for(segment: Segment) -> None:
    """More texts than are held, and one that is asked for again afterwards."""
    sentences = [f"尼罗河是第{number}条大河" for number in range(3 * coded_texts._HELD)]
    everything = examples([(text, [f"{text}。", sentences[0]]) for text in sentences])
    texts = CodedTexts(segment, True, everything)
    for one in (*everything, everything[0]):
        check(texts, texts.question(one), tokens_of(one.question, None, segment), lowercase=True)
        for coded, text in zip(texts.passages(one), one.passages, strict=True):
            check(texts, coded, tokens_of(text, None, segment), lowercase=True)
    assert len(texts._known) <= coded_texts._HELD
    assert texts.words[:2] == ["尼罗河", "是"]
    assert len(texts.words) == len(set(texts.words))


def test_words_that_the_file_gives() -> None:
    """Equal texts in other words are not taken for each other, whichever comes first."""
    own = Words(("哪 条", "河"), (("尼罗河",), ("尼罗", "河"), ("NIL", "e")))
    one = example("a", ["尼罗河", "尼罗河", "NILe"], question="哪 条河", words=own)
    texts = CodedTexts("given", True, [one])
    assert [list(coded.words) for coded in texts.passages(one)] == [["尼罗河"], ["尼罗", "河"], ["NIL", "e"]]
    assert list(texts.question(one).words) == ["哪", "条", "河"]  # no token holds white space
    assert texts.words == ["尼罗河", "尼罗", "河", "nil", "e", "哪", "条"]
    bare = example("b", ["尼罗河"])
    assert list(texts.passages(bare)[0].words) == ["尼罗河"]
    assert list(texts.passages(one)[1].words) == ["尼罗", "河"]


def test_words_of_the_file_are_passed_over_where_characters_are_wanted() -> None:
    one = example("a", ["尼罗河"], question="哪条河", words=Words(("哪条", "河"), (("尼罗", "河"),)))
    texts = CodedTexts("characters", True, [one])
    assert list(texts.passages(one)[0].words) == ["尼", "罗", "河"]
    assert list(texts.question(one).words) == ["哪", "条", "河"]


def test_words_from_elsewhere_are_numbered_too() -> None:
    texts = CodedTexts("characters", True, [example("a", ["Nile Oder"], question="?")])
    assert texts.code(["<null>", "ODER", "yes"]).tolist() == [3, 1, 4]
    assert texts.words == ["nile", "oder", "?", "<null>", "yes"]
    assert texts.code([]).tolist() == []
