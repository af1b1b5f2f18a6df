"""`ham-mrc download` as people meet it: what it prints, where, and with which exit code."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import Answer, FileServer, serve

from ham_mrc.cli.main import run
from ham_mrc.data_prep import known_files
from ham_mrc.data_prep.known_files import Collection, KnownFile

CONTENT = b'{"data": []}\n' * 1_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()

TABLE = f"""\
rivers
file          bytes   came            checked by
──────────────────────────────────────────────────────
a.json       13,000   already there   size and SHA-256
b.json.zip   13,000   fetched         length only
no checksum of b.json.zip is published; its SHA-256 is {SHA256}
license: CC BY-SA 4.0
please cite: Nobody, On Rivers, 2026
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve(CONTENT) as server:
        yield server


@pytest.fixture(autouse=True)
def rivers(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset of two files, one with a published checksum, at the server."""
    files = (KnownFile(f"{server.url}/a.json", len(CONTENT), SHA256), KnownFile(f"{server.url}/b.json.zip"))
    collection = Collection(files, "CC BY-SA 4.0", "Nobody, On Rivers, 2026", "unpack b.json.zip")
    monkeypatch.setitem(known_files.COLLECTIONS, "rivers", collection)


def test_the_table_names_the_terms_and_what_was_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["download", "rivers", "--out", str(tmp_path), "--only", "a*"]) == 0
    first = capsys.readouterr().out
    assert re.search(r"a\.json +13,000 +fetched +size and SHA-256\n", first)
    assert "b.json" not in first
    assert run(["download", "rivers", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr() == (TABLE, "next: unpack b.json.zip\n")
    assert (tmp_path / "b.json.zip").read_bytes() == CONTENT


def test_json(server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["download", "rivers", "--out", str(tmp_path), "--base-url", f"{server.url}/mirror", "--json", "-q"]
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    files = json.loads(out).pop("files")
    assert json.loads(out) == {
        "schema": 1,
        "dataset": "rivers",
        "out": str(tmp_path),
        "license": "CC BY-SA 4.0",
        "citation": "Nobody, On Rivers, 2026",
        "files": files,
    }
    common = {"how": "fetched", "bytes": 13_000, "sha256": SHA256}
    assert files[0] == common | {
        "name": "a.json",
        "path": str(tmp_path / "a.json"),
        "url": f"{server.url}/mirror/a.json",
        "published_bytes": 13_000,
        "published_sha256": SHA256,
    }
    assert (files[1]["published_bytes"], files[1]["published_sha256"]) == (None, None)


def test_a_second_try_is_told_unless_quiet(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "a.json: cut off after 5,000 of 13,000 bytes; trying again in 1 s\nnext: unpack b.json.zip\n"
    for quiet, told in (([], said), (["-q"], "")):
        server.faults = [Answer(cut=5_000)]
        assert run(["download", "rivers", "--only", "a*", "--out", str(tmp_path / f"quiet{quiet}"), *quiet]) == 0
        assert capsys.readouterr().err == told


def test_no_network_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["download", "squad", "--out", str(tmp_path), "--base-url", "http://127.0.0.1:9"]) == 2
    assert capsys.readouterr() == (
        "",
        "error: train-v1.1.json cannot be fetched from 127.0.0.1:9: Connection refused; fetch "
        "https://rajpurkar.github.io/SQuAD-explorer/dataset/train-v1.1.json by hand and put it at "
        f"{tmp_path / 'train-v1.1.json'}, or give a mirror by --base-url\n",
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["squid"], 'no dataset "squid" to download; known are squad, dureader, msmarco, cmrc, drcd, rivers'),
        (["rivers", "--only", "c"], 'no file of rivers matches "c"; there are a.json, b.json.zip'),
        (["rivers", "--base-url", "/mnt"], '"/mnt" is no address of a mirror; give http://... or https://...'),
        (["rivers", "--timeout", "0"], "invalid value for '--timeout': Input should be greater than or equal to 0.1"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["download", *arguments, "--out", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {text}")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix matter")
def test_interrupted_and_gone_on_with(server: FileServer, tmp_path: Path) -> None:
    """The genuine size of dev-v1.1.json, slowly, and Ctrl-C in the middle of it."""
    server.content = bytes(4_854_279)
    server.faults = [Answer(pause=0.01)]
    start = [sys.executable, "-m", "ham_mrc", "download", "squad", "--only", "dev-v1*", "--out", str(tmp_path)]
    command = [*start, "--base-url", server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        part = tmp_path / "dev-v1.1.json.part"
        deadline = time.monotonic() + 30
        while not part.exists() or not part.stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    kept = part.stat().st_size
    assert err == f"interrupted; the same command goes on after {kept:,} bytes of dev-v1.1.json\n"
    again = subprocess.run(command, capture_output=True, text=True)
    assert server.starts[1] == kept
    assert again.returncode == 2, "the bytes are zeros"
    assert "not the published 95aa6a52d5d6a735" in again.stderr
    assert list(tmp_path.iterdir()) == []
