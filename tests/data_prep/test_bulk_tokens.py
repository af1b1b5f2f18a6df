"""Tokens of many texts at once are those of text.py, one text after the other, whatever characters stand in them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.bulk_tokens import BulkText
from ham_mrc.text import tokenize

# Letters, white space, marks, digits, Han characters on both sides of a block's border, astral ones, half pairs.
PIECES = st.sampled_from(
    [
        *"aZéß_0٣ \n\t\u2028\u3000\x1c.,'",
        "中",
        "\u4dbf",
        "\u4dc0",
        "々",
        "𠀀",
        "😀",
        "\U0001d7d8",
        "\u0301",
        "\ud83d",
        "\ude00",
    ]
)
TEXTS = st.lists(st.one_of(st.text(max_size=20), st.lists(PIECES, max_size=30).map("".join)), max_size=6)


def check(texts: Sequence[str]) -> BulkText:
    """Hold every text against `tokenize`, and the spellings against the words in the order of their first sight."""
    bulk = BulkText(texts)
    everything = []
    for number, text in enumerate(texts):
        expected, found = tokenize(text), bulk.tokens(number)
        assert found.words == expected.words
        assert found.char_starts.tolist() == expected.char_starts
        assert found.char_ends.tolist() == expected.char_ends
        assert len(found) == len(expected.words)
        assert [bulk.spellings[form] for form in found.forms.tolist()] == expected.words
        everything += expected.words
    assert bulk.spellings == list(dict.fromkeys(everything))
    return bulk


@settings(deadline=None)
@given(TEXTS)
@example(["a", "a", "b a"])
@example(["", "", "x", ""])
@example(["\ud83d", "\ude00"])  # halves of one pair, at the end of one text and the beginning of the next
@example(["end", "less"])
@example(["a" * 64 + "b", "a" * 64 + "c", "a" * 64 + "b"])
@example(["a\0", "a", "\0"])
def test_same_tokens_as_one_by_one(texts: list[str]) -> None:
    check(texts)


def test_every_code_point_is_of_the_same_kind() -> None:
    """Each behind a letter: it goes on with it, ends it, or is a token of its own."""
    text = "".join(f"x{chr(code)} " for code in range(0x110000))
    found, expected = BulkText([text]).tokens(0), tokenize(text)
    assert found.char_starts.tolist() == expected.char_starts
    assert found.char_ends.tolist() == expected.char_ends
    assert found.words == expected.words


@pytest.mark.parametrize("texts", [[], [""], ["", ""], [" \n\t\u3000"], ["\n", "\n\n"]])
def test_nothing_to_cut(texts: list[str]) -> None:
    bulk = check(texts)
    assert bulk.spellings == []


def test_spellings_in_the_order_of_first_sight() -> None:
    bulk = BulkText(["Oder und Nil", "", "Nil, Oder: Spree. und"])
    assert bulk.spellings == ["Oder", "und", "Nil", ",", ":", "Spree", "."]
    assert bulk.tokens(0).forms.tolist() == [0, 1, 2]
    assert bulk.tokens(2).forms.tolist() == [2, 3, 0, 4, 5, 6, 1]


def test_offsets_count_from_each_text() -> None:
    bulk = BulkText(["😀 Nil", "  Oder"])
    assert bulk.tokens(0).char_starts.tolist() == [0, 2]
    assert bulk.tokens(1).char_starts.tolist() == [2]
    assert bulk.tokens(1).char_ends.tolist() == [6]
