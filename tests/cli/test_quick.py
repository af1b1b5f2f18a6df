"""Command lines of `ham-mrc eval` read without Typer mean what they mean to Typer, or are left to it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ham_mrc.cli import eval as eval_command
from ham_mrc.cli import quick
from ham_mrc.cli.main import _with_typer
from ham_mrc.cli.scoring import Wanted
from ham_mrc.errors import HamError

OPTIONS = [
    ["--json"],
    ["--quiet"],
    ["-q"],
    ["--strict"],
    ["--tokenised"],
    ["--intervals"],
    ["--significant"],
    ["--update-baseline"],
    ["--baseline", "b.json"],
    ["--na-prob", "n/a.json"],
    ["--per-question", "rows.jsonl"],
    ["--save", "s.json"],
    ["--max-drop", "f1=0.5"],
    ["--max-drop", "exact_match=1"],
    ["--min", "f1=70"],
    ["--dataset", "squad"],
    ["--dataset", "dureader"],
    ["--task", "yesno"],
    ["--format", "json"],
    ["--format", "github"],
]
DOUBTFUL = [
    ["--help"],
    ["--dataset=squad"],
    ["--dataset", "SQuAD"],
    ["--dataset"],
    ["--save", "-x"],
    ["--save", ""],
    ["--seed", "7"],
    ["--sav", "s.json"],
    ["-qq"],
    ["-"],
    ["--"],
    ["third.json"],
    [""],
]


@pytest.fixture
def by_typer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Typer makes of arguments; its complaint where it has one."""
    seen: list[Wanted] = []

    def note(wanted: Wanted) -> int:
        seen.append(wanted)
        return 0

    monkeypatch.setattr(eval_command, "run", note)

    def read(arguments: list[str]) -> Wanted | str:
        seen.clear()
        try:
            _with_typer(arguments, completing=False)
        except HamError as error:
            return str(error)
        return seen[0] if seen else "nothing to do"

    return read


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([["p.json"], ["dir/r.json.gz"], *OPTIONS]), max_size=7))
def test_what_is_read_here_is_what_typer_reads(by_typer: Any, parts: list[list[str]]) -> None:
    arguments = ["eval", *(word for part in parts for word in part)]
    found = quick.read(arguments)
    if found is not None and not (found.json and found.format not in ("table", "json")):
        assert found == by_typer(arguments)


@pytest.mark.parametrize("option", OPTIONS, ids=" ".join)
def test_each_of_these_is_read_here(by_typer: Any, option: list[str]) -> None:
    for arguments in (["eval", "p", "r", *option], ["eval", *option, "p"]):
        found = quick.read(arguments)
        assert found == by_typer(arguments)
        assert found != quick.read(["eval", "p", "r"])


@pytest.mark.parametrize("option", DOUBTFUL, ids=" ".join)
def test_what_is_in_doubt_is_left_to_typer(option: list[str]) -> None:
    assert quick.read(["eval", "p", "r", *option]) is None


@pytest.mark.parametrize(
    "arguments", [["eval"], ["compare", "p", "r"], ["eval", "p", "r", "--save", "a", "--save", "b"]]
)
def test_so_is_what_is_no_plain_line(arguments: list[str]) -> None:
    assert quick.read(arguments) is None


def test_the_defaults_are_those_of_the_command() -> None:
    parameters = inspect.signature(eval_command.evaluate).parameters
    assert list(parameters) == list(Wanted._fields)
    plain = Wanted(Path("p"))
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert getattr(plain, name) in ((None, ()) if parameter.default is None else (parameter.default,))


def test_neither_typer_nor_rich_is_imported(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"q": "x"}')
    (tmp_path / "r.json").write_text('{"data": [{"paragraphs": [{"qas": [{"id": "q", "answers": [{"text": "x"}]}]}]}]}')
    code = (
        "import sys; from ham_mrc.cli.main import run; code = run(sys.argv[1:]);"
        "slow = {'typer', 'rich', 'pydantic', 'numpy', 'rapidfuzz'} & set(sys.modules);"
        "sys.exit(code or ', '.join(slow) or 0)"
    )
    files = [str(tmp_path / name) for name in ("p.json", "r.json")]
    subprocess.run([sys.executable, "-c", code, "eval", *files, "--json"], check=True, capture_output=True)
