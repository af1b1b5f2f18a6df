"""Traces for the page: numbers as they were, each with its run, and no more than a page can hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from report_runs import gold_of, many_questions, mostly_right, write_data, write_run, write_runs, write_trace
from tiny_runs import prepare_rivers, tiny

from ham_mrc.cli.main import run as run_command
from ham_mrc.errors import HamError
from ham_mrc.report import traces
from ham_mrc.report.gather import Material, gather
from ham_mrc.report.traces import SCALE, load_traces
from ham_mrc.training.loop import train
from ham_mrc.training.trace_file import SCHEMA, read_trace

DOCUMENT = many_questions(10)
IDS = list(gold_of(DOCUMENT))


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return gather(write_runs(tmp_path / "runs", DOCUMENT, (1, 5), (13, 14)), resamples=100)


def trace_of(file: Path, depth: int, seed: int) -> str:
    answers = mostly_right(gold_of(DOCUMENT), 0.6 + 0.01 * depth, seed)
    return str(write_trace(file, DOCUMENT, IDS[3:9], answers, depth))


@pytest.mark.parametrize(("depth", "seed", "place"), [(1, 13, 0), (1, 14, 1), (5, 13, 2), (5, 14, 3)])
def test_run_is_told_by_level_weights_and_answers(
    tmp_path: Path, material: Material, depth: int, seed: int, place: int
) -> None:
    found = load_traces([trace_of(tmp_path / "t.jsonl", depth, seed)], material)
    assert list(found.questions) == [3, 4, 5, 6, 7, 8]
    assert {entry["run"] for entries in found.questions.values() for entry in entries} == {place}


def test_equal_answers_are_told_apart_by_the_weights_of_the_kept_epoch(tmp_path: Path) -> None:
    data, gold = write_data(tmp_path / "data", DOCUMENT), gold_of(DOCUMENT)
    runs = [write_run(tmp_path / str(seed), data, gold, depth=2, seed=seed) for seed in (1, 2)]
    file = str(write_trace(tmp_path / "t.jsonl", DOCUMENT, IDS[:2], gold, 2))
    log = runs[0] / "log.jsonl"
    log.write_text(log.read_text().replace('"weight":0.666', '"weight":0.616'))
    assert load_traces([file], gather(runs, resamples=100)).questions[0][0]["run"] == 1


def test_run_by_name_and_by_folder(tmp_path: Path, material: Material) -> None:
    file = trace_of(tmp_path / "t.jsonl", 5, 99)
    with pytest.raises(HamError) as fault:
        load_traces([file], material)
    assert str(fault.value) == (
        f'{file}, --trace: is of none of the results; say of which: --trace "match-lstm, depth 1, seed 13={file}"'
    )
    for given in (f"match-lstm, depth 5, seed 14={file}", f"d5-s14={file}"):
        assert load_traces([given], material).questions[3][0]["run"] == 3
    inside = trace_of(tmp_path / "runs" / "d5-s13" / "t.jsonl", 5, 99)
    assert load_traces([inside], material).questions[3][0]["run"] == 2


def test_unclear_run(tmp_path: Path) -> None:
    runs = write_runs(tmp_path / "runs", DOCUMENT, (1,))
    file = trace_of(tmp_path / "t.jsonl", 1, 13)
    with pytest.raises(HamError, match=r"could be of 2 results \(.*d1-s13.*\); say of which: --trace"):
        load_traces([file], gather([runs[0], runs[0]], resamples=100))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "holds no traced question"),
        ('{"schema": 9, "sites": {}}\n', "line 1: is no trace of attention; it comes from predict --trace"),
        ("[1]\n", "line 1: is no trace of attention; it comes from predict --trace"),
    ],
)
def test_no_trace(tmp_path: Path, material: Material, text: str, fault: str) -> None:
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(HamError) as found:
        load_traces([str(tmp_path / "t.jsonl")], material)
    assert str(found.value).endswith(fault)


def test_what_is_too_large_is_left_out_and_said(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = trace_of(tmp_path / "t.jsonl", 5, 13)
    line = json.loads(Path(file).read_text().splitlines()[0])
    size = 2 * 5 * len(line["rows"][0]["tokens"]) * len(line["question"])
    monkeypatch.setattr(traces, "NUMBERS", size)
    found = load_traces([file], material)
    assert [len(entries[0]["sites"]) for entries in found.questions.values()] == [1, 0, 0, 0, 0, 0]
    assert found.notes == ["Attention of 5 sites is left out: it is too large for this page."]


def test_a_trained_reader_s_trace(tmp_path: Path) -> None:
    """The whole way: train, predict --trace, and the same numbers on the page."""
    data = prepare_rivers(tmp_path)
    run = train(data, tmp_path / "run", tiny())
    file, out = tmp_path / "t.jsonl.gz", tmp_path / "p.json"
    assert run_command(["predict", str(run), str(data), "--out", str(out), "--trace", str(file), "-q"]) == 0
    material = gather([run], resamples=100)
    found = load_traces([str(file)], material)
    assert traces.SCHEMA == SCHEMA
    keys = list(material.runs[0].result.scores.per_question)
    lines = list(read_trace(file))
    assert [keys[place] for place in found.questions] == [line.id for line in lines]
    for line, (entry,) in zip(lines, found.questions.values(), strict=True):
        assert (entry["run"], entry["question"], entry["answer"]) == (0, list(line.question), line.answer)
        assert entry["rows"] == [list(row) for row in line.rows]
        (site,) = entry["sites"]
        for part, row in zip(site["parts"], line.sites["match"].rows, strict=True):
            np.testing.assert_allclose(np.array(part["levels"]) / SCALE, row.levels, atol=1e-6)
