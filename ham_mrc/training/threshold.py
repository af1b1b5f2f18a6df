"""No answer, or the best span: where the line between the two is drawn, and what is written of it.

A reader with a null position says of each question how much likelier that position is than its best span. Above the
threshold the question has no answer. The threshold is chosen on the part that chooses the epoch, never on the part
that is reported (SQuAD 2.0's own program looks for the best one on what it scores, and calls that "best").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError
from ham_mrc.eval.columns import columns_of
from ham_mrc.eval.datasets import metrics_of
from ham_mrc.eval.metric import Metric
from ham_mrc.files import read_json, write_json
from ham_mrc.records import Scores
from ham_mrc.training.predict import Candidates

SCHEMA = 1


def choose_threshold(found: Sequence[Candidates], score: Callable[[Sequence[str]], Scores], metric: str) -> float:
    """The threshold by which `found` does best at `metric`, a function of sums over questions.

    `score` gives the scores of one text a question. It is asked twice, with every question answered and with none;
    each threshold in between is a mixture of both. Among equally good ones that which answers most is taken, and of
    the numbers between two questions the middle.
    """
    spoken, silent = score([one.best.text for one in found]), score([""] * len(found))
    known = metrics_of(spoken.dataset, spoken.version)[metric]
    leads = [math.inf if one.no_answer is None else one.no_answer for one in found]
    order = sorted((lead, place) for place, lead in enumerate(leads) if math.isfinite(lead))
    places = [place for _, place in order]
    figures = np.nan_to_num(_mixtures(known, spoken, silent, places), nan=-1.0)
    lines = _lines([lead for lead, _ in order])
    # Rounded, for sums in another order must not decide between equal figures.
    return max((round(float(figures[answered]), 9), answered, line) for answered, line in lines)[2]


def _mixtures(metric: Metric, spoken: Scores, silent: Scores, places: Sequence[int]) -> np.ndarray[Any, Any]:
    """(n + 1,): the figure with none, the first, ... all of the questions at `places` answered, and no other."""
    said, unsaid = columns_of(spoken, [metric]), columns_of(silent, [metric])
    sums = {}
    for name in metric.columns:
        gains = (said[name][place] - unsaid[name][place] for place in places)
        sums[name] = np.array(list(accumulate(gains, initial=float(math.fsum(unsaid[name])))))
    assert metric.combine is not None
    return np.asarray(metric.combine(sums))


def _lines(leads: Sequence[float]) -> list[tuple[int, float]]:
    """(questions answered, threshold) for rising `leads`: between any two that differ, and at both ends."""
    if not leads:
        return [(0, 0.0)]
    between = [(n, (low + high) / 2) for n, (low, high) in enumerate(pairwise(leads), 1) if low < high]
    return [(0, leads[0] - 1), *between, (len(leads), leads[-1] + 1)]


def no_answer_probabilities(columns: Columns, found: Sequence[Candidates]) -> dict[str, float]:
    """{id: probability that there is no answer}: the null position's share of itself and the best span."""
    return {name: _logistic(one.no_answer) for name, one in zip(columns.ids, found, strict=True)}


def _logistic(lead: float | None) -> float:
    if lead is None or lead == math.inf:
        return 1.0
    return 1 / (1 + math.exp(-lead)) if lead > -700 else 0.0


def save_threshold(path: Path, threshold: float, *, part: str, metric: str) -> None:
    """Write the threshold of a run, whole or not at all."""
    share = _logistic(threshold)
    content = {"schema": SCHEMA, "threshold": threshold, "na_prob": share, "chosen_on": part, "by": metric}
    write_json(path, content)


def load_threshold(path: Path) -> float:
    """What `save_threshold` wrote. Raises HamError where there is none."""
    content = read_json(path)
    value = content.get("threshold") if isinstance(content, dict) and content.get("schema") == SCHEMA else None
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise HamError("does not say from where on there is no answer", file=path, remedy="train anew")
    return float(value)
