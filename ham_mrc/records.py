"""What travels down the street: one frozen dataclass for each stop, and what each field means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One gold answer.

    `char_start` counts code points from the beginning of passage number `passage`, as the raw file
    states it and unchecked; None where the file gives only a text.
    """

    text: str
    char_start: int | None = None
    passage: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """The segmentation that a raw file gives: the words of the question, each passage and each answer, in order.

    A passage's words joined without anything between them are its text, character by character.
    """

    question: tuple[str, ...]
    passages: tuple[tuple[str, ...], ...]
    answers: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One question as its raw file has it: nothing tokenised, nothing stripped, nothing repaired.

    `passages` holds one text for SQuAD-shaped data and several for search-engine data. `title` names
    the article, the unit that `--split-by article` keeps whole.

    gold        where the file itself says that the best span stands, if it says so beside `answers`
    selected    numbers of the passages that a person used for the answers, where the file says so
    impossible  the file says that the passages hold no answer
    words       the file's own segmentation, if it has one
    facts       what the official files of references and predictions repeat of a question: its id as it was
                typed, its type and the like; JSON values
    version     the layout's version that the record shows: "1.1", "2.0", "raw", ...
    """

    id: str
    question: str
    passages: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    title: str = ""
    gold: Answer | None = None
    selected: tuple[int, ...] = ()
    impossible: bool = False
    words: Words | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A reader's answer to one question.

    `text` is `passage_text[char_start:char_end]`, half open, in code points. `score` is the natural log
    of p_start times p_end. `start` and `end` are token positions, both inclusive; all -1 where there was
    nothing to read (a passage without a single token), and then `text` is empty.
    """

    id: str
    text: str
    score: float = 0.0
    passage: int = 0
    char_start: int = -1
    char_end: int = -1
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Scores:
    """What one prediction file is worth: figures over the corpus, and every question's own.

    `metrics` are percentages, 0 to 100, unrounded. `per_question[id][metric]` likewise, in the order of the
    references; a metric for which a question does not count, or whose single question says nothing (BLEU), is
    missing in its row. `statistics` are further columns, one number a question in the same order, from whose sums
    such figures follow (`ham_mrc.eval.columns`). `signature` names everything that could move a figure (see
    docs/metrics.md); two results with different signatures are never compared. `references_sha256` is of the
    references' questions and answers, so that a comparison over different question sets is refused. `variants` has
    the signature of each metric that is no official figure of the dataset, by its name.
    """

    dataset: str
    version: str
    questions: int
    answered: int
    missing: int
    extra: int
    metrics: Mapping[str, float]
    signature: str
    references_sha256: str
    per_question: Mapping[str, Mapping[str, float]] = field(repr=False)
    statistics: Mapping[str, Sequence[float]] = field(default_factory=dict, repr=False)
    variants: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Quatrain:
    """One poem of four lines, all of five or all of seven Han characters, without punctuation.

    `id` is the collection's own, unique in it; `dynasty` is as the collection writes it ("tang", "song").
    """

    id: str
    author: str
    title: str
    dynasty: str
    lines: tuple[str, ...]

    @property
    def length(self) -> int:
        """Characters a line: 5 or 7."""
        return len(self.lines[0])
