"""Predictions and references to `Scores`: figures over the corpus, and each question's own."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.datasets import page_of, title
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.predictions import load_predictions, shown_answers
from ham_mrc.eval.references import References, load_references
from ham_mrc.records import Scores

__all__ = [
    "References",
    "judge",
    "load_predictions",
    "load_references",
    "mean_words",
    "question_rows",
    "score",
    "score_predictions",
    "to_scores",
    "without_collector",
]


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Within the block or function no search for cycles of references, of which files that are read have none.

    While millions of objects come into being, looking at them all again and again takes longer than reading them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@without_collector()
def score(
    predictions: str | Path | Mapping[str, Any] | list[Any],
    references: str | Path | Mapping[str, Any] | list[Any] | References,
    *,
    dataset: str | None = None,
    **options: Any,
) -> Scores:
    """How good the predictions are, in percent, equal to the dataset's official program to the last digit.

    Either argument may be a file (plain or gzip) or an object already loaded:

    >>> from ham_mrc.eval import score
    >>> references = {"data": [{"paragraphs": [{"qas": [
    ...     {"id": "q1", "answers": [{"text": "the Paris region"}, {"text": "Paris"}]},
    ...     {"id": "q2", "answers": [{"text": "1889"}]},
    ... ]}]}]}
    >>> scores = score({"q1": "Paris."}, references)
    >>> scores.metrics
    {'exact_match': 50.0, 'f1': 50.0}
    >>> scores.missing, scores.per_question["q2"]
    (1, {'exact_match': 0.0, 'f1': 0.0})

    In a test of a system of one's own:

        scores = score("predictions.json", "dev-v1.1.json")
        assert scores.metrics["f1"] >= 76.0, scores.metrics

    `dataset` is "squad" (1.1 and 2.0, told apart by the file), "cmrc", "msmarco" or "dureader"; it is guessed
    from the references where it is None and they leave no doubt. Predictions are `{id: text}`, the list
    `[{"id", "prediction_text"}]`, JSON Lines of `{"id", "answer"}`, or the official form of the dataset.
    A question without a prediction scores 0 and stays in the total; predictions for other ids are ignored and
    counted as `extra`. `options` are those of the dataset's `judge_all`: `contains=True` for SQuAD adds the share
    of questions whose answer stands somewhere in the prediction, `na_prob={id: probability}` for SQuAD 2.0 the
    figures at the best thresholds.

    Raises HamError, naming the file and the question, where a file has the wrong shape, a prediction for a
    known question is not a text, or a question with a prediction has no answer to hold it against.
    """
    if not isinstance(references, References):
        references = load_references(references, dataset)
    answers = load_predictions(predictions, references)
    file = str(predictions) if isinstance(predictions, (str, Path)) else None
    return score_predictions(answers, references, file=file, **options)


def score_predictions(
    predictions: Mapping[str, Any], references: References, *, file: str | None = None, **options: Any
) -> Scores:
    """The scores of loaded predictions against loaded references; `file` is only named in messages.

    References remember their normalised answers, so scoring against the same ones again is faster.
    """
    scores = to_scores(judge(predictions, references, file=file, **options), references)
    return replace(scores, per_question=dict(scores.per_question))


_OPTIONS = {
    "contains": "--contains",
    "na_prob": "--na-prob",
    "threshold": "--na-prob-threshold",
    "curves": "--average-precision",
    "task": "--task",
    "tokenised": "--tokenised",
}
"""What the options of the datasets are called on the command line."""


def judge(predictions: Mapping[Any, Any], references: References, *, file: str | None = None, **options: Any) -> Judged:
    """What the official metric of the references' dataset finds; `file` is only named in messages.

    Raises HamError for an option that this dataset does not have.
    """
    judge_all = page_of(references).judge_all
    for name in options:
        if name not in judge_all.__kwdefaults__:
            raise HamError(
                f"{_OPTIONS.get(name, name)} is no option of {title(references.dataset, references.version)}"
            )
    found: Judged = judge_all(predictions, references, file=file, **options)
    return found


def to_scores(found: Judged, references: References) -> Scores:
    """`found` as a result that can be stored. Its rows of `per_question` come into being once one is looked at.

    Figures over no question at all, which official programs print as NaN, are left out. So are columns that
    `per_question` tells already, see `Scores`.
    """
    metrics = {name: value for name, value in found.metrics.items() if not isnan(value)}
    return Scores(
        dataset=references.dataset,
        version=references.version,
        questions=len(found.keys),
        answered=found.answered,
        missing=found.missing,
        extra=found.extra,
        metrics=metrics,
        signature=found.signature,
        references_sha256=references.sha256,
        per_question=_Rows(found.keys, {name: found.values[name] for name in metrics if name in found.values}),
        statistics={
            name: list(column) for name, column in found.statistics.items() if not _told(name, column, found.values)
        },
    )


class _Rows(Mapping[str, Mapping[str, float]]):
    """Each question's own scores by its key; the rows are made once somebody looks at one."""

    def __init__(self, keys: Sequence[str], values: Mapping[str, Sequence[float | None]]) -> None:
        self._keys, self._values = keys, values

    @cached_property
    def _rows(self) -> dict[str, dict[str, float]]:
        names = list(self._values)
        rows = zip(*self._values.values(), strict=True) if names else [()] * len(self._keys)
        return {
            key: {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for key, row in zip(self._keys, rows, strict=True)
        }

    def __getitem__(self, key: str) -> dict[str, float]:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._rows


def _told(name: str, column: Sequence[float], values: Mapping[str, Sequence[float | None]]) -> bool:
    if name in values:
        own = values[name]
        return column is own or all(number == (value or 0.0) for number, value in zip(column, own, strict=True))
    return name == "questions" and list(column).count(1) == len(column)


def mean_words(predictions: Mapping[str, Any], references: References) -> tuple[float, float]:
    """Mean words, once normalised as SQuAD does, of an answer given and of a reference answer; 0.0 where there is none.

    To be read beside `contains`, which a system raises by saying more.
    """
    normal = references.normaliser
    normal.learn(text for texts in references.answers for text in texts)
    given = [len(normal[predictions[identity]].split()) for identity in references.ids if identity in predictions]
    due = [len(gold.split()) for golds in references.answers for gold in map(normal.__getitem__, golds)]
    return sum(given) / max(1, len(given)), sum(due) / max(1, len(due))


def question_rows(scores: Scores, predictions: Mapping[Any, Any], references: References) -> Iterator[dict[str, Any]]:
    """One object a question, in the references' order: id, scores, prediction (None if missing), answers."""
    given = dict(zip(references.keys, shown_answers(predictions, references), strict=True))
    about = dict(zip(references.keys, zip(references.ids, references.answers, strict=True), strict=True))
    for key, row in scores.per_question.items():
        identity, answers = about[key]
        prediction = given[key]
        yield {
            "id": identity,
            **row,
            "prediction": None if prediction is None else _writable(prediction),
            "answers": [_writable(text) for text in answers],
        }


def _writable(text: str) -> str:
    """`text` with "?" for halves of surrogate pairs, which JSON can escape and UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
