"""What the documentation shows of experiments is what the kept runs say, and nothing in them names a machine."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from sweep_builders import made_run

from ham_mrc.eval.results import save_result
from ham_mrc.files import write_jsonl
from ham_mrc.sweep.grid import Cell

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted(path.parent for path in (ROOT / "experiments").rglob("config.toml"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/make_results.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("make_results", ROOT / "scripts" / "make_results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_as_its_runs_make_it(script: ModuleType) -> None:
    assert script.pages()
    for file in script.pages():
        text = file.read_text(encoding="utf-8")
        assert script.BLOCK.search(text)
        assert script.page(text) == text, "run python scripts/make_results.py"


@pytest.mark.parametrize("run", KEPT, ids=lambda run: run.name)
def test_kept_runs_name_no_place_of_a_machine(run: Path) -> None:
    assert not Path(tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]["folder"]).is_absolute()
    assert not [file.name for file in run.iterdir() if file.suffix in (".safetensors", ".txt")]
    for file in run.iterdir():
        assert not re.search(r"[\"'](/|[A-Z]:\\)", file.read_text(encoding="utf-8"))


def test_poem_figures_follow_from_counts_of_poems(script: ModuleType) -> None:
    """B1 of 5 and 7 characters: sums over the poems, the root of both shares, no brevity penalty; means over seeds."""
    table = (ROOT / "docs" / "poems.md").read_text(encoding="utf-8")
    for row in script.POEM_ROWS:
        runs = [run for run in script.poem_runs(ROOT / "experiments" / "poems") if run.name.startswith(f"{row}-")]
        shown = [line for line in table.splitlines() if re.search(rf"\| {row}-\d+( and \d more)? \| ", line)]
        found = [json.loads((run / "poems.json").read_text(encoding="utf-8"))["per_poem"] for run in runs]
        for length in (5, 7):
            figures = []
            for poems in found:
                counts = [poem["multi-planned"][0] for poem in poems.values() if poem["length"] == length]
                one, two, ones, twos = (sum(column) for column in list(zip(*counts, strict=True))[:4])
                figures.append(100 * math.sqrt(one / ones * two / twos))
            assert any(f"| {sum(figures) / len(figures):.2f} |" in line for line in shown), (row, length)


def test_a_sweep_is_kept_without_weights(script: ModuleType, tmp_path: Path) -> None:
    """Two runs of one question each: F1 100 and 50 at depth 1, so a mean of 75."""
    sweep = tmp_path / "work" / "runs" / "toy"
    grid = 'readers = ["match-lstm"]\ndepths = [1]\nseeds = [1, 2]\n'
    sweep.mkdir(parents=True)
    data = tmp_path / "work" / "data" / "toy"
    (sweep / "sweep.toml").write_text(f'[made]\ndata = "{data.as_posix()}"\n[sweep]\n{grid}', encoding="utf-8")
    (sweep / "runs.json").write_text(json.dumps({"data": str(data)}), encoding="utf-8")
    for seed, f1 in ((1, 100.0), (2, 50.0)):
        run = sweep / "match-lstm" / "depth-1" / f"seed-{seed}"
        run.mkdir(parents=True)
        (run / "config.toml").write_text(f'[data]\nfolder = "{data.as_posix()}"\n', encoding="utf-8")
        (run / "model.safetensors").write_bytes(b"heavy")
        level = {"weight": 1.0, "change": None, "entropy": 0.5, "spread": 0.1}
        write_jsonl(run / "log.jsonl", [{"epoch": 1, "best": True, "levels": {"match": [level]}}])
        made = made_run(Cell("match-lstm", 1, seed), [f1])
        save_result(run / "scores.json", made.scores, name=made.name, run=made.run)
    kept = script.keep(sweep, tmp_path / "experiments")
    assert sorted(path.name for path in kept.rglob("*") if path.is_file()) == sorted(
        ["runs.json", "sweep.toml", *2 * ["config.toml", "log.jsonl", "scores.json"]]
    )
    assert str(tmp_path) not in "".join(path.read_text(encoding="utf-8") for path in kept.rglob("*.toml"))
    page = script.page("<!-- toy: table -->\nold\n<!-- end -->\n", tmp_path / "experiments")
    assert "| match-lstm | 1 | 2 | 50.00 ± 70.71 |" in page
    assert "| 75.00 ± 35.36 |" in page
    assert "old" not in page


def test_looks_counts_who_looks_elsewhere(tmp_path: Path) -> None:
    """Three words of a passage: at level 1 two look at `rises`, one at `What`; at level 2 all look at `What`."""
    level1, level2 = [[0.2, 0.8], [0.4, 0.6], [0.9, 0.1]], [[0.7, 0.3]] * 3
    site = {"queries": "passage", "keys": "question", "rows": [{"levels": [level1, level2]}]}
    itself = {"queries": "passage", "keys": "passage", "rows": [{"levels": [[[1.0]]]}]}
    trace = tmp_path / "trace.jsonl"
    write_jsonl(trace, [{"question": ["What", "rises"], "sites": {"match": site, "self": itself}}])
    command = [sys.executable, ROOT / "experiments" / "looks.py", trace]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "match: 33.3, 0.0 % of passage words look elsewhere, level by level; level 1 looks at: rises 1\n"
    )
