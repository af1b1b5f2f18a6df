"""A references file to `References`: the questions in file order, and what each accepts as an answer.

Reads what the official SQuAD 1.1 script reads and scores what it scores. A file without `version`, on which
that script dies, is read as well: no figure depends on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.squad import Normaliser
from ham_mrc.files import parse_json, read_bytes

DATASETS = ("squad",)
SQUAD_VERSION = "1.1"


@dataclass(frozen=True)
class References:
    """The questions of one references file, in file order; every tuple has one entry a question.

    `ids` are as in the file. `keys` name the rows of per-question scores: the id, and for an id that stands
    again (each standing counts in the official total) the id with "#2", "#3". `answers` are the accepted
    texts; a question whose answers the official script could not score has a reason in `faults`, which is an
    error only if it has a prediction. `questions` and `passages` are None where the file has no such text;
    `passage_of[i]` is the place of question i's passage in `passages`.
    """

    dataset: str
    version: str
    file: str | None
    ids: tuple[str, ...]
    keys: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...] = field(repr=False)
    faults: Mapping[int, str] = field(repr=False)
    questions: tuple[str | None, ...] = field(repr=False)
    passages: tuple[str | None, ...] = field(repr=False)
    passage_of: tuple[int, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def normalised(self) -> tuple[tuple[str, ...], ...]:
        """The answers as the metrics compare them, computed once."""
        normal = Normaliser()
        return tuple(tuple([normal[text] for text in texts]) for texts in self.answers)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the JSON array of [id, [answer texts]] in order, ASCII, without spaces."""
        rows = list(zip(self.ids, self.answers, strict=True))
        return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode("ascii")).hexdigest()

    @cached_property
    def clusters(self) -> list[int]:
        """For each question the number of its passage; passages with the same text are one."""
        first: dict[str, int] = {}
        place = [i if text is None else first.setdefault(text, i) for i, text in enumerate(self.passages)]
        return [place[passage] for passage in self.passage_of]


def load_references(source: str | Path | Mapping[str, Any], dataset: str | None = None) -> References:
    """The references in a file (plain, gzip, "-"), or in an object already read from one.

    `dataset` may be None: then it is guessed, and a file that looks like another dataset's is refused.
    Raises HamError naming the file and the place of what is wrong.
    """
    if dataset is not None and dataset not in DATASETS:
        raise HamError(f"no references of {dataset!r} can be scored; this version scores {', '.join(DATASETS)} (1.1)")
    if isinstance(source, (str, Path)):
        return _squad(_document(source), str(source), dataset)
    return _squad(source, None, dataset)


def _document(path: str | Path) -> Any:
    data = read_bytes(path)
    if not data.strip():
        raise HamError("is empty", file=path, remedy="a SQuAD 1.1 file is expected")
    try:
        return parse_json(data, path)
    except HamError:
        first, _, rest = data.strip().partition(b"\n")
        if rest:
            try:
                record = parse_json(first, path)
            except HamError:
                pass
            else:
                _refuse_others(record, str(path), None)
        raise


def _squad(document: Any, file: str | None, dataset: str | None) -> References:
    _refuse_others(document, file, dataset)
    ids: list[str] = []
    keys: dict[str, None] = {}
    answers: list[tuple[str, ...]] = []
    faults: dict[int, str] = {}
    questions: list[str | None] = []
    passages: list[str | None] = []
    passage_of: list[int] = []
    for passage, paragraph, qas in _paragraphs(document, file):
        context = paragraph.get("context")
        passages.append(context if isinstance(context, str) else None)
        for number, qa in enumerate(qas, 1):
            identity = _identity(qa, file, passage, number)
            texts, fault = _answers(qa)
            if fault is not None:
                faults[len(ids)] = fault
            keys[_key(identity, keys)] = None
            ids.append(identity)
            answers.append(texts)
            question = qa.get("question")
            questions.append(question if isinstance(question, str) else None)
            passage_of.append(len(passages) - 1)
    if not ids:
        raise HamError("holds no question", file=file, remedy="at least one is needed for a score")
    return References(
        dataset="squad",
        version=SQUAD_VERSION,
        file=file,
        ids=tuple(ids),
        keys=tuple(keys),
        answers=tuple(answers),
        faults=faults,
        questions=tuple(questions),
        passages=tuple(passages),
        passage_of=tuple(passage_of),
    )


