"""A finished run's answers: to a raw file, to a part of a prepared folder, or to a question typed in."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.prepare import encode_example, encode_file
from ham_mrc.data_prep.request import Limits
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.progress import Progress, silent
from ham_mrc.records import Example, Prediction
from ham_mrc.training.batches import passage_lengths
from ham_mrc.training.device import Device, choose_device
from ham_mrc.training.predict import predict_best
from ham_mrc.training.run_folder import RunFolder, open_run
from ham_mrc.training.run_reader import extend_vectors, load_reader


@dataclass(frozen=True, slots=True)
class Answered:
    """Predictions of one input, and what has to be said about them.

    `candidates` holds up to k predictions a question, best first, in the order of the input. `without_text` counts
    questions whose passage has no token: their answer is empty. `cut_passages` are longer than the run reads.
    `new_words` are those the run had never seen, of which `with_vectors` have a pretrained vector; `no_vectors` says
    why none could be looked up. `seconds` is the time that prediction took, without reading.
    """

    candidates: list[list[Prediction]]
    without_text: int
    cut_passages: int
    new_words: int
    with_vectors: int
    no_vectors: HamError | None
    seconds: float

    @property
    def predictions(self) -> dict[str, str]:
        """The best answers, as the official SQuAD form has them."""
        return {found[0].id: found[0].text for found in self.candidates}


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

    def answer_file(self, path: str | Path, *, k: int = 1, progress: Progress = silent) -> Answered:
        """Answers to every question of a raw file of the run's dataset."""
        limits = self._limits()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            counts, vocabulary = encode_file(
                self.run.facts["dataset"],
                path,
                self.vocabulary,
                folder,
                max_passage_tokens=limits.passage,
                max_question_tokens=limits.question,
                progress=progress,
            )
            return self._answer(Columns.open(folder), vocabulary, counts.cut_passages, k, progress)

    def answer_part(self, data: Path, part: str, *, k: int = 1, progress: Progress = silent) -> Answered:
        """Answers to a part of a prepared folder, which must have been prepared with the run's vocabulary."""
        manifest = Manifest.load(data)
        if manifest.vocabulary["sha256"] != self.run.facts["vocabulary_sha256"]:
            raise HamError(
                "was prepared with another vocabulary than the run's",
                file=data / MANIFEST,
                remedy="give the raw file instead: its words are then read as the run knows them",
            )
        if part not in manifest.parts:
            raise HamError(f"holds no part {part!r}", file=data, remedy=f"it has {', '.join(manifest.parts)}")
        columns = Columns.open(data / part)
        return self._answer(columns, self.vocabulary, manifest.parts[part].cut_passages, k, progress)

    def answer_one(self, passage: str, question: str, *, k: int = 1) -> Answered:
        """Up to `k` answers to one question on one passage."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            example = Example("1", question, (passage,))
            counts, vocabulary = encode_example(
                self.run.facts["dataset"], example, self.vocabulary, folder, self._limits()
            )
            return self._answer(Columns.open(folder), vocabulary, counts.cut_passages, k, silent)

    def _limits(self) -> Limits:
        return Limits(self.run.facts["passage_tokens"], self.run.facts["question_tokens"])

    def _answer(self, columns: Columns, vocabulary: Vocabulary, cut: int, k: int, progress: Progress) -> Answered:
        new = vocabulary.words[len(self.vocabulary) :]
        found, fault = extend_vectors(self.reader, self.run, new)
        self.vocabulary = vocabulary  # its further words now have rows of their own
        with progress("predicting", total=len(columns), unit="questions") as bar:
            begun = time.perf_counter()
            candidates = predict_best(
                self.reader,
                columns,
                self.device,
                batch_size=self.batch_size,
                max_answer_tokens=self.run.config.training.max_answer_tokens,
                k=k,
                bar=bar,
            )
            seconds = time.perf_counter() - begun
        empty = int((passage_lengths(columns) == 0).sum())
        return Answered(candidates, empty, cut, len(new), found, fault, seconds)
