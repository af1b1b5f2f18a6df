"""The parts of a prepared folder that a run needs, and what each of them serves for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.characters import Alphabet
from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.request import find_dataset
from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError
from ham_mrc.eval.columns import summed_metrics
from ham_mrc.eval.datasets import MAIN
from ham_mrc.eval.predictions import load_predictions
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.score import score_predictions
from ham_mrc.records import Scores
from ham_mrc.training.batches import Form, labelled_rows
from ham_mrc.training.official import Official, official
from ham_mrc.training.predict import Candidates
from ham_mrc.training.threshold import choose_threshold


@dataclass(frozen=True, slots=True)
class Parts:
    """`columns` of every part by its name; `references` of those that are answered, all but `train`.

    `form` says how columns become batches, `metric` is the one that chooses the epoch.
    """

    dataset: str
    form: Form
    columns: dict[str, Columns]
    references: dict[str, References]
    metric: str

    @property
    def train(self) -> Columns:
        """The part that trains."""
        return self.columns["train"]

    @property
    def chooser(self) -> str:
        """The part that chooses the epoch: `choice`, or `dev` where there is a test part to report."""
        return "choice" if "choice" in self.columns else "dev"

    @property
    def reported(self) -> str:
        """The part whose scores the run reports; it never chooses."""
        return "test" if "test" in self.columns else "dev"

    @property
    def watched(self) -> list[str]:
        """The parts that are scored after every epoch: the chooser, and dev for the log."""
        return list(dict.fromkeys((self.chooser, "dev")))

    @property
    def predicted(self) -> list[str]:
        """The parts that the finished run answers."""
        return [name for name in ("dev", "test") if name in self.columns]

    def with_characters(self, alphabet: Alphabet, width: int) -> Parts:
        """The same parts, whose batches hold the first `width` characters of each token; 0: none."""
        return replace(self, form=replace(self.form, alphabet=alphabet, width=width)) if width else self

    def official(self, part: str, texts: Sequence[str]) -> Official:
        """Answers to a part, one a question in the order of its columns, in the form of the official program."""
        return official(self.dataset, self.columns[part], texts)

    def score(self, part: str, texts: Sequence[str]) -> Scores:
        """The scores of answers to a part, one a question in the order of its columns.

        CMRC's are a lower bound where NLTK's Punkt model is not installed: an epoch is not lost for one odd answer.
        """
        references = self.references[part]
        options: dict[str, Any] = {"least": True} if self.dataset == "cmrc" else {}
        return score_predictions(load_predictions(self.official(part, texts), references), references, **options)

    def threshold(self, found: Sequence[Candidates]) -> float | None:
        """The best threshold of "no answer" for what was found in the chooser; None without a null position."""
        if not self.form.null:
            return None
        # MS MARCO's other figures leave out the questions without an answer.
        metric = "answerability_f1" if self.dataset == "msmarco" else self.metric
        return choose_threshold(found, partial(self.score, self.chooser), metric)


def open_parts(data: Path, choose_by: str = "") -> Parts:
    """The parts of a prepared folder; `choose_by` names the metric that chooses, "" is the dataset's own.

    Raises HamError where a part is missing, or none can train, choose or report, where the dataset has no such metric,
    and MissingExtra where the dataset's official figures need a package that is not installed.
    """
    names = [name for name in ("train", "choice", "dev", "test") if (data / name).is_dir()]
    for name in ("train", "dev"):
        if name not in names:
            raise HamError(f"holds no {name} part", file=data, remedy="prepare it with --split or --dev")
    if "choice" not in names and "test" not in names:
        raise HamError("holds neither a choice nor a test part beside dev", file=data, remedy="prepare again")
    manifest = Manifest.load(data)
    columns = {name: Columns.open(data / name) for name in names}
    labelled_rows(columns["train"])
    file = find_dataset(manifest.dataset).references.name
    references = {name: load_references(data / name / file, manifest.dataset) for name in names if name != "train"}
    form = Form.of(manifest.reading)
    parts = Parts(manifest.dataset, form, columns, references, choose_by or MAIN[manifest.dataset][-1])
    _check_metric(parts)
    return parts


def _check_metric(parts: Parts) -> None:
    """Raise HamError if the part that chooses gives no such figure: now, and not after the first epoch."""
    part = parts.chooser
    tried = summed_metrics(parts.score(part, ["?"] * len(parts.columns[part])))
    if parts.metric not in tried:
        remedy = f"{parts.dataset} has {', '.join(tried)}"
        raise HamError(f'no figure "{parts.metric}" of {part}', place="[training] choose_by", remedy=remedy)
