"""Passages as a SQuAD 1.1 file: one article a group, answers in the order longest first."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sample.records import Passage, Question


def squad(passages: list[Passage], prefix: str) -> dict[str, Any]:
    """The document; ids are PREFIX-PASSAGE-QUESTION, counted over the whole file."""
    articles = [
        {"title": title.replace(" ", "_"), "paragraphs": [_paragraph(passage, prefix) for passage in group]}
        for title, group in groupby(passages, key=lambda passage: passage.title)
    ]
    return {"version": "1.1", "data": articles}


def _paragraph(passage: Passage, prefix: str) -> dict[str, Any]:
    return {
        "context": passage.text,
        "qas": [
            _question(question, f"{prefix}-{passage.number:03}-{i}") for i, question in enumerate(passage.questions)
        ],
    }


def _question(question: Question, name: str) -> dict[str, Any]:
    answers = [{"text": answer.text, "answer_start": answer.start} for answer in question.answers]
    return {"id": name, "question": question.text, "answers": answers}
