"""What SQuAD 2.0 asks of probabilities of "no answer": the best threshold, and average precision.

As `evaluate-v2.0.py` defines both, to the last digit. Questions are walked by rising probability, equal ones in
the order of the probabilities' file, which can therefore change both figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References


def best_thresholds(
    scores: Sequence[float], references: References, na_prob: Mapping[str, float], spoken: Sequence[bool]
) -> tuple[float, float]:
    """(the best score in percent, the probability that gives it, of the type it has in the file).

    `scores` are 0 to 1, `spoken` whether a prediction has any text, both in the order of the references. The walk
    begins with every question unanswered and answers one more at each step; it also stops inside a group of equal
    probabilities, so the best can be a score that no threshold reaches. Ids without a question are passed over.
    """
    gain: dict[str, float] = {}
    unanswerable = 0
    for identity, texts, score, said in zip(references.ids, references.answers, scores, spoken, strict=True):
        unanswerable += not texts
        gain[identity] = score if texts else -1 if said else 0
    score = best = float(unanswerable)
    threshold = 0.0
    for identity in _by_probability(na_prob):
        if identity in gain:
            score += gain[identity]
            if score > best:
                best, threshold = score, na_prob[identity]
    return 100.0 * best / len(references), threshold


def average_precisions(
    scores: Sequence[Sequence[float]], references: References, na_prob: Mapping[str, float]
) -> list[float]:
    """The area under the precision-recall curve of each list of scores (0 to 1, references' order), in percent.

    At least one question must be answerable. Raises HamError for a probability that belongs to no question.
    """
    order = _by_probability(na_prob)
    place = {identity: number for number, identity in enumerate(references.ids)}
    for identity in order:
        if identity not in place:
            what = "has a probability of no answer and is not in the references; no curve can be drawn then"
            raise HamError(what, place=f"question {identity}", remedy="leave it out")
    steps = [place[identity] for identity in order]
    answerable = [bool(references.answers[step]) for step in steps]
    # A curve has a point at each probability: where the next one differs.
    ends = [na_prob[here] != na_prob[after] for here, after in pairwise(order)] + [True]
    return [_average_precision([column[step] for step in steps], answerable, ends) for column in scores]


def _average_precision(scores: Sequence[float], answerable: Sequence[bool], ends: Sequence[bool]) -> float:
    positives = sum(answerable)
    right = area = last_recall = 0.0
    for number, (score, has, end) in enumerate(zip(scores, answerable, ends, strict=True), 1):
        if has:
            right += score
        if end:
            precision, recall = right / number, right / positives
            area += precision * (recall - last_recall)
            last_recall = recall
    return 100.0 * area


def _by_probability(na_prob: Mapping[str, float]) -> list[str]:
    return sorted(na_prob, key=lambda identity: na_prob[identity])
