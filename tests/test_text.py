"""Tokens and their offsets: every offset slices the untouched text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.text import tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\u00a0\u2028\u3000", []),
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("the 1990s' $3.5-million", ["the", "1990s", "'", "$", "3", ".", "5", "-", "million"]),
        ("``quoted''", ["`", "`", "quoted", "'", "'"]),
        ("“curly” – dash", ["“", "curly", "”", "–", "dash"]),
        ("non\u00a0breaking\u2028line", ["non", "breaking", "line"]),
        ("cafe\u0301", ["cafe", "\u0301"]),
        ("naïve_name", ["naïve_name"]),
        ("😀😀 ok", ["😀", "😀", "ok"]),
        ("长江全长6,397公里。", ["长", "江", "全", "长", "6", ",", "397", "公", "里", "。"]),
        ("Tokyo東京Tower", ["Tokyo", "東", "京", "Tower"]),
        ("ひらがな々〇", ["ひらがな", "々", "〇"]),
        ("\U00020000\U0002a6df\U00030000\U0002f800", ["\U00020000", "\U0002a6df", "\U00030000", "\U0002f800"]),
        ("a\ud83db", ["a", "\ud83d", "b"]),
    ],
)
def test_tokens_of(text: str, words: list[str]) -> None:
    assert tokenize(text).words == words


ANY_TEXT = st.text(st.characters(), max_size=60) | st.text("ab 1長,。“\u00a0\u0301\u2028😀\ud800\n", max_size=60)


@given(ANY_TEXT)
def test_offsets_slice_the_untouched_text_and_leave_only_white_space(text: str) -> None:
    words, starts, ends = tokenize(text)
    assert [text[start:end] for start, end in zip(starts, ends, strict=True)] == words
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    borders = [0, *(place for pair in zip(starts, ends, strict=True) for place in pair), len(text)]
    assert borders == sorted(borders)
    between = "".join(text[end:start] for end, start in zip([0, *ends], [*starts, len(text)], strict=True))
    assert not between or between.isspace()


@given(ANY_TEXT)
def test_no_token_holds_white_space(text: str) -> None:
    assert not any(character.isspace() for word in tokenize(text).words for character in word)


@given(ANY_TEXT, ANY_TEXT)
def test_tokens_of_two_texts_split_by_a_space_are_those_of_each(left: str, right: str) -> None:
    assert tokenize(f"{left} {right}").words == tokenize(left).words + tokenize(right).words
