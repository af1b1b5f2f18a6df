"""A check for continuous integration: scores against a stored baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval import significance as sig
from ham_mrc.eval.columns import columns_of, known_metrics
from ham_mrc.eval.limits import ROUNDING, points, refuse_unknown
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.resampling import RESAMPLES, SEED, Bootstrap, randomization_tests
from ham_mrc.eval.results import Result, load_result, same_definition
from ham_mrc.eval.systems import Draws
from ham_mrc.records import Scores


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
        return self.drop <= self.allowed + ROUNDING or (self.p is not None and self.p >= sig.ALPHA)

    def risen_text(self) -> str:
        """The metric and both figures where the stored one is worse; else empty."""
        return f"{self.metric} from {self.baseline:.2f} to {self.value:.2f}" if self.drop < -ROUNDING else ""

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

    def visible_text(self, questions: int) -> str | None:
        """How small a drop these questions show; None where that is not known."""
        if self.detectable is None:
            return None
        if self.detectable > self.baseline:
            return f"no drop could be shown with {questions:,} questions (80% power)"
        return f"smallest drop that these questions show (80% power): {self.detectable:.2f}"

    def to_json(self) -> dict[str, Any]:
        """The fields and the verdict; p and interval only where there was a test."""
        return {key: value for key, value in asdict(self).items() if value is not None} | {"passed": self.passed}


def load_baseline(path: Path) -> Result:
    """A stored result to check against; where there is none yet, the error says how to write it."""
    if not path.exists():
        raise HamError(
            "there is no baseline yet", file=path, remedy="add --update-baseline to write it, review and commit it"
        )
    return load_result(path)


def check_baseline(
    scores: Scores,
    baseline: Result,
    max_drop: Mapping[str, float],
    *,
    significant: bool = False,
    clusters: Sequence[int] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[DropCheck]:
    """One check for each metric that both have; a drop may be as large as `max_drop` says, 0 by default.

    With `significant` a larger drop fails only if paired approximate randomisation over questions (over
    whole passages with `clusters`, one number a question) gives p < 0.05 as well; a figure that is no function of
    sums over questions cannot be tested, and its drop fails by its size alone.
    Raises HamError where signatures or questions differ.
    """
    same_definition(baseline, Result("these scores", scores))
    before = baseline.scores
    shared = _shared(scores, before)
    refuse_unknown(max_drop, shared, "--max-drop", scores)
    pair = _Pair(scores, before, shared, clusters, Draws(resamples=resamples, seed=seed) if significant else None)
    checks = []
    for name, metric in shared.items():
        drop = before.metrics[name] - scores.metrics[name]
        p, interval = pair.tested(metric)
        checks.append(
            DropCheck(
                metric=name,
                value=scores.metrics[name],
                baseline=before.metrics[name],
                against=baseline.file or baseline.name,
                drop=drop if metric.higher_is_better else -drop,
                allowed=max_drop.get(name, 0.0),
                detectable=pair.detectable(metric),
                p=p,
                interval=interval,
            )
        )
    return checks


def _shared(scores: Scores, before: Scores) -> dict[str, Metric]:
    """The metrics of both results that say which is better."""
    return {
        name: metric for name, metric in known_metrics(scores).items() if name in before.metrics and metric.unit == "%"
    }


class _Pair:
    """Both results' columns, resampled together where `draws` ask for it."""

    def __init__(
        self,
        scores: Scores,
        before: Scores,
        metrics: Mapping[str, Metric],
        clusters: Sequence[int] | None,
        draws: Draws | None,
    ) -> None:
        summed = [metric for metric in metrics.values() if metric.combine is not None]
        self._ours = columns_of(scores, summed)
        self._before = columns_of(before, summed, order=scores.per_question)
        self._clusters = clusters
        self._p: dict[str, float] = {}
        self._bootstrap: Bootstrap | None = None
        if draws is not None and summed and scores.per_question:
            self._p = randomization_tests(summed, self._ours, self._before, clusters=clusters, **draws)
            self._bootstrap = Bootstrap([self._ours, self._before], clusters=clusters, **draws)

    def tested(self, metric: Metric) -> tuple[float | None, tuple[float, float] | None]:
        """(p, interval of the drop), None where the metric is not tested."""
        if self._bootstrap is None or metric.combine is None:
            return None, None
        places = (1, 0) if metric.higher_is_better else (0, 1)
        return self._p[metric.name], self._bootstrap.difference_interval(metric, *places)

    def detectable(self, metric: Metric) -> float | None:
        """The smallest drop that would show, None where nothing differs or the metric is no function of sums."""
        if metric.combine is None:
            return None
        scores = (sig.pseudo_scores(metric, columns) for columns in (self._before, self._ours))
        size = sig.detectable_difference([b - a for b, a in zip(*scores, strict=True)], clusters=self._clusters)
        return size if 0 < size < math.inf else None
