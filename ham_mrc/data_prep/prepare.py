"""The whole preparation: raw files to a folder of columns, vocabulary, references and manifest.

Two passes over the input. The first looks at ids and groups and settles the split (plan.py); the second encodes chunk
by chunk, on as many processes as are wanted, and one process writes what they give in the order of the input
(assemble.py). Memory holds the vocabulary and some chunks, whatever the number of questions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from ham_mrc.data_prep.assemble import Assembly, number_of_each, part_counts
from ham_mrc.data_prep.characters import CHARACTERS
from ham_mrc.data_prep.chunks import chunks, nothing_moved
from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.encode import Encoded, encode_chunk, encode_examples
from ham_mrc.data_prep.manifest import MANIFEST, Manifest, PartCounts
from ham_mrc.data_prep.part_encoder import Encoding
from ham_mrc.data_prep.plan import Plan, make_plan
from ham_mrc.data_prep.pool import open_pool
from ham_mrc.data_prep.request import (
    DEFAULT_SPLIT,
    EVALUATION_PASSAGE_TOKENS,
    EVALUATION_QUESTION_TOKENS,
    Limits,
    Request,
    file_size,
    find_dataset,
)
from ham_mrc.data_prep.segment import tokenizer_name
from ham_mrc.data_prep.shard_writer import PartWriter
from ham_mrc.data_prep.spans import EXPLANATIONS, Reason
from ham_mrc.data_prep.vocab import Interner, Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.files import sha256, write_folder
from ham_mrc.progress import Progress, silent
from ham_mrc.records import Example


def prepare(request: Request, progress: Progress = silent) -> Manifest:
    """Write the prepared folder `request.out`, whole or not at all, and return its manifest.

    Raises HamError for settings that contradict each other, for files that are not the dataset's, for a split
    that leaves a part empty, with `strict` for the first faulty label, and where the folder cannot be written.
    """
    request.check()
    with (
        write_folder(request.out, finished=MANIFEST, force=request.force) as folder,
        open_pool(request.worker_count, request.executor) as pool,
    ):
        inputs = describe_inputs(request)
        plan = make_plan(request, folder, pool, progress)
        encoded = pool.map(encode_chunk, plan.portions(request, progress), shared=plan.encoding)
        return write_parts(request, folder, plan, inputs, encoded)


def write_parts(
    request: Request, folder: Path, plan: Plan, inputs: list[dict[str, object]], encoded: Iterable[Encoded]
) -> Manifest:
    """Write everything into `folder`, the manifest last."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        references = find_dataset(request.dataset).references
        with Assembly(folder, Path(scratch), plan.parts, references, plan.version) as assembly:
            for portion in encoded:
                assembly.add(portion)
        counts = assembly.counts()
        if not counts["train"].kept:
            raise HamError("no training question is left", remedy=f"dropped: {_listed(counts['train'])}")
        vocabulary = assembly.number_words(
            min_count=request.min_count, vocab_size=request.vocab_size, lowercase=request.lowercase
        )
        alphabet = assembly.alphabet(min_count=request.min_count)
    vocabulary.save(folder / "vocab.txt")
    alphabet.save(folder / CHARACTERS)
    words = {"words": len(vocabulary), "trained": vocabulary.trained, "sha256": vocabulary.sha256}
    words |= {"characters": len(alphabet.text), "characters_sha256": alphabet.sha256}
    manifest = _manifest(request, plan, inputs, words, counts)
    manifest.save(folder)
    return manifest


def encode_file(
    dataset: str,
    path: str | Path,
    vocabulary: Vocabulary,
    folder: str | Path,
    *,
    reading: Reading | None = None,
    max_passage_tokens: int = EVALUATION_PASSAGE_TOKENS,
    max_question_tokens: int = EVALUATION_QUESTION_TOKENS,
    progress: Progress = silent,
) -> tuple[PartCounts, Vocabulary]:
    """Turn one raw file (or "-") into the columns of one part in `folder`, by the rules of evaluation.

    `reading` is that of a prepared folder; None stands for the dataset's own without a null position. Every question is
    kept, but for one whose id stands twice. Words that `vocabulary` lacks are appended, in the order of their first
    sight, to the vocabulary that is returned; none of them counts as trained.
    """
    limits = Limits(max_passage_tokens, max_question_tokens)
    entry = find_dataset(dataset)
    reading = reading or replace(entry.reading, null_position=False)
    with progress("reading", unit="questions") as bar:
        portions = (
            [example for _, examples in chunk.examples(entry, reading) for example in examples]
            for chunk in chunks(entry, path)
        )
        return _encode_part(dataset, portions, vocabulary, Path(folder), reading, limits, bar.advance)


def encode_example(
    dataset: str,
    example: Example,
    vocabulary: Vocabulary,
    folder: str | Path,
    limits: Limits,
    reading: Reading | None = None,
) -> tuple[PartCounts, Vocabulary]:
    """Turn one question into the columns of one part in `folder`. See `encode_file`."""
    reading = reading or replace(find_dataset(dataset).reading, null_position=False)
    return _encode_part(dataset, [[example]], vocabulary, Path(folder), reading, limits)


def _encode_part(
    dataset: str,
    portions: Iterable[Sequence[Example]],
    vocabulary: Vocabulary,
    folder: Path,
    reading: Reading,
    limits: Limits,
    advance: Callable[[int], None] = nothing_moved,
) -> tuple[PartCounts, Vocabulary]:
    encoding = Encoding(
        dataset=dataset,
        reading=reading,
        training=limits,
        evaluation=limits,
        lowercase=vocabulary.lowercase,
    )
    interner = Interner((word, number) for number, word in enumerate(vocabulary.words))
    known, seen = len(interner), set[str]()
    with PartWriter(folder) as writer:
        for examples in portions:
            encoded = encode_examples(encoding, examples, "dev", seen)
            new_ids = number_of_each(interner, encoded.words)
            for piece in encoded.pieces.values():
                writer.add(piece, new_ids)
            advance(len(examples))
    return part_counts(writer.tally), vocabulary.extended(islice(interner, known, None))


def describe_inputs(request: Request) -> list[dict[str, object]]:
    """Every input with the part it is for, its size and checksum, before it is read: a later change is then noticed."""
    files = [("split", file) for file in request.inputs] + list(request.official.items())
    return [{"part": part, "file": str(file), "bytes": file_size(file), "sha256": sha256(file)} for part, file in files]


def _listed(counts: PartCounts) -> str:
    return "; ".join(f"{EXPLANATIONS[Reason(name)]} ({number})" for name, number in counts.dropped.items())


def _manifest(
    request: Request,
    plan: Plan,
    inputs: list[dict[str, object]],
    vocabulary: dict[str, object],
    counts: dict[str, PartCounts],
) -> Manifest:
    rule = "official" if request.dev is not None else request.split or DEFAULT_SPLIT
    reading = plan.encoding.reading
    return Manifest(
        dataset=request.dataset,
        version=plan.version,
        tokenizer=tokenizer_name(reading.segment),
        lowercase=request.lowercase,
        seed=request.seed,
        split={"rule": rule, "by": request.split_by},
        reading=asdict(reading),
        settings={
            "limit": request.limit,
            "max_passage_tokens": plan.encoding.training.passage,
            "max_question_tokens": plan.encoding.training.question,
            "evaluation_passage_tokens": plan.encoding.evaluation.passage,
            "evaluation_question_tokens": plan.encoding.evaluation.question,
            "vocab_size": request.vocab_size,
            "min_count": request.min_count,
            "strict": request.strict,
        },
        inputs=inputs,
        parts=counts,
        vocabulary=vocabulary,
    )
