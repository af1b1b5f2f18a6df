"""BLEU as the package sacrebleu gives it, corpus level, case kept, exponential smoothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ham_mrc.errors import MissingExtra
from ham_mrc.eval.metric import Metric, Sums

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

ORDERS = (1, 2, 3, 4)
_MATCHES = tuple(f"sacrebleu_matches_{order}" for order in ORDERS)
_NGRAMS = tuple(f"sacrebleu_ngrams_{order}" for order in ORDERS)
_LENGTHS = ("sacrebleu_length", "sacrebleu_reference_length")


def combine(sums: Sums) -> Any:
    """sacrebleu's BLEU in percent from the sums of the columns: a number, or an array from arrays."""
    if isinstance(sums[_LENGTHS[0]], (int, float)):
        return _figure([sums[name] for name in _MATCHES], [sums[name] for name in _NGRAMS], *map(sums.get, _LENGTHS))
    import numpy as np

    rows = zip(*(np.asarray(sums[name]).tolist() for name in (*_MATCHES, *_NGRAMS, *_LENGTHS)), strict=True)
    return np.array([_figure(row[:4], row[4:8], row[8], row[9]) for row in rows])


def _figure(matches: Sequence[float], ngrams: Sequence[float], length: Any, reference_length: Any) -> float:
    """As `BLEU.compute_bleu` has it, whose counts must be whole; means over seeds are not."""
    if not any(matches):
        return 0.0
    penalty = math.exp(1 - reference_length / length) if length < reference_length else 1.0
    smooth, logs = 1.0, 0.0
    for found, total in zip(matches, ngrams, strict=True):
        if not total:
            return (
                0.0  # an order without an n-gram: its precision stays 0, whose logarithm is as good as minus infinity
            )
        if not found:
            smooth *= 2
        logs += math.log(100.0 * found / total if found else 100.0 / (smooth * total))
    return penalty * math.exp(logs / len(ORDERS))


METRICS = (
    Metric(
        "sacrebleu", "sacreBLEU", "%", higher_is_better=True, columns=(*_MATCHES, *_NGRAMS, *_LENGTHS), combine=combine
    ),
)


def score(
    predictions: Sequence[str], references: Sequence[Sequence[str]], tokeniser: str
) -> tuple[dict[str, float], dict[str, list[int]], Mapping[str, list[float]], str]:
    """(the figure, the columns, nothing for single questions, the signature)."""
    scorer = _scorer(tokeniser)
    columns: dict[str, list[int]] = {name: [] for name in (*_MATCHES, *_NGRAMS, *_LENGTHS)}
    for prediction, accepted in zip(predictions, references, strict=True):
        found = scorer.sentence_score(prediction, list(accepted))
        row = (*found.counts, *found.totals, found.sys_len, found.ref_len)
        for column, number in zip(columns.values(), row, strict=True):
            column.append(number)
    sums = {name: sum(column) for name, column in columns.items()}
    figure = scorer.compute_bleu(
        correct=[sums[name] for name in _MATCHES],
        total=[sums[name] for name in _NGRAMS],
        sys_len=sums[_LENGTHS[0]],
        ref_len=sums[_LENGTHS[1]],
        smooth_method="exp",
    )
    counts = {len(accepted) for accepted in references}
    return {"sacrebleu": figure.score}, columns, {}, _signature(tokeniser, counts)


def _signature(tokeniser: str, counts: set[int]) -> str:
    """sacrebleu's own fields, and the order, which it leaves out."""
    import sacrebleu

    number = str(counts.pop()) if len(counts) == 1 else "var"
    return f"nrefs:{number}|case:mixed|eff:no|tok:{tokeniser}|smooth:exp|order:4|version:{sacrebleu.__version__}"


def left(texts: Sequence[str], tokeniser: str) -> list[bool]:
    """Whether anything is left of each text once it is tokenised."""
    tokenise = _scorer(tokeniser).tokenizer
    return [bool(tokenise(text).split()) for text in texts]


def _scorer(tokeniser: str) -> BLEU:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise MissingExtra("sacrebleu", "variants", "--metrics sacrebleu") from error
    # The effective order concerns single questions only, whose figures are not taken from here.
    return BLEU(tokenize=tokeniser, effective_order=True)
