"""What a dataset is to `prepare`: how its raw file is cut into records, and what becomes of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from ham_mrc.data_prep.spans import Label, Reason
from ham_mrc.records import Example
from ham_mrc.text import TokenSequence

Layout = Literal["joined", "separate"]
Segment = Literal["given", "rjieba", "characters"]
Paragraphs = Literal["best", "top"]
Match = Literal["f1", "rouge-l"]
References = Literal["answers", "well-formed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How records become examples. Each dataset has its own defaults, and takes only some of these.

    layout          whether a reader sees a question's passages as one sequence ("joined") or each by itself
    passages        at most so many passages a question; 0 is all
    selected_only   in training, only passages that a person used for the answers
    null_position   whether "no answer" is a position of its own, before the passages; None: if the version has it
    yes_no          whether the words "yes" and "no" stand before the passages, to be pointed at
    segment         "given": the file's own words, or those of rjieba where it has none; "rjieba": always those;
                    "characters": Han characters one by one (see text.py)
    paragraphs      of a document: "best" takes one paragraph, "top" joins as many as fit, best first
    match           how a span is held against a free answer, "f1" or "rouge-l"
    min_match       a best span below this, 0 to 1, trains nothing
    references      which answers score: "answers", or "well-formed" (MS MARCO 2.1)
    """

    layout: Layout = "joined"
    passages: int = 0
    selected_only: bool = False
    null_position: bool | None = None
    yes_no: bool = False
    segment: Segment = "characters"
    paragraphs: Paragraphs = "best"
    match: Match = "f1"
    min_match: float = 0.0
    references: References = "answers"


class Record(NamedTuple):
    """One JSON value cut out of a raw file, unparsed.

    `place` names it in messages ("line 7", "article 3"). `line` is the file's line, from 1, at which `data` begins,
    and `column` the number of characters before it on that line, from 0: for messages about faults within.
    """

    place: str
    line: int
    column: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """Where an example stands, for messages: a file as the user named it and the record's place in it."""

    file: str
    place: str


@dataclass(frozen=True, slots=True)
class ReferenceFormat:
    """How a file of references is put together: head, then fragments with a separator between them, then tail.

    `fragment` turns consecutive examples of one part into bytes (empty for none), each with all its answers.
    """

    name: str
    fragment: Callable[[Sequence[Example]], bytes]
    head: Callable[[str], bytes] = lambda version: b""
    separator: bytes = b""
    tail: bytes = b""


class Cut(Protocol):
    """Cuts a raw file into records."""

    def __call__(self, path: str | Path, *, moved: Callable[[int], None] = ...) -> Iterator[Record]:
        """The records of `path` ("-" is standard input) in its order. `moved` hears of bytes on disk that were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One raw format, as functions.

    cut           path -> the records of a raw file (plain, gzip, or "-"), in flat memory, in the file's order
    examples      one parsed record -> its examples, as training or evaluation reads them; HamError names `source`
    label         (example, tokens of its passages, how many of each are kept, reading) -> gold tokens, or why not
    prediction    (facts of a question, answer) -> one JSON line of the official prediction file; None where that
                  file is one object {id: answer}
    options       the fields of Reading that a user may set for this dataset
    trains_apart  whether training reads a record otherwise than evaluation does
    marks         keys that its files have and those of most other datasets lack, to guess what a file is
    """

    cut: Cut
    examples: Callable[[Any, Source, Reading, bool], Iterator[Example]]
    label: Callable[[Example, Sequence[TokenSequence], Sequence[int], Reading], Label | Reason]
    references: ReferenceFormat
    prediction: Callable[[dict[str, Any], str], dict[str, Any]] | None = None
    reading: Reading = field(default_factory=Reading)
    options: tuple[str, ...] = ()
    trains_apart: bool = False
    marks: tuple[str, ...] = ()
    passage_tokens: int = 400
    question_tokens: int = 50