def _paragraphs(document: Any, file: str | None) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """(place in words, the paragraph, its questions) of each paragraph in file order."""
    for i, article in enumerate(_member(document, "data", file, None), 1):
        for j, paragraph in enumerate(_member(article, "paragraphs", file, f"article {i}"), 1):
            place = f"article {i}, paragraph {j}"
            yield place, paragraph, _member(paragraph, "qas", file, place)


def _member(holder: Any, key: str, file: str | None, place: str | None) -> list[Any]:
    if not isinstance(holder, dict):
        raise HamError(f"is {kind(holder)} where an object with {key!r} is due", file=file, place=place)
    if key not in holder:
        raise HamError(f"has no {key!r}", file=file, place=place, remedy="a SQuAD 1.1 file is expected")
    value = holder[key]
    if not isinstance(value, list):
        raise HamError(f"{key!r} is {kind(value)}, not a list", file=file, place=place)
    return value


def _identity(qa: Any, file: str | None, passage: str, number: int) -> str:
    place = f"{passage}, question {number}"
    if not isinstance(qa, dict):
        raise HamError(f"is {kind(qa)}, not an object with 'id' and 'answers'", file=file, place=place)
    identity = qa.get("id")
    if not isinstance(identity, str):
        what = f"'id' is {kind(identity)}, not a text" if "id" in qa else "has no 'id'"
        raise HamError(what, file=file, place=place, remedy="a prediction finds its question by it")
    if not identity.isascii() and not _is_unicode(identity):
        raise HamError("'id' holds half of a surrogate pair, which is no character", file=file, place=place)
    if qa.get("is_impossible") is True:
        raise _other("SQuAD 2.0 (is_impossible)", file, f"question {identity}")
    return identity


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _key(identity: str, taken: Mapping[str, None]) -> str:
    key, standing = identity, 1
    while key in taken:
        standing += 1
        key = f"{identity}#{standing}"
    return key


def _answers(qa: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """The answers' texts, and what the official script would die of."""
    entries = qa.get("answers")
    if not isinstance(entries, list):
        return (), f"'answers' is {kind(entries)}, not a list" if "answers" in qa else "has no 'answers'"
    if not entries:
        return (), "has an empty list of answers"
    texts: list[str] = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or "text" not in entry:
            return tuple(texts), f"answer {number} is not an object with a 'text'"
        text = entry["text"]
        if not isinstance(text, str):
            return tuple(texts), f"the 'text' of answer {number} is {kind(text)}, not a text"
        texts.append(text)
    return tuple(texts), None


def _refuse_others(document: Any, file: str | None, dataset: str | None) -> None:
    """Raise HamError if this is plainly another kind of file."""
    if isinstance(document, list):
        if document and isinstance(document[0], dict) and "context_id" in document[0]:
            raise _other("CMRC 2018", file)
        return
    if not isinstance(document, dict):
        return
    if "data" not in document:
        if "query_id" in document:
            raise _other("MS MARCO", file)
        if "question_id" in document or "documents" in document:
            raise _other("DuReader", file)
        if document and all(isinstance(value, str) for value in document.values()):
            raise HamError("looks like predictions, not references", file=file, remedy="predictions come first")
    elif str(document.get("version")).lower().removeprefix("v").startswith("2"):
        raise _other("SQuAD 2.0", file)
    elif dataset is None and _looks_like_cmrc(document["data"]):
        raise _other("CMRC 2018 or DRCD", file, remedy="--dataset squad applies SQuAD's metric to it all the same")


def _looks_like_cmrc(data: Any) -> bool:
    """Whether the first paragraph has an id of its own, which only these two have, and Han characters."""
    try:
        paragraph = data[0]["paragraphs"][0]
        return "id" in paragraph and any("\u4e00" <= char <= "\u9fff" for char in paragraph["context"])
    except (TypeError, LookupError):
        return False


def _other(name: str, file: str | None, place: str | None = None, remedy: str | None = None) -> HamError:
    return HamError(f"looks like {name}; this version scores SQuAD 1.1 files", file=file, place=place, remedy=remedy)


def kind(value: Any) -> str:
    """What a JSON value is, in words for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")
