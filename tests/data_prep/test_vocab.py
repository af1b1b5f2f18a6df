"""The vocabulary: order by counts, what is trained, growth, and files that come back or are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.vocab import PAD, UNK, Interner, Vocabulary, rank_words
from ham_mrc.errors import HamError


def ranked(
    counts: dict[str, tuple[int, int]], min_count: int = 1, vocab_size: int | None = None
) -> tuple[Vocabulary, list[int]]:
    """The ranking of word -> (count in train, count in all parts)."""
    train, total = (np.array(column) for column in zip(*counts.values(), strict=True))
    vocabulary, new_ids = rank_words(
        list(counts), train, total, min_count=min_count, vocab_size=vocab_size, lowercase=True
    )
    return vocabulary, new_ids.tolist()


COUNTS = {"nile": (1, 5), "the": (9, 10), "b": (2, 3), "a": (2, 9), "丙": (0, 4), "rare": (1, 1), "dev": (0, 5)}


@pytest.mark.parametrize(
    ("min_count", "vocab_size", "trained", "rest"),
    [
        (1, None, ["the", "a", "b", "nile", "rare"], ["dev", "丙"]),
        (2, None, ["the", "a", "b"], ["dev", "nile", "丙", "rare"]),
        (1, 2, ["the", "a"], ["dev", "nile", "丙", "b", "rare"]),
        (10, None, [], ["the", "a", "dev", "nile", "丙", "b", "rare"]),
    ],
)
def test_order_of_words(min_count: int, vocab_size: int | None, trained: list[str], rest: list[str]) -> None:
    vocabulary, new_ids = ranked(COUNTS, min_count, vocab_size)
    assert vocabulary.words == ["<pad>", "<unk>", *trained, *rest]
    assert vocabulary.trained == 2 + len(trained)
    assert [vocabulary.words[number] for number in new_ids] == list(COUNTS)


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.tuples(st.integers(0, 3), st.integers(3, 5)), min_size=1)
)
def test_order_of_first_sight_does_not_matter(counts: dict[str, tuple[int, int]]) -> None:
    backwards = dict(reversed(counts.items()))
    assert ranked(counts, 2)[0].words == ranked(backwards, 2)[0].words


def test_no_word_at_all() -> None:
    nothing = np.zeros(0, np.int64)
    vocabulary, new_ids = rank_words([], nothing, nothing, min_count=1, vocab_size=None, lowercase=True)
    assert vocabulary.words == ["<pad>", "<unk>"]
    assert len(new_ids) == 0


def test_words_to_ids() -> None:
    lower = Vocabulary(["<pad>", "<unk>", "nile", "Nile"], trained=3, lowercase=True)
    assert lower.encode(["NILE", "Nile", "amazon", ""]) == [2, 2, UNK, UNK]
    cased = Vocabulary(["<pad>", "<unk>", "nile", "Nile"], trained=3, lowercase=False)
    assert cased.encode(["NILE", "Nile", "nile"]) == [UNK, 3, 2]
    assert lower.words[PAD] == "<pad>"


def test_growth_appends_and_trains_nothing() -> None:
    old = Vocabulary(["<pad>", "<unk>", "nile"], trained=3, lowercase=True)
    new = old.extended(["Nile", "Oder", "RHINE", "oder"])
    assert new.words == ["<pad>", "<unk>", "nile", "oder", "rhine"]
    assert new.trained == 3
    assert new.encode(["Oder"]) == [3]
    assert old.words == ["<pad>", "<unk>", "nile"]


def test_interner_counts_from_where_it_stands() -> None:
    interner = Interner({"<pad>": 0, "<unk>": 1})
    assert [interner[word] for word in ("a", "b", "a", "<unk>")] == [2, 3, 2, 1]


WORDS = ["nile", "東", "\u0301", "\ud83d", "“"]


def test_file_comes_back(tmp_path: Path) -> None:
    old = Vocabulary(["<pad>", "<unk>", *WORDS], trained=4, lowercase=False)
    old.save(tmp_path / "vocab.txt")
    new = Vocabulary.load(tmp_path / "vocab.txt", trained=4, lowercase=False, sha256=old.sha256)
    assert (new.words, new.trained, new.lowercase, new.sha256) == (old.words, 4, False, old.sha256)
    assert (tmp_path / "vocab.txt").read_bytes().split(b"\n")[:3] == [b"<pad>", b"<unk>", b"nile"]


def test_checksum_is_of_words_order_and_trained() -> None:
    words = ["<pad>", "<unk>", "a", "b"]
    base = Vocabulary(words, trained=3, lowercase=True).sha256
    assert base == hashlib.sha256(b"3\n<pad>\n<unk>\na\nb\n").hexdigest()
    assert Vocabulary(words, trained=4, lowercase=True).sha256 != base
    assert Vocabulary(["<pad>", "<unk>", "b", "a"], trained=3, lowercase=True).sha256 != base


@pytest.mark.parametrize(
    ("data", "trained", "text"),
    [
        (b"", 2, "is not a vocabulary of ham-mrc; prepare again"),
        (b"<unk>\n<pad>\n", 2, "is not a vocabulary of ham-mrc; prepare again"),
        (b"<pad>\n<unk>\na\na\n", 2, "is not a vocabulary of ham-mrc; prepare again"),
        (b"<pad>\n<unk>\na\n", 4, "is not a vocabulary of ham-mrc; prepare again"),
        (b"<pad>\n<unk>\n\xff\n", 2, "is not UTF-8 (byte 12); prepare again"),
        (b"<pad>\n<unk>\nb\n", 3, "is not the vocabulary that was written here; prepare again"),
    ],
)
def test_damaged_file(tmp_path: Path, data: bytes, trained: int, text: str) -> None:
    (tmp_path / "vocab.txt").write_bytes(data)
    known = Vocabulary(["<pad>", "<unk>", "a"], trained=3, lowercase=True).sha256
    with pytest.raises(HamError) as caught:
        Vocabulary.load(tmp_path / "vocab.txt", trained=trained, lowercase=True, sha256=known)
    assert str(caught.value) == f"{tmp_path / 'vocab.txt'}: {text}"
