"""Tallies and pieces: sums of counts, and the keys by which parts are compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

import numpy as np
import pytest

from ham_mrc.data_prep.ledger import digest_of
from ham_mrc.data_prep.piece import PieceColumns, Tally
from ham_mrc.data_prep.shards import COLUMNS
from ham_mrc.data_prep.spans import Label, Reason
from ham_mrc.data_prep.split import text_digest


def test_tallies_add_up_field_by_field() -> None:
    one, two = Tally(), Tally()
    for number, item in enumerate(fields(Tally), 1):
        counts = isinstance(getattr(one, item.name), Counter)
        setattr(one, item.name, Counter({"a": number, "b": 1}) if counts else number)
        setattr(two, item.name, Counter({"a": 100, "c": 2}) if counts else 100)
    one.add(two)
    for number, item in enumerate(fields(Tally), 1):
        value = getattr(one, item.name)
        assert value == (Counter({"a": number + 100, "b": 1, "c": 2}) if isinstance(value, Counter) else number + 100)


@pytest.mark.parametrize(
    ("label", "free", "counted"),
    [
        (Label(0, 1, 2), False, {}),
        (Label(0, 1, 2, exact=False), False, {"moved": 1}),
        (Label(0, 1, 2, repaired=Reason.NO_OFFSET), False, {"repaired": 1}),
        (Label(0, 1, 2, answer=1), False, {"later_answer": 1}),
        (Label(0, 1, 2, answer=1), True, {}),
        (Label(0, 1, 2, match=0.75), True, {"searched": 1, "match": 0.75}),
        (Label(0, 1, 2, exact=False, answer=2, match=0.5), True, {"moved": 1, "searched": 1, "match": 0.5}),
    ],
)
def test_how_a_label_was_found_is_counted(label: Label, free: bool, counted: dict[str, float]) -> None:
    tally = Tally()
    tally.label(label, free=free)
    assert tally == Tally(**counted)  # type: ignore[arg-type]


def test_an_empty_piece_has_every_column() -> None:
    piece = PieceColumns().piece(b"", Tally())
    assert {name: (values.dtype.str, len(values)) for name, values in piece.columns.items()} == {
        name: (np.dtype(kind).str, 0) for name, kind in COLUMNS.items()
    }
    assert (piece.passage_keys.shape, piece.passage_questions.shape, piece.id_keys.shape) == ((0, 2), (0,), (0, 2))
    assert [len(values) for values in piece.characters] == [0, 0]


def test_columns_have_their_types_and_lengths() -> None:
    columns = PieceColumns()
    columns.add_passage("Nil 😀", [7, 8], np.array([0, 4]), [3, 5])
    columns.add_passage("", [], [], [])
    keys = [bytes(range(16)), b"\xff" * 16]
    columns.add_question("é", "Nil?", b"{}", ([7], [0], [3]), rows=(0, 2), label=Label(0, 1, 1), passage_keys=keys)
    columns.add_question("b", "", b"", ([], [], []), rows=(1, 1), label=None, passage_keys=keys[1:])
    piece = columns.piece(b"references", Tally(read=3))
    assert columns.passages == 2
    expected = {
        "ids": list("éb".encode()),
        "ids_offsets": [2, 1],
        "question_text": list(b"Nil?"),
        "question_text_offsets": [4, 0],
        "question_tokens": [7],
        "question_offsets": [1, 0],
        "question_char_starts": [0],
        "question_char_ends": [3],
        "facts": list(b"{}"),
        "facts_offsets": [2, 0],
        "question_passage": [0, 1],
        "question_passages": [2, 1],
        "passage_text": list("Nil 😀".encode()),
        "passage_text_offsets": [8, 0],
        "passage_tokens": [7, 8],
        "passage_offsets": [2, 0],
        "passage_char_starts": [0, 4],
        "passage_char_ends": [3, 5],
        "start": [1, -1],
        "end": [1, -1],
        "answer_passage": [0, 0],
    }
    assert {name: values.tolist() for name, values in piece.columns.items()} == expected
    assert {name: values.dtype for name, values in piece.columns.items()} == {
        name: np.dtype(kind) for name, kind in COLUMNS.items()
    }
    assert [digest_of(*row) for row in piece.passage_keys.tolist()] == [*keys, keys[1]]
    assert piece.passage_questions.tolist() == [0, 0, 1]
    assert [digest_of(*row) for row in piece.id_keys.tolist()] == [text_digest("é"), text_digest("b")]
    counted = dict(zip(map(chr, piece.characters[0].tolist()), piece.characters[1].tolist(), strict=True))
    assert counted == Counter("Nil 😀Nil?")
    assert (piece.references, piece.tally.read) == (b"references", 3)
