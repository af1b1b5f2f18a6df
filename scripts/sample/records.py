"""What the sample is made of between the tables and the files."""

from __future__ import annotations

from dataclasses import dataclass

from sample.facts import Entity, Relation, Value


@dataclass(frozen=True)
class Fact:
    """One relation of one entity, told in a passage. The starts count code points of the passage.

    `name_start` is where the entity is named in the telling sentence or, if that one says "it", last before it.
    """

    entity: Entity
    relation: Relation
    value: Value
    name_start: int
    value_start: int


@dataclass(frozen=True)
class Answer:
    """A slice of the passage."""

    text: str
    start: int


@dataclass(frozen=True)
class Question:
    """A question about one fact. The first answer is the longest, and the one that stands for it."""

    text: str
    fact: Fact
    reverse: bool
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Passage:
    """A text, everything that it tells, and the questions on it. `sentences` are its parts in order.

    `number` counts the passages of a corpus from 0; it is -1 before the passage has its place there.
    """

    title: str
    kind: str
    text: str
    sentences: tuple[str, ...]
    facts: tuple[Fact, ...]
    questions: tuple[Question, ...] = ()
    number: int = -1
