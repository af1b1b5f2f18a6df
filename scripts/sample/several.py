"""Questions with several passages, one of which tells the answer: what DuReader and MS MARCO have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sample.draws import Draws
from sample.passages import fill
from sample.records import Passage, Question


@dataclass(frozen=True)
class Query:
    """A question and its passages in the order shown. `right` is the place of the one that tells, -1 where none does.

    `sentence` says the answer in a sentence of its own, which stands in no passage.
    """

    number: int
    question: Question
    passages: tuple[Passage, ...]
    right: int
    sentence: str


def queries(
    corpus: list[Passage], draws: Draws, *, each: int, passages: int, first: int, unanswered: float = 0.0
) -> Iterator[Query]:
    """`each` questions of every passage, numbered from `first`. The other passages are the next of the same article
    that do not tell the fact; in the share `unanswered` the right one is left out."""
    number = first
    for i, passage in enumerate(corpus):
        article = [other for other in corpus[i + 1 :] + corpus[:i] if other.title == passage.title]
        for question in passage.questions[:each]:
            others = [other for other in article if not _tells(other, question) and question.text not in other.text]
            if len(others) < passages - 1:
                continue
            answered = len(others) < passages or not draws.chance(unanswered)
            shown = draws.shuffled([passage, *others[: passages - 1]] if answered else others[:passages])
            yield Query(
                number,
                question,
                tuple(shown),
                shown.index(passage) if answered else -1,
                _sentence(passage, question, draws),
            )
            number += 1


def _tells(passage: Passage, question: Question) -> bool:
    """Whether the passage, too, tells something that answers the question."""
    about, value = question.fact.entity.name.text, question.fact.value.text
    told = [fact for fact in passage.facts if fact.relation is question.fact.relation]
    return any(fact.value.text == value if question.reverse else fact.entity.name.text == about for fact in told)


def _sentence(passage: Passage, question: Question, draws: Draws) -> str:
    fact = question.fact
    sentences = [fill(text, fact.entity.name.text, fact.value.text)[0] for text in fact.relation.statements]
    return draws.choose([text for text in sentences if text not in passage.text])
