"""`ham-mrc compare`: its table, its JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ham_mrc.cli.main import run
from ham_mrc.eval import score
from ham_mrc.eval.results import save_result


@pytest.fixture
def results(tmp_path: Path) -> list[str]:
    """One system right on 12 of 20 questions, one on all of these and 6 more, which is p = 2 / 2^6."""
    qas = [{"id": f"q{i}", "answers": [{"text": f"answer {i}"}]} for i in range(20)]
    references = {"data": [{"paragraphs": [{"qas": qas}]}]}
    for name, right, depth in (("one", 12, 1), ("five", 18, 5)):
        scores = score({f"q{i}": f"answer {i}" for i in range(right)}, references)
        run_settings = {"reader": "match-lstm", "depth": depth, "seed": 13}
        save_result(tmp_path / name / "scores.json", scores, name=name, run=run_settings)
    return [str(tmp_path / "one"), str(tmp_path / "five")]


def test_table(results: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", *results]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0] == "squad 1.1, 20 questions"
    figures = ["60.00", "40.00", "to", "80.00"]
    assert lines[3].split() == ["a", "one", "match-lstm", "1", *figures, *figures]
    assert lines[4].split()[:5] == ["b", "five", "match-lstm", "5", "90.00*ᵃ"]
    assert lines[4].split()[8:10] == ["+30.00", "0.0312"]
    assert "differences to row a" in lines
    assert any(line.startswith("p is how often a difference at least this large would come up") for line in lines)


def test_json_and_options(results: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--test", "bootstrap", "--baseline-index", "1", "--paper", "--seed", "3", "--resamples", "500"]
    assert run(["compare", *results, *results, "--no-correction", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["test"], found["seed"], found["resamples"]) == ("bootstrap", 3, 500)
    assert (found["baseline"], found["correction"]) == (results[1] + "/scores.json", None)
    assert len(found["rows"]) == 4  # the same seed twice is not grouped
    assert len(found["published"]) == 5
    assert run(["compare", *results, results[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["correction"] == "holm"


def test_paper_rows_are_labelled(results: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", results[0], "--paper"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("published, other data") == 5
    assert "are on other data" in printed


def test_refusals(results: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = score({}, {"data": [{"paragraphs": [{"qas": [{"id": "z", "answers": [{"text": "z"}]}]}]}]})
    save_result(tmp_path / "other.json", other, name="other")
    assert run(["compare", *results, str(tmp_path / "other.json")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(
        f"error: {tmp_path / 'other.json'}: was scored on other references (1 questions, sha256"
    )
    assert printed.err.endswith("; score both on the same file\n")
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "config.toml").touch()
    assert run(["compare", results[0], str(tmp_path / "running")]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'running'}: the run has not finished (no scores.json); resume it: "
        f"ham-mrc train --resume {tmp_path / 'running'}\n"
    )
    assert run(["compare", *results, "--baseline-index", "2"]) == 2
    assert capsys.readouterr().err == "error: there is no result number 2; they count from 0 to 1\n"
    assert run(["compare"]) == 2
    assert "RESULT" in capsys.readouterr().err
