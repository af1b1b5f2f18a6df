"""The official SQuAD 2.0 evaluation said again, slowly and step by step, as the reference for the fast one.

Written from its description: everything by question id in dictionaries, texts normalised anew each time, floats
added left to right. Dies where the official program dies, with Python's own errors.
"""

from __future__ import annotations

from typing import Any

from official_squad import normal


def questions(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [qa for article in data for paragraph in article["paragraphs"] for qa in paragraph["qas"]]


def exact(gold: str, prediction: str) -> int:
    return int(normal(gold) == normal(prediction))


def f1(gold: str, prediction: str) -> float:
    due, given = normal(gold).split(), normal(prediction).split()
    if not due or not given:
        return int(due == given)
    left = list(due)
    same = 0
    for word in given:
        if word in left:
            left.remove(word)
            same += 1
    if same == 0:
        return 0
    precision = 1.0 * same / len(given)
    recall = 1.0 * same / len(due)
    return (2 * precision * recall) / (precision + recall)


def raw_scores(data: list[dict[str, Any]], predictions: Any) -> tuple[dict[str, float], dict[str, float]]:
    exacts: dict[str, float] = {}
    f1s: dict[str, float] = {}
    for qa in questions(data):
        golds = [answer["text"] for answer in qa["answers"] if normal(answer["text"])] or [""]
        if qa["id"] not in predictions:
            continue
        exacts[qa["id"]] = max(exact(gold, predictions[qa["id"]]) for gold in golds)
        f1s[qa["id"]] = max(f1(gold, predictions[qa["id"]]) for gold in golds)
    return exacts, f1s


def mean(scores: dict[str, float], ids: list[str]) -> float:
    total: float = 0
    for identity in ids:
        total = total + scores[identity]
    return 100.0 * total / len(ids)


def best(
    predictions: Any, scores: dict[str, float], na_prob: dict[str, Any], has: dict[str, bool]
) -> tuple[float, float]:
    score = highest = [has[identity] for identity in has].count(False)
    threshold: float = 0.0
    for identity in sorted(na_prob, key=lambda identity: na_prob[identity]):
        if identity not in scores:
            continue
        if has[identity]:
            score = score + scores[identity]
        elif predictions[identity]:
            score = score - 1
        if score > highest:
            highest = score
            threshold = na_prob[identity]
    return 100.0 * highest / len(scores), threshold


def precision_recall(scores: dict[str, float], na_prob: dict[str, Any], has: dict[str, bool]) -> float:
    ids = sorted(na_prob, key=lambda identity: na_prob[identity])
    recalls = [0.0]
    found = area = 0.0
    for i, identity in enumerate(ids):
        if has[identity]:
            found += scores[identity]
        precision = found / float(i + 1)
        recall = found / float(list(has.values()).count(True))
        if i == len(ids) - 1 or na_prob[identity] != na_prob[ids[i + 1]]:
            area += precision * (recall - recalls[-1])
            recalls.append(recall)
    return 100.0 * area


def evaluate(
    data: list[dict[str, Any]],
    predictions: Any,
    na_prob: dict[str, Any] | None = None,
    threshold: float = 1.0,
    curves: bool = False,
) -> dict[str, Any]:
    """What the program prints, under its own names."""
    has = {qa["id"]: bool(qa["answers"]) for qa in questions(data)}
    probability = dict.fromkeys(predictions, 0.0) if na_prob is None else na_prob
    raw = dict(zip(("exact", "f1"), raw_scores(data, predictions), strict=True))
    kept = {
        name: {i: float(not has[i]) if probability[i] > threshold else scores[i] for i in scores}
        for name, scores in raw.items()
    }
    report: dict[str, Any] = {name: mean(scores, list(scores)) for name, scores in kept.items()}
    report["total"] = len(kept["exact"])
    for prefix, wanted in (("HasAns", True), ("NoAns", False)):
        ids = [identity for identity in has if has[identity] is wanted]
        if ids:
            report |= {f"{prefix}_{name}": mean(scores, ids) for name, scores in kept.items()}
            report[f"{prefix}_total"] = len(ids)
    if na_prob is not None:
        for name, scores in raw.items():
            report[f"best_{name}"], report[f"best_{name}_thresh"] = best(predictions, scores, na_prob, has)
        if curves and any(has.values()):
            oracle = {identity: 1.0 if has[identity] else 0.0 for identity in has}
            for name, scores in {**raw, "oracle": oracle}.items():
                report[f"pr_{name}_ap"] = precision_recall(scores, na_prob, has)
    return report
