"""Small predictions and references of every dataset, as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


SQUAD = {
    "version": "1.1",
    "data": [
        {
            "paragraphs": [
                {
                    "context": "The capitals.",
                    "qas": [
                        {"id": "q1", "question": "Where?", "answers": [{"text": "Paris"}]},
                        {"id": "q2", "question": "Where?", "answers": [{"text": "Oslo"}]},
                    ],
                }
            ]
        }
    ],
}
SQUAD_ANSWERS = {"q1": "Paris", "q2": "Milan"}

SQUAD2 = {
    "version": "v2.0",
    "data": [
        {
            "paragraphs": [
                {
                    "context": "The capital.",
                    "qas": [
                        {"id": "q1", "question": "Where?", "answers": [{"text": "Paris"}, {"text": "the Paris"}]},
                        {"id": "q2", "question": "Who?", "answers": [], "is_impossible": True},
                        {"id": "q3", "question": "Where?", "answers": [{"text": "Oslo"}]},
                    ],
                }
            ]
        }
    ],
}
SQUAD2_ANSWERS = {"q1": "Paris", "q2": "Milan", "q3": "oslo city"}


CMRC = {
    "data": [
        {
            "paragraphs": [
                {
                    "id": "DEV_0",
                    "context": "北京是首都。",
                    "qas": [
                        {"id": "DEV_0_Q0", "question": "首都在哪里？", "answers": [{"text": "北京"}]},
                        {"id": "DEV_0_Q1", "question": "谁？", "answers": [{"text": "张三李四"}]},
                    ],
                }
            ]
        }
    ]
}


MSMARCO = [
    {"query_id": 1, "query": "what is it", "answers": ["a river in the north", "the river"]},
    {"query_id": 2, "query": "how many", "answers": ["seven lakes"]},
    {"query_id": 3, "query": "who", "answers": ["No Answer Present."]},
]


def dureader(number: int, kind: str, answers: list[str], **fields: Any) -> dict[str, Any]:
    return {
        "question_id": number,
        "question_type": kind,
        "question": "为什么",
        "answers": answers,
        "yesno_answers": [],
        "entity_answers": [[]],
        "source": "search",
        **fields,
    }


SMALL: dict[str, tuple[list[Any], list[Any]]] = {
    "squad": ([SQUAD_ANSWERS], [SQUAD]),
    "squad2": ([SQUAD2_ANSWERS], [SQUAD2]),
    "cmrc": ([{"DEV_0_Q0": "北京"}], [CMRC]),
    "msmarco": ([{"query_id": 1, "answers": ["x"]}, {"query_id": 2, "answers": ["y"]}], MSMARCO),
    "dureader": ([dureader(1, "ENTITY", ["x"])], [dureader(1, "ENTITY", ["x"])]),
}
"""By dataset the lines of predictions and of references; SQuAD has two versions."""
