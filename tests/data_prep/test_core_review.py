"""What is easily wrong where parts of the preparation meet: files that change, limits, signals, settings together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msmarco_builders import query
from preparing import content, run
from squad_builders import rivers, squad_paragraph

from ham_mrc.cli.main import run as command
from ham_mrc.data_prep import DATASETS, chunks
from ham_mrc.data_prep.msmarco import MSMARCO
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.errors import HamError
from ham_mrc.sample import sample_path


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record is a chunk of its own."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1)


def queries(path: Path, count: int) -> Path:
    lines = [json.dumps(query(query_id=number, passages=[passage(number)])) + "\n" for number in range(count)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def passage(number: int) -> dict[str, Any]:
    return {"passage_text": f"{number} times 6,650 km is long.", "is_selected": 1}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("second", [19, 21])
def test_lines_that_come_or_go_between_the_passes_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    path = queries(tmp_path / "train.json", 20)
    readings = iter([20, second])

    def cut(path: str | Path, **options: Any) -> Any:
        queries(Path(path), next(readings))
        return MSMARCO.cut(path, **options)

    monkeypatch.setitem(DATASETS, "msmarco", replace(MSMARCO, cut=cut))
    with pytest.raises(HamError) as caught:
        prepare(Request(dataset="msmarco", inputs=(path,), out=tmp_path / "out"))
    assert str(caught.value) == f"{path}: changed while it was read; prepare again"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("workers", [1, 2])
def test_beyond_the_limit_nothing_is_read(tmp_path: Path, workers: int) -> None:
    """The chunk behind the last question that counts is not even cut. (Processes are given chunks ahead of that.)"""
    path = queries(tmp_path / "train.json", 20)
    path.write_text(path.read_text(encoding="utf-8") + "{broken\n", encoding="utf-8")
    request = Request(dataset="msmarco", inputs=(path,), out=tmp_path / "out", limit=20, workers=workers)
    assert sum(counts.read for counts in prepare(request).parts.values()) == 20


@pytest.mark.usefixtures("small_chunks")
def test_limit_before_an_official_file_is_the_same_with_processes(tmp_path: Path, rivers_file: Path) -> None:
    """The survey of the inputs ends early, and the pool has to go on with another file."""
    for workers in (1, 2):
        manifest = run(tmp_path / f"{workers}", rivers_file, dev=rivers_file, limit=20, workers=workers)
        assert {part: counts.read for part, counts in manifest.parts.items()} == {"train": 18, "dev": 60, "choice": 2}
    assert content(tmp_path / "1") == content(tmp_path / "2")


def test_fault_of_a_second_answer_is_described_by_that_answer(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    """The first answer cannot be placed for another reason than the second, which could be repaired."""
    document = rivers()
    text = "The Nile rises in the south; the Nile is long."
    paragraph = squad_paragraph(text, ("x1", "q", "Nile"))
    paragraph["qas"][0]["answers"] = [{"text": "Nile", "answer_start": 5}, {"text": "south", "answer_start": 99}]
    document["data"][0]["paragraphs"].append(paragraph)
    path = write_squad(document)
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", path, strict=True)
    assert caught.value.what == "answer_start 99 is past the end of its passage (46 characters)"


@pytest.mark.parametrize(("dataset", "helped"), [("squad", True), ("msmarco", False)])
def test_advice_on_shared_passages_is_only_given_where_it_helps(
    tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str], dataset: str, helped: bool
) -> None:
    """A question of MS MARCO has several passages: whole groups of them stay in one part, single ones do not."""
    path = rivers_file
    if dataset == "msmarco":
        path = tmp_path / "train.json"
        both = [[passage(number), passage(100)] for number in range(20)]
        lines = [json.dumps(query(query_id=number, passages=both[number])) + "\n" for number in range(20)]
        path.write_text("".join(lines), encoding="utf-8")
    for by in ("question", "passage"):
        assert command(["prepare", dataset, str(path), "--out", str(tmp_path / by), "--split-by", by]) == 0
        printed = " ".join(capsys.readouterr().out.split())  # lines are as wide as a terminal
        assert ("--split-by passage or article keeps them apart" in printed) == (helped and by == "question")
        assert ("also training passages" in printed) == (by == "question" or not helped)


def test_bytes_depend_on_neither_processes_nor_the_seed_of_hashes(tmp_path: Path) -> None:
    found = []
    for seed, workers in (("1", "1"), ("2", "2")):
        for dataset, sample in (("dureader", "chinese-dureader"), ("msmarco", "english-msmarco-v2.1")):
            out = tmp_path / f"{dataset}-{seed}"
            line = [sys.executable, "-m", "ham_mrc", "prepare", dataset, str(sample_path(sample)), "--out", str(out)]
            subprocess.run([*line, "--workers", workers, "-q"], check=True, env=os.environ | {"PYTHONHASHSEED": seed})
            found.append(content(out))
    assert found[:2] == found[2:]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind")
@pytest.mark.parametrize(("number", "whom"), [("SIGINT", "all"), ("SIGINT", "parent"), ("SIGTERM", "parent")])
def test_stopped_preparation_leaves_no_folder_and_no_process(
    tmp_path: Path, write_squad: Callable[..., Path], number: str, whom: str
) -> None:
    """Ctrl-C in a terminal reaches parent and workers alike; `kill` the parent alone."""
    path = write_squad(rivers(articles=100, paragraphs=60, questions=20))
    out = tmp_path / "new" / "out"
    line = [sys.executable, "-m", "ham_mrc", "prepare", "squad", str(path), "--out", str(out), "--workers", "2"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        # The first words in a column: workers are in the midst of the second pass.
        while not any(f.stat().st_size > 128 for f in tmp_path.glob("new/.out.*.part/train/ids.npy")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        (os.killpg if whom == "all" else os.kill)(process.pid, getattr(signal, number))
        printed = process.communicate(timeout=60)
    assert (process.returncode, *printed) == (130, "", "interrupted\n")
    assert list((tmp_path / "new").iterdir()) == []
    assert ends(process.pid), "a worker, or Python's own helper, is still there"


def ends(group: int) -> bool:
    """Whether a group of processes ends within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_two_answers_to_who_does_the_work_are_one_too_many(tmp_path: Path, rivers_file: Path) -> None:
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", rivers_file, workers=2, executor="dask://127.0.0.1:1")
    assert str(caught.value) == (
        "--workers 2 and --executor dask://127.0.0.1:1 both say who does the work; leave one of them out"
    )
