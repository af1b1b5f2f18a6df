"""Scores of predictions against references, equal to the official programs; no torch anywhere in here.

    from ham_mrc.eval import score

    scores = score("predictions.json", "dev-v1.1.json")
    assert scores.metrics["f1"] >= 76.0

`score` here is the function; take the other names of its page by `from ham_mrc.eval.score import ...`.
"""

from ham_mrc.eval.datasets import metrics_of
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.score import score

__all__ = ["Metric", "metrics_of", "score"]
