"""BLEU and ROUGE-L of a corpus with what each question adds: what the metrics of MS MARCO and DuReader share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ham_mrc.eval.bleu import COLUMNS, ORDERS, Counts, bleu, bleu_metric, total
from ham_mrc.eval.metric import Metric, mean_metric
from ham_mrc.eval.rouge_l import pairwise_mean

DEFINITION = 1
"""Raised whenever a figure of BLEU or ROUGE-L would move. Part of every signature."""

SIGNATURE = (
    "bleu:corpus+closest-length+tiny-1e-15+small-1e-9"
    "|rouge-l:lcs+beta-1.2+max-precision+max-recall+pairwise-mean"
    f"|overlap:{DEFINITION}"
)


class Item(NamedTuple):
    """One candidate held against its references: `place` of its question, BLEU's counts, ROUGE-L from 0 to 1.

    A question is one item; a yes/no question of DuReader is one for each label that its references hold.
    """

    place: int
    counts: Counts
    rouge_l: float


def figures(items: Iterable[Item], orders: Sequence[int] = ORDERS, prefix: str = "") -> dict[str, float]:
    """`bleu_<order>` of each order, then `rouge_l`, in percent: the official figure times 100.0.

    The items stand in the official order, on which the last digits of ROUGE-L depend. Of no items BLEU is 0.0
    and ROUGE-L NaN, as in the official programs.
    """
    items = list(items)
    bleus = bleu(total([item.counts for item in items]))
    values = {f"{prefix}bleu_{order}": 100.0 * bleus[order - 1] for order in orders}
    return {**values, f"{prefix}rouge_l": 100.0 * pairwise_mean([item.rouge_l for item in items])}


def statistics(items: Iterable[Item], questions: int, prefix: str = "") -> dict[str, list[float]]:
    """The columns of `metrics(prefix=prefix)`: for each of `questions` questions the sums over its items.

    ROUGE-L in percent; `<prefix>questions` is how many items the question has, 0 where it does not count.
    """
    names = (*COLUMNS, "rouge_l", "questions")
    nothing: Sequence[float] = (0,) * len(names)
    rows = [nothing] * questions
    for item in items:
        added = (*item.counts.row(), 100.0 * item.rouge_l, 1)
        known = rows[item.place]
        rows[item.place] = added if known is nothing else [old + new for old, new in zip(known, added, strict=True)]
    columns: Iterable[Sequence[float]] = zip(*rows, strict=True) if rows else [()] * len(names)
    return {prefix + name: list(column) for name, column in zip(names, columns, strict=True)}


def own_rouge_l(columns: dict[str, list[float]], prefix: str = "") -> list[float | None]:
    """Each question's own ROUGE-L in percent, the mean over its items, None where it does not count."""
    scores, counts = columns[f"{prefix}rouge_l"], columns[f"{prefix}questions"]
    return [score / items if items else None for score, items in zip(scores, counts, strict=True)]


def metrics(orders: Sequence[int] = ORDERS, prefix: str = "", label: str = "") -> tuple[Metric, ...]:
    """The metrics of `figures`, over the columns of `statistics`."""
    bleus = [bleu_metric(order, prefix=prefix, label=label) for order in orders]
    return (*bleus, mean_metric(f"{prefix}rouge_l", f"{label}ROUGE-L", over=f"{prefix}questions"))
