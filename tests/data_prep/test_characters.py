"""The alphabet: counted as collections.Counter counts, ids as a loop over characters gives them, kept on disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.characters import CODE_POINTS, FIRST, PAD, UNKNOWN, Alphabet, character_counts, rank_characters
from ham_mrc.errors import HamError
from ham_mrc.text import tokenize

TEXTS = st.lists(st.one_of(st.text(max_size=30), st.text("aab é中😀\ud83d\u3000", max_size=30)), max_size=4)


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def ranked(text: str, min_count: int = 1) -> Alphabet:
    codes, found = character_counts(utf8(text))
    counts = np.zeros(CODE_POINTS, np.int64)
    counts[codes] = found
    return rank_characters(counts, min_count=min_count)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 3))
def test_counts_and_ranks(texts: list[str], min_count: int) -> None:
    codes, found = character_counts(*map(utf8, texts))
    expected = Counter("".join(texts))
    assert dict(zip(map(chr, codes.tolist()), found.tolist(), strict=True)) == expected
    assert codes.tolist() == sorted(codes.tolist())
    counts = np.zeros(CODE_POINTS, np.int64)
    counts[codes] = found
    often = [character for character in expected if expected[character] >= min_count and not character.isspace()]
    often.sort(key=lambda character: (-expected[character], ord(character)))
    assert rank_characters(counts, min_count=min_count).text == "".join(often)


def slow_ids(alphabet: Alphabet, words: list[str], width: int) -> list[list[int]]:
    known = {character: FIRST + number for number, character in enumerate(alphabet.text)}
    rows = [[known.get(character, UNKNOWN) for character in word[:width]] for word in words]
    return [row + [PAD] * (width - len(row)) for row in rows]


@settings(deadline=None)
@given(TEXTS.map(" ".join), st.text(max_size=8).map(lambda text: "".join(dict.fromkeys(text))), st.integers(1, 9))
def test_ids_of_tokens(text: str, letters: str, width: int) -> None:
    tokens = tokenize(text)
    for alphabet in (Alphabet(letters), ranked(text), ranked(text, 2)):
        ids = alphabet.ids(text, np.array(tokens.char_starts, np.int32), np.array(tokens.char_ends, np.int32), width)
        assert ids.dtype == np.int32
        assert ids.shape == (len(tokens.words), width)
        assert ids.tolist() == slow_ids(alphabet, tokens.words, width)


def test_ids_by_hand() -> None:
    """Case is kept; what the alphabet lacks is 1; a token is cut at the width, and 0 fills it up."""
    alphabet = Alphabet("ebB")
    starts, ends = np.array([0, 3, 9, 9]), np.array([2, 8, 9, 10])
    ids = alphabet.ids("Be bebeB x", starts, ends, 4)
    assert ids.tolist() == [[4, 2, 0, 0], [3, 2, 3, 2], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert len(alphabet) == 5


def test_ids_of_an_empty_text() -> None:
    nothing = np.zeros(0, np.int32)
    for alphabet in (Alphabet(""), Alphabet("ab")):
        assert alphabet.ids("", nothing, nothing, 3).shape == (0, 3)
    # The token of a null position covers no character of its text.
    assert Alphabet("ab").ids("", np.zeros(1, np.int32), np.zeros(1, np.int32), 2).tolist() == [[0, 0]]
    assert Alphabet("").ids("ab", np.zeros(1, np.int32), np.ones(1, np.int32), 2).tolist() == [[1, 0]]


@settings(deadline=None)
@given(TEXTS.map("".join))
def test_saved_and_loaded(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "alphabet.txt"
    alphabet = ranked(text)
    alphabet.save(path)
    loaded = Alphabet.load(path, sha256=alphabet.sha256)
    assert (loaded.text, loaded.sha256) == (alphabet.text, alphabet.sha256)
    assert path.read_bytes().count(b"\n") == len(alphabet) - FIRST


def test_order_is_part_of_the_checksum() -> None:
    """sha256sum of "ab" and of "ba"."""
    assert Alphabet("ab").sha256 == "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"
    assert Alphabet("ba").sha256 == "970f519c2cadbcefb1e81694f904bc6229dd2a8300e98c6d0d4fc4bfca584140"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\nb\n", "is not the alphabet that was written here"),
        (b"a\nc\nb\nd\n", "is not the alphabet that was written here"),
        (b"a\nb\nc", "is not the alphabet that was written here"),
        (b"ab\nc\n", "is not the alphabet that was written here"),
        (b"", "is not the alphabet that was written here"),
        (b"a\nb\n\xff\n", "is not UTF-8 (byte 4)"),
    ],
)
def test_damaged_file(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "characters.txt"
    path.write_bytes(data)
    with pytest.raises(HamError) as caught:
        Alphabet.load(path, sha256=Alphabet("abc").sha256)
    assert str(caught.value) == f"{path}: {text}; prepare again"


def test_lines_of_more_than_a_character_are_refused_without_a_checksum(tmp_path: Path) -> None:
    (tmp_path / "characters.txt").write_bytes(b"ab\nc\n")
    with pytest.raises(HamError, match="is not the alphabet"):
        Alphabet.load(tmp_path / "characters.txt")
