"""The whole preparation: raw files to a folder of columns, vocabulary, references and manifest.

Two passes over the input. The first checks its structure and gathers what a split needs (ids and group keys);
the second writes. Memory holds the vocabulary, the ids, a digest of each passage, and what the dataset's reader
holds of a file, whatever the number of questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.encode import PartEncoder
from ham_mrc.data_prep.manifest import MANIFEST, Manifest, PartCounts
from ham_mrc.data_prep.request import (
    DEFAULT_SPLIT,
    EVALUATION_PASSAGE_TOKENS,
    EVALUATION_QUESTION_TOKENS,
    Limits,
    Request,
)
from ham_mrc.data_prep.shard_writer import renumber, token_counts
from ham_mrc.data_prep.spans import EXPLANATIONS, Reason, describe
from ham_mrc.data_prep.split import group_key, split
from ham_mrc.data_prep.squad import VERSION, ReferenceWriter, shown
from ham_mrc.data_prep.vocab import Interner, Vocabulary, rank_words
from ham_mrc.errors import HamError
from ham_mrc.files import sha256, write_folder
from ham_mrc.progress import Bar, Progress, silent
from ham_mrc.records import Example
from ham_mrc.text import TOKENIZER

PARTS = ("train", "dev", "test", "choice")
"""Every part there may be, in the order in which they are shown."""

_T = TypeVar("_T")
_EVERY = 200  # questions between two movements of the progress bar


def prepare(request: Request, progress: Progress = silent) -> Manifest:
    """Write the prepared folder `request.out`, whole or not at all, and return its manifest.

    Raises HamError for settings that contradict each other, for files that are not the dataset's, for a split
    that leaves a part empty, with `strict` for the first faulty label, and where the folder cannot be written.
    """
    request.check()
    find_reader(request.dataset)
    with write_folder(request.out, finished=MANIFEST, force=request.force) as folder:
        part_of, total = _survey(request, progress)
        names = {"train", *part_of.values(), *_official(request)}
        parts = [part for part in PARTS if part in names]
        interner = Interner()
        with progress("writing", total=total, unit="questions") as bar:
            counts = _write_parts(request, folder, parts, interner, _counted(_routed(request, part_of), bar))
        if not counts["train"].kept:
            raise HamError("no training question is left", remedy=f"dropped: {_listed(counts['train'])}")
        vocabulary = _number_words(request, folder, parts, interner)
        vocabulary.save(folder / "vocab.txt")
        manifest = _manifest(request, vocabulary, counts)
        manifest.save(folder)
    return manifest


def encode_file(
    dataset: str,
    path: str | Path,
    vocabulary: Vocabulary,
    folder: str | Path,
    *,
    max_passage_tokens: int = EVALUATION_PASSAGE_TOKENS,
    max_question_tokens: int = EVALUATION_QUESTION_TOKENS,
    progress: Progress = silent,
) -> tuple[PartCounts, Vocabulary]:
    """Turn one raw file (or "-") into the columns of one part in `folder`, by the rules of evaluation.

    Every question is kept, but for one whose id stands twice. Words that `vocabulary` lacks are appended, in the
    order of their first sight, to the vocabulary that is returned; none of them counts as trained.
    """
    interner = Interner((word, number) for number, word in enumerate(vocabulary.words))
    known = len(interner)
    limits = Limits(max_passage_tokens, max_question_tokens)
    encoder = PartEncoder(Path(folder), interner, limits=limits, lowercase=vocabulary.lowercase, training=False)
    with encoder, progress("reading", unit="questions") as bar:
        for example in _counted(find_reader(dataset)(path), bar):
            encoder.add(example)
    return encoder.counts(), vocabulary.extended(islice(interner, known, None))


def find_reader(dataset: str) -> Callable[[str | Path], Iterator[Example]]:
    """The function that reads the raw files of `dataset`. Raises HamError for an unknown name."""
    if dataset in DATASETS:
        return DATASETS[dataset]
    near = get_close_matches(dataset.lower(), DATASETS, n=1)
    remedy = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(DATASETS)}"
    raise HamError(f'no dataset "{dataset}"', remedy=remedy)


def _counted(items: Iterator[_T], bar: Bar) -> Iterator[_T]:
    number = 0
    for number, item in enumerate(items, 1):
        yield item
        if number % _EVERY == 0:
            bar.advance(_EVERY)
    bar.advance(number % _EVERY)


def _official(request: Request) -> dict[str, str | Path]:
    """part -> the file that becomes it whole."""
    return {part: file for part, file in (("dev", request.dev), ("test", request.test)) if file is not None}


def _examples(request: Request) -> Iterator[tuple[str | Path, Example]]:
    """(file, example) of the inputs together, up to the limit."""
    read = DATASETS[request.dataset]
    return islice(((file, example) for file in request.inputs for example in read(file)), request.limit)


def _survey(request: Request, progress: Progress) -> tuple[dict[str, str], int]:
    """id -> part for the questions of the inputs, and the number of all questions there are."""
    keys: dict[str, str] = {}
    total = 0
    with progress("reading", unit="questions") as bar:
        for file, example in _counted(_examples(request), bar):
            total += 1
            keys.setdefault(example.id, _group_key(request, file, example))
        for file in _official(request).values():
            total += sum(1 for _ in _counted(DATASETS[request.dataset](file), bar))
    choice = not request.has_test
    return split(keys, request.shares(), seed=request.seed, choice=choice, unit=request.split_by), total


def _group_key(request: Request, file: str | Path, example: Example) -> str:
    key = group_key(example, request.split_by)
    if not key:
        place = f"question {shown(example.id)}"
        raise HamError('its article has no "title"', file=file, place=place, remedy="use --split-by passage")
    return key


def _routed(request: Request, part_of: dict[str, str]) -> Iterator[tuple[str | Path, str, Example]]:
    """(file, part, example) of everything there is to read."""
    for file, example in _examples(request):
        if example.id not in part_of:
            raise HamError("changed while it was read", file=file, remedy="prepare again")
        yield file, part_of[example.id], example
    read = DATASETS[request.dataset]
    for part, file in _official(request).items():
        for example in read(file):
            yield file, part, example


def _write_parts(
    request: Request,
    folder: Path,
    parts: Sequence[str],
    interner: Interner,
    routed: Iterator[tuple[str | Path, str, Example]],
) -> dict[str, PartCounts]:
    """Columns (with provisional word ids) and references of all parts, and what was counted of each."""
    with ExitStack() as stack:
        encoders = {part: stack.enter_context(_encoder(request, folder, part, interner)) for part in parts}
        references = {part: stack.enter_context(ReferenceWriter(folder / part / "references.json")) for part in parts}
        for file, part, example in routed:
            kept, reason = encoders[part].add(example)
            if reason and request.strict and reason is not Reason.BEYOND_THE_CUT:
                raise HamError(
                    describe(reason, example),
                    file=file,
                    place=f"question {shown(example.id)}",
                    remedy="mend it, or leave out --strict, which drops it from training and counts it",
                )
            if kept:
                references[part].add(example)
        return {part: encoder.counts(encoders["train"]) for part, encoder in encoders.items()}


def _encoder(request: Request, folder: Path, part: str, interner: Interner) -> PartEncoder:
    training = part == "train"
    limits = request.training_limits if training else request.evaluation_limits
    return PartEncoder(folder / part, interner, limits=limits, lowercase=request.lowercase, training=training)


def _number_words(request: Request, folder: Path, parts: list[str], interner: Interner) -> Vocabulary:
    """Give the words their final ids, by their counts, in the columns of all parts."""
    counts = {part: token_counts(folder / part, len(interner)) for part in parts}
    vocabulary, new_ids = rank_words(
        list(interner),
        counts["train"],
        np.sum(list(counts.values()), axis=0),
        min_count=request.min_count,
        vocab_size=request.vocab_size,
        lowercase=request.lowercase,
    )
    for part in parts:
        renumber(folder / part, new_ids)
    return vocabulary


def _listed(counts: PartCounts) -> str:
    return "; ".join(f"{EXPLANATIONS[Reason(name)]} ({number})" for name, number in counts.dropped.items())


def _manifest(request: Request, vocabulary: Vocabulary, counts: dict[str, PartCounts]) -> Manifest:
    files = [("split", file) for file in request.inputs] + list(_official(request).items())
    rule = "official" if request.dev is not None else request.split or DEFAULT_SPLIT
    return Manifest(
        dataset=request.dataset,
        version=VERSION,
        tokenizer=TOKENIZER,
        lowercase=request.lowercase,
        seed=request.seed,
        split={"rule": rule, "by": request.split_by},
        settings={
            "limit": request.limit,
            "max_passage_tokens": request.max_passage_tokens,
            "max_question_tokens": request.max_question_tokens,
            "evaluation_passage_tokens": request.evaluation_limits.passage,
            "evaluation_question_tokens": request.evaluation_limits.question,
            "vocab_size": request.vocab_size,
            "min_count": request.min_count,
            "strict": request.strict,
        },
        inputs=[
            {"part": part, "file": str(file), "bytes": Path(file).stat().st_size, "sha256": sha256(file)}
            for part, file in files
        ],
        parts=counts,
        vocabulary={"words": len(vocabulary), "trained": vocabulary.trained, "sha256": vocabulary.sha256},
    )
