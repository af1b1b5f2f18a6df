"""SQuAD 2.0: exact match and F1 with unanswerable questions, as the official `evaluate-v2.0.py` defines them.

Texts are normalised as in SQuAD 1.1. Figures equal the official script's to the last digit as CPython up to 3.11
prints them: from 3.12 on its built-in `sum` is compensated and other last digits come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.metric import Metric, mean_metric
from ham_mrc.eval.references import References, kind
from ham_mrc.eval.squad import contained, normalised_for, overlap_f1
from ham_mrc.eval.thresholds import average_precisions, best_thresholds

DEFINITION = 1
"""Raised whenever a figure on this page would move. Part of every signature."""

THRESHOLD = 1.0
"""The official default: no probability of "no answer" is above it, so every answer stands."""

METRICS: tuple[Metric, ...] = (
    mean_metric("exact_match", "EM"),
    mean_metric("f1", "F1"),
    mean_metric("has_answer_exact_match", "HasAns EM", over="has_answer_questions"),
    mean_metric("has_answer_f1", "HasAns F1", over="has_answer_questions"),
    mean_metric("no_answer_exact_match", "NoAns EM", over="no_answer_questions"),
    mean_metric("no_answer_f1", "NoAns F1", over="no_answer_questions"),
    Metric("best_exact_match", "Best EM", "%", higher_is_better=True),
    Metric("best_exact_match_threshold", "Best EM threshold", "probability", higher_is_better=True),
    Metric("best_f1", "Best F1", "%", higher_is_better=True),
    Metric("best_f1_threshold", "Best F1 threshold", "probability", higher_is_better=True),
    Metric("exact_match_average_precision", "EM AP", "%", higher_is_better=True),
    Metric("f1_average_precision", "F1 AP", "%", higher_is_better=True),
    Metric("oracle_average_precision", "Oracle AP", "%", higher_is_better=True),
    mean_metric("contains", "Contains"),
)
"""In the order of display. The best figures and the average precisions are no functions of sums over questions."""


def signature(threshold: float = THRESHOLD) -> str:
    """All that could move a figure. Results with different signatures are never compared."""
    return (
        "squad-2.0"
        "|normalise:lower+delete-ascii-punctuation+drop-a-an-the+squeeze-space"
        "|unit:token"
        "|references:max-each+drop-empty"
        f"|no-answer-threshold:{float(threshold)!r}"
        "|missing:error"
        f"|definition:{DEFINITION}"
    )


def judge_all(
    predictions: Mapping[str, Any],
    references: References,
    *,
    na_prob: Mapping[str, Any] | None = None,
    threshold: float = THRESHOLD,
    curves: bool = False,
    contains: bool = False,
    file: str | None = None,
) -> Judged:
    """The official figures of `{id: text}`; `file` is only named in messages.

    `na_prob` is {id: probability that there is no answer}: with it the best figures over all thresholds are
    added, and with `curves` also the average precisions (official option: --out-image-dir). `threshold` is the
    official --na-prob-thresh: an answer whose probability is above it counts as no answer (without `na_prob`
    every probability is 0.0). Figures over answerable or unanswerable questions are left out where there is none.

    Raises HamError, naming the question, wherever the official script dies: a question without a prediction or
    without a probability, a prediction that is not a text, a probability that is not a number, and with `curves`
    a probability for no question.
    """
    scores = _Scores(predictions, references, contains, file)
    answerable = [bool(texts) for texts in references.answers]
    probabilities = _probabilities(na_prob, references)
    quiet = {identity for identity in references.ids if probabilities.get(identity, 0.0) > threshold}
    exact = _after_threshold(scores.exact, references.ids, answerable, quiet)
    f1 = _after_threshold(scores.f1, references.ids, answerable, quiet)
    metrics = _blocks(exact, f1, answerable)
    if na_prob is not None:
        metrics |= _best(scores, references, probabilities, predictions)
        if curves and any(answerable):
            metrics |= _precisions(scores, references, probabilities)
    if contains:
        metrics["contains"] = 100.0 * sum(scores.hits) / len(references)
    values = _values(exact, f1, scores.hits if contains else None, answerable)
    return Judged(
        keys=references.keys,
        metrics=metrics,
        statistics=_statistics(values, answerable),
        values=values,
        signature=signature(threshold),
        answered=len(references),
        missing=0,
        extra=len(predictions) - len(references),
    )


def judge(prediction: str, references: Sequence[str]) -> tuple[int, float]:
    """(exact match, F1 from 0 to 1) of normalised texts; `references` are never empty texts, or are only ("",)."""
    if prediction in references:
        return 1, 1.0  # two empty texts agree here, and equal words have p = r = 1.0
    words = prediction.split()
    return 0, max([overlap_f1(words, reference.split()) for reference in set(references)])


class _Scores:
    """Raw scores of every question, in the order of the references: before any threshold."""

    def __init__(
        self, predictions: Mapping[str, Any], references: References, contains: bool, file: str | None
    ) -> None:
        _refuse_missing(predictions, references, file)
        normal = normalised_for(references, predictions, file)
        self.exact: list[float] = []
        self.f1: list[float] = []
        self.hits: list[int] = []
        for identity, texts in zip(references.ids, references.answers, strict=True):
            text = predictions[identity]
            prediction = normal[text]
            equal = prediction and text in texts  # the others need no look then
            golds = [prediction] if equal else [gold for gold in [normal[answer] for answer in texts] if gold] or [""]
            exact, f1 = judge(prediction, golds)
            self.exact.append(exact)
            self.f1.append(f1)
            if contains:
                self.hits.append(contained(prediction, golds))


def _refuse_missing(predictions: Mapping[str, Any], references: References, file: str | None) -> None:
    missing = [identity for identity in references.ids if identity not in predictions]
    if missing:
        others = f", nor have {len(missing) - 1:,} others" if len(missing) > 1 else ""
        raise HamError(
            f"has no prediction{others}; the official SQuAD 2.0 program gives no figure then",
            file=file,
            place=f"question {missing[0]}",
            remedy='an empty text "" stands for no answer',
        )


def _probabilities(na_prob: Mapping[str, Any] | None, references: References) -> Mapping[str, float]:
    """`na_prob` if every value can be compared and every question has one."""
    if na_prob is None:
        return {}
    for identity, value in na_prob.items():
        if not isinstance(value, (int, float)):
            what = f"the probability of no answer is {kind(value)}, not a number"
            raise HamError(what, place=f"question {identity}")
    for identity in references.ids:
        if identity not in na_prob:
            raise HamError("has no probability of no answer", place=f"question {identity}")
    return na_prob


def _after_threshold(
    raw: Sequence[float], ids: Sequence[str], answerable: Sequence[bool], quiet: set[str]
) -> list[float]:
    """The scores once the answers of `quiet` questions are taken back."""
    if not quiet:
        return list(raw)
    rows = zip(raw, ids, answerable, strict=True)
    return [float(not has) if identity in quiet else score for score, identity, has in rows]


def _blocks(exact: Sequence[float], f1: Sequence[float], answerable: Sequence[bool]) -> dict[str, float]:
    """The means over all questions, the answerable, the unanswerable; in percent."""
    metrics = {"exact_match": _mean(exact), "f1": _mean(f1)}
    for block, wanted in (("has_answer", True), ("no_answer", False)):
        if wanted in answerable:
            for name, scores in (("exact_match", exact), ("f1", f1)):
                part = [score for score, has in zip(scores, answerable, strict=True) if has is wanted]
                metrics[f"{block}_{name}"] = _mean(part)
    return metrics


def _mean(scores: Sequence[float]) -> float:
    total: float = 0
    for score in scores:  # one after the other: part of the definition, which `sum` is not from Python 3.12 on
        total += score
    return 100.0 * total / len(scores)


def _best(
    scores: _Scores, references: References, na_prob: Mapping[str, float], predictions: Mapping[str, Any]
) -> dict[str, float]:
    metrics: dict[str, float] = {}
    # What counts as an answer here is any text at all: "the" scores 1 on an unanswerable question above, -1 here.
    spoken = [bool(predictions[identity]) for identity in references.ids]
    for name, raw in (("exact_match", scores.exact), ("f1", scores.f1)):
        best, threshold = best_thresholds(raw, references, na_prob, spoken)
        metrics |= {f"best_{name}": best, f"best_{name}_threshold": threshold}
    return metrics


def _precisions(scores: _Scores, references: References, na_prob: Mapping[str, float]) -> dict[str, float]:
    oracle = [1.0 if texts else 0.0 for texts in references.answers]
    found = average_precisions((scores.exact, scores.f1, oracle), references, na_prob)
    names = ("exact_match_average_precision", "f1_average_precision", "oracle_average_precision")
    return dict(zip(names, found, strict=True))


def _values(
    exact: Sequence[float], f1: Sequence[float], hits: Sequence[int] | None, answerable: Sequence[bool]
) -> dict[str, list[float | None]]:
    """Metric to each question's own score in percent, None where the question does not count for it."""
    values: dict[str, list[float | None]] = {}
    for block, wanted in (("", None), ("has_answer_", True), ("no_answer_", False)):
        for name, scores in (("exact_match", exact), ("f1", f1)):
            values[block + name] = [
                100.0 * score if wanted is None or has is wanted else None
                for score, has in zip(scores, answerable, strict=True)
            ]
    if hits is not None:
        values["contains"] = [100.0 * hit for hit in hits]
    return values


def _statistics(values: Mapping[str, list[float | None]], answerable: Sequence[bool]) -> dict[str, list[float]]:
    """The columns of METRICS: the same scores with 0.0 where a question does not count, and which ones count."""
    columns = {name: [score or 0.0 for score in column] for name, column in values.items()}
    columns["questions"] = [1] * len(answerable)
    columns["has_answer_questions"] = [int(has) for has in answerable]
    columns["no_answer_questions"] = [int(not has) for has in answerable]
    return columns
