"""Columns: what goes in comes back from disk, numpy reads the files alone, and damage is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ham_mrc.data_prep.piece import PieceColumns, Tally
from ham_mrc.data_prep.shard_writer import PartWriter, renumber, token_counts
from ham_mrc.data_prep.shards import COLUMNS, Columns
from ham_mrc.data_prep.spans import Label
from ham_mrc.errors import HamError


def add(piece: PieceColumns, name: str, text: str, tokens: list[int], rows: tuple[int, int], label: Any) -> None:
    starts = list(range(len(tokens)))
    facts = b'{"id":1}' if name == "x1" else b""
    ends = [n + 1 for n in starts]
    piece.add_question(name, text, facts, (tokens, starts, ends), rows=rows, label=label, passage_keys=[])


def write(folder: Path) -> Path:
    """Three questions: one on one passage; in a second piece, one on two passages of which the second is empty, and
    one with no tokens."""
    first, second = PieceColumns(), PieceColumns()
    first.add_passage("The Nile 😀", [0, 1, 2], [0, 4, 9], [3, 8, 10])
    add(first, "x1", "Which?", [3, 4], (0, 1), Label(0, 1, 2))
    second.add_passage("Oder", [1], [0], [4])
    second.add_passage("", [], [], [])
    add(second, "東", "Ol\ud83d", [0], (0, 2), Label(0, 0, 0))
    add(second, "x3", "", [], (0, 1), None)
    with PartWriter(folder) as writer:
        writer.add(first.piece(b"", Tally(read=1)), np.array([2, 3, 4, 5, 6], np.int32))
        assert (writer.questions, writer.passages) == (1, 1)
        writer.add(second.piece(b"", Tally(read=2)), np.array([8, 7], np.int32))
    assert writer.tally.read == 3
    return folder


def test_columns_come_back(tmp_path: Path) -> None:
    columns = Columns.open(write(tmp_path / "part"))
    assert len(columns) == 3
    assert columns.ids == ["x1", "東", "x3"]
    assert [columns.question_text(i) for i in range(3)] == ["Which?", "Ol\ud83d", ""]
    assert [columns.passage_text(row) for row in range(3)] == ["The Nile 😀", "Oder", ""]
    assert [columns.facts(i) for i in range(3)] == [{"id": 1}, {}, {}]
    expected = {
        "question_tokens": [5, 6, 8],
        "question_offsets": [0, 2, 3, 3],
        "question_char_starts": [0, 1, 0],
        "question_char_ends": [1, 2, 1],
        "question_passage": [0, 1, 1],
        "question_passages": [1, 2, 1],
        "passage_tokens": [2, 3, 4, 7],
        "passage_offsets": [0, 3, 4, 4],
        "passage_char_starts": [0, 4, 9, 0],
        "passage_char_ends": [3, 8, 10, 4],
        "start": [1, 0, -1],
        "end": [2, 0, -1],
        "answer_passage": [0, 0, 0],
    }
    for name, values in expected.items():
        assert getattr(columns, name).tolist() == values, name
        assert getattr(columns, name).dtype == COLUMNS[name]


def test_columns_are_mapped_and_not_loaded(tmp_path: Path) -> None:
    columns = Columns.open(write(tmp_path / "part"))
    assert isinstance(columns.passage_tokens.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        columns.passage_tokens[0] = 1


def test_no_question_at_all(tmp_path: Path) -> None:
    with PartWriter(tmp_path / "part"):
        pass
    columns = Columns.open(tmp_path / "part")
    assert (len(columns), columns.ids, len(columns.passage_tokens)) == (0, [], 0)
    assert token_counts(tmp_path / "part", 4).tolist() == [0, 0, 0, 0]
    renumber(tmp_path / "part", np.zeros(0, np.int32))


def test_files_are_plain_npy(tmp_path: Path) -> None:
    write(tmp_path / "part")
    assert {path.stem for path in (tmp_path / "part").glob("*.npy")} == set(COLUMNS)
    assert np.load(tmp_path / "part" / "passage_tokens.npy").tolist() == [2, 3, 4, 7]


def test_counts_and_new_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ham_mrc.data_prep.shard_writer._CHUNK", 2)  # several chunks and an odd rest
    folder = write(tmp_path / "part")
    assert token_counts(folder, 10).tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1, 0]
    renumber(folder, np.arange(10, dtype=np.int32)[::-1].copy())
    columns = Columns.open(folder)
    assert columns.passage_tokens.tolist() == [7, 6, 5, 2]
    assert columns.question_tokens.tolist() == [4, 3, 1]
    assert columns.passage_char_ends.tolist() == [3, 8, 10, 4]


def change(folder: Path, name: str, index: int, value: int) -> None:
    array = np.load(folder / f"{name}.npy", mmap_mode="r+")
    array[index] = value
    array.flush()


@pytest.mark.parametrize(
    ("name", "index", "value", "question"),
    [
        ("end", 0, 3, "x1"),  # one past the last token
        ("start", 0, -1, "x1"),
        ("start", 0, 3, "x1"),
        ("end", 2, 0, "x3"),
        ("answer_passage", 1, 1, "東"),  # the empty passage
        ("answer_passage", 1, 2, "東"),
        ("answer_passage", 0, -1, "x1"),
        ("question_passage", 2, 3, "x3"),
        ("start", 1, 1, "東"),
        ("question_passage", 2, -1, "x3"),
        ("question_passages", 1, 3, "東"),
    ],
)
def test_label_outside_is_named(tmp_path: Path, name: str, index: int, value: int, question: str) -> None:
    folder = write(tmp_path / "part")
    change(folder, name, index, value)
    with pytest.raises(HamError) as caught:
        Columns.open(folder)
    assert str(caught.value) == f"{folder}, question {question}: its label or passage lies outside; prepare again"


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(HamError, match=r"part: no such part of a prepared folder; prepare again$"):
        Columns.open(tmp_path / "part")
    folder = write(tmp_path / "part")
    good = (folder / "end.npy").read_bytes()
    for data in (b"", b"text", good[:-4], None):
        if data is None:
            (folder / "end.npy").unlink()
        else:
            (folder / "end.npy").write_bytes(data)
        with pytest.raises(HamError, match=r"end\.npy: is missing or damaged; prepare again$"):
            Columns.open(folder)
    np.save(folder / "end.npy", np.zeros(3))
    with pytest.raises(HamError, match=r"end\.npy: does not hold <i4 items; prepare again$"):
        Columns.open(folder)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "question_passage"])
def test_column_that_lost_its_last_item(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "part")
    np.save(folder / f"{name}.npy", np.load(folder / f"{name}.npy")[:-1])
    with pytest.raises(HamError, match=r"part: its columns do not fit together; prepare again$"):
        Columns.open(folder)
