"""Records of fixed size on disk, given back bucket by bucket in the order of their keys: sorting in flat memory.

Keys are digests, evenly spread, so the first bits of a key name its bucket and each bucket is a small share of the
whole. Ids, groups and passages of a corpus are counted and compared in this way, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BUCKETS = 64
_HELD = 1 << 16  # rows that are held back, some megabytes, so that files are not opened for a few rows
_SHIFT = np.uint64(64 - BUCKETS.bit_length() + 1)

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.void]


def keys_of(digests: Sequence[bytes]) -> Keys:
    """(n, 2): digests of 16 bytes as pairs of numbers in the same order."""
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2)


def digest_of(high: int, low: int) -> bytes:
    """The digest that stands in one row of keys."""
    return high.to_bytes(8, "big") + low.to_bytes(8, "big")


class Ledger:
    """Rows of a key (`high`, `low`) and whole numbers named `columns`, in files `folder/NAME.xx`."""

    def __init__(self, folder: Path, name: str, columns: Sequence[str] = ()) -> None:
        self.dtype = np.dtype([("high", "<u8"), ("low", "<u8"), *((column, "<i8") for column in columns)])
        self._files = [folder / f"{name}.{number:02x}" for number in range(BUCKETS)]
        self._held: list[Rows] = []

    def add(self, keys: Keys, **columns: Any) -> None:
        """Append rows: `keys` (n, 2), each column (n,) or one number for all."""
        if not len(keys):
            return
        rows = np.empty(len(keys), self.dtype)
        rows["high"], rows["low"] = keys[:, 0], keys[:, 1]
        for column, values in columns.items():
            rows[column] = values
        self._held.append(rows)
        if sum(map(len, self._held)) >= _HELD:
            self._write()

    def _write(self) -> None:
        """Write out what is held back."""
        rows = np.concatenate(self._held)
        self._held = []
        bucket = (rows["high"] >> _SHIFT).astype(np.intp)
        order = np.argsort(bucket, kind="stable")
        bounds = np.searchsorted(bucket[order], np.arange(BUCKETS + 1))
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            # Opened each time: some systems let a process have 256 files open, and remove no folder that holds one.
            with open(self._files[number], "ab") as stream:
                stream.write(rows[order[bounds[number] : bounds[number + 1]]].tobytes())

    def buckets(self) -> Iterator[Rows]:
        """All rows, sorted by key; rows of one key stay in the order in which they came, and in one bucket."""
        if self._held:
            self._write()
        for file in self._files:
            if file.exists():
                rows = np.fromfile(file, self.dtype)
                yield rows[np.lexsort((rows["low"], rows["high"]))]


def first_of_each(rows: Rows) -> npt.NDArray[np.bool_]:
    """(n,) of sorted `rows`: True where a key stands for the first time."""
    first = np.ones(len(rows), bool)
    first[1:] = (rows["high"][1:] != rows["high"][:-1]) | (rows["low"][1:] != rows["low"][:-1])
    return first
