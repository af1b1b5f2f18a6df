"""All passages of one language: so many of each article as it has facts, none too short or too long."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from ham_mrc.text import tokenize
from sample.checks import check, clear
from sample.draws import Draws
from sample.facts import Kind, load_kinds
from sample.passages import write_passage
from sample.questions import ask
from sample.records import Passage

HERE = Path(__file__).parent
QUESTIONS_EACH = 6


@dataclass(frozen=True)
class Language:
    """How much is made, and what stands between two sentences. `shortest` and `longest` count tokens of a passage."""

    name: str
    prefix: str
    joiner: str
    questions: int
    shortest: int
    longest: int


LANGUAGES = {
    "english": Language("english", "en", " ", 2400, 60, 130),
    "chinese": Language("chinese", "zh", "", 1200, 60, 160),
}


def make_corpus(language: Language, seed: int) -> list[Passage]:
    """The passages of a language, article by article. The same seed gives the same passages on every machine."""
    draws = Draws(f"{language.name}/{seed}")
    kinds = load_kinds(HERE / language.name)
    used: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    passages: list[Passage] = []
    for kind, group, count in _plan(kinds, language.questions // QUESTIONS_EACH):
        made: dict[str, Passage] = {}
        while len(made) < count:
            passage = write_passage(kind, group, draws, used, language.joiner)
            if passage.text in made or not _fits(passage, language):
                continue
            used.update({fact.entity.name.text for fact in passage.facts})
            made[passage.text] = ask(passage, QUESTIONS_EACH, draws, asked)
        passages += made.values()
    for passage in passages:
        check(passage)
    return [replace(passage, number=i) for i, passage in enumerate(passages)]


def _plan(kinds: list[Kind], passages: int) -> list[tuple[Kind, str, int]]:
    """How many passages each article gets: in proportion to its facts, rounded so that the sum is right."""
    articles = [(kind, group) for kind in kinds for group in kind.groups]
    facts = [sum(len(entity.values) for entity in kind.entities if entity.group == group) for kind, group in articles]
    plan, done = [], 0
    for i, (kind, group) in enumerate(articles):
        until = round(passages * sum(facts[: i + 1]) / sum(facts))
        plan.append((kind, group, until - done))
        done = until
    return plan


def _fits(passage: Passage, language: Language) -> bool:
    if not language.shortest <= len(tokenize(passage.text).words) <= language.longest:
        return False
    told = Counter(fact.relation.name for fact in passage.facts)
    return clear(passage) and min(told.values()) > 1 and len(passage.facts) >= QUESTIONS_EACH
