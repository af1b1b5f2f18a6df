"""CMRC 2018 in both of its layouts, and other Chinese files in one of them: DRCD, XQuAD, BiPaR and the like.

SQuAD's layout is described in squad.py. The original one is a list of {"context_id", "context_text", "qas", "title"};
a question there is {"query_id", "query_text", "answers": [text]}. Other keys are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ham_mrc.data_prep.dataset import Dataset, Reading, Source
from ham_mrc.data_prep.fields import described, field, of_kind, question, within
from ham_mrc.data_prep.json_stream import cut_items
from ham_mrc.data_prep.spans import label_by_offset
from ham_mrc.data_prep.squad import REFERENCES, Keys, article, paragraph, title_of
from ham_mrc.errors import HamError
from ham_mrc.records import Answer, Example

_ORIGINAL_KEYS = Keys("context_text", "query_id", "query_text")


def examples(value: Any, source: Source, reading: Reading, training: bool) -> Iterator[Example]:
    """The questions of one article (SQuAD's layout) or one passage (the original one), in the file's order.

    As squad.examples, with two differences. An answer may be any plain JSON value and becomes the text that the
    official program (v6) makes of it by `str`: 27 questions of the official dev file have numbers. And an answer
    may have no offset, as all have none in the original layout. It is then placed where its text stands in the passage
    exactly once, as a fact of the two texts and not as a repair of something wrong; elsewhere it scores but has no
    place. Taking the first of several places would be a guess: it is wrong for half of DRCD's answers that occur
    more than once (994 of 2,043, measured on dev) and a third of XQuAD's (43 of 131). CMRC's own conversion to SQuAD's
    layout guesses so: all of its offsets but the wrong ones are first occurrences.
    """
    owner = of_kind(value, dict, source)
    if "paragraphs" in owner:
        return article(owner, source, _answer_objects)
    if "context_text" in owner:
        return paragraph(owner, title_of(owner, source), source, _ORIGINAL_KEYS, _answer_values)
    raise HamError(
        'has neither "paragraphs" (as in SQuAD) nor "context_text" (as in CMRC)', file=source.file, place=source.place
    )


def _answer_objects(values: list[Any], passage: str, source: Source, name: str) -> tuple[Answer, ...]:
    source = question(source, name)
    return tuple([_answer_object(value, passage, source, number) for number, value in enumerate(values, 1)])


def _answer_object(value: Any, passage: str, source: Source, number: int) -> Answer:
    if type(value) is not dict or "text" not in value:
        place = within(source, f"answer {number}")
        field(of_kind(value, dict, place), "text", str, place)
    text = _text(value["text"], '"text" is', source, number)
    char_start = value.get("answer_start")
    if char_start is None:
        return Answer(text, _only_place(text, passage))
    if type(char_start) is not int:
        field(value, "answer_start", int, within(source, f"answer {number}"))
    return Answer(text, char_start)


def _answer_values(values: list[Any], passage: str, source: Source, name: str) -> tuple[Answer, ...]:
    source = question(source, name)
    texts = [_text(value, "is", source, number) for number, value in enumerate(values, 1)]
    return tuple([Answer(text, _only_place(text, passage)) for text in texts])


def _text(value: Any, verb: str, source: Source, number: int) -> str:
    if type(value) is str:
        return value
    if isinstance(value, (dict, list)):
        place = within(source, f"answer {number}").place
        raise HamError(f"{verb} {described(value)} where a text is due", file=source.file, place=place)
    return str(value)


def _only_place(text: str, passage: str) -> int | None:
    """The character at which `text` stands in `passage`, if it stands there exactly once."""
    place = passage.find(text) if text else -1
    return place if place >= 0 and passage.find(text, place + 1) < 0 else None


CMRC = Dataset(
    cut=partial(cut_items, key="data", unit="article", array_ok=True),
    examples=examples,
    label=label_by_offset,
    references=REFERENCES,
    reading=Reading(layout="joined", segment="characters"),
    options=("segment", "null_position"),
    marks=("context_text", "context"),
    # 99.1% of CMRC's dev answers end within 700 tokens (Han characters one by one), 95.8% within 500; of DRCD's 99.5%.
    passage_tokens=700,
    question_tokens=50,
)
