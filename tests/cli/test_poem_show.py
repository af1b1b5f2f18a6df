"""`ham-mrc poem show` as people meet it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from poem_builders import nonsense, prepared
from tiny_poems import tiny_poems

from ham_mrc.cli.main import run
from ham_mrc.training.poem_training import train_poems


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("show")
    folder = prepared(place, nonsense(60))
    return train_poems(folder.path, place / "run", tiny_poems(training={"epochs": 2}))


def test_the_levels_epoch_by_epoch(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "show", str(trained), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [entry["levels"] for entry in shown["epochs"]] == [entry["levels"]["line"] for entry in log]
    assert all(sum(level["weight"] for level in one["levels"]) == pytest.approx(1) for one in shown["epochs"])
    assert shown["schema"] == 1
    assert run(["poem", "show", str(trained)]) == 0
    out = capsys.readouterr().out
    for figure in ("weight", "entropy"):
        last = [f"{level[figure]:.3f}" for level in log[-1]["levels"]["line"]]
        assert any(
            line.split()[:-1][-len(last) :] == last or line.split()[-len(last) :] == last for line in out.splitlines()
        )
    assert "w of each level" in out
    assert "where it looked" not in out


def test_where_it_looked(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "春风明月来，青山流水去"
    assert run(["poem", "show", str(trained), "--line", text, "--keyword", "青山", "--json"]) == 0
    printed = capsys.readouterr()
    line = json.loads(printed.out)["line"]
    assert line["slots"] == ["keyword", *"春风明月来"]
    assert line["symbols"] == [*"青山流水去", "</s>"]
    assert [sum(row) for row in line["mixture"]] == pytest.approx([1.0] * 6)
    assert printed.err == ""
    first, second = text.split("，")
    assert run(["poem", "show", str(trained), "--line", first, "--line", second, "--keyword", "青山", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["line"] == line
    assert run(["poem", "show", str(trained), "--line", text, "--keyword", "青山"]) == 0
    out = capsys.readouterr().out
    assert "the three heaviest of 6 places: the keyword 青山, and each character before" in out
    assert f"青          {line['chances'][0]:.3f}" in out


def test_the_keyword_is_chosen_as_training_chose_it(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "show", str(trained), "--line", "寒灯照孤舟", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["line"]["keyword"] in ("寒灯", "孤舟")
    assert printed.err.splitlines()[0] == "read as an unknown character in your lines: 照"
    assert printed.err.splitlines()[1].startswith("keyword: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--line", "春风明月"], "--line: line 1 has 4 characters; give lines of 5, or of 7 each"),
        (["--line", "春风明月来，青山流水去明月"], "--line: line 2 has 7 characters; give lines of 5, or of 7 each"),
        (["--line", "春风明月来", "--line", "青山"], "--line: line 2 has 2 characters; give lines of 5, or of 7 each"),
        (["--line", "spring"], "--line: holds 'spring'; give it in Chinese characters"),
        (["--line", "，"], "--line: is empty; give it in Chinese characters"),
        (["--keyword", "春风"], "--keyword is for --line; give both, or neither"),
        (["--line", "春风明月来", "--keyword", ""], "--keyword: is empty; give it in Chinese characters"),
        (["--line", "春风明月来", "--keyword", "abc"], "--keyword: holds 'abc'; give it in Chinese characters"),
        (["--line", "春风明月来", "--keyword", "春风,明月"], "--keyword: has 2 keywords; a line has one; give one"),
        (
            ["--line", "春风明月来", "--keyword", "龘月"],
            "--keyword: 龘 is not among the run's characters; near ones are 龘: ",
        ),
        (
            ["--line", "春风明月来", "--keyword", "饕餮"],
            "--keyword: 饕 餮 are not among the run's characters; near ones are 饕: ",
        ),
    ],
)
def test_options_that_cannot_be(
    trained: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["poem", "show", str(trained), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {words}")
    assert err.count("\n") == 1


def test_unknown_characters_of_the_lines_are_named(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `generate` does: they can be read, as the unknown one."""
    assert run(["poem", "show", str(trained), "--line", "龘月青山去", "--keyword", "青山", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == "read as an unknown character in your lines: 龘\n"
    assert json.loads(out)["line"]["symbols"] == [*"龘月青山去", "</s>"]


def test_traditional_characters_are_read_as_simplified(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for line, keyword in (("長安聽春風 故人看遠山", "春風"), ("长安听春风 故人看远山", "春风")):
        assert run(["poem", "show", str(trained), "--line", line, "--keyword", keyword, "--json"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        shown.append(json.loads(out)["line"])
    assert shown[0] == shown[1]
    assert (shown[0]["keyword"], shown[0]["lines"]) == ("春风", ["长安听春风", "故人看远山"])


def test_runs_that_have_nothing_to_show(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "show", str(tmp_path)]) == 2
    assert "is not a run folder (it holds no config.toml)" in capsys.readouterr().err
    smt = train_poems(trained.parent / "prepared", tmp_path / "smt", tiny_poems("smt"))
    assert run(["poem", "show", str(smt)]) == 2
    assert "smt has no attention; show a run of ppg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda entry: entry.pop("levels"), "is damaged: the epoch lacks 'levels'"),
        (lambda entry: entry.pop("epoch"), "is damaged: the epoch lacks 'epoch'"),
        (lambda entry: entry["levels"].clear(), "is damaged: the epoch lacks weight and entropy of 3 levels"),
        (lambda entry: entry["levels"]["line"].pop(), "is damaged: the epoch lacks weight and entropy of 3 levels"),
        (lambda entry: entry["levels"]["line"][1].pop("entropy"), "is damaged: the epoch lacks 'entropy'"),
    ],
)
def test_a_damaged_log_is_named(
    trained: Path, tmp_path: Path, damage: Callable[[Any], Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy")
    first, second = (json.loads(line) for line in (copy / "log.jsonl").read_text().splitlines())
    damage(second)
    (copy / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in (first, second)))
    assert run(["poem", "show", str(copy)]) == 2
    assert capsys.readouterr().err == f"error: {copy / 'log.jsonl'}, line 2: {words}; train the run again\n"


def test_a_run_without_its_log_or_settings(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy")
    (copy / "log.jsonl").unlink()
    assert run(["poem", "show", str(copy)]) == 2
    said = f"error: {copy / 'log.jsonl'}: the finished run has no epoch in it; train the run again\n"
    assert capsys.readouterr().err == said
    (copy / "scores.json").unlink()
    assert run(["poem", "show", str(copy)]) == 2
    assert capsys.readouterr().err == f"error: {copy}: has not finished an epoch; train on with --resume\n"
    (copy / "config.toml").write_text("")
    assert run(["poem", "show", str(copy)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {copy / 'config.toml'}: is damaged ")
