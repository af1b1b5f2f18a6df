"""A prepared part, memory-mapped: flat columns of integers and texts (shard_writer.py writes them).

One folder holds one part. A column is a .npy file; a list of lists is its items in one column and, in a second
one, n + 1 offsets. Texts are UTF-8 bytes with offsets in the same way.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.errors import HamError
from ham_mrc.files import parse_json

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

# What a token id or a position fits in is int32; what grows with the corpus is int64.
COLUMNS: dict[str, str] = {
    "ids": "|u1",
    "ids_offsets": "<i8",
    "question_text": "|u1",
    "question_text_offsets": "<i8",
    "question_tokens": "<i4",
    "question_offsets": "<i8",
    "question_char_starts": "<i4",
    "question_char_ends": "<i4",
    "facts": "|u1",
    "facts_offsets": "<i8",
    "question_passage": "<i8",
    "question_passages": "<i4",
    "passage_text": "|u1",
    "passage_text_offsets": "<i8",
    "passage_tokens": "<i4",
    "passage_offsets": "<i8",
    "passage_char_starts": "<i4",
    "passage_char_ends": "<i4",
    "start": "<i4",
    "end": "<i4",
    "answer_passage": "<i4",
}
"""File (without .npy) -> type of its items."""


class Columns:
    """One part, memory-mapped. `len(columns)` is the number of questions.

    ids                   list of the n questions' ids
    question_tokens       int32, flat; question i has [question_offsets[i]:question_offsets[i + 1]];
                          question_char_starts and question_char_ends beside it slice the question's text
    question_passage      int64 (n): row of the question's first passage; its passages are consecutive rows
    question_passages     int32 (n): how many they are (1 for SQuAD)
    passage_tokens        int32, flat, with passage_offsets (m + 1); passage_char_starts and passage_char_ends
                          beside it slice the passage's text, half open, in code points
    start, end            int32 (n): the gold tokens, both inclusive, counted from the passage's beginning; -1 and
                          -1 where there is no label (an evaluation question whose answer could not be placed)
    answer_passage        int32 (n): which of the question's passages holds them (0 for SQuAD)
    """

    question_tokens: Ints
    question_offsets: Longs
    question_char_starts: Ints
    question_char_ends: Ints
    question_passage: Longs
    question_passages: Ints
    passage_tokens: Ints
    passage_offsets: Longs
    passage_char_starts: Ints
    passage_char_ends: Ints
    start: Ints
    end: Ints
    answer_passage: Ints

    def __init__(self, folder: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.folder = folder
        self._arrays = arrays
        for name in self.__annotations__:
            setattr(self, name, arrays[name])
        self._check_sizes()
        self._check_labels()

    @classmethod
    def open(cls, folder: str | Path) -> Columns:
        """The columns in a part's folder. Raises HamError where a file is missing, cut off or at odds with another."""
        folder = Path(folder)
        if not folder.is_dir():
            raise HamError("no such part of a prepared folder", file=folder, remedy="prepare again")
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, dtype in COLUMNS.items():
            file = folder / f"{name}.npy"
            try:
                # A plain ndarray view: np.memmap's own indexing costs several times as much.
                arrays[name] = np.load(file, mmap_mode="r").view(np.ndarray)
            except (OSError, ValueError, EOFError) as error:
                raise HamError("is missing or damaged", file=file, remedy="prepare again") from error
            if arrays[name].dtype != np.dtype(dtype) or arrays[name].ndim != 1:
                raise HamError(f"does not hold {dtype} items", file=file, remedy="prepare again")
        return cls(folder, arrays)

    def __len__(self) -> int:
        return len(self.question_passage)

    @cached_property
    def ids(self) -> list[str]:
        """The ids of all questions."""
        return [self._text("ids", number) for number in range(len(self))]

    def question_text(self, i: int) -> str:
        """The text of question i, untouched."""
        return self._text("question_text", i)

    def facts(self, i: int) -> dict[str, Any]:
        """What the official files repeat of question i (its id as typed, its type); {} for SQuAD-shaped data."""
        content = self._text("facts", i)
        return dict(parse_json(content.encode("utf-8", "surrogatepass"), self.folder)) if content else {}

    def passage_text(self, row: int) -> str:
        """The text of the passage in `row`, untouched and whole, whatever was cut of its tokens."""
        return self._text("passage_text", row)

    def _text(self, name: str, row: int) -> str:
        offsets = self._arrays[f"{name}_offsets"]
        return self._arrays[name][offsets[row] : offsets[row + 1]].tobytes().decode("utf-8", "surrogatepass")

    def _check_sizes(self) -> None:
        n, m = len(self), len(self.passage_offsets) - 1
        flats = [
            ("ids_offsets", "ids", n),
            ("question_text_offsets", "question_text", n),
            ("question_offsets", "question_tokens", n),
            ("question_offsets", "question_char_starts", n),
            ("question_offsets", "question_char_ends", n),
            ("facts_offsets", "facts", n),
            ("passage_text_offsets", "passage_text", m),
            ("passage_offsets", "passage_tokens", m),
            ("passage_offsets", "passage_char_starts", m),
            ("passage_offsets", "passage_char_ends", m),
        ]
        per_question = (self.question_passages, self.start, self.end, self.answer_passage)
        if any(len(array) != n for array in per_question) or not all(self._fits(*flat) for flat in flats):
            raise HamError("its columns do not fit together", file=self.folder, remedy="prepare again")

    def _fits(self, offsets: str, flat: str, rows: int) -> bool:
        bounds = self._arrays[offsets]
        return len(bounds) == rows + 1 > 0 and bounds[0] == 0 and bounds[-1] == len(self._arrays[flat])

    def _check_labels(self) -> None:
        """Raise HamError where a label or a row points outside: such an example would train nothing, in silence."""
        n, m = len(self), len(self.passage_offsets) - 1
        inside = (self.question_passage >= 0) & (self.question_passage + self.question_passages <= m)
        inside &= (self.answer_passage >= 0) & (self.answer_passage < self.question_passages)
        row = np.where(inside, self.question_passage + self.answer_passage, 0)
        lengths = np.diff(self.passage_offsets)[row] if m else np.zeros(n, np.int64)
        labelled = (self.start >= 0) & (self.start <= self.end) & (self.end < lengths)
        bad = ~inside | ~(labelled | ((self.start == -1) & (self.end == -1)))
        if bad.any():
            name = self._text("ids", int(bad.argmax()))
            raise HamError(
                "its label or passage lies outside", file=self.folder, place=f"question {name}", remedy="prepare again"
            )
