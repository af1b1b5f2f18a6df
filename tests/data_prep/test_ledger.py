"""The ledger: everything that goes in comes out once, sorted, ties in the order in which they came."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep import ledger as ledger_file
from ham_mrc.data_prep.ledger import BUCKETS, Ledger, digest_of, first_of_each, keys_of

# Few different halves, so that keys tie in the first, in both, or in neither; some in one bucket, some in all.
HALVES = st.sampled_from([0, 1, 2**58 - 1, 2**58, 2**63, 2**63 + 1, 2**64 - 1])
ROWS = st.lists(st.tuples(HALVES, HALVES), max_size=60)


def digest(row: tuple[int, int]) -> bytes:
    return row[0].to_bytes(8, "big") + row[1].to_bytes(8, "big")


def read(ledger: Ledger) -> list[list[tuple[int, ...]]]:
    return [rows.tolist() for rows in ledger.buckets()]


@settings(deadline=None, max_examples=50)
@given(st.lists(ROWS, max_size=4))
def test_rows_come_back_sorted_and_ties_in_the_order_of_arrival(portions: list[list[tuple[int, int]]]) -> None:
    number = 0
    expected = []
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "x", ("number", "portion"))
        for portion, rows in enumerate(portions):
            ledger.add(
                keys_of([digest(row) for row in rows]), number=np.arange(number, number + len(rows)), portion=portion
            )
            expected += [(*row, number + place, portion) for place, row in enumerate(rows)]
            number += len(rows)
        buckets = read(ledger)
    assert [row for rows in buckets for row in rows] == sorted(expected, key=lambda row: row[:2])
    # A bucket is the first bits of a key: no key stands in two.
    assert [{row[0] * BUCKETS >> 64 for row in rows} for rows in buckets] == [
        {bucket} for bucket in sorted({row[0] * BUCKETS >> 64 for row in expected})
    ]


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_first_of_each_key(rows: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "x", ("number",))
        ledger.add(keys_of([digest(row) for row in rows]), number=np.arange(len(rows)))
        firsts = [number for bucket in ledger.buckets() for *_, number in bucket[first_of_each(bucket)].tolist()]
    assert sorted(firsts) == [number for number, row in enumerate(rows) if row not in rows[:number]]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_digests_come_back_and_sort_as_their_keys(digests: list[bytes]) -> None:
    keys = keys_of(digests)
    assert keys.shape == (len(digests), 2)
    assert [digest_of(*row) for row in keys.tolist()] == digests
    assert [digest_of(*row) for row in sorted(keys.tolist())] == sorted(digests)


def test_nothing_added(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "x", ("number",))
    ledger.add(keys_of([]), number=np.zeros(0))
    assert read(ledger) == []


def test_two_ledgers_of_one_folder(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path, "one"), Ledger(tmp_path, "two", ("number",))
    one.add(keys_of([bytes(16)]))
    two.add(keys_of([b"\xff" * 16]), number=-7)
    assert read(one) == [[(0, 0)]]
    assert read(two) == [[(2**64 - 1, 2**64 - 1, -7)]]


def test_no_file_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems let a process have 256 open files, and some remove no folder in which one is open."""
    opened = []

    def noted(*arguments: Any, **options: Any) -> Any:
        opened.append(open(*arguments, **options))  # noqa: SIM115
        return opened[-1]

    monkeypatch.setattr(ledger_file, "open", noted, raising=False)
    ledger = Ledger(tmp_path, "x")
    ledger.add(keys_of([b"a" * 16, b"z" * 16]))
    assert len(read(ledger)) == 2
    assert [stream.closed for stream in opened] == [True, True]


def test_rows_that_are_held_back_come_before_later_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_file, "_HELD", 3)
    ledger = Ledger(tmp_path, "x", ("number",))
    for number in range(8):
        ledger.add(keys_of([b"a" * 16]), number=number)
    (rows,) = ledger.buckets()
    assert rows["number"].tolist() == list(range(8))
