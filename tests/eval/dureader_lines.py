"""Lines of DuReader files for the tests of its metric, and how ours and the slow restatement are compared."""

from __future__ import annotations

import math
from typing import Any

from ham_mrc.eval.dureader import judge_all
from ham_mrc.eval.json_lines import numbered
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.references_dureader import collect, load


def line(question: Any, answers: Any, kind: str = "DESCRIPTION", **fields: Any) -> dict[str, Any]:
    base = {"yesno_answers": [], "entity_answers": [[]], "source": "search"}
    return {"question_id": question, "question_type": kind, "answers": answers, **base, **fields}


def yes_no(question: Any, **answers: list[Any]) -> dict[str, Any]:
    pairs = [(label, text) for label, texts in answers.items() for text in texts]
    labels, texts = [label for label, _ in pairs], [text for _, text in pairs]
    return line(question, texts, "YES_NO", yesno_answers=labels)


def judge(references: list[Any], predictions: list[Any], task: str = "main") -> Judged:
    loaded = load(numbered(references), "refs.jsonl")
    return judge_all(collect(numbered(predictions), "preds.jsonl"), loaded, task=task, file="preds.jsonl")


def assert_equal(found: Judged, due: dict[str, float]) -> None:
    """Bit for bit, NaN equal to NaN; ours shows BLEU of the parts for order 4 only."""
    for name, value in found.metrics.items():
        assert value == 100.0 * due[name] or (math.isnan(value) and math.isnan(due[name])), name
    left = set(due) - set(found.metrics)
    assert all("_bleu_" in name for name in left), left
