"""Scores of predictions against references, equal to the official programs; no torch anywhere in here.

    from ham_mrc.eval import score

    scores = score("predictions.json", "dev-v1.1.json")
    assert scores.metrics["f1"] >= 76.0

`score` here is the function; take the other names of its page by `from ham_mrc.eval.score import ...`.
"""

from ham_mrc.eval.metric import Metric
from ham_mrc.eval.score import score
from ham_mrc.eval.squad import CONTAINS, EXACT_MATCH, F1

METRICS: dict[str, Metric] = {metric.name: metric for metric in (EXACT_MATCH, F1, CONTAINS)}

__all__ = ["METRICS", "Metric", "score"]
