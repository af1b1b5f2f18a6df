"""What one preparation is asked to do, and the check that it makes sense."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.dataset import Dataset, Reading
from ham_mrc.data_prep.split import SPLIT_BY, parse_shares
from ham_mrc.errors import HamError
from ham_mrc.opening import unreadable

DEFAULT_SPLIT = "90/10"

EVALUATION_PASSAGE_TOKENS = 1000
EVALUATION_QUESTION_TOKENS = 100
"""What R-NET's program keeps of evaluation texts, against 400 and 50 in training. Evaluation must answer every
question, so it cuts later; its limits are these or the training ones, whichever is more."""

_WORTH_A_WORKER = 16 << 20  # bytes of raw JSON that take longer than to start a process
_PACKED = 4  # how much longer a text is than its gzip form


@dataclass(frozen=True)
class Limits:
    """After how many tokens texts are cut, from the end."""

    passage: int
    question: int


@dataclass(frozen=True, kw_only=True)
class Request:
    """The settings of `prepare`, with its defaults; the command line has the same names.

    `inputs` together are read as one corpus. `split` is None for the default (90/10), which `dev` and `test`
    replace: official files that become those parts whole. `limit` keeps the first questions of `inputs` only.
    Passages and questions are cut after `max_passage_tokens` and `max_question_tokens` in training (None: as is usual
    for the dataset). `vocab_size` bounds the words that are trained (None: all that stand `min_count` times in the
    training part). `options` overrides fields of the dataset's `Reading`. `workers` processes do the work (None: one
    a processor, fewer for little input), or the cluster at `executor`; with `shard` (I, N) only every N-th portion of
    it is done, the I-th from 0.
    """

    dataset: str
    inputs: tuple[str | Path, ...]
    out: str | Path
    split: str | None = None
    split_by: str = "question"
    dev: str | Path | None = None
    test: str | Path | None = None
    limit: int | None = None
    max_passage_tokens: int | None = None
    max_question_tokens: int | None = None
    vocab_size: int | None = None
    min_count: int = 2
    lowercase: bool = True
    seed: int = 13
    strict: bool = False
    force: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    executor: str | None = None
    shard: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise HamError for a setting that cannot be, or two that contradict each other."""
        for name in ("limit", "max_passage_tokens", "max_question_tokens", "vocab_size", "min_count", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise HamError(f"--{name.replace('_', '-')} {value} is too small", remedy="at least 1 is due")
        if self.split_by not in SPLIT_BY:
            raise HamError(f'--split-by "{self.split_by}" is unknown', remedy=f"use one of {', '.join(SPLIT_BY)}")
        if not self.inputs:
            raise HamError("no INPUT is given", remedy="name at least one raw file")
        for file in (*self.inputs, self.dev, self.test):
            check_readable_twice(file)
        if self.workers is not None and self.executor is not None:
            raise HamError(
                f"--workers {self.workers} and --executor {self.executor} both say who does the work",
                remedy="leave one of them out",
            )
        self.shares()
        self.reading()

    def reading(self) -> Reading:
        """How records become examples: the dataset's way, with what the user wants otherwise."""
        dataset = find_dataset(self.dataset)
        for name in self.options:
            if name not in dataset.options:
                raise HamError(
                    f"--{name.replace('_', '-')} means nothing for {self.dataset}",
                    remedy=f"its options are {', '.join(f'--{own}'.replace('_', '-') for own in dataset.options)}"
                    if dataset.options
                    else "leave it out",
                )
        reading = replace(dataset.reading, **self.options)
        if not 0 <= reading.min_match <= 1:
            raise HamError(f"--min-match {reading.min_match} is no likeness", remedy="a number from 0 to 1 is due")
        if reading.passages < 0:
            raise HamError(f"--passages {reading.passages} is too small", remedy="0 (all) or more is due")
        return reading

    def shares(self) -> dict[str, float]:
        """part -> fraction of the inputs' questions, for the parts that are split off them and the rest, "train"."""
        if self.dev is not None:
            if self.split is not None:
                raise HamError("--split and --dev both say where dev comes from", remedy="leave one of them out")
            return {"train": 1.0}
        shares = parse_shares(self.split or DEFAULT_SPLIT)
        if self.test is not None and "test" in shares:
            raise HamError(
                f"--split {self.split} and --test both say where test comes from", remedy="give a split of two parts"
            )
        return shares

    @property
    def worker_count(self) -> int:
        """How many processes do the work. What they write does not depend on it."""
        if self.workers is not None:
            return self.workers
        size = sum(file_size(file) * (_PACKED if str(file).endswith(".gz") else 1) for file in self.files)
        return max(1, min(_processors(), size // _WORTH_A_WORKER))

    @property
    def files(self) -> list[str | Path]:
        """All files that are read."""
        return [*self.inputs, *self.official.values()]

    @property
    def training_limits(self) -> Limits:
        """Where the texts of the training part are cut."""
        dataset = find_dataset(self.dataset)
        return Limits(
            self.max_passage_tokens or dataset.passage_tokens, self.max_question_tokens or dataset.question_tokens
        )

    @property
    def evaluation_limits(self) -> Limits:
        """Where the texts of all other parts are cut."""
        training = self.training_limits
        return Limits(
            max(training.passage, EVALUATION_PASSAGE_TOKENS), max(training.question, EVALUATION_QUESTION_TOKENS)
        )

    @property
    def has_test(self) -> bool:
        """Whether there is a test part; without one, a part `choice` is split off train to choose the epoch by."""
        return self.test is not None or "test" in self.shares()

    @property
    def official(self) -> dict[str, str | Path]:
        """part -> the file that becomes it whole."""
        return {part: file for part, file in (("dev", self.dev), ("test", self.test)) if file is not None}


def file_size(file: str | Path) -> int:
    """Bytes on disk. Raises HamError where there is no such file."""
    try:
        return Path(file).stat().st_size
    except OSError as error:
        raise unreadable(file, error) from error


def _processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_dataset(name: str) -> Dataset:
    """The dataset of that name. Raises HamError for an unknown one."""
    if name in DATASETS:
        return DATASETS[name]
    near = get_close_matches(name.lower(), DATASETS, n=1)
    remedy = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(DATASETS)}, and poems"
    raise HamError(f'no dataset "{name}"', remedy=remedy)


def parse_shard(text: str) -> tuple[int, int]:
    """`"2/8"` as (2, 8). Raises HamError for anything but two whole numbers, the first below the second."""
    pieces = [int(piece) for piece in text.split("/") if piece.isascii() and piece.isdigit()]
    if len(pieces) != 2 or text.count("/") != 1 or pieces[0] >= pieces[1]:
        raise HamError(f'--shard "{text}" is no shard', remedy="I/N is due, I from 0 to N - 1, as in 0/8")
    return pieces[0], pieces[1]


def check_readable_twice(file: str | Path | None) -> None:
    """Raise HamError where `file` cannot be read twice: a pipe, a folder, no file at all. None is fine."""
    if file is None or Path(file).is_file():
        return
    if str(file) == "-" or (Path(file).exists() and not Path(file).is_dir()):
        raise HamError("is read twice by prepare, which a pipe cannot be", file=file, remedy="save it to a file first")
