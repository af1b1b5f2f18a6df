"""From an answer's characters to the tokens that hold it, and the reasons why an answer has none."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ham_mrc.records import Answer, Example
from ham_mrc.text import TokenSequence


class Reason(StrEnum):
    """Why a question trains nothing. The values stand in manifest.json; EXPLANATIONS has a sentence for each."""

    DUPLICATE_ID = "duplicate_id"
    EMPTY_QUESTION = "empty_question"
    EMPTY_PASSAGE = "empty_passage"
    NO_ANSWER = "no_answer"
    NO_OFFSET = "no_offset"
    AMBIGUOUS = "ambiguous"
    PAST_THE_END = "past_the_end"
    TEXT_NOT_AT_OFFSET = "text_not_at_offset"
    NO_TOKEN = "no_token"
    BEYOND_THE_CUT = "beyond_the_cut"
    IMPOSSIBLE = "impossible"
    YES_NO = "yes_no"
    NO_COMMON_TOKEN = "no_common_token"
    BELOW_MIN_MATCH = "below_min_match"
    NOT_SELECTED = "not_selected"
    OTHER_PARAGRAPH = "other_paragraph"


EXPLANATIONS: dict[Reason, str] = {
    Reason.DUPLICATE_ID: "its id stands earlier in the same files",
    Reason.EMPTY_QUESTION: "its question holds no visible character",
    Reason.EMPTY_PASSAGE: "its passage holds no visible character",
    Reason.NO_ANSWER: "it has no answer, or an empty one",
    Reason.NO_OFFSET: "its answer has no answer_start of 0 or more, nor does its text stand in the passage once",
    Reason.AMBIGUOUS: "its answer has no answer_start, and stands in the passage more than once",
    Reason.PAST_THE_END: "its answer_start lies past the end of the passage",
    Reason.TEXT_NOT_AT_OFFSET: "the passage holds another text at answer_start",
    Reason.NO_TOKEN: "its answer is white space and covers no token",
    Reason.BEYOND_THE_CUT: "its answer ends beyond the tokens that are kept of the passage",
    Reason.IMPOSSIBLE: "the file says that it has no answer, and no position stands for that",
    Reason.YES_NO: "its answer is yes or no, and no span of its passages comes close enough to that",
    Reason.NO_COMMON_TOKEN: "its passages hold no token of its answers",
    Reason.BELOW_MIN_MATCH: "no span of its passages comes close enough to one of its answers",
    Reason.NOT_SELECTED: "nobody selected a passage for its answers",
    Reason.OTHER_PARAGRAPH: "its answer stands in a paragraph that is not read",
}
"""One sentence for each reason, as the table of `prepare` and the documentation show it."""

FAULTY_LABEL = frozenset(
    {
        Reason.DUPLICATE_ID,
        Reason.EMPTY_QUESTION,
        Reason.EMPTY_PASSAGE,
        Reason.NO_ANSWER,
        Reason.NO_OFFSET,
        Reason.PAST_THE_END,
        Reason.TEXT_NOT_AT_OFFSET,
        Reason.NO_TOKEN,
    }
)
"""What `--strict` stops at: faults of the file. The other reasons come from the settings or from the task."""


class Label(NamedTuple):
    """Tokens `start` to `end` of passage number `passage`, both inclusive, and how they were found.

    exact      their outer edges are the answer's own
    repaired   what is wrong with the file's offset, where the answer's text stands elsewhere in the passage, once
    answer     which of the answers it is, from 0
    match      how close the span's text comes to the answer, 0 to 1; 1 where it was found by offset
    """

    passage: int
    start: int
    end: int
    exact: bool = True
    repaired: Reason | None = None
    answer: int = 0
    match: float = 1.0


def label_by_offset(
    example: Example, tokens: Sequence[TokenSequence], kept: Sequence[int], reading: object = None
) -> Label | Reason:
    """The tokens of `example.gold`, or of the first of its answers that can be placed; else why the first cannot.

    `tokens` are those of the untouched passages, of which the first `kept[i]` can be pointed at in passage i.
    """
    answers = example.answers if example.gold is None else (example.gold,)
    first: Reason | None = None
    for number, answer in enumerate(answers):
        found = find_span(answer, example.passages[answer.passage], tokens[answer.passage], kept[answer.passage])
        if isinstance(found, Label):
            return found._replace(passage=answer.passage, answer=number) if answer.passage or number else found
        first = first or found
    return first or Reason.NO_ANSWER


def find_span(answer: Answer, passage: str, tokens: TokenSequence, limit: int | None = None) -> Label | Reason:
    """All tokens that overlap the answer's characters, or the reason why there are none.

    The answer must stand in the passage at `char_start`, wherever else it occurs. Where it does not, and its text
    stands in the passage exactly once, that place is meant (`repaired`). Only tokens before number `limit` can be
    pointed at.
    """
    if not answer.text:
        return Reason.NO_ANSWER
    char_start = -1 if answer.char_start is None else answer.char_start
    if (repaired := _fault(answer, passage)) is not None:
        char_start = passage.find(answer.text)
        if char_start < 0 or passage.find(answer.text, char_start + 1) >= 0:
            return Reason.AMBIGUOUS if answer.char_start is None and char_start >= 0 else repaired
    char_end = char_start + len(answer.text)
    start = bisect_right(tokens.char_ends, char_start)
    end = bisect_left(tokens.char_starts, char_end) - 1
    if start > end:
        return Reason.NO_TOKEN
    if limit is not None and end >= limit:
        return Reason.BEYOND_THE_CUT
    exact = tokens.char_starts[start] == char_start and tokens.char_ends[end] == char_end
    return Label(0, start, end, exact, repaired)


def _fault(answer: Answer, passage: str) -> Reason | None:
    """What is wrong with the offset of an answer, if anything is."""
    if answer.char_start is None or answer.char_start < 0:
        return Reason.NO_OFFSET
    if passage.startswith(answer.text, answer.char_start):
        return None
    return Reason.PAST_THE_END if answer.char_start >= len(passage) else Reason.TEXT_NOT_AT_OFFSET


def describe(reason: Reason, example: Example) -> str:
    """What is wrong with the label of `example`, with the figures and words at hand where they help."""
    if reason is Reason.NO_OFFSET:
        return "its answer has no answer_start, or a negative one"
    if reason not in (Reason.PAST_THE_END, Reason.TEXT_NOT_AT_OFFSET):
        return EXPLANATIONS[reason]
    answers = [answer for answer in example.answers if answer.text]
    answer = next(answer for answer in answers if _fault(answer, example.passages[answer.passage]) is reason)
    passage = example.passages[answer.passage]
    if reason is Reason.PAST_THE_END:
        return f"answer_start {answer.char_start} is past the end of its passage ({len(passage)} characters)"
    assert answer.char_start is not None
    found = passage[answer.char_start : answer.char_start + len(answer.text)]
    return f'its passage holds "{_short(found)}" at answer_start {answer.char_start}, not "{_short(answer.text)}"'


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
