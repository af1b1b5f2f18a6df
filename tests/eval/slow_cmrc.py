"""The official CMRC 2018 evaluation (v6) said again, slowly and step by step, as the reference for the fast one.

Written from its description: cut up anew for every reference, one character after the other; the longest common
run by a table; floats added left to right. Dies where the official program dies, with Python's own errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

REMOVED = [*"-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』", "……"]


def cleaned(text: Any) -> str:
    kept = ""
    for char in str(text).lower().strip():
        if char not in REMOVED:
            kept += char
    return kept


def segments(text: Any, tokenize: Callable[[str], list[str]]) -> list[str]:
    found: list[str] = []
    fragment = ""
    for char in cleaned(text):
        if "\u4e00" <= char <= "\u9fa5":
            found += [*(tokenize(fragment) if fragment else []), char]
            fragment = ""
        else:
            fragment += char
    return found + (tokenize(fragment) if fragment else [])


def longest_run(one: list[str], other: list[str]) -> int:
    longest = 0
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one)):
        for j in range(len(other)):
            if one[i] == other[j]:
                table[i + 1][j + 1] = table[i][j] + 1
                longest = max(longest, table[i + 1][j + 1])
    return longest


def f1(prediction: str, answers: list[Any], tokenize: Callable[[str], list[str]]) -> float:
    scores: list[float] = []
    for answer in answers:
        due, given = segments(answer, tokenize), segments(prediction, tokenize)
        common = longest_run(due, given)
        if common == 0:
            scores.append(0)
            continue
        precision = 1.0 * common / len(given)
        recall = 1.0 * common / len(due)
        scores.append((2 * precision * recall) / (precision + recall))
    return max(scores)


def exact(prediction: str, answers: list[Any]) -> int:
    return int(any(cleaned(prediction) == cleaned(answer) for answer in answers))


def evaluate(document: Any, predictions: Any, tokenize: Callable[[str], list[str]]) -> dict[str, Any]:
    """EM and F1 of a whole file in either layout, TOTAL and SKIP, before they are rounded for print."""
    f1_sum: float = 0
    exact_sum = total = skipped = 0
    articles = document if isinstance(document, list) else document["data"]
    for article in articles:
        for paragraph in article.get("paragraphs", [article]):
            for qa in paragraph["qas"]:
                total += 1
                identity = qa["id"] if "id" in qa else qa["query_id"]
                answers = [answer["text"] if isinstance(answer, dict) else answer for answer in qa["answers"]]
                if identity not in predictions:
                    skipped += 1
                    continue
                prediction = str(predictions[identity])
                f1_sum += f1(prediction, answers, tokenize)
                exact_sum += exact(prediction, answers)
    return {"F1": 100.0 * f1_sum / total, "EM": 100.0 * exact_sum / total, "TOTAL": total, "SKIP": skipped}
