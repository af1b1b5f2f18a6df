"""`ham-mrc poem show` as people meet it."""

from __future__ import annotations

import json
from pathlib import Path

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
    assert printed.err.startswith("keyword: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--line", "春风明月"], "--line: line 1 has 4 characters; give lines of 5, or of 7 each"),
        (["--line", "春风明月来，青山流水去明月"], "--line: line 2 has 7 characters; give lines of 5, or of 7 each"),
        (["--line", "春风明月来", "--line", "青山"], "--line: line 2 has 2 characters; give lines of 5, or of 7 each"),
        (["--line", "spring"], "--line: holds 'spring'; give it in Chinese characters"),
        (["--line", "，"], "--line: is empty; give it in Chinese characters"),
        (["--keyword", "春风"], "--keyword is for --line; give both, or neither"),
    ],
)
def test_options_that_cannot_be(
    trained: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["poem", "show", str(trained), *options]) == 2
    assert words in capsys.readouterr().err


def test_runs_that_have_nothing_to_show(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["poem", "show", str(tmp_path)]) == 2
    assert "is not a run folder (it holds no config.toml)" in capsys.readouterr().err
    smt = train_poems(trained.parent / "prepared", tmp_path / "smt", tiny_poems("smt"))
    assert run(["poem", "show", str(smt)]) == 2
    assert "smt has no attention; show a run of ppg" in capsys.readouterr().err
