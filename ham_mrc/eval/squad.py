"""SQuAD 1.1: exact match, token F1 and containment, as the official `evaluate-v1.1.py` defines the first two.

Figures equal the official script's to the last digit, which fixes the order of every operation on floats
here. Behaviour of Python 3's `str.lower`, `str.split` and Unicode word boundaries is part of the definition.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.metric import mean_metric
from ham_mrc.eval.references import References, answer_text

DEFINITION = 1
"""Raised whenever a figure on this page would move. Part of every signature."""

SIGNATURE = (
    "squad-1.1"
    "|normalise:lower+delete-ascii-punctuation+drop-a-an-the+squeeze-space"
    "|unit:token"
    "|references:max-each"
    "|missing:0"
    f"|definition:{DEFINITION}"
)
"""All that could move a figure. Results with different signatures are never compared."""

_DELETE_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_ARTICLE = re.compile(r"\b(a|an|the)\b")


def normalise(text: str) -> str:
    """`text` in lower case, without ASCII punctuation, without the words a, an, the, single-spaced.

    In this order, so that "an'apple" becomes "anapple" and keeps its "an". Nothing takes the place of
    punctuation ("well-known" is "wellknown"). Punctuation beyond ASCII, accents and width stay.
    """
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_DELETE_PUNCTUATION)).split())


class Normaliser(dict[str, str]):
    """`normaliser[text]` is `normalise(text)`, computed once for each distinct text; for `texts` all at once."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        super().__init__()
        self.learn(texts)

    def learn(self, texts: Iterable[str]) -> None:
        """Normalise all texts that are not known yet."""
        new = [text for text in dict.fromkeys(texts) if text not in self]
        self.update(zip(new, _normalise_all(new), strict=True))

    def __missing__(self, text: str) -> str:
        value = self[text] = normalise(text)
        return value


_PUNCTUATION = string.punctuation.encode("ascii")
_SEPARATOR = "\0"
"""Neither a letter nor white space nor punctuation: words end at it, and no step of `normalise` moves it."""
# The same articles as _ARTICLE's: what may begin one stands first, for which the matcher can look faster.
_ARTICLE_IN_BULK = re.compile(r"(?:a(?<!\w.)n?|t(?<!\w.)he)\b")


def _normalise_all(texts: list[str]) -> list[str]:
    """`normalise` of every text, each step on all of them joined: a step costs more than the texts it is made on."""
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) != len(texts) - 1:
        return [normalise(text) for text in texts]
    # In UTF-8 no byte of another character looks like ASCII punctuation; halves of surrogate pairs come through.
    plain = joined.lower().encode("utf-8", "surrogatepass").translate(None, _PUNCTUATION)
    without = _ARTICLE_IN_BULK.sub(" ", plain.decode("utf-8", "surrogatepass"))
    return [" ".join(text.split()) for text in without.split(_SEPARATOR)]


def exact_match(prediction: str, references: Sequence[str]) -> float:
    """100.0 if the normalised prediction equals a normalised reference, else 0.0.

    Raises HamError where there is no reference, as all metrics on this page do.
    """
    return 100.0 * judge(*_normalised(prediction, references))[0]


def token_f1(prediction: str, references: Sequence[str]) -> float:
    """The best F1 of the prediction's words against one reference's words, in percent.

    0.0 where no word is shared, also when neither side has a word left: for a gold answer of "." and a
    prediction of "!" exact match is 100 and F1 is 0. Official, and three gold answers of the dev set are so.
    """
    return 100.0 * judge(*_normalised(prediction, references))[1]


def contains(prediction: str, references: Sequence[str]) -> float:
    """100.0 if a normalised reference stands in the normalised prediction as a run of whole words, else 0.0.

    For systems that answer in sentences. It rewards long answers, so the mean length is always shown beside
    it, and it is not an official figure. A reference that normalises to nothing is only in such a prediction.
    """
    return 100.0 * contained(*_normalised(prediction, references))


