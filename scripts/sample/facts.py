"""The tables: what is known (.tsv, one row an entity) and how it may be said (.toml, one section a relation).

In a .tsv every column after `name` and `group` is a relation. A cell is a value, or a value and the shorter answers
that count as well, "Alexander Graham Bell | Bell"; "-" says that nothing is told. `group` is the title of the article.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Value:
    """A name or a value: the text that stands in passages, and parts of it that also count as answers."""

    text: str
    parts: tuple[str, ...] = ()

    @property
    def forms(self) -> tuple[str, ...]:
        """The text first, then its parts."""
        return (self.text, *self.parts)


@dataclass(frozen=True)
class Entity:
    """One row: what it is called, the article it belongs to, and its values by relation."""

    name: Value
    group: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Relation:
    """How one relation is told and asked for. {name} and {value} stand for what is filled in.

    `follow` continues a sentence about the same entity and has no {name}; `questions` ask for the value, `reverse` for
    the name. `type` is what kind of answer is asked for: entity, location, numeric or person.
    """

    name: str
    type: str
    statements: tuple[str, ...]
    follow: tuple[str, ...]
    questions: tuple[str, ...]
    reverse: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of entity. `openings` begin a passage; `asides` and `mentions` (with {name}) tell nothing asked for."""

    name: str
    openings: tuple[str, ...]
    asides: tuple[str, ...]
    mentions: tuple[str, ...]
    relations: Mapping[str, Relation]
    entities: tuple[Entity, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The articles, in the order of the table."""
        return tuple(dict.fromkeys(entity.group for entity in self.entities))


def load_kinds(folder: Path) -> list[Kind]:
    """Every kind of `folder`, in order of name: NAME.tsv with NAME.toml."""
    return [_kind(table) for table in sorted(folder.glob("*.tsv"))]


def _kind(table: Path) -> Kind:
    phrasings = tomllib.loads(table.with_suffix(".toml").read_text(encoding="utf-8"))
    relations = {key: _relation(key, section) for key, section in phrasings.items() if isinstance(section, dict)}
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    columns = set(rows[0]) - {"name", "group"}
    assert columns == set(relations), f"{table}: columns {columns} and phrasings {set(relations)} differ"
    texts = {key: tuple(phrasings[key]) for key in ("openings", "asides", "mentions")}
    return Kind(table.stem, relations=relations, entities=tuple(_entity(row) for row in rows), **texts)


def _relation(name: str, section: Mapping[str, Any]) -> Relation:
    texts = {key: tuple(section[key]) for key in ("statements", "follow", "questions", "reverse")}
    return Relation(name, section["type"], **texts)


def _entity(row: Mapping[str, str]) -> Entity:
    values = {key: _value(cell) for key, cell in row.items() if key not in ("name", "group") and cell != "-"}
    return Entity(_value(row["name"]), row["group"], values)


def _value(cell: str) -> Value:
    text, *parts = (form.strip() for form in cell.split("|"))
    assert text, cell
    assert all(part in text for part in parts), cell
    return Value(text, tuple(parts))
