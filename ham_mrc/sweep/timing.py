"""How long a reader would take, from a few seconds of its real work: updates and answers on batches of the data.

time of an epoch = seconds of the timed batches x (padded tokens of all batches / padded tokens of the timed ones)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_mrc.config import Config
from ham_mrc.errors import HamError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ham_mrc.data_prep.shards import Columns
    from ham_mrc.training.batches import Form, Rows
    from ham_mrc.training.parts import Parts
    from ham_mrc.training.training import Training

SECONDS = 3.0
"""Of timed updates, and of timed answers, for each reader and depth; two batches at least."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of one epoch's updates, of answering what is scored after it, and of the answers at the end."""

    epoch: float
    scoring: float
    predicting: float

    def run(self, epochs: int, max_minutes: float) -> float:
        """Seconds of a run of all its epochs; it may end sooner. `max_minutes` limits updates, 0: not."""
        updates = epochs * self.epoch
        return min(updates, 60 * max_minutes or updates) + epochs * self.scoring + self.predicting


class Timer:
    """Times readers on one prepared folder; vectors are read once. Writes nothing."""

    def __init__(self, data: Path, threads: int | None, seconds: float = SECONDS) -> None:
        from ham_mrc.data_prep.characters import CHARACTERS, Alphabet
        from ham_mrc.data_prep.manifest import Manifest
        from ham_mrc.training.run_folder import VOCABULARY

        manifest = Manifest.load(data)
        self.data, self.threads, self.seconds = data, threads, seconds
        self.vocabulary = manifest.load_vocabulary(data / VOCABULARY)
        self.alphabet = Alphabet.load(data / CHARACTERS, sha256=manifest.vocabulary["characters_sha256"])
        self._vectors: dict[str, torch.Tensor] = {}

    def measure(self, config: Config) -> Speed:
        """The speed of a run with these settings. Raises HamError for settings that cannot run."""
        from ham_mrc.training.batches import labelled_rows, training_order

        with _threads(self.threads):
            training = self._training(config)
            parts, settings = training.parts, config.training
            size = settings.batch_size * settings.accumulate
            if len(labelled_rows(parts.train)) < 1:
                raise HamError("has no question to time", file=self.data)
            batches = training_order(parts.train, parts.form, size, seed=settings.seed, epoch=1)
            epoch = self._updates(training, batches)
            parts_seconds = {part: self._answers(training, part) for part in {*parts.watched, *parts.predicted}}
        return Speed(
            epoch,
            sum(parts_seconds[part] for part in parts.watched),
            sum(parts_seconds[part] for part in parts.predicted),
        )

    def _training(self, config: Config) -> Training:
        """All that a run of `config` holds while it trains, but for its folder."""
        from ham_mrc.progress import silent
        from ham_mrc.training.average import Average
        from ham_mrc.training.checkpoint import Progressed
        from ham_mrc.training.device import choose_device
        from ham_mrc.training.optimizer import build_optimizer
        from ham_mrc.training.run_folder import RunFolder
        from ham_mrc.training.training import Training
        from ham_mrc.training.update import Objective

        settings = config.training
        device = choose_device(settings.device, settings.precision)
        reader, parts = self._reader(config)
        reader.to(device.torch)
        return Training(
            RunFolder(Path(), config, {}, {}),
            reader,
            Objective(reader, device),
            build_optimizer(reader, settings),
            Average(reader, settings.average),
            device,
            parts,
            Progressed(fingerprint=""),
            silent,
            lambda: False,
        )

    def _reader(self, config: Config) -> tuple[nn.Module, Parts]:
        from ham_mrc.training.begin import characters_wanted
        from ham_mrc.training.parts import open_parts
        from ham_mrc.training.run_reader import build_reader

        parts = open_parts(self.data, config.training.choose_by)
        vectors = self._rows(config.embeddings.source) if config.embeddings.source else None
        reader = build_reader(config, self.vocabulary, vectors, characters=len(self.alphabet), null=parts.form.null)
        return reader, parts.with_characters(self.alphabet, characters_wanted(reader))

    def _rows(self, source: str) -> torch.Tensor:
        import torch

        from ham_mrc.data_prep.vectors import read_vectors

        if source not in self._vectors:
            self._vectors[source] = torch.from_numpy(read_vectors(source, self.vocabulary.words).rows)
        return self._vectors[source]

    def _updates(self, training: Training, batches: Sequence[Rows]) -> float:
        """Seconds of all batches of an epoch, from the first few; they come in random order."""
        from ham_mrc.training.update import make_update

        work = _work(training.parts.train, training.parts.form, batches)
        training.reader.train()
        make_update(training, batches[0], training.settings.lr)  # buffers are made, code is compiled
        begun, done = time.perf_counter(), 0
        for number, rows in enumerate(batches, 1):
            make_update(training, rows, training.settings.lr)
            done += work[number - 1]
            if number >= 2 and time.perf_counter() - begun >= self.seconds:
                break
        return (time.perf_counter() - begun) * sum(work) / max(1, done)

    def _answers(self, training: Training, part: str) -> float:
        """Seconds of answering a part, from the first few of its batches."""
        from ham_mrc.training.batches import prediction_order

        columns, form = training.parts.columns[part], training.parts.form
        batches = prediction_order(columns, form, training.settings.eval_batch_size)
        work = _work(columns, form, batches)
        bar = _Stopwatch(self.seconds)
        with suppress(_Enough):
            training.answer(part, bar)
        done = sum(work[: bar.batches])
        return bar.taken * sum(work) / done if done else 0.0


class _Enough(Exception):
    """The time for answers is over."""


class _Stopwatch:
    """A bar that counts batches and ends the work when `seconds` are over."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.batches, self.taken = seconds, 0, 0.0
        self.begun = time.perf_counter()

    def advance(self, count: int = 1, note: str = "") -> None:
        """One batch more."""
        self.batches += 1
        self.taken = time.perf_counter() - self.begun
        if self.taken >= self.seconds:
            raise _Enough

    def say(self, text: str) -> None:
        """Nothing is said."""


def _work(columns: Columns, form: Form, batches: Sequence[Rows]) -> list[int]:
    """The padded passage tokens of each batch."""
    from ham_mrc.training.batches import longest_rows

    longest: Any = longest_rows(columns, form)
    counts = None if form.joined else columns.question_passages
    return [
        int(longest[rows].max()) * (len(rows) if counts is None else max(1, int(counts[rows].sum())))
        for rows in batches
    ]


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
