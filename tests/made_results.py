"""Results made to order: each question right or wrong, or with the F1 given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ham_mrc.eval import score
from ham_mrc.eval.results import Result
from ham_mrc.eval.squad import SIGNATURE
from ham_mrc.records import Scores


def made_scores(f1: Sequence[float], **changes: Any) -> Scores:
    """Scores of questions q0, q1, ...; exact match is 100 where F1 is 100, else 0."""
    rows = {f"q{i}": {"exact_match": 100.0 if value == 100 else 0.0, "f1": float(value)} for i, value in enumerate(f1)}
    values: dict[str, Any] = {
        "dataset": "squad",
        "version": "1.1",
        "questions": len(rows),
        "answered": len(rows),
        "missing": 0,
        "extra": 0,
        "metrics": {name: sum(row[name] for row in rows.values()) / len(rows) for name in ("exact_match", "f1")},
        "signature": SIGNATURE,
        "references_sha256": "ab" * 32,
        "per_question": rows,
    }
    return Scores(**{**values, **changes})


def made_result(name: str, f1: Sequence[float], run: Mapping[str, Any] | None = None, **changes: Any) -> Result:
    return Result(name, made_scores(f1, **changes), run, f"{name}.json")


def made_overlap(name: str, answers: Sequence[str], run: Mapping[str, Any] | None = None, **changes: Any) -> Result:
    """A DuReader result: answer i against `OVERLAP_GOLD[i]`, characters being tokens."""
    rows = [
        {
            "question_id": i,
            "question_type": "DESCRIPTION",
            "answers": [text],
            "yesno_answers": [],
            "entity_answers": [[]],
            "source": None,
        }
        for i, text in enumerate(OVERLAP_GOLD)
    ]
    scores = score({str(i): answer for i, answer in enumerate(answers)}, rows, dataset="dureader")
    return Result(name, replace(scores, **changes), run, f"{name}.json")


OVERLAP_GOLD = [f"{'春夏秋冬东南西北'[i % 8]}天下雨了我们在家看书写字{i}号" for i in range(40)]
OVERLAP_WORSE = [text if i % 3 else text[: 4 + i % 5] for i, text in enumerate(OVERLAP_GOLD)]
OVERLAP_BETTER = [text if i % 5 else text[:6] for i, text in enumerate(OVERLAP_GOLD)]


def made_best(text: str) -> Result:
    """A SQuAD 2.0 result with best thresholds: `text` on an unanswerable question, the other one answered rightly."""
    qas = [{"id": "q1", "answers": []}, {"id": "q2", "answers": [{"text": "x"}]}]
    document = {"version": "2.0", "data": [{"paragraphs": [{"qas": qas}]}]}
    scores = score({"q1": text, "q2": "x"}, document, na_prob={"q1": 0.7, "q2": 0.2})
    return Result(text or "nothing", scores, None, None)
