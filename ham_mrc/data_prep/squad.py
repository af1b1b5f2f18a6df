"""SQuAD 1.1 and 2.0: one article to its Examples, and Examples back to a file that the official programs read.

A file is {"version", "data": [article]}; an article {"title", "paragraphs"}; a paragraph {"context", "qas"}; a
question {"id", "question", "answers": [{"text", "answer_start"}]}, in 2.0 also "is_impossible". Other keys are
passed over, "plausible_answers" too. DRCD, XQuAD, BiPaR and squadshifts have the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ham_mrc.data_prep.dataset import Dataset, Reading, ReferenceFormat, Source
from ham_mrc.data_prep.fields import described, field, of_kind, question, within
from ham_mrc.data_prep.json_stream import cut_items, parse_record
from ham_mrc.data_prep.spans import label_by_offset
from ham_mrc.errors import HamError
from ham_mrc.files import to_json
from ham_mrc.records import Answer, Example

ReadAnswers = Callable[[list[Any], str, Source, str], tuple[Answer, ...]]
"""(the list at "answers", its passage, its paragraph, its question's id) -> the answers"""

_FLAGS = {"true": True, "false": False}


class Keys(NamedTuple):
    """What a layout calls the text of a paragraph, and the id and the text of a question."""

    passage: str
    id: str
    question: str


SQUAD_KEYS = Keys("context", "id", "question")


def examples(value: Any, source: Source, reading: Reading, training: bool) -> Iterator[Example]:
    """The questions of one article, in its order; training and evaluation read the same.

    Texts and offsets are as the file has them, unchecked. A question without the key "answers" has none, as in a test
    set whose answers are kept back. HamError names the article, paragraph or question where the structure is not
    SQuAD's.

    The version is "2.0" for a question with the key "is_impossible" and "1.1" for others. The official program of 2.0
    does not look at that key: to it a question has no answer if its list of answers is empty, and is scored on them
    otherwise. So `impossible` is a question that is marked and whose answers, if any, are empty texts. One that is
    marked and has a text is read as what it is scored as; one that has no answers and no mark stays without a label,
    since its answers may have been kept back.
    """
    return article(value, source, _answers)


def article(value: Any, source: Source, read_answers: ReadAnswers) -> Iterator[Example]:
    """The questions of one article of a file in SQuAD's layout, their answers read by `read_answers`."""
    owner = of_kind(value, dict, source)
    title = title_of(owner, source)
    for number, item in enumerate(field(owner, "paragraphs", list, source), 1):
        place = within(source, f"paragraph {number}")
        yield from paragraph(of_kind(item, dict, place), title, place, SQUAD_KEYS, read_answers)


def title_of(owner: dict[str, Any], source: Source) -> str:
    """The text at "title"; empty where there is none."""
    return of_kind(owner.get("title", ""), str, within(source, '"title"'))


def paragraph(
    owner: dict[str, Any], title: str, source: Source, keys: Keys, read_answers: ReadAnswers
) -> Iterator[Example]:
    """The questions on one passage, in a layout that uses `keys`."""
    passage = field(owner, keys.passage, str, source)
    for number, item in enumerate(field(owner, "qas", list, source), 1):
        name = _name(item, keys.id, source, number)
        text = _text(item, keys.question, source, name)
        answers = read_answers(_listed(item, source, name), passage, source, name)
        marked = _marked_impossible(item, source, name)
        yield Example(
            id=name,
            question=text,
            passages=(passage,),
            answers=answers,
            title=title,
            impossible=marked is True and not any(answer.text for answer in answers),
            version="1.1" if marked is None else "2.0",
        )


# These look first and put a place into words only where something is wrong: half of the time otherwise.


def _name(item: Any, key: str, source: Source, number: int) -> str:
    name = item.get(key) if type(item) is dict else None
    if type(name) is str and name:
        return name
    place = within(source, f"question {number}")
    field(of_kind(item, dict, place), key, str, place)
    raise HamError(f'"{key}" is empty', file=place.file, place=place.place)


def _text(item: dict[str, Any], key: str, source: Source, name: str) -> str:
    text = item.get(key)
    return text if type(text) is str else field(item, key, str, question(source, name))


def _listed(item: dict[str, Any], source: Source, name: str) -> list[Any]:
    answers = item.get("answers", [])
    return answers if type(answers) is list else of_kind(answers, list, within(question(source, name), '"answers"'))


def _answers(values: list[Any], passage: str, source: Source, name: str) -> tuple[Answer, ...]:
    answers: list[Answer] = []
    for value in values:
        text, char_start = (value.get("text"), value.get("answer_start")) if type(value) is dict else (None, None)
        if type(text) is not str or type(char_start) is not int:
            place = within(question(source, name), f"answer {len(answers) + 1}")
            text = field(of_kind(value, dict, place), "text", str, place)
            char_start = field(value, "answer_start", int, place)
        answers.append(Answer(text, char_start))
    return tuple(answers)


def _marked_impossible(item: dict[str, Any], source: Source, name: str) -> bool | None:
    """What "is_impossible" says; None where it is missing or null. Some files spell it as a text."""
    value = item.get("is_impossible")
    if value is None or type(value) is bool:
        return value
    if isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    what = f'"is_impossible" is {described(value)} where true or false is due'
    raise HamError(what, file=source.file, place=question(source, name).place)


def reference_head(version: str) -> bytes:
    """How a file of references begins: with "v2.0" where a question of `version` "2.0" is in it, else with "1.1"."""
    return b'{"version":"%s","data":[\n' % (b"v2.0" if "2.0" in version else b"1.1")


def reference_articles(examples: Sequence[Example]) -> bytes:
    """Articles, joined by commas; questions in a row that share a title share an article, and likewise a paragraph.

    Each example must have one passage: SQuAD has no place for several. Questions of 2.0 carry "is_impossible".
    Answers without an offset get `answer_start` -1.
    """
    articles: list[dict[str, Any]] = []
    for example in examples:
        (passage,) = example.passages
        if not articles or articles[-1]["title"] != example.title:
            articles.append({"title": example.title, "paragraphs": []})
        paragraphs = articles[-1]["paragraphs"]
        if not paragraphs or paragraphs[-1]["context"] != passage:
            paragraphs.append({"context": passage, "qas": []})
        paragraphs[-1]["qas"].append(_reference(example))
    return b",\n".join([to_json(article).rstrip(b"\n") for article in articles])


def _reference(example: Example) -> dict[str, Any]:
    answers = [
        {"answer_start": -1 if answer.char_start is None else answer.char_start, "text": answer.text}
        for answer in example.answers
    ]
    flag = {"is_impossible": example.impossible} if example.version == "2.0" else {}
    return {"id": example.id, "question": example.question, "answers": answers, **flag}


REFERENCES = ReferenceFormat(
    "references.json", reference_articles, head=reference_head, separator=b",\n", tail=b"\n]}\n"
)

SQUAD = Dataset(
    cut=partial(cut_items, key="data", unit="article", array_ok=False),
    examples=examples,
    label=label_by_offset,
    references=REFERENCES,
    reading=Reading(layout="joined"),
    options=("null_position",),
    marks=("context",),
    # Of 1.1's dev set, 95% of the passages have at most 285 tokens and 99% 505; 99% of the questions at most 23.
    passage_tokens=400,
    question_tokens=50,
)


def read_squad(path: str | Path) -> Iterator[Example]:
    """The questions of a file in SQuAD's layout (plain, gzip, or "-"), in its order. HamError where there is none."""
    count = 0
    for record in SQUAD.cut(path):
        for example in examples(parse_record(record, path), Source(str(path), record.place), SQUAD.reading, False):
            count += 1
            yield example
    if not count:
        raise HamError("holds no questions", file=path)
