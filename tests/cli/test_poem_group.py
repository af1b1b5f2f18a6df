"""`ham-mrc poem`: a group of commands, of which only the one at hand is imported."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ham_mrc.cli.app import command, words_of_command
from ham_mrc.cli.main import run
from ham_mrc.cli.poem import POEM_COMMANDS


def test_the_commands_and_their_order() -> None:
    group: Any = command().commands["poem"]
    assert list(group.commands) == list(POEM_COMMANDS)
    assert list(POEM_COMMANDS) == ["prepare", "train", "eval", "compare", "generate", "check", "show"]


@pytest.mark.parametrize(
    "arguments", [["poem", "--help"], ["poem", "-h"], *(["poem", n, "--help"] for n in POEM_COMMANDS)]
)
def test_help_names_debug_and_ends_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert "--debug" in out
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ()),
        (["--debug", "train"], ()),
        (["train", "eval"], ("train",)),
        (["poem"], ("poem",)),
        (["poem", "eval", "train"], ("poem", "eval")),
        (["poem", "--debug", "eval"], ("poem",)),
        (["poem", "predict"], ("poem",)),
        (["poems"], ()),
    ],
)
def test_words_that_name_a_command(arguments: list[str], words: tuple[str, ...]) -> None:
    assert words_of_command(arguments) == words


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["poem"], "missing command; try ham-mrc poem --help"),
        (["poem", "trian"], "no such command 'trian'; did you mean 'train'? try ham-mrc poem --help"),
        (["poem", "show", "--jsn"], "no such option: --jsn; did you mean --json? try ham-mrc poem show --help"),
        (["poem", "show"], "missing argument 'RUN'; try ham-mrc poem show --help"),
        (["poem", "train"], "missing option '--out'; try ham-mrc poem train --help"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr() == ("", f"error: {line}\n")


def test_a_commands_help_imports_neither_torch_nor_the_other_commands() -> None:
    program = (
        "import sys; from ham_mrc.cli.main import run; run(['poem', 'train', '--help']); "
        "print([m for m in sys.modules if m == 'torch' or m.startswith('ham_mrc.cli.poem_')], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stderr == "['ham_mrc.cli.poem_train']\n"
