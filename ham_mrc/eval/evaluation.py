"""All that one `eval` finds out: scores, and as asked for intervals, a breakdown, checks and flipped questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.breakdown import Breakdown, breakdown, breakdown_json
from ham_mrc.eval.regression import DropCheck, Flip, LeastCheck, check_baseline, check_minima, flipped, load_baseline
from ham_mrc.eval.runs import run_inputs
from ham_mrc.eval.score import References, load_predictions, load_references, mean_words, score_predictions
from ham_mrc.records import Scores

SCHEMA = 1

TEST_RESAMPLES = 10_000
"""A p-value near 0.05 needs more resamples than an interval does; `Asked.resamples` can only raise it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted beside the scores; the options of `ham-mrc eval` under the same names.

    `by` is a key of `breakdown.BY`. `clustered` resamples whole passages in place of questions, for the
    intervals and for the test of `significant`.
    """

    contains: bool = False
    strict: bool = False
    intervals: bool = False
    by: str | None = None
    minima: Mapping[str, float] = field(default_factory=dict)
    baseline: Path | None = None
    max_drop: Mapping[str, float] = field(default_factory=dict)
    significant: bool = False
    clustered: bool = False
    resamples: int = 1000
    seed: int = 13


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found, and what it was found in. What was not asked for is empty or None.

    `run` holds the settings of the run that was scored, None for loose files. `detectable` is by metric, see
    `significance.detectable_alone`. `words` are the mean words of a prediction and of a reference answer, to
    be read beside "contains". `flips` are against the baseline.
    """

    name: str
    scores: Scores
    references: References
    predictions: Mapping[str, Any]
    run: Mapping[str, Any] | None
    asked: Asked
    intervals: Mapping[str, tuple[float, float]]
    detectable: Mapping[str, float]
    words: tuple[float, float] | None
    breakdown: Breakdown | None
    checks: Sequence[LeastCheck | DropCheck]
    flips: Sequence[Flip]


def evaluate(predictions: Path, references: Path | None, dataset: str | None, asked: Asked) -> Evaluation:
    """Score a file of predictions, or without `references` the finished run in the folder `predictions`.

    Raises HamError for wrong input of any kind, and with `asked.strict` where a question has no prediction.
    """
    run: Mapping[str, Any] | None = None
    name = display_name(predictions)
    if references is None:
        inputs = run_inputs(predictions)
        predictions, references, run = inputs.predictions, inputs.references, inputs.settings
    elif str(predictions) == str(references) == "-":
        raise HamError("predictions and references cannot both come from standard input")
    gold = load_references(references, dataset)
    answers = load_predictions(predictions, gold)
    scores = score_predictions(answers, gold, contains=asked.contains, file=str(predictions))
    if asked.strict and scores.missing:
        raise HamError(_missing(scores, answers, gold), file=predictions, remedy="without --strict the others score 0")
    checks, flips = _check(scores, gold, asked)
    intervals, detectable = _intervals(scores, gold, asked)
    return Evaluation(
        name=name,
        scores=scores,
        references=gold,
        predictions=answers,
        run=run,
        asked=asked,
        intervals=intervals,
        detectable=detectable,
        words=mean_words(answers, gold) if asked.contains else None,
        breakdown=_broken_down(scores, gold, asked),
        checks=checks,
        flips=flips,
    )


def display_name(path: Path) -> str:
    """What a result read from `path` is called: a file's name without its type, a folder's own name."""
    name = "standard input" if str(path) == "-" else path.resolve().name
    return name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json") or name


def missing_text(found: Evaluation) -> str:
    """How many questions have no prediction, and the first of them."""
    return _missing(found.scores, found.predictions, found.references)


def _missing(scores: Scores, predictions: Mapping[str, Any], references: References) -> str:
    first = next(identity for identity in references.ids if identity not in predictions)
    return f"{scores.answered:,} of {scores.questions:,} questions have a prediction; the first missing id is {first}"


def _check(scores: Scores, gold: References, asked: Asked) -> tuple[list[LeastCheck | DropCheck], list[Flip]]:
    checks: list[LeastCheck | DropCheck] = [*check_minima(scores, asked.minima)]
    if asked.baseline is None:
        return checks, []
    baseline = load_baseline(asked.baseline)
    checks += check_baseline(
        scores,
        baseline,
        asked.max_drop,
        significant=asked.significant,
        clusters=gold.clusters if asked.clustered else None,
        resamples=max(asked.resamples, TEST_RESAMPLES),
        seed=asked.seed,
    )
    return checks, flipped(scores, baseline.scores)


def _intervals(
    scores: Scores, gold: References, asked: Asked
) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Each metric's 95% interval, and the smallest difference to another system that would show."""
    if not asked.intervals:
        return {}, {}
    from ham_mrc.eval.significance import detectable_alone, mean_intervals

    clusters = gold.clusters if asked.clustered else None
    columns = {name: [row[name] for row in scores.per_question.values()] for name in scores.metrics}
    found = mean_intervals(list(columns.values()), clusters=clusters, resamples=asked.resamples, seed=asked.seed)
    detectable = {name: detectable_alone(column, clusters=clusters) for name, column in columns.items()}
    return dict(zip(columns, found, strict=True)), detectable


def _broken_down(scores: Scores, gold: References, asked: Asked) -> Breakdown | None:
    if asked.by is None:
        return None
    clusters = gold.clusters if asked.clustered else None
    return breakdown(
        scores,
        gold,
        asked.by,
        intervals=asked.intervals,
        clusters=clusters,
        resamples=asked.resamples,
        seed=asked.seed,
    )


def evaluation_json(found: Evaluation) -> dict[str, Any]:
    """One JSON object, figures unrounded. The first keys are always there, the rest where asked for."""
    scores = found.scores
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "name": found.name,
        "dataset": scores.dataset,
        "version": scores.version,
        "questions": scores.questions,
        "answered": scores.answered,
        "missing": scores.missing,
        "extra": scores.extra,
        "metrics": dict(scores.metrics),
        "intervals": dict(found.intervals),
        "signature": scores.signature,
        "references_sha256": scores.references_sha256,
        "checks": [check.to_json() for check in found.checks],
    }
    if found.intervals or found.asked.significant:
        document |= {"resamples": found.asked.resamples, "seed": found.asked.seed}
        document["unit"] = "passage" if found.asked.clustered else "question"
    if found.detectable:
        document["detectable"] = dict(found.detectable)
    if found.words is not None:
        document["mean_words"] = dict(zip(("predictions", "references"), found.words, strict=True))
    if found.breakdown is not None:
        document["breakdown"] = breakdown_json(found.breakdown)
    if found.asked.baseline is not None:
        document["flipped"] = [
            {"id": flip.key, "before": dict(flip.before), "after": dict(flip.after)} for flip in found.flips
        ]
    return document
