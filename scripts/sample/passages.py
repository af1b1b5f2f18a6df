"""One passage: some entities of an article, the same relations of each, in several orders, with distraction between."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from sample.draws import Draws
from sample.facts import Entity, Kind, Relation, Value
from sample.records import Fact, Passage

MOST_FACTS = 9

_BLANK = re.compile(r"(\{name\}|\{value\})")


@dataclass(frozen=True)
class Sentence:
    """A sentence with the places of what was filled in, -1 where nothing was. `told` is None for distraction."""

    text: str
    told: tuple[Entity, Relation, Value] | None = None
    name_start: int = -1
    value_start: int = -1


Block = list[Sentence]
"""Sentences that must stay together, because a later one says "it"."""


def fill(template: str, name: str = "", value: str = "") -> tuple[str, int, int]:
    """The template as a sentence that begins with a capital, and the starts of {name} and {value}, or -1."""
    text, starts = "", {"{name}": -1, "{value}": -1}
    for part in _BLANK.split(template):
        if part in starts:
            starts[part] = len(text)
        text += {"{name}": name, "{value}": value}.get(part, part)
    return text[:1].upper() + text[1:], starts["{name}"], starts["{value}"]


def write_passage(kind: Kind, group: str, draws: Draws, used: Counter[str], joiner: str) -> Passage:
    """A passage of the article `group`. `used` counts how often each entity was told of; the least told come first."""
    entities, relations = _subject(kind, group, draws, used)
    told = [[relation for relation in relations if relation.name in entity.values] for entity in entities]
    blocks = _blocks(entities, told, draws)
    blocks[:0] = [[Sentence(fill(draws.choose(kind.openings))[0])]]
    for text in _distraction(kind, entities, draws):
        blocks.insert(1 + draws.below(len(blocks)), [Sentence(text)])
    return _assemble(kind, group, [sentence for block in blocks for sentence in block], joiner)


def _subject(kind: Kind, group: str, draws: Draws, used: Counter[str]) -> tuple[list[Entity], list[Relation]]:
    """Three to five entities and two or three relations, at most MOST_FACTS in all."""
    number = draws.choose((3, 3, 3, 4, 4, 5) if len(kind.relations) > 2 else (4, 5))
    wanted = 2 if 3 * number > MOST_FACTS else draws.choose((2, 3, 3))
    relations = draws.shuffled(kind.relations.values())[:wanted]
    members = [entity for entity in kind.entities if entity.group == group]
    members = [entity for entity in members if any(relation.name in entity.values for relation in relations)]
    # Half of the entities are the least used ones, the others any: so that groups mix.
    least = draws.least(members, lambda entity: used[entity.name.text])[: (number + 1) // 2]
    others = [entity for entity in draws.shuffled(members) if entity not in least][: number - len(least)]
    return draws.shuffled([*least, *others]), relations


def _blocks(entities: list[Entity], told: list[list[Relation]], draws: Draws) -> list[Block]:
    """Entity after entity, relation after relation, or in no order at all."""
    order = draws.choose(("entity", "entity", "relation", "mixed"))
    if order == "entity":
        return [
            _about(entity, draws.shuffled(relations), draws) for entity, relations in zip(entities, told, strict=True)
        ]
    pairs = [(entity, relation) for entity, relations in zip(entities, told, strict=True) for relation in relations]
    if order == "relation":
        ranks = {relation.name: i for i, relation in enumerate(draws.shuffled({r.name: r for _, r in pairs}.values()))}
        pairs = sorted(draws.shuffled(pairs), key=lambda pair: ranks[pair[1].name])
    else:
        pairs = draws.shuffled(pairs)
    return [[_tell(entity, relation, draws.choose(relation.statements))] for entity, relation in pairs]


def _about(entity: Entity, relations: list[Relation], draws: Draws) -> Block:
    block = []
    for i, relation in enumerate(relations):
        phrasings = relation.follow if i and draws.chance(0.5) else relation.statements
        block.append(_tell(entity, relation, draws.choose(phrasings)))
    return block


def _tell(entity: Entity, relation: Relation, template: str) -> Sentence:
    value = entity.values[relation.name]
    text, name_start, value_start = fill(template, entity.name.text, value.text)
    return Sentence(text, (entity, relation, value), name_start, value_start)


def _distraction(kind: Kind, entities: list[Entity], draws: Draws) -> list[str]:
    asides = draws.shuffled(kind.asides)[: draws.choose((1, 1, 2))]
    mentions = draws.shuffled(kind.mentions)[: draws.choose((0, 1, 1, 2))]
    return asides + [fill(text, draws.choose(entities).name.text)[0] for text in mentions]


def _assemble(kind: Kind, group: str, sentences: list[Sentence], joiner: str) -> Passage:
    facts, named, offset = [], -1, 0
    for sentence in sentences:
        if sentence.told is not None:
            named = offset + sentence.name_start if sentence.name_start >= 0 else named
            facts.append(Fact(*sentence.told, named, offset + sentence.value_start))
        offset += len(sentence.text) + len(joiner)
    texts = tuple(sentence.text for sentence in sentences)
    return Passage(group, kind.name, joiner.join(texts), texts, tuple(facts))
