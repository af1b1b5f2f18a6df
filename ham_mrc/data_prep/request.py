"""What one preparation is asked to do, and the check that it makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ham_mrc.data_prep.split import SPLIT_BY, parse_shares
from ham_mrc.errors import HamError

DEFAULT_SPLIT = "90/10"

EVALUATION_PASSAGE_TOKENS = 1000
EVALUATION_QUESTION_TOKENS = 100
"""What R-NET's program keeps of evaluation texts, against 400 and 50 in training. Evaluation must answer every
question, so it cuts later; its limits are these or the training ones, whichever is more."""


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
    Passages and questions are cut after `max_passage_tokens` and `max_question_tokens` in training. `vocab_size`
    bounds the words that are trained (None: all that stand `min_count` times in the training part).
    """

    dataset: str
    inputs: tuple[str | Path, ...]
    out: str | Path
    split: str | None = None
    split_by: str = "question"
    dev: str | Path | None = None
    test: str | Path | None = None
    limit: int | None = None
    max_passage_tokens: int = 400
    max_question_tokens: int = 50
    vocab_size: int | None = None
    min_count: int = 2
    lowercase: bool = True
    seed: int = 13
    strict: bool = False
    force: bool = False

    def check(self) -> None:
        """Raise HamError for a setting that cannot be, or two that contradict each other."""
        for name in ("limit", "max_passage_tokens", "max_question_tokens", "vocab_size", "min_count"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise HamError(f"--{name.replace('_', '-')} {value} is too small", remedy="at least 1 is due")
        if self.split_by not in SPLIT_BY:
            raise HamError(f'--split-by "{self.split_by}" is unknown', remedy=f"use one of {', '.join(SPLIT_BY)}")
        if not self.inputs:
            raise HamError("no INPUT is given", remedy="name at least one raw file")
        for file in (*self.inputs, self.dev, self.test):
            _check_readable_twice(file)
        self.shares()

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
    def training_limits(self) -> Limits:
        """Where the texts of the training part are cut."""
        return Limits(self.max_passage_tokens, self.max_question_tokens)

    @property
    def evaluation_limits(self) -> Limits:
        """Where the texts of all other parts are cut."""
        return Limits(
            max(self.max_passage_tokens, EVALUATION_PASSAGE_TOKENS),
            max(self.max_question_tokens, EVALUATION_QUESTION_TOKENS),
        )

    @property
    def has_test(self) -> bool:
        """Whether there is a test part; without one, a part `choice` is split off train to choose the epoch by."""
        return self.test is not None or "test" in self.shares()


def _check_readable_twice(file: str | Path | None) -> None:
    if file is None or Path(file).is_file():
        return
    if str(file) == "-" or (Path(file).exists() and not Path(file).is_dir()):
        raise HamError("is read twice by prepare, which a pipe cannot be", file=file, remedy="save it to a file first")
