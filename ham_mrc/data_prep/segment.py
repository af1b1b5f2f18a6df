"""Chinese text to tokens: by the words that a file gives, by those of rjieba, or character by character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from ham_mrc.data_prep.dataset import Segment
from ham_mrc.errors import MissingExtra
from ham_mrc.text import TOKENIZER, Tokens, tokenize

_WORD = re.compile(r"\S+")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def tokens_of(text: str, words: Sequence[str] | None, segment: Segment) -> Tokens:
    """The tokens of `text` with their offsets; white space belongs to none of them.

    With segment "given", `words` are taken, which joined make `text`; where there are none (None), and with
    "rjieba", those that rjieba finds with its own dictionary; with "characters", those of text.py. Raises
    MissingExtra where rjieba is needed and not installed.
    """
    if segment == "characters":
        return tokenize(text)
    if segment == "given" and words is not None:
        return _given(text, words)
    return _rjieba(text)


def words_of(text: str, segment: Segment) -> list[str]:
    """The words of `tokens_of(text, None, segment)`, sooner where their places are not asked for."""
    if segment == "characters" or _HALF_A_PAIR.search(text):
        return tokens_of(text, None, segment).words
    return [word for word in _cut(text) if not word.isspace()]


def tokenizer_name(segment: Segment) -> str:
    """Name and version of the rule by which `tokens_of` cuts, as a prepared folder and a run record it."""
    if segment == "characters":
        return TOKENIZER
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and every command would

    try:
        rjieba = f"rjieba {version('rjieba')}"
    except PackageNotFoundError:
        rjieba = "rjieba"
    return rjieba if segment == "rjieba" else f"given, else {rjieba}"


def _given(text: str, words: Sequence[str]) -> Tokens:
    ends = list(accumulate(map(len, words)))
    starts = [0, *ends[:-1]] if ends else []
    # A vocabulary is a file of lines, so a token must not hold white space. Few texts have any: DuReader's words
    # are without, but for ideographic spaces that stand as words of their own.
    if "" in words or (words and text.split() != [text]):
        return _visible(words, starts)
    return Tokens(list(words), starts, ends)


def _visible(words: Sequence[str], starts: Sequence[int]) -> Tokens:
    """What is left of `words` without white space: a word that holds some falls into several tokens."""
    found = [
        (match.group(), start + match.start(), start + match.end())
        for word, start in zip(words, starts, strict=True)
        for match in _WORD.finditer(word)
    ]
    return Tokens([word for word, _, _ in found], [start for _, start, _ in found], [end for _, _, end in found])


def _rjieba(text: str) -> Tokens:
    # Half a surrogate pair has no UTF-8 form, which rjieba needs; the mark for a damaged character is as long.
    words = _cut(_HALF_A_PAIR.sub("\ufffd", text))
    ends = list(accumulate(map(len, words)))
    starts = [0, *ends[:-1]] if ends else []
    kept = [(start, end) for word, start, end in zip(words, starts, ends, strict=True) if not word.isspace()]
    return Tokens([text[start:end] for start, end in kept], [start for start, _ in kept], [end for _, end in kept])


def _cut(text: str) -> list[str]:
    """Words that joined make `text`. White space stands among them, a character at a time, never within a word."""
    try:
        import rjieba
    except ImportError as error:
        raise MissingExtra("rjieba", "zh", "cutting Chinese text into words") from error
    words: list[str] = rjieba.cut(text)
    return words
