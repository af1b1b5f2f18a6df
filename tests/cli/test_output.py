"""A result in every format, on standard output and in files, with texts written by hand."""

import io
import json
import sys
from pathlib import Path

import pytest

from ham_mrc.cli.output import Document, emit, notice, show, terminal_width, wants_color, warning
from ham_mrc.errors import HamError
from ham_mrc.tables import Check, make_table

TABLE = make_table(("run", "F1"), [("a|b", "76.76")], right=("F1",))
PASSED = Check("f1 >= 70", True, "f1 is 76.76, 6.76 above the least allowed 70")
FAILED = Check("f1 >= 80", False, "f1 is 76.76, 3.24 below the least allowed 80", "worst: q1\nthen: q2")
RESULT = Document({"schema": 1, "metrics": {"f1": 76.7584}}, [TABLE, TABLE])
CHECKED = Document({"schema": 1}, [TABLE], [PASSED, FAILED], name="ham-mrc.squad", properties={"signature": "s|v1"})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


EXPECTED = {
    "table": "run      F1\n───────────\na|b   76.76\n\nrun      F1\n───────────\na|b   76.76\n",
    "json": '{\n  "schema": 1,\n  "metrics": {\n    "f1": 76.7584\n  }\n}\n',
    "markdown": "| run | F1 |\n| --- | ---: |\n| a\\|b | 76.76 |\n\n| run | F1 |\n| --- | ---: |\n| a\\|b | 76.76 |\n",
    "csv": "run,F1\na|b,76.76\n\nrun,F1\na|b,76.76\n",
}


@pytest.mark.parametrize("format", EXPECTED)
def test_each_format_is_all_of_standard_output(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT, format)
    assert capsys.readouterr() == (EXPECTED[format], "")


def test_latex_holds_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT, "latex")
    assert capsys.readouterr().out.count("a\\textbar{}b & 76.76 \\\\\n") == 2


def test_json_is_short_for_its_format(capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT, json=True)
    assert capsys.readouterr().out == EXPECTED["json"]


def test_two_formats_at_once_are_refused() -> None:
    with pytest.raises(HamError, match=r"^--json and --format csv exclude each other; give one of them$"):
        show(RESULT, "csv", json=True)


def test_json_without_schema_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="schema"):
        Document({"metrics": {}})


def test_checks_stand_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(CHECKED)
    assert capsys.readouterr().out == (
        "run      F1\n───────────\na|b   76.76\n\n"
        "passed: f1 is 76.76, 6.76 above the least allowed 70\n"
        "FAILED: f1 is 76.76, 3.24 below the least allowed 80\n"
        "    worst: q1\n"
        "    then: q2\n"
    )


def test_a_document_has_failed_if_one_check_has() -> None:
    assert CHECKED.failed
    assert not Document({"schema": 1}, checks=[PASSED]).failed
    assert not RESULT.failed


def test_checks_in_markdown_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(CHECKED, "markdown")
    assert capsys.readouterr().out.endswith(
        "\n| check | verdict |\n| --- | --- |\n"
        "| f1 is 76.76, 6.76 above the least allowed 70 | passed |\n"
        "| f1 is 76.76, 3.24 below the least allowed 80 | **FAILED** |\n"
    )


def test_write_renders_by_suffix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("r.json", "r.csv", "r.MD", "r.tex", "r.junit.xml", "r.svg", "deep/r.html")
    show(CHECKED, "csv", write=[tmp_path / name for name in names])
    assert capsys.readouterr().out == "run,F1\na|b,76.76\n"
    assert json.loads((tmp_path / "r.json").read_text()) == {"schema": 1}
    assert (tmp_path / "r.csv").read_text() == "run,F1\na|b,76.76\n"
    assert (tmp_path / "r.MD").read_text().startswith("| run | F1 |\n")
    assert (tmp_path / "r.tex").read_text().startswith("\\begin{table}\n")
    assert '<property name="signature" value="s|v1" />' in (tmp_path / "r.junit.xml").read_text()
    assert (tmp_path / "r.svg").read_text().startswith("<svg ")
    assert (tmp_path / "deep/r.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", ["r.txt", "r.xml", "json", "r"])
def test_an_unknown_suffix_is_refused_before_anything_happens(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(HamError) as caught:
        show(RESULT, write=[tmp_path / "good.json", tmp_path / name])
    assert str(caught.value) == (
        f"{tmp_path / name}: no rendering goes by this suffix; use one of .json .csv .md .tex .junit.xml .svg .html"
    )
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HamError, match=r"file/r\.json: cannot be written: a part of the path is a file"):
        show(RESULT, write=[tmp_path / "file" / "r.json"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("format", "write", "option"),
    [
        ("junit", [], "--format junit"),
        ("github", [], "--format github"),
        ("table", ["r.junit.xml"], "--write r.junit.xml"),
    ],
)
def test_formats_for_checks_need_a_check(
    format: str, write: list[str], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HamError) as caught:
        show(RESULT, format, write=write)
    assert str(caught.value) == (
        f"{option} reports checks, and none was asked for; "
        "ask for one (eval: --min METRIC=VALUE or --baseline FILE) or choose another format"
    )
    assert list(tmp_path.iterdir()) == []


def test_github_appends_to_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    show(CHECKED, "table")
    assert summary.read_text() == "before\n"
    show(CHECKED, "github")
    assert summary.read_text().startswith("before\n| run | F1 |\n| --- | ---: |\n| a\\|b | 76.76 |\n")
    assert capsys.readouterr().out.endswith(
        "::error title=f1 >= 80::f1 is 76.76, 3.24 below the least allowed 80%0Aworst: q1%0Athen: q2\n"
    )


def test_a_summary_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(HamError, match=r"GITHUB_STEP_SUMMARY cannot be written \(Is a directory\)$"):
        show(CHECKED, "github")


def test_words_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    notice("reading\n3 files")
    notice("unsaid", quiet=True)
    warning("old file")
    assert capsys.readouterr() == ("", "reading 3 files\nwarning: old file\n")


def test_words_are_coloured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    warning("old file")
    monkeypatch.setenv("NO_COLOR", "1")
    warning("old file")
    assert terminal.getvalue() == "\x1b[33mwarning: old file\x1b[0m\nwarning: old file\n"


@pytest.mark.parametrize(
    ("variables", "on_terminal", "elsewhere"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "xterm-256color"}, True, False),
    ],
)
def test_colour_is_decided_stream_by_stream(
    variables: dict[str, str], on_terminal: bool, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_color(Terminal()) is on_terminal
    assert wants_color(io.StringIO()) is elsewhere
    assert wants_color(None) is False


def test_columns_bind_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert terminal_width(io.StringIO()) is None
    for value, expected in (("40", 40), ("0", None), ("wide", None), ("", None)):
        monkeypatch.setenv("COLUMNS", value)
        assert terminal_width(io.StringIO()) == expected


def test_a_table_keeps_to_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "16")
    show(Document({"schema": 1}, [make_table(("text",), [("one two three four",)])]))
    assert capsys.readouterr().out == "text\n────────────────\none two three\nfour\n"


def test_a_full_disk_behind_standard_output_is_the_users_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(HamError, match=r"^standard output: cannot be written \(No space left on device\)$"):
        emit("text")
