"""`ham-mrc poem train` as people meet it: settings, what is printed, going on, wrong usage."""

from __future__ import annotations

import json
import re
import shutil
import signal
import tomllib
from pathlib import Path
from typing import Any

import pytest
from broken_runs import stopping
from tiny_poems import poem_log

from ham_mrc.cli.main import run
from ham_mrc.cli.poem_train import settings_of
from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.training import loop

QUICK = ["--depth", "2", "--epochs", "2", "--batch-size", "64", "--lr", "0.02", "--set", "system.hidden=8"]
QUICK += ["--set", "system.embedding=8"]


def train(folder: PoemFolder, out: Path, *more: str) -> list[str]:
    return ["poem", "train", "--data", str(folder.path), "--out", str(out), *QUICK, *more]


def test_table(tmp_path: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run(train(poem_folder, out)) == 0
    printed, said = capsys.readouterr()
    log, lines = poem_log(out), printed.splitlines()
    assert lines[:2] == ["epochs", "epoch    loss   valid perplexity   examples/s   minutes   best"]
    for entry, line in zip(log, lines[3:5], strict=True):
        figures = [str(entry["epoch"]), f"{entry['loss']:.3f}", f"{entry['scores']['valid']['perplexity']:.2f}"]
        assert line.split()[:3] == figures
        assert line.endswith("*") == entry["best"]
    best = max(entry["epoch"] for entry in log if entry["best"])
    assert f"levels of attention: line, epoch {best}" in lines
    assert said.count(" valid perplexity ") == 2
    assert said.splitlines()[-1] == f"next: ham-mrc poem eval {out}"


def test_json(tmp_path: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run(train(poem_folder, out, "--json", "-q", "--seed", "5")) == 0
    printed, said = capsys.readouterr()
    found, scores = json.loads(printed), json.loads((out / "scores.json").read_text())
    assert said == ""
    assert (found.pop("run"), found.pop("levels").keys()) == (str(out), {"line"})
    assert found == scores
    assert scores["settings"]["seed"] == 5
    assert run(["poem", "train", "--resume", "--out", str(out), "--json", "-q"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["perplexity"] == scores["perplexity"], "a finished run is shown once more"


def test_smt(tmp_path: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]) -> None:
    out, few = tmp_path / "run", ["--set", "system.tuning_rounds=1", "--set", "system.tuning_lines=6"]
    few += ["--set", "system.width=5"]
    given = ["poem", "train", "--data", str(poem_folder.path), "--out", str(out), "--system", "smt", *few, "-q"]
    assert run(given) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["length", "lines", "references", "rounds", "BLEU-2", "before", "BLEU-2", "after"]
    assert [line.split()[:3] for line in lines[3:5]] == [["5", "6", "multi"], ["7", "6", "multi"]]


def settings(*given: str, **chosen: Any) -> dict[str, dict[str, Any]]:
    """What config.toml would hold."""
    config = settings_of(chosen.pop("preset", None), chosen.pop("file", None), list(given), chosen)
    return tomllib.loads(config.to_toml(run={}, data={}))


def test_layers_of_settings(tmp_path: Path) -> None:
    assert settings()["system"]["name"] == "ppg"
    assert settings(system={"name": "rnnpg"}, preset="original")["training"]["optimizer"] == "sgd"
    assert settings(preset="ppg-paper")["system"]["hidden"] == 512
    file = tmp_path / "own.toml"
    file.write_text('[run]\npreset = "paper"\n[system]\nhidden = 64\ndepth = 7\n[training]\nlr = 0.5\n')
    found = settings("system.depth=8", "training.lr=0.25", system={"depth": 9}, file=file)
    assert (found["run"]["preset"], found["system"]["embedding"], found["system"]["hidden"]) == ("paper", 512, 64)
    assert (found["system"]["depth"], found["training"]["lr"]) == (9, 0.25)


def test_attention_of_one_level_needs_no_depth() -> None:
    for attention in ("additive", "dot"):
        assert settings(system={"attention": attention})["system"]["depth"] == 1
    assert settings(system={"attention": "multilevel"})["system"]["depth"] == 5
    assert settings("system.depth=3", system={"attention": "dot"})["system"]["depth"] == 3


def test_the_config_of_a_run_makes_the_same_run(
    tmp_path: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    assert run(train(poem_folder, first, "-q")) == 0
    data = str(poem_folder.path)
    assert (
        run(["poem", "train", "--data", data, "--out", str(again), "--config", str(first / "config.toml"), "-q"]) == 0
    )
    assert (first / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()


def test_stopped_and_taken_up_by_the_same_command(
    tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "run", tmp_path / "whole"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_requested", stopping(3))
        assert run(train(poem_folder, out, "-q")) == 130
    said = capsys.readouterr().err
    assert said == f"interrupted; saved after update 3; go on with: ham-mrc poem train --resume --out {out}\n"
    assert run(train(poem_folder, out, "-q", "--resume")) == 0
    assert run(train(poem_folder, whole, "-q")) == 0
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_signal_stops_it_between_two_updates(
    tmp_path: Path, poem_folder: PoemFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ham_mrc.training import update

    clip, calls = update.clip_gradients, []

    def clip_and_signal(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return clip(*given)

    monkeypatch.setattr(update, "clip_gradients", clip_and_signal)
    assert run(train(poem_folder, tmp_path / "run", "-q")) == 130
    assert "saved after update 2; go on with" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, poem_folder: PoemFolder) -> Path:
    out = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "stop_requested", stopping(2))
        assert run(train(poem_folder, out, "-q")) == 130
    return out


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--depth", "3"], "--resume: the run began with depth = 2, not 3; leave it out"),
        (["--system", "rnnpg"], "--resume: the run began with name = ppg, not rnnpg; leave it out"),
        (["--set", "training.lr=0.5"], "--resume: the run began with lr = 0.02, not 0.5; leave it out"),
        (["--preset", "paper"], "--resume: the run began with preset small, not paper; leave it out"),
        (["--force"], "--resume goes on with the settings that the run began with; leave out the others"),
    ],
)
def test_resuming_changes_no_setting(
    options: list[str], line: str, stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["poem", "train", "--resume", "--out", str(stopped), *options]) == 2
    assert capsys.readouterr().err == f"error: {line}\n"


def test_resuming_takes_another_limit_of_time(stopped: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(stopped, copy)
    assert run(["poem", "train", "--resume", "--out", str(copy), "--max-minutes", "0.0000001", "-q"]) == 0
    assert poem_log(copy)[-1]["cut_short"]


def test_a_finished_run_is_said_to_stay(
    poem_folder: PoemFolder, poem_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(train(poem_folder, out, "--max-minutes", "0.0000001", "-q")) == 0
    before = contents(out)
    capsys.readouterr()
    assert run(train(poem_folder, out, "--max-minutes", "1", "--resume")) == 0
    printed, said = capsys.readouterr()
    assert "the last epoch was cut short by max_minutes" in printed
    stays = "and stays as it is; to train anew give --force in place of --resume"
    assert re.sub(r"0\.\d+", "SOME", said.splitlines()[0]) == (
        f"{out}: the run is finished (ended by its time limit after SOME epochs) {stays}"
    )
    assert contents(out) == before
    assert run(["poem", "train", "--resume", "--out", str(poem_run)]) == 0
    assert capsys.readouterr().err.splitlines()[0] == f"{poem_run}: the run is finished (2 epochs) {stays}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_planner_that_has_gone_is_trained_again(
    poem_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The remedy that `generate` names."""
    out = shutil.copytree(poem_run, tmp_path / "run")
    (out / "planner.safetensors").unlink()
    assert run(["poem", "generate", str(out), "春风"]) == 2
    assert "holds no planner of keywords; finish the run with --resume" in capsys.readouterr().err
    assert run(["poem", "train", "--resume", "--out", str(out)]) == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        f"{out}: the run is finished (2 epochs); only its planner of keywords, which has gone, is trained again"
    )
    for file in poem_run.rglob("*.*"):
        assert (out / file.relative_to(poem_run)).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "--data DIR is needed; or --resume; try ham-mrc poem train --help"),
        (["--data", "DATA", "--depth", "0"], "[system] depth = 0: must be 1 or more"),
        (
            ["--data", "DATA", "--attention", "additive", "--depth", "5"],
            'attention = "additive" has one level, not depth = 5; set depth = 1, or attention = "ham"',
        ),
        (["--data", "DATA", "--set", "system.hiden=8"], '[system]: no option "hiden"; did you mean "hidden"?'),
        (
            ["--data", "DATA", "--preset", "smal"],
            "no preset 'ppg-smal'; did you mean \"ppg-small\"?; there are ppg-paper, ppg-small, rnnpg-original, "
            "rnnpg-small, smt-small",
        ),
        (["--data", "DATA", "--system", "smt", "--depth", "5"], '[system]: no option "depth"; did you mean "width"?'),
        (["--data", "DATA", "--system", "smt", "--epochs", "5"], '[training]: "epochs" means nothing to smt'),
        (
            ["--data", "NONE"],
            "NONE: is no prepared folder of poems (it holds no manifest.json); make one with ham-mrc poem prepare",
        ),
        (
            ["--resume"],
            "OUT: is not a run folder (it holds no config.toml); name what `ham-mrc poem train --out` wrote",
        ),
    ],
)
def test_wrong_input_is_one_line_and_no_folder(
    options: list[str], line: str, tmp_path: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"DATA": str(poem_folder.path), "NONE": str(tmp_path / "none")}
    out = tmp_path / "out"
    assert run(["poem", "train", "--out", str(out), *(places.get(option, option) for option in options)]) == 2
    said = capsys.readouterr().err.replace(str(out), "OUT").replace(places["NONE"], "NONE")
    assert said == f"error: {line}\n"
    assert not out.exists()


def test_a_finished_run_stays(poem_run: Path, poem_folder: PoemFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(train(poem_folder, poem_run)) == 2
    assert capsys.readouterr().err == (
        f"error: {poem_run}: already holds a finished run; choose another folder, or add --force\n"
    )