def _normalised(prediction: str, references: Sequence[str]) -> tuple[str, list[str]]:
    if not references:
        raise HamError("a prediction cannot be scored against no references")
    return normalise(prediction), [normalise(reference) for reference in references]


def judge(prediction: str, references: Sequence[str]) -> tuple[bool, float]:
    """(exact match, F1 from 0 to 1) of normalised texts: each the maximum over the references, taken separately."""
    if prediction in references:
        # Equal texts with a word in them have p = r = 1.0, and (2 * 1.0 * 1.0) / 2.0 is the greatest F1 there is.
        return True, 1.0 if prediction else 0.0
    words = prediction.split()
    return False, max([overlap_f1(words, reference.split()) for reference in set(references)])


def overlap_f1(predicted: list[str], reference: list[str]) -> float:
    """F1, 0 to 1, of two lists of words by the size of their multiset intersection; 0 if that is empty."""
    distinct, wanted = set(predicted), set(reference)
    common = distinct & wanted
    if not common:
        return 0.0
    if len(distinct) == len(predicted) or len(wanted) == len(reference):
        same = len(common)  # one side repeats no word, so each shared word counts once
    else:
        same = sum((Counter(predicted) & Counter(reference)).values())
    precision = 1.0 * same / len(predicted)
    recall = 1.0 * same / len(reference)
    return (2 * precision * recall) / (precision + recall)


def contained(prediction: str, references: Sequence[str]) -> bool:
    """Whether the words of a reference stand in the prediction as one run; all texts normalised."""
    padded = f" {prediction} "
    return any(f" {reference} " in padded if reference else not prediction for reference in references)


def normalised_for(references: References, predictions: Mapping[str, Any], file: str | None) -> Normaliser:
    """The predictions for known questions, normalised, and the answers of those that are not answered literally.

    An answer that stands among the references as it is need not be compared with the others. Raises HamError
    naming the first question whose prediction is not a text.
    """
    texts: list[str] = []
    for identity, answers in zip(references.ids, references.answers, strict=True):
        if identity in predictions:
            prediction = answer_text(predictions[identity], identity, file)
            texts.append(prediction)
            if prediction not in answers:
                texts += answers
    references.normaliser.learn(texts)
    return references.normaliser


METRICS = (
    mean_metric("exact_match", "EM"),
    mean_metric("f1", "F1"),
    mean_metric("contains", "Contains"),
)


def judge_all(
    predictions: Mapping[str, Any], references: References, *, contains: bool = False, file: str | None = None
) -> Judged:
    """Exact match and F1 of `{id: text}`, summed in file order as the official script does; `file` is for messages.

    A question without a prediction scores 0. Raises HamError naming the question where a prediction is not a
    text, or has no answer to be held against: the official script dies there.
    """
    normal = normalised_for(references, predictions, file)
    matches, f1s, hits = ([0.0] * len(references) for _ in range(3))
    answered = 0
    f1_sum: float = 0
    for place, (identity, answers) in enumerate(zip(references.ids, references.answers, strict=True)):
        if identity not in predictions:
            continue
        if place in references.faults:
            raise references.fault_at(place)
        answered += 1
        text = predictions[identity]
        prediction = normal[text]
        golds = [prediction] if text in answers else [normal[answer] for answer in answers]
        match, f1 = judge(prediction, golds)
        f1_sum += f1  # one after the other in file order: part of the definition
        matches[place], f1s[place] = 100.0 * match, 100.0 * f1
        if contains:
            hits[place] = 100.0 * contained(prediction, golds)
    total = len(references)
    metrics = {"exact_match": 100.0 * matches.count(100.0) / total, "f1": 100.0 * f1_sum / total}
    columns = {"exact_match": matches, "f1": f1s}
    if contains:
        metrics["contains"] = 100.0 * hits.count(100.0) / total
        columns["contains"] = hits
    return Judged(
        keys=references.keys,
        metrics=metrics,
        statistics={**columns, "questions": [1] * total},
        values={**columns},
        signature=SIGNATURE,
        answered=answered,
        missing=total - answered,
        extra=len(predictions.keys() - set(references.ids)),
    )
