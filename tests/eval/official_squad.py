"""The official SQuAD 1.1 evaluation said again, slowly and step by step, as the reference for the fast one.

Written from its description: delete punctuation one character at a time, normalise anew for every reference,
count words in dictionaries, take the sums left to right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def normal(text: str) -> str:
    kept = ""
    for char in text.lower():
        if char not in PUNCTUATION:
            kept += char
    without_articles = re.sub(r"\b(a|an|the)\b", " ", kept)
    return " ".join(without_articles.split())


def exact(prediction: str, reference: str) -> bool:
    return normal(prediction) == normal(reference)


def f1(prediction: str, reference: str) -> float:
    predicted, due = normal(prediction).split(), normal(reference).split()
    left: dict[str, int] = {}
    for word in due:
        left[word] = left.get(word, 0) + 1
    same = 0
    for word in predicted:
        if left.get(word, 0) > 0:
            left[word] -= 1
            same += 1
    if same == 0:
        return 0
    precision = 1.0 * same / len(predicted)
    recall = 1.0 * same / len(due)
    return (2 * precision * recall) / (precision + recall)


def question(prediction: str, references: Sequence[str]) -> tuple[float, float]:
    return (
        max(exact(prediction, reference) for reference in references),
        max(f1(prediction, reference) for reference in references),
    )


def evaluate(data: list[dict[str, Any]], predictions: Any) -> dict[str, float]:
    """Like the script's own output; `predictions` is whatever the predictions file holds."""
    total = 0
    exact_sum: float = 0
    f1_sum: float = 0
    for article in data:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                total += 1
                if qa["id"] not in predictions:
                    continue
                matches, overlap = question(predictions[qa["id"]], [answer["text"] for answer in qa["answers"]])
                exact_sum += matches
                f1_sum += overlap
    return {"exact_match": 100.0 * exact_sum / total, "f1": 100.0 * f1_sum / total}
