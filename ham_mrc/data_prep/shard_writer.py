"""Pieces to flat columns of integers on disk, one after the other, in flat memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.dataset import ReferenceFormat
from ham_mrc.data_prep.piece import Piece, Tally
from ham_mrc.data_prep.shards import COLUMNS

_HEADER = 128  # bytes, fixed, so that it can be written again once the length is known
_CHUNK = 1 << 20  # items that are counted or renumbered at a time


class _Flat:
    """One .npy column that grows; its header is written last."""

    def __init__(self, path: Path, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.length = 0
        self.last = 0  # the last item, which tells offsets where to go on
        self._stream = open(path, "wb")  # noqa: SIM115
        self._stream.write(bytes(_HEADER))

    def extend(self, values: npt.NDArray[Any]) -> None:
        if len(values):
            self._stream.write(np.ascontiguousarray(values, self.dtype).data)
            self.length += len(values)
            self.last = int(values[-1])

    def close(self) -> None:
        self._stream.seek(0)
        self._stream.write(_header(self.dtype, self.length))
        self._stream.close()

    def drop(self) -> None:
        """Close without caring for the content; on a full disk even that may fail, and is of no interest."""
        with contextlib.suppress(OSError):
            self._stream.close()


def _header(dtype: np.dtype[Any], length: int) -> bytes:
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': ({length},), }}"
    size = _HEADER - 10
    return b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little") + text.ljust(size - 1).encode() + b"\n"


class PartWriter:
    """A part's columns and references, written one piece at a time. A context manager; the folder is made if need be.

    `references` is None for a part that nobody will score.
    What a fault leaves behind lies in a folder that nobody takes for finished.
    """

    def __init__(self, folder: Path, references: ReferenceFormat | None = None, version: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.tally = Tally()
        self._format = references
        self._closing = contextlib.ExitStack()
        self._columns: dict[str, _Flat] = {}
        for name, dtype in COLUMNS.items():
            column = self._columns[name] = _Flat(folder / f"{name}.npy", dtype)
            self._closing.callback(column.drop)
            if name.endswith("offsets"):
                column.extend(np.zeros(1))
        self._fragments = 0
        if references is not None:
            self._references = self._closing.enter_context((folder / references.name).open("wb"))
            self._references.write(references.head(version))

    @property
    def questions(self) -> int:
        """The number of questions so far."""
        return self._columns["question_passage"].length

    @property
    def passages(self) -> int:
        """The number of passages so far, which is the row of the next one."""
        return self._columns["passage_offsets"].length - 1

    def add(self, piece: Piece, new_ids: npt.NDArray[np.int32]) -> None:
        """Append a piece whose word `n` has the id `new_ids[n]` here."""
        passages, columns = self.passages, piece.columns
        for name, values in columns.items():
            if name.endswith("offsets"):
                values = self._columns[name].last + np.cumsum(values)
            elif name == "question_passage":
                values = values + passages
            elif name.endswith("tokens"):
                values = new_ids[values]
            self._columns[name].extend(values)
        if self._format is not None and piece.references:
            self._references.write((self._format.separator if self._fragments else b"") + piece.references)
            self._fragments += 1
        self.tally.add(piece.tally)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._closing:
            if kind is None:
                if self._format is not None:
                    self._references.write(self._format.tail)
                for column in self._columns.values():
                    column.close()


def token_counts(folder: Path, size: int) -> npt.NDArray[np.int64]:
    """How often each token id below `size` stands in a written part, each stored passage counted once."""
    counts = np.zeros(size, np.int64)
    for name in _TOKENS:
        with open(folder / f"{name}.npy", "rb") as stream:
            for tokens in _blocks(stream):
                counts += np.bincount(tokens, minlength=size)
    return counts


def renumber(folder: Path, new_ids: npt.NDArray[np.int32]) -> None:
    """Replace each token id of a written part by `new_ids[id]`, in place."""
    for name in _TOKENS:
        with open(folder / f"{name}.npy", "r+b") as stream:
            for tokens in _blocks(stream):
                stream.seek(-tokens.nbytes, os.SEEK_CUR)
                stream.write(new_ids[tokens].tobytes())


_TOKENS = ("passage_tokens", "question_tokens")


def _blocks(stream: BinaryIO) -> Iterator[npt.NDArray[np.int32]]:
    """A token column in blocks. Read and not mapped: mapped pages would count as memory of the process."""
    stream.seek(_HEADER)
    while data := stream.read(_CHUNK * 4):
        yield np.frombuffer(data, "<i4")
