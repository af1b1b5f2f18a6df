"""Raw files in portions of some megabytes: what one worker is given at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ham_mrc.data_prep.dataset import Dataset, Reading, Record, Source
from ham_mrc.data_prep.json_stream import parse_record
from ham_mrc.errors import HamError
from ham_mrc.records import Example

CHUNK_BYTES = 4 << 20
"""Raw JSON in a chunk: much more than a message between processes costs, little enough for hundreds at a time. The
borders of chunks decide which passages are stored twice, so this is no setting: it would change the output."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one file, which the user knows as `file`."""

    file: str
    records: tuple[Record, ...]

    def examples(self, dataset: Dataset, reading: Reading) -> Iterator[tuple[Record, list[Example]]]:
        """Each record's examples as evaluation reads them."""
        for record in self.records:
            yield record, self.parse(record, dataset, reading, training=False)

    def parse(self, record: Record, dataset: Dataset, reading: Reading, *, training: bool) -> list[Example]:
        """The examples of one record, as training or evaluation reads them. Raises HamError where it is faulty."""
        value = parse_record(record, self.file)
        try:
            return list(dataset.examples(value, Source(self.file, record.place), reading, training))
        except RecursionError as error:
            raise HamError("is nested too deeply", file=self.file, place=record.place) from error


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's search for cycles of objects: there are none in a chunk, and a fifth of the time goes there."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def nothing_moved(size: int) -> None:
    """For those who do not care how far the reading is."""


def chunks(dataset: Dataset, path: str | Path, moved: Callable[[int], None] = nothing_moved) -> Iterator[Chunk]:
    """The whole file in chunks of CHUNK_BYTES or one record, whichever is more. `moved` hears of bytes on disk."""
    held: list[Record] = []
    size = 0
    for record in dataset.cut(path, moved=moved):
        held.append(record)
        size += len(record.data)
        if size >= CHUNK_BYTES:
            yield Chunk(str(path), tuple(held))
            held, size = [], 0
    if held:
        yield Chunk(str(path), tuple(held))
