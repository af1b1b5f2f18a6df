"""Queries as MS MARCO has them: v1.1, one a line, and v2.1, one object by columns. The same queries in both."""

from __future__ import annotations

from typing import Any

from sample.several import Query

SENTENCE_SHARE = 3
"""One query in so many is answered by a sentence, as people write answers, and not by a piece of a passage."""


def row(query: Query) -> dict[str, Any]:
    """One line of v1.1. A query that no passage answers has an empty list of answers."""
    return {
        "passages": [
            {
                "is_selected": int(i == query.right),
                "url": f"https://example.org/{passage.title.lower().replace(' ', '-')}/{passage.number}",
                "passage_text": passage.text,
            }
            for i, passage in enumerate(query.passages)
        ],
        "query_id": query.number,
        "answers": _answers(query),
        "query_type": "entity" if query.question.reverse else query.question.fact.relation.type,
        "query": query.question.text.removesuffix("?").lower(),
    }


def columns(queries: list[Query]) -> dict[str, dict[str, Any]]:
    """The object of v2.1: "No Answer Present." where there is none, and "[]" for no well-formed answer."""
    rows = [row(query) for query in queries]
    written = [_by_sentence(query) and query.right >= 0 for query in queries]
    return {
        "answers": _column([record["answers"] or ["No Answer Present."] for record in rows]),
        "passages": _column([record["passages"] for record in rows]),
        "query": _column([record["query"] for record in rows]),
        "query_id": _column([record["query_id"] for record in rows]),
        "query_type": _column([record["query_type"].upper() for record in rows]),
        "wellFormedAnswers": _column(
            [[query.sentence] if well else "[]" for query, well in zip(queries, written, strict=True)]
        ),
    }


def _answers(query: Query) -> list[str]:
    if query.right < 0:
        return []
    return [query.sentence if _by_sentence(query) else query.question.answers[0].text]


def _by_sentence(query: Query) -> bool:
    return query.number % SENTENCE_SHARE == 0


def _column(values: list[Any]) -> dict[str, Any]:
    return {str(i): value for i, value in enumerate(values)}
