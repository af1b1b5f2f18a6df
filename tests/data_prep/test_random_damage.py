"""Whatever a raw file has become, `prepare` gives one line about it, or a folder in which every question is counted."""

from __future__ import annotations

import gzip
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from broken_inputs import FORMATS, MISSING, changed, places
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.errors import HamError

NAMES = st.sampled_from(sorted(FORMATS))
TELLING = [bytes([byte]) for byte in b'{}[]",:\\0-.eEntu \n\r\0\x7f\x80\xed\xff']
BYTES = st.one_of(st.sampled_from(TELLING), st.binary(max_size=3))
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), BYTES), min_size=1, max_size=4)
NUMBERS = [0, -1, 7, 2**63, 10**30, 1.5, math.nan, math.inf]
TEXTS = ["", " ", "Nile", "\ud83d", "No Answer Present.", "[]"]
LISTS = [[], [[]], [None], [""], [7], [{}]]
VALUES = st.sampled_from([MISSING, None, True, {}, {"a": {}}, *NUMBERS, *TEXTS, *LISTS])


def outcome(name: str, data: bytes) -> HamError | None:
    """What `prepare` says of a file, None if it reads it; in either case, what it must leave behind is checked."""
    error = None
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "f.json", Path(folder) / "out"
        file.write_bytes(data)
        try:
            manifest = prepare(Request(dataset=FORMATS[name].dataset, inputs=(file,), out=out, workers=1))
        except HamError as caught:
            error = caught
        else:
            for counts in manifest.parts.values():
                assert counts.read == counts.kept + sum(counts.dropped.values())
                assert counts.kept == counts.labelled + sum(counts.unlabelled.values())
        assert [path.name for path in Path(folder).iterdir() if path != out or error] == ["f.json"]
    assert len(str(error).splitlines()) == 1
    return error


@settings(deadline=None, max_examples=60)
@given(NAMES, st.floats(0, 1, exclude_max=True), st.booleans())
def test_every_beginning_of_a_file_is_refused(name: str, share: float, pack: bool) -> None:
    """All but whole lines, which are a file of less, and all but its last line end."""
    data = FORMATS[name].data()
    whole = gzip.compress(data, mtime=0) if pack else data[:-1]
    begin = whole[: int(share * len(whole))]
    assume(pack or not FORMATS[name].lines or begin[-1:] not in b"}\n")
    error = outcome(name, begin)
    assert error is not None
    assert (error.file or "").endswith("f.json")


@settings(deadline=None, max_examples=80)
@given(NAMES, EDITS)
def test_bytes_changed_put_in_and_taken_out(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = FORMATS[name].data()
    for share, size, new in edits:
        place = int(share * len(data))
        data = data[:place] + new + data[place + size :]
    outcome(name, data)


@settings(deadline=None, max_examples=80)
@given(st.data(), NAMES, st.lists(VALUES, min_size=1, max_size=3))
def test_values_of_other_kinds(data: st.DataObject, name: str, values: list[Any]) -> None:
    value = FORMATS[name].value()
    for new in values:
        ways = sorted(places(value), key=repr)
        if ways:
            value = changed(value, *data.draw(st.sampled_from(ways)), new)
    texts = [json.dumps(item) for item in (value if FORMATS[name].lines else [value])]
    outcome(name, "\n".join(texts).encode())


@pytest.mark.parametrize("name", FORMATS)
def test_the_undamaged_file_is_read(name: str) -> None:
    assert outcome(name, FORMATS[name].data()) is None
