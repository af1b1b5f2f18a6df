"""Triples as columns of integers: (keyword i, lines before line i, line i), four a poem.

N: triples of a part. They are sorted by (length, position, keyword length), so that a batch of neighbours of one such
group needs no padding at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.poem_vocab import PAD, SEP, Characters
from ham_mrc.data_prep.quatrains import LENGTHS
from ham_mrc.errors import HamError
from ham_mrc.files import write_whole

Ints = npt.NDArray[Any]

KEYWORD = 2
"""Characters of a keyword at most."""
LINE = 7
"""Characters of a line at most."""
TEXT = 3 * LINE + 2
"""Symbols before a line at most: three lines with SEP between them."""


class Triples(NamedTuple):
    """The columns of one part. Ids are those of poem_vocab.Characters; unused places hold PAD."""

    keyword: Ints  # (N, 2) int16
    keyword_length: Ints  # (N,) int8: 1 or 2
    text: Ints  # (N, 23) int16: the lines before, SEP between them; nothing for line 1
    text_length: Ints  # (N,) int8
    line: Ints  # (N, 7) int16
    length: Ints  # (N,) int8: 5 or 7
    position: Ints  # (N,) int8: 1 to 4
    poem: Ints  # (N,) int32: row of the poem in its part


_TYPES = ("<i2", "|i1", "<i2", "|i1", "<i2", "|i1", "|i1", "<i4")


def make_triples(lines: Sequence[Sequence[str]], keywords: Sequence[Sequence[str]], characters: Characters) -> Triples:
    """The triples of poems: `lines[i]` the four lines of poem i, `keywords[i]` their keywords."""
    blocks = []
    for length in LENGTHS:
        rows = np.array([row for row, own in enumerate(lines) if len(own[0]) == length], np.int32)
        text = "".join(line for row in rows for line in lines[row])
        ids = np.array(characters.encode(text), np.int16).reshape(-1, 4, length)
        words = [word for row in rows for word in keywords[row]]
        blocks += [_block(ids, _padded(words, characters)[number::4], rows, number + 1) for number in range(4)]
    joined = [np.concatenate(columns) for columns in zip(*blocks, strict=True)]
    triples = Triples(*(column.astype(kind) for column, kind in zip(joined, _TYPES, strict=True)))
    order = np.lexsort((triples.keyword_length, triples.position, triples.length))
    return Triples(*(column[order] for column in triples))


def _padded(words: Sequence[str], characters: Characters) -> Ints:
    """(n, 2): the ids of words of one or two characters; their lengths are the places that are not PAD."""
    return np.array([(*characters.encode(word), PAD)[:KEYWORD] for word in words], np.int16).reshape(-1, KEYWORD)


def _block(lines: Ints, keyword: Ints, rows: Ints, position: int) -> Triples:
    """The triples of one position of poems of one length: `lines` (n, 4, length), `keyword` (n, 2), `rows` (n,)."""
    count, _, length = lines.shape
    # Each line before this one with SEP behind it, but for the last.
    before = np.full((count, position - 1, length + 1), SEP, np.int16)
    before[:, :, :length] = lines[:, : position - 1]
    text = before.reshape(count, (position - 1) * (length + 1))[:, : max(0, (position - 1) * (length + 1) - 1)]
    return Triples(
        keyword,
        (keyword != PAD).sum(1),
        _wide(text, TEXT),
        np.full(count, text.shape[1]),
        _wide(lines[:, position - 1], LINE),
        np.full(count, length),
        np.full(count, position),
        rows,
    )


def _wide(ids: Ints, width: int) -> Ints:
    return np.pad(ids, ((0, 0), (0, width - ids.shape[1])), constant_values=PAD)


def save_triples(folder: Path, triples: Triples) -> None:
    """Write one .npy file a column into `folder`, which is made if need be."""
    for name, column in triples._asdict().items():
        with write_whole(folder / f"{name}.npy") as stream:
            np.save(stream, column, allow_pickle=False)


def load_triples(folder: Path) -> Triples:
    """The columns in a part's folder, memory-mapped. Raises HamError where a file is missing or damaged."""
    triples = Triples(*(_load(folder / f"{name}.npy") for name in Triples._fields))
    for name, column, kind in zip(Triples._fields, triples, _TYPES, strict=True):
        shape = (len(triples.poem), _WIDTHS[name]) if name in _WIDTHS else (len(triples.poem),)
        if column.dtype != np.dtype(kind) or column.shape != shape:
            raise HamError(f"does not hold {kind} items of shape {shape}", file=folder / f"{name}.npy", remedy=_REMEDY)
    return triples


_WIDTHS = {"keyword": KEYWORD, "text": TEXT, "line": LINE}
_REMEDY = "prepare again"


def _load(file: Path) -> Ints:
    try:
        # A plain ndarray view: np.memmap's own indexing costs several times as much.
        column: Ints = np.load(file, mmap_mode="r").view(np.ndarray)
        return column
    except (OSError, ValueError, EOFError) as error:
        raise HamError("is missing or damaged", file=file, remedy=_REMEDY) from error
