"""`ham-mrc sweep`: run, killed, interrupted, gone on with; failures; plans; what is refused."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import log_of, outcome

from ham_mrc.cli import sweep as command
from ham_mrc.cli.main import run
from ham_mrc.config import Config
from ham_mrc.sweep.lock import locked
from ham_mrc.sweep.timing import Speed, Timer

QUICK = ["reader.hidden=6", "training.epochs=2", "training.batch_size=12", "embeddings.width=6"]
SET = [word for one in QUICK for word in ("--set", one)]

FAILS = "import sys; print('error: the tree of words is upside down', file=sys.stderr); sys.exit({code})"


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    return ["sweep", str(data), "--out", str(out), "--depths", "1,2", "--seeds", "1", *SET, *more]


def train(data: Path, run_folder: Path, depth: int) -> None:
    """A cell of `arguments`, trained in this process."""
    cell = ["--reader", "match-lstm", "--preset", "match-lstm-small", "--depth", str(depth), "--seed", "13"]
    assert run(["train", str(data), "--out", str(run_folder), *cell, *SET, "-q"]) == 0


def listed(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "runs.json").read_text())["runs"]
    return found


def begin(words: list[str]) -> subprocess.Popen[str]:
    """The program in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "ham_mrc", *words], stderr=subprocess.PIPE, text=True)


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not ready():
        assert process.poll() is None, f"ended too soon: {process.communicate()[1]}"
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="signals are a Unix matter")
def test_killed_in_the_middle_it_does_nothing_finished_again(
    tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    first, second = (out / "match-lstm" / f"depth-{depth}" / "seed-13" for depth in (1, 2))
    process = begin(arguments(river_data, out, "-q"))
    wait_for((second / "config.toml").exists, process)
    process.kill()
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*") if path.is_file()}
    assert first / "scores.json" in before
    assert run(["sweep", str(river_data), "--out", str(out), "--json"]) == 0
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*") if path.is_file()} == before
    found = json.loads(capsys.readouterr().out)
    # The run that was cut off ends as one that nobody disturbed.
    train(river_data, tmp_path / "seed-13", depth=2)
    assert outcome(second) == outcome(tmp_path / "seed-13")
    assert [(row["reader"], row["depth"], row["seeds"]) for row in found["rows"]] == [
        ("match-lstm", 1, [13]), ("match-lstm", 2, [13]),
    ]  # fmt: skip
    assert [one["state"] for one in found["runs"]] == ["finished", "finished"]
    assert found["runs"] == listed(out)
    assert found == json.loads((out / "table.json").read_text())
    assert found["levels"][1]["depth"] == 2
    assert {path.name for path in out.iterdir()} == {
        ".sweep.lock", "curve.png", "curve.svg", "match-lstm", "runs.json", "sweep.toml",
        "table.csv", "table.json", "table.md", "table.tex",
    }  # fmt: skip
    # What is listed as the command that repeats a run is that of this very run.
    words = shlex.split(listed(out)[1]["command"])
    words[words.index(str(second))] = str(tmp_path / "again" / "seed-13")
    assert run([*words[1:], "-q"]) == 0
    assert outcome(tmp_path / "again" / "seed-13") == outcome(second)


@pytest.mark.skipif(os.name == "nt", reason="signals are a Unix matter")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_it_saves_and_says_how_to_go_on(tmp_path: Path, river_data: Path, number: signal.Signals) -> None:
    """After a SIGKILL nobody says anything, but the run hears of it and saves all the same."""
    out = tmp_path / "out"
    one = out / "match-lstm" / "depth-1" / "seed-13"
    process = begin(arguments(river_data, out, "-q", "--set", "training.epochs=2000", "--set", "training.patience=0"))
    wait_for((one / "log.jsonl").exists, process)
    process.send_signal(number)
    _, err = process.communicate()
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err == f"interrupted; all runs are saved; go on with: ham-mrc sweep {river_data} --out {out}\n"
        assert [run["state"] for run in listed(out)] == ["stopped", "new"]
    with locked(out / ".sweep.lock", print):  # not before the last process has ended
        assert len(log_of(one)) < 2000
    said = (out / "match-lstm" / "depth-1" / "seed-13.log").read_text().splitlines()[-1]
    assert said.startswith("interrupted; saved after update ")
    assert said.endswith(f"; go on with: ham-mrc train --resume {one}")


@pytest.mark.parametrize("code", [2, 70])
def test_a_run_that_fails_is_told_and_the_others_are_shown(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(command, "CHILD", (sys.executable, "-c", FAILS.format(code=code)))
    assert run([*arguments(river_data, out), "-q"]) == code
    log = out / "match-lstm" / "depth-1" / "seed-13.log"
    assert capsys.readouterr() == (
        "",
        "error: 2 of 2 runs failed, the first: match-lstm, depth 1, seed 13: the tree of words is upside down; "
        f"see {log}; the same command tries again\n",
    )
    train(river_data, out / "match-lstm" / "depth-2" / "seed-13", depth=2)
    capsys.readouterr()
    assert run([*arguments(river_data, out), "-q"]) == code
    shown, said = capsys.readouterr()
    assert "NOT COMPLETE, 1 of 2 runs are missing: match-lstm, depth 1, seed 13." in shown
    assert "F1 by depth" in shown
    assert said.startswith("error: 1 of 2 runs failed")
    assert [(one["state"], one.get("exit_code"), one.get("error")) for one in listed(out)] == [
        ("failed", code, "the tree of words is upside down"), ("finished", None, None),
    ]  # fmt: skip


def test_the_plan(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(timer: Timer, config: Config) -> Speed:
        return Speed(epoch=30.0 * config.reader_settings["depth"], scoring=1.0, predicting=1.0)

    monkeypatch.setattr(Timer, "measure", measure)
    assert run([*arguments(river_data, tmp_path / "out"), "--plan", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(row["depth"], row["run_seconds"]) for row in found["rows"]] == [(1, 63.0), (2, 123.0)]
    assert found["seconds"] == 186.0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--depths", "1,x"], "--depths: 'x' is not a whole number; write --depths 1,2,5"),
        (["--depths", "1,1"], "depths: 1 stands there twice; name each once"),
        (["--set", "reader.depth=3"], "--set: [reader] depth: is the grid's; name it in depths"),
        (["--set", "reader.hiden=3"], '[reader]: no option "hiden"; did you mean "hidden"?'),
        (
            ["--readers", "match-lstm,bidav"],
            "[reader]: no reader 'bidav'; did you mean \"bidaf\"?; there are bidaf, match-lstm, r-net",
        ),
        (["--config", "no.toml"], "no.toml: no such file"),
    ],
)
def test_wrong_input(
    tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert run(["sweep", str(river_data), "--out", str(tmp_path / "out"), *more]) == 2
    assert capsys.readouterr() == ("", f"error: {message}\n")
    assert not (tmp_path / "out").exists()


def test_no_published_rows(tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((river_data / "manifest.json").read_text())
    data = tmp_path / "data"
    data.mkdir()
    (data / "manifest.json").write_text(json.dumps({**content, "dataset": "cmrc"}))
    assert run(["sweep", str(data), "--out", str(tmp_path / "out"), "--paper"]) == 2
    assert capsys.readouterr().err == "error: no published figures for cmrc; only squad, dureader, msmarco\n"
