"""A check for continuous integration: scores against least values, and against a stored baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval import METRICS
from ham_mrc.eval import significance as sig
from ham_mrc.eval.compare import same_definition
from ham_mrc.eval.results import Result, load_result
from ham_mrc.records import Scores

_ROUNDING = 1e-9
"""In points: an allowance of 0.5 also allows a drop of 0.5 that arithmetic made a little larger."""


@dataclass(frozen=True, slots=True)
class LeastCheck:
    """One metric held against a least value, both in percent."""

    metric: str
    value: float
    minimum: float

    @property
    def passed(self) -> bool:
        """A figure equal to the least value passes."""
        return self.value >= self.minimum - _ROUNDING

    def message(self) -> str:
        """One line: which metric, by how much, against what."""
        if self.passed:
            return f"{self.metric} is {self.value:.2f}, at least {self.minimum:.2f} was asked for"
        gap = points(self.minimum - self.value)
        return f"{self.metric} is {self.value:.2f}, {gap} points below the least value of {self.minimum:.2f}"

    def to_json(self) -> dict[str, Any]:
        """The fields and the verdict."""
        return {**asdict(self), "passed": self.passed}


@dataclass(frozen=True, slots=True)
class DropCheck:
    """One metric held against a stored figure, in percent and points.

    `drop` above 0 is worse, `against` is the stored result's name. `detectable` is the smallest true drop that
    these questions show with 80% power, None where not even one question differs. With a significance test
    `p` is two-sided and `interval` is the drop's 95% bootstrap interval; both are None without.
    """

    metric: str
    value: float
    baseline: float
    against: str
    drop: float
    allowed: float
    detectable: float | None
    p: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def passed(self) -> bool:
        """A drop within the allowance passes, and where it was tested also a larger one with p >= 0.05."""
        return self.drop <= self.allowed + _ROUNDING or (self.p is not None and self.p >= sig.ALPHA)

    def message(self) -> str:
        """One line: which metric, by how much, against what."""
        if self.drop == 0:
            return f"{self.metric} is {self.value:.2f}, as in {self.against}"
        text = (
            f"{self.metric} {'fell' if self.drop > 0 else 'improved'} by {points(abs(self.drop))} points, "
            f"from {self.baseline:.2f} in {self.against} to {self.value:.2f}"
        )
        if self.drop > 0:
            text += f"; {self.allowed:.2f} allowed"
        if self.p is not None:
            text += f"; {'significant' if self.p < sig.ALPHA else 'not significant'} (p {sig.p_text(self.p)})"
        return text

    def to_json(self) -> dict[str, Any]:
        """The fields and the verdict; p and interval only where there was a test."""
        return {key: value for key, value in asdict(self).items() if value is not None} | {"passed": self.passed}


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that was right in the baseline and is wrong now, or the other way round; all its scores."""

    key: str
    before: Mapping[str, float]
    after: Mapping[str, float]


def points(value: float) -> str:
    """`value` with two decimals, or with two digits where two decimals would show 0.00."""
    return f"{value:.2f}" if round(value, 2) or not value else f"{value:.1e}"


def parse_limits(texts: Sequence[str], option: str) -> dict[str, float]:
    """{metric: number} from "METRIC=NUMBER" texts; a metric named twice takes the last. Raises HamError."""
    limits: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals:
            raise HamError(f"{option} {text}: METRIC=NUMBER is expected", remedy=f"for example {option} f1=0.5")
        if name not in METRICS:
            raise HamError(f"{option} {text}: no metric {name!r}", remedy=f"there are: {', '.join(METRICS)}")
        try:
            limits[name] = float(number)
        except ValueError:
            limits[name] = math.nan
        if not math.isfinite(limits[name]) or limits[name] < 0:
            raise HamError(f"{option} {text}: {number!r} is not a number of points from 0 up")
    return limits


def load_baseline(path: Path) -> Result:
    """A stored result to check against; where there is none yet, the error says how to write it."""
    if not path.exists():
        raise HamError(
            "there is no baseline yet", file=path, remedy="add --update-baseline to write it, review and commit it"
        )
    return load_result(path)


def check_minima(scores: Scores, minima: Mapping[str, float]) -> list[LeastCheck]:
    """One check for each least value, in the order given."""
    _known(minima, scores.metrics, "--min")
    return [LeastCheck(name, scores.metrics[name], least) for name, least in minima.items()]


def check_baseline(
    scores: Scores,
    baseline: Result,
    max_drop: Mapping[str, float],
    *,
    significant: bool = False,
    clusters: Sequence[int] | None = None,
    resamples: int = sig.RESAMPLES,
    seed: int = sig.SEED,
) -> list[DropCheck]:
    """One check for each metric that both have; a drop may be as large as `max_drop` says, 0 by default.

    With `significant` a larger drop fails only if paired approximate randomisation over questions (over
    whole passages with `clusters`, one number a question) gives p < 0.05 as well.
    Raises HamError where signatures or questions differ.
    """
    same_definition(baseline, Result("these scores", scores))
    shared = [name for name in scores.metrics if name in baseline.scores.metrics]
    _known(max_drop, shared, "--max-drop")
    checks = []
    for name in shared:
        drops = _drops(scores, baseline.scores, name)
        drop = baseline.scores.metrics[name] - scores.metrics[name]
        p = interval = None
        if significant:
            p = sig.randomization_test(drops, clusters=clusters, resamples=resamples, seed=seed)
            interval = sig.mean_intervals([drops], clusters=clusters, resamples=resamples, seed=seed)[0]
        checks.append(
            DropCheck(
                metric=name,
                value=scores.metrics[name],
                baseline=baseline.scores.metrics[name],
                against=baseline.file or baseline.name,
                drop=drop if METRICS[name].higher_is_better else -drop,
                allowed=max_drop.get(name, 0.0),
                detectable=_detectable(drops, clusters),
                p=p,
                interval=interval,
            )
        )
    return checks


def _known(named: Mapping[str, float], metrics: Sequence[str] | Mapping[str, float], option: str) -> None:
    for name in named:
        if name not in metrics:
            raise HamError(f"{option} {name}: this metric was not scored", remedy=f"there are: {', '.join(metrics)}")


def _drops(scores: Scores, baseline: Scores, name: str) -> list[float]:
    sign = 1.0 if METRICS[name].higher_is_better else -1.0
    return [sign * (baseline.per_question[key][name] - row[name]) for key, row in scores.per_question.items()]


def _detectable(drops: Sequence[float], clusters: Sequence[int] | None) -> float | None:
    size = sig.detectable_difference(drops, clusters=clusters)
    return size if 0 < size < math.inf else None


def flipped(scores: Scores, baseline: Scores) -> list[Flip]:
    """The questions whose exact match changed, losses first, the largest loss of F1 first; gains in mirror order.

    Ties stand in the order of the references.
    """
    changed = [
        Flip(key, baseline.per_question[key], row)
        for key, row in scores.per_question.items()
        if row["exact_match"] != baseline.per_question[key]["exact_match"]
    ]

    def gain(flip: Flip) -> tuple[float, float]:
        return flip.after["exact_match"] - flip.before["exact_match"], flip.after["f1"] - flip.before["f1"]

    return sorted(changed, key=gain)
