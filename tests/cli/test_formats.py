"""`--format` and `--json`, which every command with a result has."""

from __future__ import annotations

from pathlib import Path

import pytest

from ham_mrc.cli.app import COMMANDS
from ham_mrc.cli.main import run
from ham_mrc.cli.poem import POEM_COMMANDS


def with_formats() -> list[list[str]]:
    """Every command that takes both `--format` and `--json`, with arguments that would be an error later on."""
    due = {"download": ["x", "--out", "o"], "prepare": ["squad", "x", "--out", "o"], "train": ["x", "--out", "o"]}
    due |= {"predict": ["x", "y", "--out", "o"], "eval": ["x", "y"], "compare": ["x"], "demo": ["--out", "x.json/o"]}
    due["sweep"] = ["x", "--out", "o"]
    own = {"prepare": ["--poems", "x", "--out", "o"], "train": ["--data", "x", "--out", "o"], "generate": ["x", "春"]}
    poem = [["poem", name, *own.get(name, ["x"])] for name in POEM_COMMANDS]
    without = ("ask", "report", "poem")  # the first two have no --format, the last is several commands
    return [*([name, *due.get(name, [])] for name in COMMANDS if name not in without), *poem]


@pytest.mark.parametrize("arguments", with_formats(), ids=lambda arguments: "-".join(arguments[:2]))
def test_two_formats_are_refused_before_the_work(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for pair in (["--json", "--format", "csv"], ["--format", "csv", "--json"]):
        assert run([*arguments, *pair]) == 2
        due = "error: --json and --format csv exclude each other; give one of them\n"
        assert capsys.readouterr() == ("", due)
    assert not list(tmp_path.iterdir())
