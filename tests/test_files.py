"""Reading what is there and saying what is wrong with it; writing whole or not at all."""

from __future__ import annotations

import errno
import gzip
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ham_mrc.errors import HamError
from ham_mrc.files import read_json, read_jsonl, sha256, to_json, write_folder, write_json, write_jsonl, write_whole
from ham_mrc.opening import open_input, read_bytes


def message(path: Path, act: Callable[[], Any]) -> str:
    """The error's line, with the folder of the test taken out."""
    with pytest.raises(HamError) as caught:
        act()
    return str(caught.value).replace(f"{path}{os.sep}", "")


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


PACKED = gzip.compress(b'{"a": 1}\n' * 100, mtime=0)


@pytest.mark.parametrize(
    ("data", "begin", "end"),
    [
        (b"", "f.json: is empty", "; a JSON document is expected"),
        (b"\xef\xbb\xbf \n", "f.json: is empty", "; a JSON document is expected"),
        (gzip.compress(b"", mtime=0), "f.json: is empty", "; a JSON document is expected"),
        (b'{"a": 1,\n "b" 2}', "f.json, line 2: is not JSON (", ", column 6)"),
        (b'{"a": 1} {}', "f.json, line 1: is not JSON (", ", column 10)"),
        (b'{"a": "\xff"}', "f.json: is not UTF-8 (byte 7)", "; convert it to UTF-8"),
        (PACKED[:20], "f.json: the gzip data ends too early", "; the file was cut off: fetch it again"),
        (PACKED[:5], "f.json: the gzip data ends too early", "; the file was cut off: fetch it again"),
        (PACKED[:-8] + bytes(4) + PACKED[-4:], "f.json: the gzip data is damaged (CRC", "); fetch it again"),
        (PACKED[:12] + b"\xff\xff\xff" + PACKED[15:], "f.json: the gzip data is damaged (", "); fetch it again"),
        (PACKED + b"trailing", "f.json: the gzip data is damaged (", "); fetch it again"),
    ],
)
def test_broken_json_file(tmp_path: Path, data: bytes, begin: str, end: str) -> None:
    """Between `begin` and `end` stand words of orjson and zlib, which differ between their versions."""
    (tmp_path / "f.json").write_bytes(data)
    found = message(tmp_path, lambda: read_json(tmp_path / "f.json"))
    assert (found[: len(begin)], found[-len(end) :]) == (begin, end)
    assert "\n" not in found


def test_deep_nesting_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(b"[" * 200_000)
    assert message(tmp_path, lambda: read_json(tmp_path / "f.json")).startswith("f.json, line 1: is not JSON (")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for read in (read_bytes, read_json, sha256, lambda path: list(read_jsonl(path))):
        assert message(tmp_path, lambda read=read: read(tmp_path / "none.json")) == "none.json: no such file"
    (tmp_path / "folder").mkdir()
    for read in (read_bytes, read_json, sha256, lambda path: list(read_jsonl(path))):
        assert message(tmp_path, lambda read=read: read(tmp_path / "folder")) == "folder: is a folder, not a file"


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": [1, "\xe2\x80\xa8"]}',
        b'\xef\xbb\xbf{"a": [1, "\xe2\x80\xa8"]}\r\n',
        gzip.compress(b'{"a": [1, "\xe2\x80\xa8"]}', mtime=0),
        gzip.compress(b'\xef\xbb\xbf{"a": [1,', mtime=0) + gzip.compress(b' "\\u2028"]}', mtime=0),
    ],
)
def test_json_is_read_plain_and_packed_with_and_without_a_mark(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    assert read_json(tmp_path / "f") == {"a": [1, "\u2028"]}


def test_what_official_programs_take_is_taken(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b'{"x": NaN, "half": "\\ud83d", "x": 2}')
    assert read_json(tmp_path / "f") == {"x": 2, "half": "\ud83d"}


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b'{"a": 1}', gzip.compress(b'{"a": 1}')):
        stream = io.BytesIO(data)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        assert read_json("-") == {"a": 1}
        assert not stream.closed


def test_an_error_of_the_caller_is_not_blamed_on_the_input(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    with pytest.raises(IsADirectoryError), open_input(tmp_path / "f"):
        raise IsADirectoryError(errno.EISDIR, "another file")


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes('\ufeff{"a": "x\u2028y\u0085z"}\r\n\n  \n[2]'.encode())
    assert list(read_jsonl(tmp_path / "f")) == [(1, {"a": "x\u2028y\u0085z"}), (4, [2])]


def test_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b'{"a": 1}\n\n{"a": }\n')
    found = message(tmp_path, lambda: list(read_jsonl(tmp_path / "f")))
    assert found.startswith("f, line 3: is not JSON (")
    assert found.endswith(", column 7)")
    (tmp_path / "f").write_bytes(PACKED[:20])
    found = message(tmp_path, lambda: list(read_jsonl(tmp_path / "f")))
    assert found == "f: the gzip data ends too early; the file was cut off: fetch it again"


