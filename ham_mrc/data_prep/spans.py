"""From an answer's characters to the tokens that hold it, and the reasons why an answer has none."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from enum import StrEnum
from typing import NamedTuple

from ham_mrc.records import Answer, Example
from ham_mrc.text import Tokens


class Reason(StrEnum):
    """Why a question trains nothing. The values stand in manifest.json; EXPLANATIONS has a sentence for each."""

    DUPLICATE_ID = "duplicate_id"
    EMPTY_QUESTION = "empty_question"
    EMPTY_PASSAGE = "empty_passage"
    NO_ANSWER = "no_answer"
    NO_OFFSET = "no_offset"
    PAST_THE_END = "past_the_end"
    TEXT_NOT_AT_OFFSET = "text_not_at_offset"
    NO_TOKEN = "no_token"
    BEYOND_THE_CUT = "beyond_the_cut"


EXPLANATIONS: dict[Reason, str] = {
    Reason.DUPLICATE_ID: "its id stands earlier in the same part",
    Reason.EMPTY_QUESTION: "its question holds no visible character",
    Reason.EMPTY_PASSAGE: "its passage holds no visible character",
    Reason.NO_ANSWER: "it has no answer, or an empty one",
    Reason.NO_OFFSET: "its answer has no answer_start, or a negative one",
    Reason.PAST_THE_END: "its answer_start lies past the end of the passage",
    Reason.TEXT_NOT_AT_OFFSET: "the passage holds another text at answer_start",
    Reason.NO_TOKEN: "its answer is white space and covers no token",
    Reason.BEYOND_THE_CUT: "its answer ends beyond the tokens that are kept of the passage",
}
"""One sentence for each reason, as the table of `prepare` and the documentation show it."""


class Span(NamedTuple):
    """Tokens `start` to `end` of a passage, both inclusive. `exact` where their outer edges are the answer's own."""

    start: int
    end: int
    exact: bool


def find_span(answer: Answer, passage: str, tokens: Tokens, limit: int | None = None) -> Span | Reason:
    """All tokens that overlap the answer's characters, or the reason why there are none.

    `tokens` are those of the untouched `passage`; the answer must stand in it at `char_start`, wherever else it
    occurs. Only tokens before number `limit` can be pointed at.
    """
    if not answer.text:
        return Reason.NO_ANSWER
    if answer.char_start is None or answer.char_start < 0:
        return Reason.NO_OFFSET
    if answer.char_start >= len(passage):
        return Reason.PAST_THE_END
    char_start, char_end = answer.char_start, answer.char_start + len(answer.text)
    if passage[char_start:char_end] != answer.text:
        return Reason.TEXT_NOT_AT_OFFSET
    start = bisect_right(tokens.char_ends, char_start)
    end = bisect_left(tokens.char_starts, char_end) - 1
    if start > end:
        return Reason.NO_TOKEN
    if limit is not None and end >= limit:
        return Reason.BEYOND_THE_CUT
    return Span(start, end, tokens.char_starts[start] == char_start and tokens.char_ends[end] == char_end)


def describe(reason: Reason, example: Example) -> str:
    """What is wrong with the label of `example`, with the figures and words at hand where they help."""
    if reason not in (Reason.PAST_THE_END, Reason.TEXT_NOT_AT_OFFSET):
        return EXPLANATIONS[reason]
    answer = example.answers[0]
    passage = example.passages[answer.passage]
    if reason is Reason.PAST_THE_END:
        return f"answer_start {answer.char_start} is past the end of its passage ({len(passage)} characters)"
    assert answer.char_start is not None
    found = passage[answer.char_start : answer.char_start + len(answer.text)]
    return f'its passage holds "{_short(found)}" at answer_start {answer.char_start}, not "{_short(answer.text)}"'


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
