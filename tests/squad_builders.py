"""Small SQuAD objects made to order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def squad_question(passage: str, name: str, question: str, *answers: str, starts: Sequence[int] = ()) -> dict[str, Any]:
    """One entry of "qas"; an answer stands at its first occurrence in `passage` unless `starts` says otherwise."""
    found = starts or [passage.index(answer) for answer in answers]
    return {
        "id": name,
        "question": question,
        "answers": [{"text": text, "answer_start": start} for text, start in zip(answers, found, strict=True)],
    }


def squad_paragraph(context: str, *questions: tuple[Any, ...]) -> dict[str, Any]:
    """One paragraph; each question is (id, text, answer, ...) with answers at their first occurrence."""
    return {"context": context, "qas": [squad_question(context, *question) for question in questions]}


def squad_document(articles: dict[str, list[dict[str, Any]]], version: str = "1.1") -> dict[str, Any]:
    """A whole SQuAD object from title -> paragraphs."""
    data = [{"title": title, "paragraphs": paragraphs} for title, paragraphs in articles.items()]
    return {"version": version, "data": data}


def rivers(articles: int = 4, paragraphs: int = 3, questions: int = 5) -> dict[str, Any]:
    """A SQuAD object of made-up rivers: every passage differs, ids are a<article>p<paragraph>q<question>."""
    content = {}
    for a in range(articles):
        content[f"River_{a}"] = [
            squad_paragraph(
                f"River {a} rises near Mount {p}. It is {100 * a + p + 7} km long and ends in Lake {a * p + 3}.",
                *[
                    (f"a{a}p{p}q{q}", f"How long is river {a}, asked for the {q}. time?", f"{100 * a + p + 7} km")
                    for q in range(questions)
                ],
            )
            for p in range(paragraphs)
        ]
    return squad_document(content)
