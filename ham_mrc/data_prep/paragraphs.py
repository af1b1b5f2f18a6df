"""Which paragraphs of a document are read: the one closest to the answers or to the question, or as many as fit.

As Baidu's programs for DuReader 2.0 do it (`find_fake_answer` and `dataset.py` of 2018, `paragraph_extraction.py` of
2019); where they differ from what official files hold, as the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ham_mrc.data_prep.matching import overlap, token_f1

SEPARATOR = "\u2063"
"""Stands between a title and the paragraphs that are joined to it: U+2063, made for that, seen nowhere, in no text."""

_JOINED_WORDS = 500  # of a title and the paragraphs joined to it, as in Baidu's program


class Passage(NamedTuple):
    """What is read of a document: its text, the words that joined make it, and where each paragraph begins in it.

    `begins` are pairs of a paragraph's number in the document and the first of its characters in `text`.
    """

    text: str
    words: tuple[str, ...]
    begins: tuple[tuple[int, int], ...]


def closest_to_question(paragraphs: Sequence[Sequence[str]], question: Mapping[str, int]) -> int:
    """The number of the paragraph that holds most of the question's words, the shorter one and then the first on a tie.

    `paragraphs` are words; at least one. `question` are words counted.
    """
    return max(range(len(paragraphs)), key=lambda n: (overlap(paragraphs[n], question), -len(paragraphs[n])))


def closest_to_answers(paragraphs: Sequence[Sequence[str]], answers: Sequence[Mapping[str, int]]) -> int:
    """The number of the paragraph that holds the largest share of any answer's words, the last one on a tie.

    That the last one wins, even where none holds a word, is how the official files have "most_related_para" (in 1,115
    of the 1,116 documents at hand that it was found for), though the program published beside them takes the shorter.
    """
    sizes = [sum(answer.values()) for answer in answers]

    def share(words: Sequence[str]) -> float:
        return max(overlap(words, answer) / size if size else 0.0 for answer, size in zip(answers, sizes, strict=True))

    return max(range(len(paragraphs)), key=lambda n: (share(paragraphs[n]), n))


def one_paragraph(texts: Sequence[str], paragraphs: Sequence[Sequence[str]], number: int) -> Passage:
    """The passage that is paragraph `number` alone."""
    return Passage(texts[number], tuple(paragraphs[number]), ((number, 0),))


def top_paragraphs(
    title: tuple[str, Sequence[str]],
    texts: Sequence[str],
    paragraphs: Sequence[Sequence[str]],
    question: Mapping[str, int],
    due: int | None,
) -> Passage:
    """The passage that is the title (text and words) and as many paragraphs as fit into 500 words, in their order.

    They are taken by F1 with the question, the shorter one first on a tie; equal paragraphs once. Paragraph `due`
    is taken before all others. The first one taken stands there however long it is.
    """
    text, words = title[0], list(title[1])
    begins = []
    for number in _taken(len(words), paragraphs, question, due):
        text += SEPARATOR
        begins.append((number, len(text)))
        text += texts[number]
        words += SEPARATOR, *paragraphs[number]
    return Passage(text, tuple(words), tuple(begins))


def _taken(length: int, paragraphs: Sequence[Sequence[str]], question: Mapping[str, int], due: int | None) -> list[int]:
    ranked = sorted(
        range(len(paragraphs)),
        key=lambda n: (n != due, -token_f1(paragraphs[n], question), len(paragraphs[n])),
    )
    taken: list[int] = []
    for number in ranked:
        words = paragraphs[number]
        fits = length + 1 + len(words) <= _JOINED_WORDS
        if not taken or (fits and all(words != paragraphs[other] for other in taken)):
            taken.append(number)
            length += 1 + len(words)
    return sorted(taken)


def begin_of(passage: Passage, paragraphs: Sequence[Sequence[str]], number: int) -> int | None:
    """Where paragraph `number`, or an equal one, begins in the passage; None where it is not read."""
    for other, begin in passage.begins:
        if other == number or paragraphs[other] == paragraphs[number]:
            return begin
    return None
