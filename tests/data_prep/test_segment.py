"""Words and their places: by hand, by law on any text, and what happens where rjieba is not installed."""

from __future__ import annotations

import importlib.metadata
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.dataset import Segment
from ham_mrc.data_prep.segment import tokenizer_name, tokens_of, words_of
from ham_mrc.errors import MissingExtra
from ham_mrc.text import TOKENIZER, Tokens


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["长江", "大桥", "3.5", "米"], Tokens(["长江", "大桥", "3.5", "米"], [0, 2, 4, 7], [2, 4, 7, 8])),
        (["长江", "\u3000", "桥"], Tokens(["长江", "桥"], [0, 3], [2, 4])),
        (["", "桥", "", "", "梁", ""], Tokens(["桥", "梁"], [0, 1], [1, 2])),
        # A line end in a word would end a line of the vocabulary.
        (["New York", "\n桥\n"], Tokens(["New", "York", "桥"], [0, 4, 9], [3, 8, 10])),
        (["😀", "\ud83d"], Tokens(["😀", "\ud83d"], [0, 1], [1, 2])),
        ([" "], Tokens([], [], [])),
        ([""], Tokens([], [], [])),
        ([], Tokens([], [], [])),
    ],
)
def test_given_words_by_hand(words: list[str], expected: Tokens) -> None:
    assert tokens_of("".join(words), words, "given") == expected


@pytest.mark.parametrize("segment", ["given", "rjieba"])
def test_words_of_rjieba_by_hand(segment: Segment) -> None:
    """rjieba 0.2 cuts the sentence that jieba's own README cuts so."""
    assert tokens_of("我来到 北京清华大学\n", None, segment) == Tokens(
        ["我", "来到", "北京", "清华大学"], [0, 1, 4, 6], [1, 3, 6, 10]
    )


def test_half_a_surrogate_pair_stays_in_its_place() -> None:
    assert tokens_of("北京\ud83d大学", None, "rjieba") == Tokens(["北京", "\ud83d", "大学"], [0, 2, 3], [2, 3, 5])


def test_own_words_count_only_where_they_are_wanted() -> None:
    assert tokens_of("北京大学", ["北", "京大学"], "given").words == ["北", "京大学"]
    assert tokens_of("北京大学", ["北", "京大学"], "rjieba").words == ["北京大学"]
    assert tokens_of("北京大学", ["北", "京大学"], "characters").words == ["北", "京", "大", "学"]


PIECES = st.text("ab1., 京大学\n\u3000\u2028\x1c\x85😀\ud800", max_size=6)


def check_places(text: str, tokens: Tokens) -> None:
    places = list(zip(tokens.char_starts, tokens.char_ends, strict=True))
    assert [text[start:end] for start, end in places] == tokens.words
    assert all(word and not any(map(str.isspace, word)) for word in tokens.words)
    covered = [place for start, end in places for place in range(start, end)]
    assert covered == [place for place, character in enumerate(text) if not character.isspace()]


@given(st.lists(PIECES, max_size=6))
def test_tokens_cover_every_visible_character_once_and_nothing_else(words: list[str]) -> None:
    text = "".join(words)
    check_places(text, tokens_of(text, words, "given"))
    check_places(text, tokens_of(text, None, "rjieba"))
    check_places(text, tokens_of(text, None, "characters"))
    assert words_of(text, "given") == words_of(text, "rjieba") == tokens_of(text, None, "rjieba").words
    assert words_of(text, "characters") == tokens_of(text, None, "characters").words


def test_names_say_rule_and_version() -> None:
    version = importlib.metadata.version("rjieba")
    assert tokenizer_name("characters") == TOKENIZER == "words-v1"
    assert tokenizer_name("rjieba") == f"rjieba {version}"
    assert tokenizer_name("given") == f"given, else rjieba {version}"


def test_without_rjieba_only_those_who_need_it_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)  # what `import` meets where a package is absent
    assert tokens_of("北京", ["北京"], "given").words == ["北京"]
    with pytest.raises(MissingExtra) as caught:
        tokens_of("北京", None, "given")
    assert str(caught.value) == (
        "cutting Chinese text into words needs the package rjieba, which is not installed; "
        "run: pip install 'ham-mrc[zh]'"
    )
