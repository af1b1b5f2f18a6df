"""What must hold of every passage and question: exact answers, and one fact alone that each question can mean."""

from __future__ import annotations

from ham_mrc.text import tokenize
from sample.facts import Value
from sample.records import Fact, Passage, Question


def words(text: str) -> list[str]:
    """The tokens of a text, lower-cased, as a reader will see them."""
    return [word.lower() for word in tokenize(text).words]


def occurrences(part: str, text: str) -> int:
    """How often the words of `part` stand in a row in `text`."""
    few, many = words(part), words(text)
    return sum(many[i : i + len(few)] == few for i in range(len(many) - len(few) + 1))


def same_value(one: Fact, other: Fact) -> bool:
    """Whether two facts of a passage share relation and value, or a part of the value that counts as an answer."""
    forms = {form.lower() for form in one.value.forms}
    return one.relation.name == other.relation.name and not forms.isdisjoint(form.lower() for form in other.value.forms)


def names_one(passage: Passage, value: Value) -> bool:
    """Whether the value stands once in the passage, so that a question can start from it."""
    return occurrences(value.text, passage.text) == 1


def clear(passage: Passage) -> bool:
    """Whether no entity's name is a part of another's name or value, and each relation of each is told once."""
    told = [(fact.entity.name.text, fact.relation.name) for fact in passage.facts]
    names = {fact.entity.name.text: fact.entity.name.forms for fact in passage.facts}
    for name, forms in names.items():
        others = [other for other in names if other != name] + [fact.value.text for fact in passage.facts]
        if any(occurrences(form, other) for form in forms for other in others):
            return False
    return len(told) == len(set(told)) and len(names) > 1


def check(passage: Passage) -> None:
    """Raise AssertionError for the first thing that is wrong with a passage or one of its questions."""
    assert clear(passage), passage.text
    assert len({question.text for question in passage.questions}) == len(passage.questions), passage.text
    for question in passage.questions:
        _check_question(passage, question)


def _check_question(passage: Passage, question: Question) -> None:
    fact = question.fact
    place = f"{question.text} / {passage.text}"
    for answer in question.answers:
        assert passage.text[answer.start : answer.start + len(answer.text)] == answer.text, place
    assert not occurrences(question.answers[0].text, question.text), place
    given = fact.value.text if question.reverse else fact.entity.name.text
    assert occurrences(given, question.text) == 1, place
    rivals = [other for other in passage.facts if other is not fact and other.relation.name == fact.relation.name]
    assert rivals, place  # without one the relation alone would tell the answer
    meant = [
        other for other in rivals if (same_value(other, fact) if question.reverse else other.entity is fact.entity)
    ]
    assert not meant, place
