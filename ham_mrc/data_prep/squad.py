"""SQuAD 1.1: the raw file to Examples, and Examples back to a file that any official program reads.

A file is {"version", "data": [article]}; an article {"title", "paragraphs"}; a paragraph {"context", "qas"};
a question {"id", "question", "answers": [{"text", "answer_start"}]}. Other keys are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

from ham_mrc.errors import HamError
from ham_mrc.files import read_json, to_json, write_whole
from ham_mrc.records import Answer, Example

VERSION = "1.1"

_T = TypeVar("_T")
_DUE = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}
_SHOWN_ID = 60


def read_squad(path: str | Path) -> Iterator[Example]:
    """The questions of a SQuAD 1.1 file (plain, gzip, or "-"), in the order of the file.

    Texts and offsets are as the file has them, unchecked; a question without the key "answers" has none, as in
    a test set whose answers are kept back. Raises HamError, naming the article, paragraph or question, where
    the structure is not SQuAD's, where a question is marked impossible (SQuAD 2.0), or where there is none.
    """
    file = str(path)
    content = read_json(path)
    if not isinstance(content, dict):
        raise HamError(
            f"is {_is(content)} where an object is due", file=file, remedy='a SQuAD file is {"data": [articles]}'
        )
    count = 0
    for number, article in enumerate(_field(content, "data", list, file, None), 1):
        for example in _article(_kind(article, dict, file, f"article {number}"), file, f"article {number}"):
            count += 1
            yield example
    if not count:
        raise HamError("holds no questions", file=file)


def _article(article: dict[str, Any], file: str, place: str) -> Iterator[Example]:
    title = _kind(article.get("title", ""), str, file, f'{place}, "title"')
    for number, paragraph in enumerate(_field(article, "paragraphs", list, file, place), 1):
        where = f"{place}, paragraph {number}"
        context = _field(_kind(paragraph, dict, file, where), "context", str, file, where)
        for index, question in enumerate(_field(paragraph, "qas", list, file, where), 1):
            yield _question(question, title, context, file, f"{where}, question {index}")


def _question(question: Any, title: str, context: str, file: str, place: str) -> Example:
    name = _field(_kind(question, dict, file, place), "id", str, file, place)
    place = f"question {shown(name)}" if name else place
    if not name:
        raise HamError('"id" is empty', file=file, place=place)
    if question.get("is_impossible") is True:
        raise HamError(
            'is marked "is_impossible"; SQuAD 2.0 is not read by this version',
            file=file,
            place=place,
            remedy="give a SQuAD 1.1 file",
        )
    text = _field(question, "question", str, file, place)
    answers = _kind(question.get("answers", []), list, file, f'{place}, "answers"')
    return Example(
        id=name,
        question=text,
        passages=(context,),
        answers=tuple(_answer(answer, file, f"{place}, answer {n}") for n, answer in enumerate(answers, 1)),
        title=title,
    )


def _answer(answer: Any, file: str, place: str) -> Answer:
    text = _field(_kind(answer, dict, file, place), "text", str, file, place)
    return Answer(text, _field(answer, "answer_start", int, file, place))


def _field(owner: dict[str, Any], key: str, kind: type[_T], file: str, place: str | None) -> _T:
    if key not in owner:
        raise HamError(f'has no "{key}"', file=file, place=place, remedy=f"{_DUE[kind]} is due there")
    value = owner[key]
    # `type is` and not isinstance: True is an int to Python, and not an offset. JSON makes no subclasses.
    if type(value) is not kind:
        raise HamError(f'"{key}" is {_is(value)} where {_DUE[kind]} is due', file=file, place=place)
    return value


def _kind(value: Any, kind: type[_T], file: str, place: str) -> _T:
    if type(value) is not kind:
        raise HamError(f"is {_is(value)} where {_DUE[kind]} is due", file=file, place=place)
    return value


def _is(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"the number {value}"
    return _DUE[type(value)]


def shown(name: str) -> str:
    """A question's id as messages show it: as it is, or its beginning where it is absurdly long."""
    return name if len(name) <= _SHOWN_ID else f"{name[:_SHOWN_ID]}..."


class ReferenceWriter:
    """A SQuAD 1.1 file that grows by one Example at a time; questions in a row that share a passage share a paragraph.

    A context manager: the file stands whole when the block ends well, and not at all otherwise. One article is
    held in memory at a time. Answers without an offset get `answer_start` -1.
    """

    def __init__(self, path: str | Path) -> None:
        self._whole = write_whole(path)
        self._stream: BinaryIO | None = None
        self._article: dict[str, Any] | None = None
        self._articles = 0

    def __enter__(self) -> Self:
        self._stream = self._whole.__enter__()
        self._stream.write(b'{"version":"' + VERSION.encode() + b'","data":[')
        return self

    def add(self, example: Example) -> None:
        """Append one question with all its answers. It must have one passage: SQuAD has no place for several."""
        (passage,) = example.passages
        if self._article is None or self._article["title"] != example.title:
            self._end_article()
            self._article = {"title": example.title, "paragraphs": []}
        paragraphs = self._article["paragraphs"]
        if not paragraphs or paragraphs[-1]["context"] != passage:
            paragraphs.append({"context": passage, "qas": []})
        answers = [
            {"answer_start": -1 if answer.char_start is None else answer.char_start, "text": answer.text}
            for answer in example.answers
        ]
        paragraphs[-1]["qas"].append({"id": example.id, "question": example.question, "answers": answers})

    def _end_article(self) -> None:
        if self._article is None:
            return
        assert self._stream is not None
        self._stream.write((b",\n" if self._articles else b"\n") + to_json(self._article).rstrip(b"\n"))
        self._articles += 1
        self._article = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self._end_article()
                assert self._stream is not None
                self._stream.write(b"\n]}\n")
            except BaseException as fault:
                if not self._whole.__exit__(type(fault), fault, fault.__traceback__):
                    raise
                return
        self._whole.__exit__(kind, error, trace)


def write_references(path: str | Path, examples: Iterable[Example]) -> None:
    """Write `examples` as one SQuAD 1.1 file, whole or not at all."""
    with ReferenceWriter(path) as writer:
        for example in examples:
            writer.add(example)
