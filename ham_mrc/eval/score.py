"""Predictions and references to `Scores`: figures over the corpus, and each question's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.predictions import load_predictions
from ham_mrc.eval.references import References, kind, load_references
from ham_mrc.eval.squad import SIGNATURE, Normaliser, contained, judge
from ham_mrc.records import Scores

__all__ = [
    "References",
    "load_predictions",
    "load_references",
    "mean_words",
    "question_rows",
    "score",
    "score_predictions",
]


def score(
    predictions: str | Path | Mapping[str, Any] | list[Any],
    references: str | Path | Mapping[str, Any] | References,
    *,
    dataset: str | None = None,
    contains: bool = False,
) -> Scores:
    """How good the predictions are, in percent, equal to the official SQuAD 1.1 script to the last digit.

    Either argument may be a file (plain or gzip) or an object already loaded:

    >>> from ham_mrc.eval import score
    >>> references = {"data": [{"paragraphs": [{"qas": [
    ...     {"id": "q1", "answers": [{"text": "the Paris region"}, {"text": "Paris"}]},
    ...     {"id": "q2", "answers": [{"text": "1889"}]},
    ... ]}]}]}
    >>> scores = score({"q1": "Paris."}, references)
    >>> scores.metrics
    {'exact_match': 50.0, 'f1': 50.0}
    >>> scores.missing, scores.per_question["q2"]
    (1, {'exact_match': 0.0, 'f1': 0.0})

    In a test of a system of one's own:

        scores = score("predictions.json", "dev-v1.1.json")
        assert scores.metrics["f1"] >= 76.0, scores.metrics

    Predictions are `{id: text}`, the list `[{"id", "prediction_text"}]`, or JSON Lines of `{"id", "answer"}`.
    A question without a prediction scores 0 and stays in the total; predictions for other ids are ignored and
    counted as `extra`. `contains` adds the share of questions whose answer stands somewhere in the prediction.

    Raises HamError, naming the file and the question, where a file has the wrong shape, a prediction for a
    known question is not a text, or a question with a prediction has no answer to hold it against.
    """
    if not isinstance(references, References):
        references = load_references(references, dataset)
    answers = load_predictions(predictions, references)
    file = str(predictions) if isinstance(predictions, (str, Path)) else None
    return score_predictions(answers, references, contains=contains, file=file)


def score_predictions(
    predictions: Mapping[str, Any], references: References, *, contains: bool = False, file: str | None = None
) -> Scores:
    """The scores of `{id: text}` against loaded references; `file` is only named in messages.

    References remember their normalised answers, so scoring against the same ones again is faster.
    """
    normal = Normaliser()
    per_question: dict[str, dict[str, float]] = {}
    answered = matches = hits = 0
    f1_sum: float = 0
    for place, (key, identity, golds) in enumerate(
        zip(references.keys, references.ids, references.normalised, strict=True)
    ):
        row = per_question[key] = {"exact_match": 0.0, "f1": 0.0}
        if contains:
            row["contains"] = 0.0
        if identity not in predictions:
            continue
        prediction = normal[_text(predictions[identity], identity, file)]
        if place in references.faults:
            raise HamError(references.faults[place], file=references.file, place=f"question {identity}")
        match, f1 = judge(prediction, golds)
        answered += 1
        matches += match
        f1_sum += f1  # one after the other in file order: part of the definition
        row["exact_match"], row["f1"] = 100.0 * match, 100.0 * f1
        if contains:
            hit = contained(prediction, golds)
            hits += hit
            row["contains"] = 100.0 * hit
    total = len(references)
    metrics = {"exact_match": 100.0 * matches / total, "f1": 100.0 * f1_sum / total}
    if contains:
        metrics["contains"] = 100.0 * hits / total
    ids = set(references.ids)
    return Scores(
        dataset=references.dataset,
        version=references.version,
        questions=total,
        answered=answered,
        missing=total - answered,
        extra=sum(identity not in ids for identity in predictions),
        metrics=metrics,
        signature=SIGNATURE,
        references_sha256=references.sha256,
        per_question=per_question,
    )


def mean_words(predictions: Mapping[str, Any], references: References) -> tuple[float, float]:
    """Mean words, once normalised, of an answer given and of a reference answer; 0.0 where there is none.

    To be read beside `contains`, which a system raises by saying more.
    """
    normal = Normaliser()
    given = [len(normal[predictions[identity]].split()) for identity in references.ids if identity in predictions]
    due = [len(gold.split()) for golds in references.normalised for gold in golds]
    return sum(given) / max(1, len(given)), sum(due) / max(1, len(due))


def question_rows(scores: Scores, predictions: Mapping[str, Any], references: References) -> Iterator[dict[str, Any]]:
    """One object a question, in the references' order: id, scores, prediction (None if missing), answers."""
    for key, identity, answers in zip(references.keys, references.ids, references.answers, strict=True):
        prediction = predictions.get(identity)
        yield {
            "id": identity,
            **scores.per_question[key],
            "prediction": None if prediction is None else _writable(prediction),
            "answers": [_writable(text) for text in answers],
        }


def _writable(text: str) -> str:
    """`text` with "?" for halves of surrogate pairs, which JSON can escape and UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _text(prediction: Any, identity: str, file: str | None) -> str:
    if not isinstance(prediction, str):
        raise HamError(
            f"the prediction is {kind(prediction)}, not a text",
            file=file,
            place=f"question {identity}",
            remedy='an empty text "" stands for no answer',
        )
    return prediction
