"""The project's own check of its figures: what .ci/run scores, and that it fails when answers become worse."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ham_mrc.cli.main import run

ROOT = Path(__file__).parents[2]
GATE = ROOT / "tests" / "data" / "gate"
FILES = ("predictions.json", "references.json", "baseline.json")


def gate_arguments() -> list[str]:
    """What stands after `python -m ham_mrc` in .ci/run."""
    (command,) = re.findall(r'^"\$python" -m ham_mrc (eval .*) \|\| status=1$', ci_script(), re.MULTILINE)
    return shlex.split(command.removesuffix("</dev/null"))


def ci_script() -> str:
    return (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def in_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_committed_files_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(gate_arguments()) == 0
    assert "passed: f1 is 65.19, as in tests/data/gate/baseline.json\n" in capsys.readouterr().out


def test_worse_answers_fail_the_very_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One exact answer of 204 is lost, and the words of another."""
    predictions = json.loads((GATE / "predictions.json").read_text(encoding="utf-8"))
    assert (predictions["en-000-0"], predictions["en-000-2"]) == ("ferret", "A female goat is called a nanny")
    worse = tmp_path / "predictions.json"
    worse.write_text(json.dumps(predictions | {"en-000-0": "otter", "en-000-2": "otter"}), encoding="utf-8")
    name, file, *rest = gate_arguments()
    assert (name, file) == ("eval", "tests/data/gate/predictions.json")
    assert run(["eval", str(worse), *rest]) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED: ")]
    baseline = "tests/data/gate/baseline.json"
    assert failed == [
        # 100 / 204 points of exact match; the second had one word of five right: 2 * (1/5 * 1) / (6/5) = 1/3.
        f"FAILED: exact_match fell by 0.49 points, from 55.88 in {baseline} to 55.39; 0.00 allowed",
        f"FAILED: f1 fell by 0.65 points, from 65.19 in {baseline} to 64.54; 0.00 allowed",
    ]


def test_better_answers_pass_and_the_baseline_can_be_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions = json.loads((GATE / "predictions.json").read_text(encoding="utf-8"))
    gold = json.loads((GATE / "references.json").read_text(encoding="utf-8"))
    qas = [qa for article in gold["data"] for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
    wrong = next(qa for qa in qas if qa["id"] == "en-000-2")  # one word of five right
    better = tmp_path / "predictions.json"
    better.write_text(json.dumps(predictions | {wrong["id"]: wrong["answers"][0]["text"]}), encoding="utf-8")
    _, _, *rest = gate_arguments()
    assert run(["eval", str(better), *rest]) == 0
    # 100 / 204 points of exact match, and two thirds of that of F1.
    assert capsys.readouterr().err == (
        "baseline can be raised: exact_match from 55.88 to 56.37, f1 from 65.19 to 65.52; --update-baseline writes it\n"
    )
    assert run(["eval", str(better), *rest, "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["eval", str(better), *rest, "--min", "f1=99"]) == 1
    assert "raised" not in capsys.readouterr().err


def test_the_command_decides_over_the_exit_code_of_ci() -> None:
    before, after = ci_script().split('"$python" -m ham_mrc eval')
    assert "\nstatus=0\n" in before
    assert after.endswith("exit $status\n")


def test_the_script_makes_the_committed_files_again(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "make_gate.py", "--out", tmp_path]
    subprocess.run(command, capture_output=True, check=True)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (GATE / name).read_bytes(), name
    assert sum((GATE / name).stat().st_size for name in FILES) < 150_000
