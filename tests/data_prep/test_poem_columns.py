"""Triples: one poem by hand, every poem back from its columns, the order, and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.poem_columns import Triples, load_triples, make_triples, save_triples
from ham_mrc.data_prep.poem_vocab import PAD, SEP, SPECIALS, UNK, Characters
from ham_mrc.errors import HamError

KNOWN = "春风明月青山流水来去"
CHARACTERS = Characters((*SPECIALS, *KNOWN))
POEM = ("春风明月来", "青山流水去", "明月来青山", "流水去天涯")
KEYWORDS = ("春风", "去", "明月", "天涯")


def test_by_hand() -> None:
    triples = make_triples([POEM], [KEYWORDS], CHARACTERS)
    ids = {character: number for number, character in enumerate(KNOWN, 6)}
    one, two, three = ([ids[character] for character in line] for line in POEM[:3])
    assert triples.keyword.tolist() == [[6, 7], [15, PAD], [8, 9], [UNK, UNK]]
    assert triples.keyword_length.tolist() == [2, 1, 2, 2]
    texts = [[], one, [*one, SEP, *two], [*one, SEP, *two, SEP, *three]]
    assert triples.text.tolist() == [text + [PAD] * (23 - len(text)) for text in texts]
    assert triples.text_length.tolist() == [0, 5, 11, 17]
    assert triples.line[3].tolist() == [ids["流"], ids["水"], ids["去"], UNK, UNK, PAD, PAD]
    assert triples.length.tolist() == [5] * 4
    assert triples.position.tolist() == [1, 2, 3, 4]
    assert triples.poem.tolist() == [0] * 4


@st.composite
def poems(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    lines, keywords = [], []
    for length in draw(st.lists(st.sampled_from([5, 7]), max_size=6)):
        lines.append([draw(st.text(KNOWN, min_size=length, max_size=length)) for _ in range(4)])
        keywords.append([draw(st.text(KNOWN, min_size=1, max_size=2)) for _ in range(4)])
    return lines, keywords


@settings(max_examples=60, deadline=None)
@given(poems())
def test_every_poem_comes_back(given_poems: tuple[list[list[str]], list[list[str]]]) -> None:
    lines, keywords = given_poems
    triples = make_triples(lines, keywords, CHARACTERS)
    assert len(triples.poem) == 4 * len(lines)
    seen = set()
    for row in range(len(triples.poem)):
        poem, position = int(triples.poem[row]), int(triples.position[row])
        seen.add((poem, position))
        assert CHARACTERS.decode(triples.keyword[row, : triples.keyword_length[row]]) == keywords[poem][position - 1]
        assert CHARACTERS.decode(triples.line[row, : triples.length[row]]) == lines[poem][position - 1]
        text = CHARACTERS.decode(triples.text[row, : triples.text_length[row]])
        assert text == "<sep>".join(lines[poem][: position - 1])
    assert len(seen) == 4 * len(lines)
    order = list(zip(*(column.tolist() for column in order_columns(triples)), strict=True))
    assert order == sorted(order)


def order_columns(triples: Triples) -> tuple[np.ndarray, ...]:
    return triples.length, triples.position, triples.keyword_length, triples.poem


def test_saved_and_mapped(tmp_path: Path) -> None:
    triples = make_triples([POEM, ["春风明月来去山"] * 4], [KEYWORDS, ["山"] * 4], CHARACTERS)
    save_triples(tmp_path / "train", triples)
    again = load_triples(tmp_path / "train")
    for name, one, other in zip(Triples._fields, triples, again, strict=True):
        assert np.array_equal(one, other), name
        assert one.dtype == other.dtype
        assert isinstance(other.base, np.memmap)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    save_triples(tmp_path, make_triples([POEM], [KEYWORDS], CHARACTERS))
    np.save(tmp_path / "line.npy", np.zeros((4, 5), np.int16))
    with pytest.raises(HamError, match=r"line.npy: does not hold <i2 items of shape \(4, 7\); prepare again"):
        load_triples(tmp_path)
    (tmp_path / "text.npy").unlink()
    with pytest.raises(HamError, match=r"text.npy: is missing or damaged; prepare again"):
        load_triples(tmp_path)
