"""What one chunk adds to one part: columns with ids and rows of its own, counts, and keys of what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ham_mrc.data_prep.characters import character_counts
from ham_mrc.data_prep.ledger import Keys, keys_of
from ham_mrc.data_prep.shards import COLUMNS
from ham_mrc.data_prep.spans import Label
from ham_mrc.data_prep.split import text_digest

Ids = npt.NDArray[np.int32] | Sequence[int]


@dataclass(slots=True)
class Tally:
    """Counts of one part, or of a piece of it; `a.add(b)` is both together. PartCounts says what each means."""

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)
    moved: int = 0
    repaired: int = 0
    later_answer: int = 0
    without_answer: int = 0
    searched: int = 0
    match: float = 0.0
    cut_passages: int = 0
    cut_questions: int = 0

    def add(self, other: Tally) -> None:
        """Count what `other` counted."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))

    def to_json(self) -> dict[str, Any]:
        """The counts by name. (dataclasses.asdict makes counters of pairs out of counters.)"""
        counts = {item.name: getattr(self, item.name) for item in fields(self)}
        return counts | {name: dict(counts[name]) for name in ("dropped", "unlabelled")}

    def label(self, label: Label, *, free: bool) -> None:
        """Count how a gold span was found; `free` where answers are texts that need not stand in a passage."""
        self.moved += not label.exact
        self.repaired += label.repaired is not None
        self.later_answer += label.answer > 0 and not free
        if label.match < 1:
            self.searched += 1
            self.match += label.match


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk's share of a part.

    `columns` are those of shards.py, with lengths in place of offsets, rows counted from the piece's first passage,
    and the numbers of the chunk's words in place of ids. `passage_keys` (k, 2) and `passage_questions` (k,) pair each
    kept question, counted from the piece's first, with each of its passages; `id_keys` (kept, 2) are of their ids.
    `characters` are the code points in its texts and how often each stands there.
    """

    columns: dict[str, npt.NDArray[Any]]
    references: bytes
    tally: Tally
    passage_keys: Keys
    passage_questions: npt.NDArray[np.int64]
    id_keys: Keys
    characters: tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]


class PieceColumns:
    """Columns that grow by a question or a passage at a time."""

    def __init__(self) -> None:
        self._bytes = {name: bytearray() for name in COLUMNS}
        self._numbers: dict[str, list[int]] = {name: [] for name in COLUMNS}
        self._arrays: dict[str, list[npt.NDArray[np.int32]]] = {name: [] for name in COLUMNS}
        self.passages = 0
        self._passage_keys: list[bytes] = []
        self._passage_questions: list[int] = []
        self._id_keys: list[bytes] = []

    def add_passage(self, text: str, ids: Ids, starts: Ids, ends: Ids) -> None:
        """Append one passage. The passages of one question are appended one after the other."""
        self.passages += 1
        self._text("passage_text", text)
        self._tokens("passage", ids, starts, ends)

    def add_question(
        self,
        name: str,
        text: str,
        facts: bytes,
        tokens: tuple[Ids, Ids, Ids],
        *,
        rows: tuple[int, int],
        label: Label | None,
        passage_keys: Iterable[bytes],
    ) -> None:
        """Append one question whose `rows` are its first passage and their number; `tokens` are ids, starts, ends."""
        numbers = self._numbers
        self._text("ids", name)
        self._text("question_text", text)
        self._bytes["facts"] += facts
        numbers["facts_offsets"].append(len(facts))
        self._tokens("question", *tokens)
        numbers["question_passage"].append(rows[0])
        numbers["question_passages"].append(rows[1])
        passage, start, end = (label.passage, label.start, label.end) if label else (0, -1, -1)
        numbers["start"].append(start)
        numbers["end"].append(end)
        numbers["answer_passage"].append(passage)
        for passage_key in passage_keys:
            self._passage_keys.append(passage_key)
            self._passage_questions.append(len(self._id_keys))
        self._id_keys.append(text_digest(name))

    def _text(self, name: str, text: str) -> None:
        # "surrogatepass": half a surrogate pair may stand in a damaged text, and must come back as it was.
        data = text.encode("utf-8", "surrogatepass")
        self._bytes[name] += data
        self._numbers[f"{name}_offsets"].append(len(data))

    def _tokens(self, owner: str, ids: Ids, starts: Ids, ends: Ids) -> None:
        self._numbers[f"{owner}_offsets"].append(len(ids))
        for name, values in (("tokens", ids), ("char_starts", starts), ("char_ends", ends)):
            self._arrays[f"{owner}_{name}"].append(np.asarray(values, np.int32))

    def piece(self, references: bytes, tally: Tally) -> Piece:
        """Everything added so far, with the part's references and counts."""
        return Piece(
            {name: self._column(name, kind) for name, kind in COLUMNS.items()},
            references,
            tally,
            keys_of(self._passage_keys),
            np.array(self._passage_questions, np.int64),
            keys_of(self._id_keys),
            character_counts(*(bytes(self._bytes[name]) for name in ("passage_text", "question_text"))),
        )

    def _column(self, name: str, kind: str) -> npt.NDArray[Any]:
        if self._arrays[name]:
            return np.concatenate(self._arrays[name])
        if self._numbers[name]:
            return np.array(self._numbers[name], kind)
        return np.frombuffer(bytes(self._bytes[name]), kind)
