"""`ham-mrc prepare` asked for what cannot be: options, files and folders that are not there or in the way, shards."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from broken_inputs import FORMATS, Workplace

HELP = "try ham-mrc prepare --help"
OPTIONS = {
    "squad": "its options are --null-position",
    "cmrc": "its options are --segment, --null-position",
    "dureader": "its options are --layout, --passages, --segment, --paragraphs, --min-match",
    "msmarco": "its options are --layout, --passages, --selected-only, --null-position, --yes-no, --match, "
    "--min-match, --references",
}


@pytest.mark.parametrize(
    ("dataset", "options"),
    [
        ("squad", ["--layout", "joined"]),
        ("squad", ["--passages", "-1"]),
        ("squad", ["--min-match", "2"]),
        ("cmrc", ["--paragraphs", "top"]),
        ("dureader", ["--yes-no"]),
        ("msmarco", ["--segment", "given"]),
    ],
)
def test_options_of_another_dataset(workplace: Workplace, dataset: str, options: list[str]) -> None:
    expected = f"{options[0]} means nothing for {dataset}; {OPTIONS[dataset]}"
    assert workplace.refused(dataset, b"", *options) == expected


LIKENESS = "is no likeness; a number from 0 to 1 is due"
SHARD = "is no shard; I/N is due, I from 0 to N - 1, as in 0/8"
SPLIT = "is not a split; two or three whole numbers that add up to 100 are due, as in 90/10 or 80/10/10"
SUFFIXES = "no rendering goes by this suffix; use one of .json .csv .md .tex .junit.xml .svg .html"


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("msmarco 1.1", ["--passages", "-1"], "--passages -1 is too small; 0 (all) or more is due"),
        ("msmarco 1.1", ["--min-match", "2"], f"--min-match 2.0 {LIKENESS}"),
        ("msmarco 1.1", ["--min-match", "nan"], f"--min-match nan {LIKENESS}"),
        ("dureader", ["--min-match", "-0.1"], f"--min-match -0.1 {LIKENESS}"),
        ("squad", ["--workers", "0"], "--workers 0 is too small; at least 1 is due"),
        ("squad", ["--limit", "0"], "--limit 0 is too small; at least 1 is due"),
        (
            "squad",
            ["--limit", "2"],
            "2 questions cannot fill 3 parts: nothing is left for train; "
            "give more input, or another --split or --split-by",
        ),
        ("squad", ["--vocab-size", "0"], "--vocab-size 0 is too small; at least 1 is due"),
        ("squad", ["--max-passage-tokens", "0"], "--max-passage-tokens 0 is too small; at least 1 is due"),
        ("squad", ["--shard", "3/3"], f'--shard "3/3" {SHARD}'),
        ("squad", ["--shard", "-1/3"], f'--shard "-1/3" {SHARD}'),
        ("squad", ["--shard", "1"], f'--shard "1" {SHARD}'),
        ("squad", ["--executor", "nonsense"], '"nonsense" is no executor; give dask://HOST:PORT'),
        ("squad", ["--executor", "dask://host"], '"dask://host" is no executor; give dask://HOST:PORT'),
        ("squad", ["--split", "50/60"], f'--split "50/60" {SPLIT}'),
        (
            "squad",
            ["--split", "90/10", "--dev", __file__],
            "--split and --dev both say where dev comes from; leave one of them out",
        ),
        (
            "squad",
            ["--split", "80/10/10", "--test", __file__],
            "--split 80/10/10 and --test both say where test comes from; give a split of two parts",
        ),
        ("squad", ["--dev", "no/dev.json"], "no/dev.json: no such file"),
        ("squad", ["--seed", "-1"], f"invalid value for '--seed': Input should be greater than or equal to 0; {HELP}"),
        ("squad", ["--layout", "x"], f"invalid value for '--layout': 'x' is not one of 'joined', 'separate'; {HELP}"),
        ("squad", ["--write", "x.pdf"], f"x.pdf: {SUFFIXES}"),
    ],
)
def test_options_that_cannot_be(workplace: Workplace, name: str, options: list[str], expected: str) -> None:
    assert workplace.refused(FORMATS[name].dataset, FORMATS[name].data(), *options) == expected


def test_unknown_dataset_and_nothing_to_read(workplace: Workplace) -> None:
    assert workplace.refused("sqaud", b"") == 'no dataset "sqaud"; did you mean "squad"?'
    assert workplace.refusal("squad", "--out", workplace.out) == f"missing argument 'INPUT...'; {HELP}"
    assert workplace.refusal("squad", workplace.file) == f"missing option '--out'; {HELP}"


def test_files_that_cannot_be_read(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    good = workplace.write(FORMATS["squad"].data(), "good.json")
    out = ("--out", workplace.out)
    folder = workplace.folder / "folder"
    folder.mkdir()
    assert workplace.refusal("squad", workplace.folder / "no.json", *out) == "no.json: no such file"
    assert workplace.refusal("squad", good, folder, *out) == "folder: is a folder, not a file"
    assert workplace.refusal("squad", good, "--dev", folder, *out) == "folder: is a folder, not a file"
    assert workplace.refusal("squad", good / "f.json", *out) == (
        f"good.json/f.json: cannot be read ([Errno {errno.ENOTDIR}] Not a directory: '{good}/f.json')".replace(
            f"'{workplace.folder}/", "'"
        )
    )
    os.mkfifo(workplace.folder / "pipe")
    try:
        code = "is read twice by prepare, which a pipe cannot be; save it to a file first"
        assert workplace.refusal("squad", workplace.folder / "pipe", *out) == f"pipe: {code}"
        assert workplace.refusal("squad", "-", *out) == f"-: {code}"
    finally:
        (workplace.folder / "pipe").unlink()


@pytest.mark.parametrize("name", ["squad", "dureader", "msmarco 1.1", "msmarco 2.1"])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.EACCES, "f.json: may not be read (permission denied)"),
        (errno.EIO, f"f.json: cannot be read ([Errno {errno.EIO}] {os.strerror(errno.EIO)})"),
    ],
)
@pytest.mark.parametrize("module", ["opening", "files"])
def test_file_that_the_system_does_not_give(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, name: str, module: str, code: int, expected: str
) -> None:
    """A stand-in for the system: who runs tests as root may read everything."""

    def fail(path: Any, *arguments: Any, **options: Any) -> Any:
        if Path(path) == workplace.file:
            raise OSError(code, os.strerror(code))
        return open(path, *arguments, **options)

    place = f"ham_mrc.{module}.open"
    file = workplace.write(FORMATS[name].data())
    monkeypatch.setattr(place, fail, raising=False)
    assert workplace.refusal(FORMATS[name].dataset, file, "--out", workplace.out) == expected


def test_places_that_cannot_be_written(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    good = workplace.write(FORMATS["squad"].data())
    kept = workplace.folder / "kept"
    kept.mkdir()
    (kept / "thesis.txt").write_text("mine")
    end = "nothing was left half written"
    assert workplace.refusal("squad", good, "--out", kept, "--force") == (
        "kept: is not empty and holds no manifest.json; choose another folder, or empty this one"
    )
    assert workplace.refusal("squad", good, "--out", good) == "f.json: is a file, not a folder"
    assert workplace.refusal("squad", good, "--out", good / "out") == (
        f"f.json/out: cannot be written: a part of the path is a file, not a folder; {end}"
    )
    workplace.accepted("squad", good)
    assert workplace.refusal("squad", good, "--out", workplace.out) == (
        "out: already holds a finished result; choose another folder, or add --force"
    )

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert workplace.refusal("squad", good, "--out", workplace.folder / "new") == (
        f"new: cannot be written: the folder may not be written (permission denied); {end}"
    )


@pytest.mark.parametrize("name", ["squad", "msmarco 2.1"])
@pytest.mark.parametrize(
    "where",
    ["shard_writer._Flat.extend", "assemble.Assembly.add", "ledger.Ledger.add", "vocab.Vocabulary.save"],
)
def test_full_disk(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, name: str, where: str) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"ham_mrc.data_prep.{where}", full)
    assert workplace.refused(FORMATS[name].dataset, FORMATS[name].data()) == (
        "out: cannot be written: the disk is full; nothing was left half written"
    )


def test_old_result_survives_a_failed_one(workplace: Workplace) -> None:
    workplace.accepted("squad", workplace.write(FORMATS["squad"].data()))
    assert workplace.refused("squad", b"{}", "--force") == 'f.json: has no "data"; a list is due there'