def test_json_out_reads_back(tmp_path: Path) -> None:
    value = {"f": 0.1, "text": "“東京” \u2028", "list": [1, None, True]}
    write_json(tmp_path / "a" / "f.json", value)
    assert read_json(tmp_path / "a" / "f.json") == value
    write_jsonl(tmp_path / "f.jsonl", [value, 2])
    assert [found for _, found in read_jsonl(tmp_path / "f.jsonl")] == [value, 2]
    assert (tmp_path / "f.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("indent", [True, False])
def test_half_a_surrogate_pair_goes_out_as_it_came_in(tmp_path: Path, indent: bool) -> None:
    value = {"text": "broken \ud83d emoji, 東京", "n": [1]}
    data = to_json(value, indent=indent)
    assert data.endswith(b"\n")
    (tmp_path / "f").write_bytes(data)
    assert read_json(tmp_path / "f") == value


def test_what_json_cannot_hold_is_our_bug() -> None:
    with pytest.raises(TypeError):
        to_json({"a": object()})


class Interrupt:
    """Stands in for a function of `os` that fails on its first call."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, *values: Any, **options: Any) -> NoReturn:
        raise self.error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "x"), "f: cannot be written: the disk is full; nothing was left half written"),
        (
            OSError(errno.EROFS, "x"),
            "f: cannot be written: the file system is read-only; nothing was left half written",
        ),
        (
            PermissionError(errno.EACCES, "x"),
            "f: cannot be written: the folder may not be written (permission denied); nothing was left half written",
        ),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, text: str, call: str
) -> None:
    (tmp_path / "f").write_bytes(b"old")
    monkeypatch.setattr(os, call, Interrupt(error))
    assert message(tmp_path, lambda: write_json(tmp_path / "f", {"new": 1})) == text
    assert everything_in(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_interrupted_file_leaves_the_old_one(tmp_path: Path) -> None:
    def begin() -> None:
        with write_whole(tmp_path / "f") as stream:
            stream.write(b"half of the n")
            raise KeyboardInterrupt

    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        begin()
    assert everything_in(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_place_that_cannot_hold_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    where = "nothing was left half written"
    found = message(tmp_path, lambda: write_json(tmp_path / "f" / "g", 1))
    assert found == f"f/g: cannot be written: a part of the path is a file, not a folder; {where}"
    found = message(tmp_path, lambda: write_json(tmp_path / "folder", 1))
    assert found == f"folder: cannot be written: is a folder, not a file; {where}"
    assert everything_in(tmp_path) == ["f", "folder"]


def test_new_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    write_json(tmp_path / "ours", 1)
    (tmp_path / "theirs").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def fill(folder: Path, text: str = "new") -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a").write_text(text)
    (folder / "done").write_text(text)


def write(path: Path, text: str = "new", force: bool = False, last: Callable[[], Any] = lambda: None) -> None:
    """Fill a folder; `last` is the last thing that happens in the block."""
    with write_folder(path, finished="done", force=force) as folder:
        fill(folder, text)
        last()


def test_folder_stands_when_the_block_ends(tmp_path: Path) -> None:
    with write_folder(tmp_path / "x" / "out", finished="done") as folder:
        fill(folder)
        assert not (tmp_path / "x" / "out").exists()
    assert everything_in(tmp_path / "x") == ["out", "out/done", "out/sub", "out/sub/a"]


def test_finished_folder_is_replaced_only_by_force(tmp_path: Path) -> None:
    with write_folder(tmp_path / "out", finished="done") as folder:
        fill(folder, "old")
        (folder / "more").write_text("")
    with pytest.raises(HamError) as caught, write_folder(tmp_path / "out", finished="done"):
        pytest.fail("the block must not begin")
    assert str(caught.value).endswith("out: already holds a finished result; choose another folder, or add --force")
    with write_folder(tmp_path / "out", finished="done", force=True) as folder:
        fill(folder)
    assert everything_in(tmp_path) == ["out", "out/done", "out/sub", "out/sub/a"]
    assert (tmp_path / "out" / "done").read_text() == "new"


@pytest.mark.parametrize("force", [True, False])
def test_folder_with_other_things_is_never_touched(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(HamError) as caught, write_folder(tmp_path, finished="done", force=force):
        pytest.fail("the block must not begin")
    assert str(caught.value).endswith("is not empty and holds no done; choose another folder, or empty this one")
    with pytest.raises(HamError, match="is a file, not a folder"):
        write_folder(tmp_path / "thesis.txt", finished="done", force=force).__enter__()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), HamError("wrong input"), OSError(errno.ENOSPC, "x")])
@pytest.mark.parametrize("name", ["old", "new"])
def test_failed_folder_leaves_nothing_and_the_old_one_as_it_was(
    tmp_path: Path, name: str, error: BaseException
) -> None:
    write(tmp_path / "old", "old")
    with pytest.raises((KeyboardInterrupt, HamError)):
        write(tmp_path / name, force=True, last=Interrupt(error))
    assert everything_in(tmp_path) == ["old", "old/done", "old/sub", "old/sub/a"]
    assert (tmp_path / "old" / "done").read_text() == "old"


def test_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if (Path(source) / "done").read_text() == "new":
            raise OSError(errno.ENOSPC, "x")
        real(source, target)

    write(tmp_path / "out", "old")
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(HamError, match="the disk is full"):
        write(tmp_path / "out", force=True)
    assert everything_in(tmp_path) == ["out", "out/done", "out/sub", "out/sub/a"]
    assert (tmp_path / "out" / "done").read_text() == "old"


def test_fault_inside_the_temporary_folder_is_told_of_the_folder_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act() -> None:
        with write_folder(tmp_path / "out", finished="done") as folder:
            monkeypatch.setattr(os, "fsync", Interrupt(OSError(errno.ENOSPC, "x")))
            write_json(folder / "sub" / "a.json", 1)

    found = message(tmp_path, act)
    assert found == "out: cannot be written: the disk is full; nothing was left half written"
    assert everything_in(tmp_path) == []


def test_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for force in (False, True):
        with write_folder(tmp_path / "link", finished="done", force=force) as folder:
            fill(folder)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real" / "done").read_text() == "new"


def test_folder_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "iterdir", Interrupt(PermissionError(errno.EACCES, "x")))
    found = message(tmp_path, lambda: write_folder(tmp_path / "out", finished="done").__enter__())
    assert found == "out: may not be read (permission denied)"


def test_sha256_of_known_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")  # the example of FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
