"""All that one `eval` finds out: scores, and as asked for intervals, a breakdown, checks and flipped questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ham_mrc.errors import HamError
from ham_mrc.eval.score import (
    References,
    judge,
    load_predictions,
    load_references,
    mean_words,
    to_scores,
    without_collector,
)
from ham_mrc.records import Scores

if TYPE_CHECKING:  # what was not asked for is not imported either: most calls ask for the figures alone
    from ham_mrc.eval.breakdown import Breakdown
    from ham_mrc.eval.flips import Flip
    from ham_mrc.eval.limits import LeastCheck
    from ham_mrc.eval.regression import DropCheck

WITHHELD = "no question of the references has an answer: are they withheld, as in a test file?"

TEST_RESAMPLES = 10_000
"""A p-value near 0.05 needs more resamples than an interval does; `Asked.resamples` can only raise it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted beside the scores; the options of `ham-mrc eval` under the same names.

    `options` go to the dataset's `judge_all`, `na_prob` is a file for the option of that name. `variants` are names
    of `variants.FAMILIES`. `by` is a key of `breakdown.BY`. `clustered` resamples whole passages in place of
    questions, for the intervals and for the test of `significant`.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    na_prob: Path | None = None
    variants: Sequence[str] = ()
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


@without_collector()
def evaluate(predictions: Path, references: Path | None, dataset: str | None, asked: Asked) -> Evaluation:
    """Score a file of predictions, or without `references` the finished run in the folder `predictions`.

    Raises HamError for wrong input of any kind, and with `asked.strict` where a question has no prediction.
    """
    run: Mapping[str, Any] | None = None
    name = display_name(predictions)
    if references is None:
        from ham_mrc.eval.runs import run_inputs

        inputs = run_inputs(predictions)
        predictions, references, run = inputs.predictions, inputs.references, inputs.settings
        dataset = dataset or inputs.dataset
    elif str(predictions) == str(references) == "-":
        raise HamError("predictions and references cannot both come from standard input")
    gold = load_references(references, dataset)
    if asked.strict and gold.withheld:
        raise HamError(
            WITHHELD, file=references, remedy="--strict wants references that predictions can be held against"
        )
    answers = load_predictions(predictions, gold)
    scores = to_scores(judge(answers, gold, file=str(predictions), **_options(asked, gold)), gold)
    if asked.variants:
        from ham_mrc.eval.variants import with_variants

        scores = with_variants(scores, answers, gold, asked.variants)
    if asked.strict and scores.missing:
        raise HamError(_missing(scores, answers, gold), file=predictions, remedy="without --strict the others score 0")
    units = _Units(scores, gold, asked)
    checks, flips = _check(units)
    intervals, detectable = _intervals(units)
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
        breakdown=_broken_down(units),
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


def _missing(scores: Scores, predictions: Mapping[Any, Any], references: References) -> str:
    ids = zip(references.keys, references.ids, references.own_ids, strict=True)
    first = next(text for key, text, own in ids if key in scores.per_question and own not in predictions)
    return f"{scores.answered:,} of {scores.questions:,} questions have a prediction; the first missing id is {first}"


def _options(asked: Asked, gold: References) -> dict[str, Any]:
    """What is asked of the dataset's own metric."""
    options = dict(asked.options)
    if asked.contains:
        options["contains"] = True
    if asked.na_prob is not None:
        from ham_mrc.eval.probabilities import load_probabilities

        options["na_prob"] = load_probabilities(asked.na_prob, gold)
    return options


class _Units(NamedTuple):
    """Scores, and what one draw takes of them."""

    scores: Scores
    gold: References
    asked: Asked

    @property
    def clusters(self) -> list[int] | None:
        """For each question scored the number of its passage, None where single questions are drawn."""
        if not self.asked.clustered:
            return None
        passage = dict(zip(self.gold.keys, self.gold.clusters, strict=True))
        return [passage[key] for key in self.scores.per_question]


def _check(units: _Units) -> tuple[list[LeastCheck | DropCheck], list[Flip]]:
    scores, asked = units.scores, units.asked
    checks: list[LeastCheck | DropCheck] = []
    if asked.minima:
        from ham_mrc.eval.limits import check_minima

        checks += check_minima(scores, asked.minima)
    if asked.baseline is None:
        return checks, []
    from ham_mrc.eval.flips import flipped
    from ham_mrc.eval.regression import check_baseline, load_baseline

    baseline = load_baseline(asked.baseline)
    checks += check_baseline(
        scores,
        baseline,
        asked.max_drop,
        significant=asked.significant,
        clusters=units.clusters,
        resamples=max(asked.resamples, TEST_RESAMPLES),
        seed=asked.seed,
    )
    return checks, flipped(scores, baseline.scores)


def _intervals(units: _Units) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Each metric's 95% interval, and the smallest difference to another system that would show."""
    asked = units.asked
    if not asked.intervals:
        return {}, {}
    from ham_mrc.eval.columns import columns_of, summed_metrics
    from ham_mrc.eval.resampling import Bootstrap
    from ham_mrc.eval.significance import detectable_alone, pseudo_scores

    metrics = summed_metrics(units.scores)
    if not metrics:
        return {}, {}
    clusters, columns = units.clusters, columns_of(units.scores, metrics.values())
    found = Bootstrap([columns], clusters=clusters, resamples=asked.resamples, seed=asked.seed)
    intervals = {name: found.interval(metric) for name, metric in metrics.items()}
    detectable = {
        name: detectable_alone(pseudo_scores(metric, columns), clusters=clusters) for name, metric in metrics.items()
    }
    return intervals, detectable


def _broken_down(units: _Units) -> Breakdown | None:
    asked = units.asked
    if asked.by is None:
        return None
    from ham_mrc.eval.breakdown import breakdown

    return breakdown(
        units.scores,
        units.gold,
        asked.by,
        intervals=asked.intervals,
        clusters=units.clusters,
        resamples=asked.resamples,
        seed=asked.seed,
    )
