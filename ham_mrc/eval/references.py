"""A references file to `References`: the questions in file order, and what each accepts as an answer.

Here is what all datasets have in common; each one's own page reads its layout. Files are read as the official
programs read them; what these die of is an error that names the place.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ham_mrc.errors import HamError

if TYPE_CHECKING:
    from ham_mrc.eval.squad import Normaliser


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

    @property
    def own_ids(self) -> tuple[Hashable, ...]:
        """The ids as the file has them, by which predictions are found; `ids` are their texts."""
        return self.ids

    @property
    def withheld(self) -> bool:
        """Whether no question has an answer, as in test files whose answers stay with their makers."""
        return not any(self.answers)

    def fault_at(self, place: int) -> HamError:
        """What to raise where a question with a fault has a prediction."""
        remedy = "the official program stops here as well: leave the question out, or its prediction"
        return HamError(self.faults[place], file=self.file, place=f"question {self.ids[place]}", remedy=remedy)

    def says_none(self, answer: str) -> bool:
        """Whether this answer says that there is none, and is no text to be found."""
        return False

    @cached_property
    def normaliser(self) -> Normaliser:
        """Texts as SQuAD's metrics compare them, remembered for the next predictions on these questions."""
        from ham_mrc.eval.squad import Normaliser

        return Normaliser()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the JSON array of [id, [answer texts]] in order, ASCII, without spaces."""
        import hashlib
        import json

        rows = list(zip(self.ids, self.answers, strict=True))
        return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode("ascii")).hexdigest()

    @cached_property
    def clusters(self) -> list[int]:
        """For each question the number of its passage; passages with the same text are one."""
        first: dict[str, int] = {}
        place = [i if text is None else first.setdefault(text, i) for i, text in enumerate(self.passages)]
        return [place[passage] for passage in self.passage_of]


def load_references(source: str | Path | Mapping[str, Any] | list[Any], dataset: str | None = None) -> References:
    """The references in a file (plain, gzip, "-"), or in an object already read from one.

    `dataset` is one of `datasets.TITLES`, or None: then it is guessed, and a file that could be of several is
    taken for SQuAD's. Raises HamError naming the file and the place of what is wrong, and where the file is
    plainly another dataset's, or no references at all.
    """
    from ham_mrc.eval.layouts import read_references  # leans on the page of every dataset

    return read_references(source, dataset)


Row = tuple[str, tuple[str, ...], str | None, str | None, int]
"""A question as a page finds it: id, answers, what is at fault with these, its text, the place of its passage."""


def gathered(
    dataset: str, version: str, file: str | None, passages: Sequence[str | None], rows: Iterable[Row]
) -> References:
    """The references from the rows of all questions in file order; `passages` may fill while they are asked for.

    Raises HamError where there is no question.
    """
    found = list(rows)
    if not found:
        raise HamError("holds no question", file=file, remedy="at least one is needed for a score")
    ids, answers, faults, questions, passage_of = zip(*found, strict=True)
    return References(
        dataset=dataset,
        version=version,
        file=file,
        ids=ids,
        keys=_unique_keys(ids),
        answers=answers,
        faults={place: fault for place, fault in enumerate(faults) if fault is not None},
        questions=questions,
        passages=tuple(passages),
        passage_of=passage_of,
    )


def _unique_keys(ids: tuple[str, ...]) -> tuple[str, ...]:
    """The ids; one that is taken becomes the first of identity#2, identity#3 ... that is not."""
    if len(set(ids)) == len(ids):
        return ids
    keys: dict[str, None] = {}
    for identity in ids:
        key, standing = identity, 1
        while key in keys:
            standing += 1
            key = f"{identity}#{standing}"
        keys[key] = None
    return tuple(keys)


def paragraphs(document: Any, file: str | None) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """(place in words, the paragraph, its questions) of each paragraph of a file in SQuAD's layout, in file order."""
    for i, article in enumerate(_member(document, "data", file, None), 1):
        for j, paragraph in enumerate(_member(article, "paragraphs", file, f"article {i}"), 1):
            place = f"article {i}, paragraph {j}"
            yield place, paragraph, _member(paragraph, "qas", file, place)


def _member(holder: Any, key: str, file: str | None, place: str | None) -> list[Any]:
    if not isinstance(holder, dict):
        raise HamError(f"is {kind(holder)} where an object with {key!r} is due", file=file, place=place)
    if key not in holder:
        raise HamError(f"has no {key!r}", file=file, place=place, remedy="a file in SQuAD's layout is expected")
    value = holder[key]
    if not isinstance(value, list):
        raise HamError(f"{key!r} is {kind(value)}, not a list", file=file, place=place)
    return value


def question_id(qa: Any, file: str | None, passage: str, number: int, names: tuple[str, ...] = ("id",)) -> str:
    """The id of question `number` of a passage, under the first of `names` that it has.

    Raises HamError where it is no text.
    """
    identity = qa.get(names[0]) if isinstance(qa, dict) else None
    if isinstance(identity, str) and identity.isascii():
        return identity  # nearly always
    place = f"{passage}, question {number}"
    if not isinstance(qa, dict):
        raise HamError(f"is {kind(qa)}, not an object with 'id' and 'answers'", file=file, place=place)
    name = next((name for name in names if name in qa), names[0])
    identity = qa.get(name)
    if not isinstance(identity, str):
        what = f"{name!r} is {kind(identity)}, not a text" if name in qa else f"has no {name!r}"
        raise HamError(what, file=file, place=place, remedy="a prediction finds its question by it")
    if not identity.isascii() and not _is_unicode(identity):
        raise HamError(f"{name!r} holds half of a surrogate pair, which is no character", file=file, place=place)
    return identity


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def kind(value: Any) -> str:
    """What a JSON value is, in words for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def text_or_none(value: Any) -> str | None:
    """`value` if it is a text."""
    return value if isinstance(value, str) else None


def answer_text(prediction: Any, identity: str, file: str | None) -> str:
    """`prediction` if it is a text, else HamError naming the question."""
    if not isinstance(prediction, str):
        raise HamError(
            f"the prediction is {kind(prediction)}, not a text",
            file=file,
            place=f"question {identity}",
            remedy='an empty text "" stands for no answer',
        )
    return prediction
