"""Examples to flat columns of integers on disk, one question at a time, in flat memory."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.shards import COLUMNS

_HEADER = 128  # bytes, fixed, so that it can be written again once the length is known
_CHUNK = 1 << 20  # items that are counted or renumbered at a time


class _Flat:
    """One .npy column that grows; its header is written last."""

    def __init__(self, path: Path, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.length = 0
        self._stream = open(path, "wb")  # noqa: SIM115
        self._stream.write(bytes(_HEADER))

    def append(self, value: int) -> None:
        self._stream.write(value.to_bytes(self.dtype.itemsize, "little", signed=True))
        self.length += 1

    def extend(self, values: Sequence[int] | bytes) -> None:
        data = values if isinstance(values, bytes) else np.asarray(values, self.dtype).tobytes()
        self._stream.write(data)
        self.length += len(values)

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


class ColumnsWriter:
    """A part's columns, written one question at a time. A context manager; the folder is made if need be."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._closing = contextlib.ExitStack()
        self._columns: dict[str, _Flat] = {}
        for name, dtype in COLUMNS.items():
            column = self._columns[name] = _Flat(folder / f"{name}.npy", dtype)
            self._closing.callback(column.drop)
            if name.endswith("offsets"):
                column.append(0)

    @property
    def passages(self) -> int:
        """The number of passages so far, which is the row of the next one."""
        return self._columns["passage_offsets"].length - 1

    def add_passage(
        self, text: str, tokens: Sequence[int], char_starts: Sequence[int], char_ends: Sequence[int]
    ) -> None:
        """Append one passage. The passages of one question must be appended one after the other."""
        columns = self._columns
        self._text("passage_text", text)
        columns["passage_tokens"].extend(tokens)
        columns["passage_char_starts"].extend(char_starts)
        columns["passage_char_ends"].extend(char_ends)
        columns["passage_offsets"].append(columns["passage_tokens"].length)

    def add_question(
        self,
        name: str,
        text: str,
        tokens: Sequence[int],
        *,
        passage: int,
        passages: int,
        start: int,
        end: int,
        answer_passage: int,
    ) -> None:
        """Append one question whose `passages` passages begin at row `passage`."""
        columns = self._columns
        self._text("ids", name)
        self._text("question_text", text)
        columns["question_tokens"].extend(tokens)
        columns["question_offsets"].append(columns["question_tokens"].length)
        columns["question_passage"].append(passage)
        columns["question_passages"].append(passages)
        columns["start"].append(start)
        columns["end"].append(end)
        columns["answer_passage"].append(answer_passage)

    def _text(self, name: str, text: str) -> None:
        # "surrogatepass": half a surrogate pair may stand in a damaged text, and must come back as it was.
        self._columns[name].extend(text.encode("utf-8", "surrogatepass"))
        self._columns[f"{name}_offsets"].append(self._columns[name].length)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._closing:
            if kind is None:
                for column in self._columns.values():
                    column.close()


def token_counts(folder: Path, size: int) -> npt.NDArray[np.int64]:
    """How often each token id below `size` stands in a written part, each stored passage counted once."""
    counts = np.zeros(size, np.int64)
    for tokens in _token_columns(folder, "r"):
        for first in range(0, len(tokens), _CHUNK):
            counts += np.bincount(tokens[first : first + _CHUNK], minlength=size)
    return counts


def renumber(folder: Path, new_ids: npt.NDArray[np.int32]) -> None:
    """Replace each token id of a written part by `new_ids[id]`, in place."""
    for tokens in _token_columns(folder, "r+"):
        for first in range(0, len(tokens), _CHUNK):
            tokens[first : first + _CHUNK] = new_ids[tokens[first : first + _CHUNK]]
        tokens.flush()


def _token_columns(folder: Path, mode: Any) -> list[Any]:
    return [np.load(folder / f"{name}.npy", mmap_mode=mode) for name in ("passage_tokens", "question_tokens")]
