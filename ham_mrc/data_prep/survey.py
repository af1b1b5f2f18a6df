"""The first look at a corpus: every id and group, so that the split is decided and repeated ids are known."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.chunks import Chunk, no_collection
from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.encode import Portion, changed, checksum
from ham_mrc.data_prep.fields import shown
from ham_mrc.data_prep.ledger import Keys, Ledger, digest_of, first_of_each, keys_of
from ham_mrc.data_prep.split import Assignment, assign, group_key, group_rank, text_digest
from ham_mrc.errors import HamError
from ham_mrc.records import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the survey asks of each chunk."""

    dataset: str
    reading: Reading
    split_by: str
    seed: int


class Found(NamedTuple):
    """What a chunk of `file` holds: digests of ids and ranks of groups, (n, 2) each, and its records' versions."""

    file: str
    ids: Keys
    ranks: Keys
    checksum: bytes
    versions: frozenset[str]


def survey_chunk(question: Question, task: tuple[Chunk, bool]) -> Found:
    """What a chunk holds; its groups only where the second of `task` says that it is to be split."""
    chunk, grouped = task
    ids: list[str] = []
    ranks: list[bytes] = []
    versions: set[str] = set()
    with no_collection():
        for _, examples in chunk.examples(DATASETS[question.dataset], question.reading):
            ids += [example.id for example in examples]
            ranks += [_rank(question, chunk.file, example) for example in examples] if grouped else []
            versions.update([example.version for example in examples])
    digests = keys_of([text_digest(name) for name in ids])
    return Found(chunk.file, digests, keys_of(ranks), checksum(ids), frozenset(versions))


def _rank(question: Question, file: str, example: Example) -> bytes:
    key = group_key(example, question.split_by)
    if not key:
        place = f"question {shown(example.id)}"
        raise HamError('its article has no "title"', file=file, place=place, remedy="use --split-by passage")
    return group_rank(question.seed, key)


@dataclass(slots=True)
class Survey:
    """What was found in one source: the inputs that are split, or one official file.

    `sizes`, `checksums` and `origins` are of its chunks: how many questions, of which ids, from which file. `files`
    are the questions seen in each file that has any, `duplicates` the numbers, rising, of questions whose id stood
    earlier. `whole` is False where a limit ended the survey.
    """

    sizes: array[int] = field(default_factory=lambda: array("q"))
    checksums: list[bytes] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    duplicates: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    whole: bool = True

    @property
    def total(self) -> int:
        """Questions that count, repeated ids among them."""
        return sum(self.sizes)

    def portions(self, chunks: Iterable[Chunk], part: str | None) -> Iterator[Portion]:
        """The chunks, read a second time, with what is now known of each."""
        first, last, source = 0, "", iter(chunks)
        for size, own, file in zip(self.sizes, self.checksums, self.origins, strict=True):
            chunk = next(source, None)
            if chunk is None or chunk.file != file:
                # Where the file before goes on, it has grown; otherwise the one that is due has shrunk.
                raise changed(last if chunk is not None and chunk.file == last else file)
            last = file
            known = self.duplicates[np.searchsorted(self.duplicates, first) :]
            known = known[: np.searchsorted(known, first + size)]
            yield Portion(chunk, part, size, frozenset((known - first).tolist()), own)
            first += size
        # The file may go on where a limit ended the survey; nothing is read there.
        if self.whole and next(source, None) is not None:
            raise changed(last)


def survey(results: Iterable[Found], folder: Path, *, limit: int | None = None) -> tuple[Survey, Ledger]:
    """What the chunks of one source hold, and the ledger of its groups, in files in `folder`.

    Reads on until `limit` questions were seen. A group's row stands once for each of its questions, those of a
    repeated id left out.
    """
    found = Survey()
    ids = Ledger(folder, "ids", ("number", *_RANK))
    for chunk in results:
        first = found.total
        count = len(chunk.ids) if limit is None else min(len(chunk.ids), limit - first)
        ranks = chunk.ranks[:count] if len(chunk.ranks) else np.zeros((count, 2), np.uint64)
        columns = dict(zip(_RANK, ranks.T.view(np.int64), strict=True))
        ids.add(chunk.ids[:count], number=np.arange(first, first + count), **columns)
        found.sizes.append(count)
        found.origins.append(chunk.file)
        found.files[chunk.file] = found.files.get(chunk.file, 0) + len(chunk.ids)
        found.checksums.append(chunk.checksum)
        found.versions |= chunk.versions
        if limit is not None and found.total >= limit:
            found.whole = False
            break
    groups = Ledger(folder, "groups")
    repeated = [np.zeros(0, np.int64)]
    for rows in ids.buckets():
        first_ones = first_of_each(rows)
        repeated.append(rows["number"][~first_ones])
        firsts = rows[first_ones]
        groups.add(np.stack([firsts[half].view(np.uint64) for half in _RANK], axis=1))
    found.duplicates = np.sort(np.concatenate(repeated))
    return found, groups


_RANK = ("rank_high", "rank_low")


def assign_groups(groups: Ledger, total: int, shares: Mapping[str, float], *, choice: bool, unit: str) -> Assignment:
    """The parts of the groups in a ledger. See split.assign."""
    return assign(lambda: _sizes(groups), total, shares, choice=choice, unit=unit)


def _sizes(groups: Ledger) -> Iterator[tuple[bytes, int]]:
    for rows in groups.buckets():
        begins = np.flatnonzero(first_of_each(rows))
        sizes = np.diff(begins, append=len(rows))
        for row, size in zip(rows[begins].tolist(), sizes.tolist(), strict=True):
            yield digest_of(*row), size
