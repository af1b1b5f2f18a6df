"""A finished run's answers: to a raw file, to a part of a prepared folder, or to a question typed in."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.prepare import encode_example, encode_file
from ham_mrc.data_prep.request import Limits
from ham_mrc.data_prep.segment import tokenizer_name
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.progress import Progress, silent
from ham_mrc.records import Example, Prediction
from ham_mrc.training.batches import Form, passage_lengths
from ham_mrc.training.device import Device, choose_device
from ham_mrc.training.official import Official, official
from ham_mrc.training.predict import predict, texts_of
from ham_mrc.training.run_folder import CONFIG, THRESHOLD, RunFolder, open_run
from ham_mrc.training.run_reader import extend_vectors, load_reader
from ham_mrc.training.threshold import load_threshold, no_answer_probabilities
from ham_mrc.training.trace_file import chosen_rows, write_trace

TYPED_IN = {"query_id": "1", "question_id": "1", "question_type": "", "source": ""}
"""What official files want to repeat of a question, for one that stands in no file."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Predictions of one input, and what has to be said about them.

    `candidates` holds up to k predictions a question, best first, in the order of the input; "no answer", where it is
    among them, is an empty text at token -1. `official` is what the dataset's official program reads, `no_answer` the
    probability of no answer by id, None without a null position. `silent` counts questions that have no answer,
    `without_text` those whose passages have no token: their answer is empty as well. `cut_passages` are longer than the
    run reads. `new_words` are those the run had never seen, of which `with_vectors` have a pretrained vector;
    `no_vectors` says why none could be looked up. `seconds` is the time that prediction took, without reading.
    """

    candidates: list[list[Prediction]]
    official: Official
    no_answer: dict[str, float] | None
    silent: int
    without_text: int
    cut_passages: int
    new_words: int
    with_vectors: int
    no_vectors: HamError | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Tracing:
    """What to trace into the file `path`: the questions of `ids`, or the `first` ones where there are none."""

    path: Path
    ids: tuple[str, ...] = ()
    first: int = 10


class Answerer:
    """A run ready to answer. Raises HamError where the folder is no run, unfinished, or another version's."""

    def __init__(
        self, run: str | Path, *, device: str = "auto", precision: str = "auto", batch_size: int | None = None
    ) -> None:
        self.run: RunFolder = open_run(Path(run))
        self.vocabulary: Vocabulary = self.run.vocabulary()
        self.device: Device = choose_device(device, precision)
        self.batch_size = batch_size or self.run.config.training.eval_batch_size
        self.reader: nn.Module = load_reader(self.run, self.vocabulary).to(self.device.torch)
        reading = self.run.facts["reading"]
        self.form = Form.of(reading, self.run.alphabet(), self.reader.characters)  # type: ignore[arg-type]
        self.threshold = load_threshold(self.run.path / THRESHOLD) if self.form.null else None

    def answer_file(
        self, path: str | Path, *, k: int = 1, progress: Progress = silent, tracing: Tracing | None = None
    ) -> Answered:
        """Answers to every question of a raw file of the run's dataset."""
        limits = self._limits()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            counts, vocabulary = encode_file(
                self.run.facts["dataset"],
                path,
                self.vocabulary,
                folder,
                reading=self._reading(),
                max_passage_tokens=limits.passage,
                max_question_tokens=limits.question,
                progress=progress,
            )
            return self._answer(Columns.open(folder), vocabulary, counts.cut_passages, k, progress, tracing)

    def answer_part(
        self, data: Path, part: str, *, k: int = 1, progress: Progress = silent, tracing: Tracing | None = None
    ) -> Answered:
        """Answers to a part of a prepared folder, which must have been prepared with the run's vocabulary."""
        manifest = Manifest.load(data)
        if manifest.vocabulary["sha256"] != self.run.facts["vocabulary_sha256"]:
            raise HamError(
                "was prepared with another vocabulary than the run's",
                file=data / MANIFEST,
                remedy="give the raw file instead: its words are then read as the run knows them",
            )
        if manifest.dataset != self.run.facts["dataset"] or manifest.reading != self.run.facts["reading"]:
            what = f"was prepared from {manifest.dataset} by other options than the run's data"
            raise HamError(what, file=data / MANIFEST, remedy="give the raw file instead, or prepare as for the run")
        if part not in manifest.parts:
            raise HamError(f"holds no part {part!r}", file=data, remedy=f"it has {', '.join(manifest.parts)}")
        columns = Columns.open(data / part)
        return self._answer(columns, self.vocabulary, manifest.parts[part].cut_passages, k, progress, tracing)

    def answer_one(self, passage: str, question: str, *, k: int = 1) -> Answered:
        """Up to `k` answers to one question on one passage."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            example = Example("1", question, (passage,), facts=TYPED_IN)
            counts, vocabulary = encode_example(
                self.run.facts["dataset"], example, self.vocabulary, folder, self._limits(), self._reading()
            )
            return self._answer(Columns.open(folder), vocabulary, counts.cut_passages, k, silent)

    def _limits(self) -> Limits:
        return Limits(self.run.facts["passage_tokens"], self.run.facts["question_tokens"])

    def _reading(self) -> Reading:
        """How raw texts are read. Raises HamError where another rjieba than the run's would cut them."""
        reading, due = self.run.reading, self.run.facts["tokenizer"]
        here = tokenizer_name(reading.segment)
        if here != due and reading.segment == "rjieba":
            raise HamError(
                f"the run was trained on words of {due}, and here is {here}",
                file=self.run.path / CONFIG,
                remedy=f"pip install {due.replace(' ', '==')}, or prepare and train anew",
            )
        return reading

    def _answer(
        self,
        columns: Columns,
        vocabulary: Vocabulary,
        cut: int,
        k: int,
        progress: Progress,
        tracing: Tracing | None = None,
    ) -> Answered:
        rows = [] if tracing is None else chosen_rows(columns, tracing.ids, tracing.first)
        new = vocabulary.words[len(self.vocabulary) :]
        vectors, fault = extend_vectors(self.reader, self.run, new)
        self.vocabulary = vocabulary  # its further words now have rows of their own
        with progress("predicting", total=len(columns), unit="questions") as bar:
            begun = time.perf_counter()
            found = predict(
                self.reader,
                columns,
                self.form,
                self.device,
                batch_size=self.batch_size,
                max_answer_tokens=self.run.config.training.max_answer_tokens,
                k=k,
                bar=bar,
            )
            seconds = time.perf_counter() - begun
        texts = texts_of(found, self.threshold)
        if tracing is not None:
            with progress("tracing", total=len(rows), unit="questions") as bar:
                write_trace(tracing.path, self.reader, columns, self.form, self.device, rows, texts, bar)
        return Answered(
            candidates=[one.ranked(self.threshold) for one in found],
            official=official(self.run.facts["dataset"], columns, texts),
            no_answer=no_answer_probabilities(columns, found) if self.form.null else None,
            silent=sum(one.silent(self.threshold) for one in found),
            without_text=int((passage_lengths(columns) <= self.form.lead).sum()),
            cut_passages=cut,
            new_words=len(new),
            with_vectors=vectors,
            no_vectors=fault,
            seconds=seconds,
        )
