"""Questions on a passage: forward for the value, in reverse for the name; every fact about equally often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from sample.checks import names_one, same_value
from sample.draws import Draws
from sample.facts import Value
from sample.passages import fill
from sample.records import Answer, Fact, Passage, Question

REVERSE_SHARE = 0.25


def ask(passage: Passage, count: int, draws: Draws, asked: Counter[str]) -> Passage:
    """The passage with `count` different questions, or fewer where it tells too little. `asked` counts everything
    that was asked so far, by fact and by phrasing; the least asked comes first."""
    facts = draws.least(passage.facts, lambda fact: asked[_key(fact)])
    questions: list[Question] = []
    for fact in (facts + facts)[: 2 * len(facts)]:
        if len(questions) == count:
            break
        question = _question(passage, fact, draws, asked)
        if question.text not in {other.text for other in questions}:
            questions.append(question)
            asked[_key(fact)] += 1
    return replace(passage, questions=tuple(questions))


def _key(fact: Fact) -> str:
    return f"{fact.entity.group}/{fact.entity.name.text}/{fact.relation.name}"


def _question(passage: Passage, fact: Fact, draws: Draws, asked: Counter[str]) -> Question:
    alone = [other for other in passage.facts if same_value(other, fact)] == [fact]
    reverse = alone and names_one(passage, fact.value) and draws.chance(REVERSE_SHARE)
    templates = fact.relation.reverse if reverse else fact.relation.questions
    template = draws.least(templates, lambda text: asked[f"{passage.kind}/{fact.relation.name}/{text}"])[0]
    asked[f"{passage.kind}/{fact.relation.name}/{template}"] += 1
    text, _, _ = fill(template, fact.entity.name.text, fact.value.text)
    answer, start = (fact.entity.name, fact.name_start) if reverse else (fact.value, fact.value_start)
    return Question(text, fact, reverse, _answers(passage.text, answer, start))


def _answers(text: str, value: Value, start: int) -> tuple[Answer, ...]:
    """Every form of the value, cut out of the passage as it stands there (a name may begin a sentence)."""
    begins = [start + value.text.index(form) for form in value.forms]
    return tuple(
        Answer(text[begin : begin + len(form)], begin) for form, begin in zip(value.forms, begins, strict=True)
    )
