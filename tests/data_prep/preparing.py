"""What the tests of the preparation share: one call, and ways to look into the folder it made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import Vocabulary

TRICKY = Path(__file__).parents[1] / "data" / "squad_tricky.json"


def run(out: Path, *inputs: Path, **settings: Any) -> Manifest:
    return prepare(Request(dataset="squad", inputs=inputs, out=out, **settings))


def gold_text(columns: Columns, i: int) -> str:
    """The passage's own characters from the first to the last gold token."""
    row = columns.question_passage[i] + columns.answer_passage[i]
    first = columns.passage_offsets[row]
    start, end = columns.start[i], columns.end[i]
    return columns.passage_text(row)[
        columns.passage_char_starts[first + start] : columns.passage_char_ends[first + end]
    ]


def words_of(columns: Columns, vocabulary: Vocabulary, i: int) -> tuple[list[str], list[str]]:
    """The words of question i and of its first passage."""
    row = columns.question_passage[i]
    question = columns.question_tokens[columns.question_offsets[i] : columns.question_offsets[i + 1]]
    passage = columns.passage_tokens[columns.passage_offsets[row] : columns.passage_offsets[row + 1]]
    return [vocabulary.words[n] for n in question], [vocabulary.words[n] for n in passage]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
