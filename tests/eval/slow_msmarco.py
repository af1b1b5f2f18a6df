"""The official MS MARCO evaluation (version 2) said again, slowly, as the reference for the fast one.

Written from its description, on lines already parsed. Dies where the official program dies, with Python's own
errors; the similarity of sentences is left out but for the division by the number of queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from slow_overlap import overlap

NO_ANSWER = "No Answer Present."


def by_query(lines: Iterable[dict[str, Any]], normalise: Callable[[str], str]) -> tuple[dict[Any, list[str]], set[Any]]:
    answers: dict[Any, list[str]] = {}
    none = set()
    for line in lines:
        query, texts = line["query_id"], line["answers"]
        if NO_ANSWER in texts:
            none.add(query)
            texts = [""]
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(text)
            answers.setdefault(query, []).append(normalise(text))
    return answers, none


def answerability(answers: set[Any], none: set[Any], due: set[Any], due_none: set[Any]) -> float:
    due, answers = due - due_none, answers - none
    true_positive = len(answers & due)
    false_negative = len(due) - true_positive
    false_positive = len(due_none) - len(none & due_none)
    positives, wanted = true_positive + false_positive, true_positive + false_negative
    precision = true_positive / positives if positives else 1.0
    recall = true_positive / wanted if wanted else 1.0
    return 2 * ((precision * recall) / (precision + recall))


def evaluate(
    references: Iterable[dict[str, Any]], candidates: Iterable[dict[str, Any]], normalise: Callable[[str], str]
) -> dict[str, float]:
    due, due_none = by_query(references, normalise)
    given, none = by_query(candidates, normalise)
    f1 = answerability(set(given), none, set(due), due_none)
    due = {query: texts for query, texts in due.items() if query not in due_none}
    given = {query: texts for query, texts in given.items() if query not in due_none}
    assert all(len(texts) <= 1 for texts in given.values())
    assert set(due) == set(given)
    assert 1 / len(due)
    return {**overlap({query: texts[0] for query, texts in given.items()}, due), "answerability_f1": f1}
