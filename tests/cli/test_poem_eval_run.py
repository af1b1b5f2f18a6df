"""`ham-mrc poem eval` on a real run: a small PPG that was trained on nonsense, with the planner that came with it."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from tiny_poems import tiny_poems

from ham_mrc.cli.main import run
from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.quatrains import open_system
from ham_mrc.quatrains.planner import Planner
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.training.poem_training import train_poems


@pytest.fixture
def own_run(poem_run: Path, tmp_path: Path) -> Path:
    """A copy, which may be written to."""
    return shutil.copytree(poem_run, tmp_path / "ppg")


def test_from_the_run_to_the_figures(
    own_run: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["poem", "eval", str(own_run), "--keywords", "both", "--json", "--resamples", "100"]) == 0
    found = json.loads(capsys.readouterr().out)
    poems = [one.poem for one in poem_folder.poems("test")]
    assert (found["system"], found["poems"], found["uses_keywords"]) == ("ppg", len(poems), True)
    assert list(found["columns"]) == ["multi-planned", "single-planned", "multi-oracle", "single-oracle"]
    assert (found["run"]["system"], found["run"]["beam"], found["trained"]["epochs"]) == ("ppg", 10, 2.0)
    assert {"attention", "depth", "seed"} <= found["run"].keys()
    for kind in ("planned", "oracle"):
        assert 1 < found["diagnostics"][kind]["perplexity"] < math.inf
    assert found["columns"]["single-planned"]["unwritten"] == 0


def test_keywords_are_those_of_the_planner_and_lines_those_of_the_system(
    own_run: Path, poem_folder: PoemFolder
) -> None:
    assert run(["poem", "eval", str(own_run), "--limit", "3", "--no-intervals", "-q", "--format", "csv"]) == 0
    rows = [json.loads(row) for row in (own_run / "lines" / "test-planned.jsonl").read_text("utf-8").splitlines()]
    keywords = {one.poem.id: one.keywords for one in poem_folder.poems("test")}
    planner, system = Planner.load(own_run), open_system(own_run)
    for row in rows:
        given = tuple(row["before"])
        assert row["keyword"] == planner.next_keyword(keywords[row["poem"]][: len(given)])
        request = LineRequest(len(given[0]), given, row["keyword"])
        alone = system.write([request])[0][0]
        assert (row["written"], row["score"]) == (alone.line, pytest.approx(alone.score, abs=1e-4))
    assert len(rows) == 9


def test_its_own_baseline_is_met(own_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["poem", "eval", str(own_run), "--no-intervals", "-q", "--baseline", str(tmp_path / "baseline.json")]
    assert run([*command, "--update-baseline"]) == 0
    assert run([*command, "--significant", "--format", "github"]) == 0
    assert capsys.readouterr().out.endswith("::notice title=ham-mrc::all 4 checks passed\n")


def test_moved_or_unfinished(own_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert run(["poem", "eval", str(own_run), "--data", str(tmp_path / "elsewhere")]) == 2
    assert "is no prepared folder of poems" in capsys.readouterr().err
    (own_run / "scores.json").unlink()
    assert run(["poem", "eval", str(own_run)]) == 2
    assert capsys.readouterr().err == (
        f"error: {own_run}: the run has not finished; go on with: ham-mrc poem train --resume --out {own_run}\n"
    )
    assert run(["poem", "eval", str(tmp_path / "elsewhere")]) == 2
    assert "is not a run folder (it holds no config.toml)" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["smt", "rnnpg"])
def test_systems_without_keywords(
    system: str, poem_folder: PoemFolder, poem_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They stand in one table with PPG, whose leaked keywords have a table of their own."""
    path = train_poems(poem_folder.path, tmp_path / system, tiny_poems(system))
    ppg = shutil.copytree(poem_run, tmp_path / "ppg")
    for one in (path, ppg):
        assert run(["poem", "eval", str(one), "--keywords", "both", "--no-intervals", "-q"]) == 0
    stored = json.loads((path / "poems.json").read_text("utf-8"))
    assert (stored["uses_keywords"], list(stored["columns"])) == (False, ["multi-planned", "single-planned"])
    assert (stored["diagnostics"]["planned"]["perplexity"] is None) == (system == "smt")
    capsys.readouterr()
    assert run(["poem", "compare", str(path), str(ppg), "--resamples", "100", "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert [[row["system"] for row in table["rows"]] for table in tables] == [[system, "ppg"]] * 2 + [["ppg"]] * 2
