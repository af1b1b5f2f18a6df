"""The official DuReader 2.0 evaluation said again, slowly, as the reference for the fast one.

Written from its description, on lines already parsed, with its loop over the references made safe for Python 3.
Dies where the official program dies or reports an error, with Python's own errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from slow_overlap import overlap

LABELS = ["Yes", "No", "Depends"]
FIELDS = ["answers", "yesno_answers", "entity_answers", "question_type"]


def by_question(lines: Iterable[dict[str, Any]], is_reference: bool) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for line in lines:
        for field in ("question_id", "question_type", "yesno_answers", "entity_answers"):
            assert field in line
        assert isinstance(line["yesno_answers"], list)
        assert isinstance(line["entity_answers"], list)
        assert line["entity_answers"]
        assert line["question_id"] not in found
        fields = [*FIELDS, "source"] if is_reference else FIELDS
        found[line["question_id"]] = {field: line[field] for field in fields}
    return found


def normal(texts: Any) -> list[str]:
    return [" ".join([char for char in text if char.strip()]) for text in texts]


def main_items(question: Any, given: Any, due: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    predicted = given[question]["answers"][:1] if question in given else []
    return {question: predicted or [""]}, {question: due[question]["answers"] or [""]}


def grouped(question: Any, record: dict[str, Any] | None, keep_all: bool) -> dict[Any, Any]:
    groups: dict[str, list[Any]] = {}
    if record is not None:
        for label, text in zip(record["yesno_answers"], record["answers"], strict=False):
            if label not in groups:
                groups[label] = [text]
            elif keep_all:
                groups[label].append(text)
    for label in LABELS:
        groups.setdefault(label, [""])
    return {str(question) + "_" + label: texts for label, texts in groups.items()}


def items(given: Any, due: Any, task: str) -> tuple[dict[Any, str], dict[Any, list[str]]]:
    kinds = {"entity": "ENTITY", "description": "DESCRIPTION", "yesno": "YES_NO"}
    predicted: dict[Any, Any] = {}
    references: dict[Any, Any] = {}
    for question, record in due.items():
        if task in kinds and record["question_type"] != kinds[task]:
            continue
        if task in ("yesno", "all") and record["question_type"] == "YES_NO":
            predicted |= grouped(question, given.get(question), keep_all=False)
            references |= grouped(question, record, keep_all=True)
        else:
            own, theirs = main_items(question, given, due)
            predicted |= own
            references |= theirs
    for key, texts in list(references.items()):
        references[key] = normal(texts)
        predicted[key] = normal(predicted.get(key, [""]))
        if not texts or texts == [""]:
            del references[key], predicted[key]
    assert all(len(texts) == 1 for texts in predicted.values())
    assert predicted.keys() == references.keys(), "missing keys"
    return {key: texts[0] for key, texts in predicted.items()}, references


def f1(predicted: Any, gold: Any) -> float:
    same = sum((Counter(predicted) & Counter(gold)).values())
    if same == 0:
        return 0
    precision, recall = 1.0 * same / len(predicted), 1.0 * same / len(gold)
    return (2 * precision * recall) / (precision + recall)


def entities(given: Any, due: Any) -> dict[str, float]:
    correct, predictions, golds = 0, 0, 0
    for question, record in due.items():
        lists = given[question]["entity_answers"] if question in given else [[]]
        assert len(lists) == 1
        best, best_f1 = None, 0.0
        for gold in record["entity_answers"]:
            if f1(lists[0], gold) > best_f1:
                best, best_f1 = gold, f1(lists[0], gold)
        if best is None:
            best = sorted(record["entity_answers"], key=len)[0]
        correct += len(set(best) & set(lists[0]))
        predictions += len(set(lists[0]))
        golds += len(set(best))
    if correct == 0:
        return {"entity_f1": 0.0, "entity_precision": 0.0, "entity_recall": 0.0}
    precision, recall = correct / predictions, correct / golds
    harmonic = 2 * precision * recall / (precision + recall)
    return {"entity_f1": harmonic, "entity_precision": precision, "entity_recall": recall}


def evaluate(
    references: Iterable[dict[str, Any]], predictions: Iterable[dict[str, Any]], task: str
) -> dict[str, float]:
    """The figures, 0 to 1, of the task under the names that ours have; of sources and labels all orders of BLEU."""
    given, due = by_question(predictions, False), by_question(references, True)
    own, theirs = items(given, due, task)
    figures = overlap(own, theirs)
    if task in ("main", "all"):
        for source in ("search", "zhidao"):
            part = {question: record for question, record in due.items() if record["source"] == source}
            own, theirs = items({question: given[question] for question in part if question in given}, part, task)
            figures |= {f"{source}_{name}": value for name, value in overlap(own, theirs).items()}
    if task == "yesno":
        for label in LABELS:
            part = {key: texts for key, texts in theirs.items() if key.endswith(label)}
            figures |= {f"{label.lower()}_{name}": value for name, value in overlap(own, part).items()}
    if task == "entity":
        figures |= entities(given, due)
    return figures
