"""What is settled before anything is written: the split, the parts, how records are read, and which ids repeat."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ham_mrc.data_prep.chunks import Chunk, chunks
from ham_mrc.data_prep.encode import Portion
from ham_mrc.data_prep.part_encoder import Encoding
from ham_mrc.data_prep.pool import Pool
from ham_mrc.data_prep.probable import guessing
from ham_mrc.data_prep.request import Request, file_size, find_dataset
from ham_mrc.data_prep.survey import Question, Survey, assign_groups, survey, survey_chunk
from ham_mrc.errors import HamError
from ham_mrc.progress import Progress

PARTS = ("train", "dev", "test", "choice")
"""Every part there may be, in the order in which they are shown."""

SPLIT = "split"
"""The name of the inputs together, beside the parts that have a file of their own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A preparation of which only the writing is left.

    `sources` are the names of the inputs and of official files with their surveys; `version` of the dataset's layout
    is made of all versions that records showed.
    """

    encoding: Encoding
    sources: dict[str, Survey]
    parts: tuple[str, ...]
    version: str

    @property
    def chunks(self) -> int:
        """How many portions there are."""
        return sum(len(found.sizes) for found in self.sources.values())

    def portions(self, request: Request, progress: Progress) -> Iterator[Portion]:
        """Everything there is to encode, in order."""
        with _by_megabyte(progress, "writing", request) as moved:
            for source, found in self.sources.items():
                part = None if source == SPLIT else source
                yield from found.portions(_chunks(request, source, moved), part)


def make_plan(request: Request, folder: Path, pool: Pool, progress: Progress) -> Plan:
    """Look at every id there is, and decide. Temporary files go to `folder`.

    Raises HamError for faulty records and for a split that leaves a part empty.
    """
    question = Question(
        dataset=request.dataset, reading=request.reading(), split_by=request.split_by, seed=request.seed
    )
    sources: dict[str, Survey] = {}
    assignment = None
    with guessing(request.dataset), _by_megabyte(progress, "reading", request) as moved:
        for source in (SPLIT, *request.official):
            split = source == SPLIT
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                tasks = ((chunk, split) for chunk in _chunks(request, source, moved))
                results = pool.map(survey_chunk, tasks, shared=question)
                found, groups = survey(results, Path(scratch), limit=request.limit if split else None)
                sources[source] = found
                _refuse_empty(request, source, found)
                if split:
                    total = found.total - len(found.duplicates)
                    assignment = assign_groups(
                        groups, total, request.shares(), choice=not request.has_test, unit=request.split_by
                    )
    versions = set().union(*(found.versions for found in sources.values()))
    assert assignment is not None
    reading = question.reading
    if reading.null_position is None:
        reading = replace(reading, null_position="2.0" in versions)
    encoding = Encoding(
        dataset=request.dataset,
        reading=reading,
        training=request.training_limits,
        evaluation=request.evaluation_limits,
        lowercase=request.lowercase,
        split_by=request.split_by,
        seed=request.seed,
        assignment=assignment,
        strict=request.strict,
    )
    names = {"train", *assignment.parts, *request.official}
    return Plan(encoding, sources, tuple(part for part in PARTS if part in names), _version(versions, request))


def _refuse_empty(request: Request, source: str, found: Survey) -> None:
    """Raise HamError for a file without a question, unless a limit ended the survey before it."""
    if source == SPLIT and found.total == request.limit:
        return
    for file in _files(request, source):
        if not found.files.get(str(file)):
            raise HamError("holds no questions", file=file)


def _version(versions: set[str], request: Request) -> str:
    """The one version that all records show. SQuAD 2.0 also holds questions of 1.1; other mixtures are a mistake."""
    if versions == {"1.1", "2.0"}:
        return "2.0"
    if len(versions) > 1:
        raise HamError(
            f"the files are of several versions of {request.dataset}: {', '.join(sorted(versions))}",
            remedy="prepare each by itself",
        )
    return versions.pop() if versions else ""


def _chunks(request: Request, source: str, moved: Callable[[int], None]) -> Iterator[Chunk]:
    for file in _files(request, source):
        yield from chunks(find_dataset(request.dataset), file, moved)


def _files(request: Request, source: str) -> tuple[str | Path, ...]:
    return request.inputs if source == SPLIT else (request.official[source],)


@contextmanager
def _by_megabyte(progress: Progress, title: str, request: Request) -> Iterator[Callable[[int], None]]:
    """A bar over all bytes on disk, and the function that is told of those that were read."""
    size = sum(file_size(file) for file in request.files)
    read = shown = 0
    with progress(title, total=max(1, round(size / 1e6)), unit="MB") as bar:

        def moved(count: int) -> None:
            nonlocal read, shown
            read += count
            if (whole := int(read / 1e6)) > shown:
                bar.advance(whole - shown)
                shown = whole

        yield moved
