"""What happens around every command: help, exit codes, error lines."""

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any, NoReturn

import pytest
import typer

import ham_mrc
from ham_mrc.cli import app, options
from ham_mrc.cli.main import run
from ham_mrc.errors import HamError

COMMANDS = [
    "demo",
    "download",
    "prepare",
    "train",
    "predict",
    "ask",
    "eval",
    "compare",
    "sweep",
    "report",
    "poem",
    "bench",
    "info",
]
"""In the order in which the help shows them."""

BUG = "error: this is a bug in ham-mrc; please report the lines above together with what `ham-mrc info` prints\n"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Puts a function in place of all commands, as `ham-mrc probe`."""

    def install(function: Callable[[], None]) -> None:
        put_in_place(monkeypatch, probe=function, other=lambda: None)

    return install


def put_in_place(monkeypatch: pytest.MonkeyPatch, **functions: Callable[..., None]) -> None:
    """Functions in place of all commands, by their names."""
    monkeypatch.setattr(app, "COMMANDS", {name: name for name in functions})
    for name, function in functions.items():
        monkeypatch.setitem(sys.modules, f"ham_mrc.cli.{name}", SimpleNamespace(**{name: function}))


def test_the_commands_and_their_order() -> None:
    assert list(app.command().commands) == COMMANDS


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)])
def test_help_names_debug_and_ends_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert "--debug" in out
    assert err == ""


def test_nothing_asked_shows_the_help_where_errors_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(f" {name} " in err for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["inof"], "no such command 'inof'; did you mean 'info'? try ham-mrc --help"),
        (["zzz"], "no such command 'zzz'; try ham-mrc --help"),
        (["--vrsion"], "no such option: --vrsion; did you mean --version? try ham-mrc --help"),
        (["info", "--jsn"], "no such option: --jsn; did you mean --json? try ham-mrc info --help"),
        (["info", "--format"], "option '--format' requires an argument; try ham-mrc info --help"),
        (
            ["info", "--format", "yaml"],
            "invalid value for '--format': 'yaml' is not one of 'table', 'json', 'markdown', 'latex', 'csv'; "
            "try ham-mrc info --help",
        ),
        (["info", "more"], "got unexpected extra argument(s) (more); try ham-mrc info --help"),
        (["info", "--json", "--format", "csv"], "--json and --format csv exclude each other; give one of them"),
        (
            ["info", "--write", "x.txt"],
            "x.txt: no rendering goes by this suffix; use one of .json .csv .md .tex .junit.xml .svg .html",
        ),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr() == ("", f"error: {line}\n")


def test_a_missing_argument_and_a_seed_below_zero_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def seeded(name: Annotated[str, typer.Argument(metavar="NAME")], seed: options.Seed = options.DEFAULT_SEED) -> None:
        print(name, seed)

    put_in_place(monkeypatch, seeded=seeded)
    assert run(["seeded", "x"]) == 0
    assert run(["seeded"]) == 2
    assert run(["seeded", "x", "--seed", "-1"]) == 2
    out, err = capsys.readouterr()
    assert out == "x 13\n"
    missing, negative = err.splitlines()
    assert missing == "error: missing argument 'NAME'; try ham-mrc seeded --help"
    assert negative.startswith("error: invalid value for '--seed': ")


def test_a_wrong_suffix_is_told_before_the_work_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe(write: options.Write = None) -> None:
        print("hours of work")

    put_in_place(monkeypatch, probe=probe)
    assert run(["probe", "--write", "good.json"]) == 0
    assert run(["probe", "--write", "good.json", "--write", "bad.pdf"]) == 2
    out, err = capsys.readouterr()
    assert out == "hours of work\n"
    assert err.startswith("error: bad.pdf: no rendering goes by this suffix; ")


def raising(fault: BaseException) -> Callable[[], NoReturn]:
    def probe() -> NoReturn:
        raise fault

    return probe


FAULT = HamError("is not JSON", file="a.json", place="line 3", remedy="mend it")


def test_wrong_input_is_one_line(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(FAULT))
    assert run(["probe"]) == 2
    assert capsys.readouterr() == ("", "error: a.json, line 3: is not JSON; mend it\n")


@pytest.mark.parametrize("arguments", [["--debug", "probe"], ["probe", "--debug"]])
def test_debug_shows_where_it_was_raised(
    arguments: list[str], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(FAULT))
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Traceback (most recent call last):\n")
    assert "in probe\n" in err
    assert err.endswith("\nerror: a.json, line 3: is not JSON; mend it\n")


def test_a_failed_check_is_one(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(typer.Exit(1)))
    assert run(["probe"]) == 1
    assert capsys.readouterr() == ("", "")


def test_an_error_may_have_an_exit_code_of_its_own(command: Any) -> None:
    class Odd(HamError):
        exit_code = 3

    command(raising(Odd("odd")))
    assert run(["probe"]) == 3


@pytest.mark.parametrize("fault", [ValueError("shapes differ"), BrokenPipeError(32, "a worker died")])
def test_our_own_bug_keeps_its_traceback(fault: Exception, command: Any, capfd: pytest.CaptureFixture[str]) -> None:
    command(raising(fault))
    assert run(["probe"]) == 70
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith(f"{fault!r}\n{BUG}".replace("('", ": ").replace("')", "").replace("(32, '", ": [Errno 32] "))


def test_a_broken_pipe_inside_a_program_that_holds_the_output_is_a_bug(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(raising(BrokenPipeError()))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert run(["probe"]) == 70


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (KeyboardInterrupt(), "interrupted\n"),
        (KeyboardInterrupt("saved; to go on: ham-mrc train"), "interrupted; saved; to go on: ham-mrc train\n"),
        (typer.Abort(), "interrupted\n"),
    ],
)
def test_interrupted(fault: BaseException, line: str, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(fault))
    assert run(["probe"]) == 130
    assert capsys.readouterr() == ("", line)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr() == (f"ham-mrc {ham_mrc.__version__}\n", "")
