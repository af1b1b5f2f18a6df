"""ham-mrc as a process of its own: signals, closed pipes, full disks, locales, and how light its start is."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ham_mrc
from ham_mrc.cli import app


def probing(code: str) -> str:
    """A program that is ham-mrc with one command more, `probe`, which runs `code`."""
    return (
        "import sys, time, types\nfrom ham_mrc.cli import app, main\n"
        f"def probe() -> None:\n{code}\n"
        "app.COMMANDS['probe'] = 'probe'\n"
        "sys.modules['ham_mrc.cli.probe'] = types.SimpleNamespace(probe=probe)\nmain.main()"
    )


def ham_mrc_process(*arguments: str, code: str = "", **options: Any) -> "subprocess.Popen[str]":
    """`python -m ham_mrc ARGUMENTS` as a process; with `code`, it also has the command `probe`."""
    start = ["-c", probing(code)] if code else ["-m", "ham_mrc"]
    return subprocess.Popen(
        [sys.executable, *start, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=Path(ham_mrc.__file__).parents[1],
        **options,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix matter")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_the_process(number: signal.Signals) -> None:
    with ham_mrc_process("probe", code="    print('ready', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    "code",
    [
        "    from ham_mrc.cli.output import emit\n    for i in range(100000): emit(f'{i}\\n')",
        "    for i in range(100000): print(i)",
        "    print(0, flush=True); time.sleep(0.5); print(1)  # only the flush at the end finds the pipe closed",
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_no_error(code: str, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with ham_mrc_process("probe", code=code, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["info", "--json"]])
def test_a_pipe_closed_from_the_start_is_no_error(arguments: list[str]) -> None:
    with ham_mrc_process(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ham_mrc", "info", "--json"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (
        2,
        "error: standard output: cannot be written (No space left on device)\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's way to close a stream")
@pytest.mark.parametrize("arguments", [["probe"], ["info"], ["--help"]])
def test_closed_streams_are_no_error(arguments: list[str]) -> None:
    script = probing("    sys.stdout.write(str(sys.stderr.isatty()))")
    done = subprocess.run(["sh", "-c", '"$@" >&- 2>&-', "sh", sys.executable, "-c", script, *arguments])
    assert done.returncode == 0


def test_every_character_gets_out_whatever_the_locale_says() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    code = "    print('中文 \\ud800'); print('→', file=sys.stderr)"
    with ham_mrc_process("probe", code=code, env=environment) as process:
        assert process.communicate(timeout=20) == ("中文 ?\n", "→\n")
    assert process.returncode == 0


def imports(*arguments: str) -> set[str]:
    """The packages that a process of ham-mrc has imported in the end."""
    start = [sys.executable, "-X", "importtime", "-m", "ham_mrc"]
    done = subprocess.run([*start, *arguments], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


@pytest.mark.parametrize("arguments", [[], *([name] for name in app.command().commands)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    imported = imports(*arguments, "--help")
    assert imported >= {"ham_mrc", "typer"}
    assert imported & {"torch", "safetensors", "numpy", "scipy", "sacrebleu", "nltk", "lxml", "arro3"} == set()


def test_the_version_is_told_before_anything_else_is_imported() -> None:
    imported = imports("--version")
    assert "ham_mrc" in imported
    assert imported & {"typer", "rich", "orjson", "pydantic"} == set()


def test_version() -> None:
    with ham_mrc_process("--version") as process:
        assert process.communicate(timeout=20) == (f"ham-mrc {ham_mrc.__version__}\n", "")
    assert process.returncode == 0


def test_completion_knows_the_commands() -> None:
    environment = {**os.environ, "_HAM_MRC_COMPLETE": "complete_bash", "COMP_WORDS": "ham-mrc pre", "COMP_CWORD": "1"}
    with ham_mrc_process(env=environment) as process:
        out, err = process.communicate(timeout=20)
    assert (out.split(), err) == (["prepare", "predict"], "")
