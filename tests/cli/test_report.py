"""`ham-mrc report`: the page is written, what is missing is said, wrong input is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import many_questions, write_runs

from ham_mrc.cli.main import run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    return [str(path) for path in write_runs(tmp_path / "runs", many_questions(10), (1, 5))]


def test_writes_a_page(tmp_path: Path, runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.html"
    assert run(["report", *runs, "--out", str(out), "--resamples", "100"]) == 0
    shown = capsys.readouterr()
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert shown.out == ""
    assert shown.err == f"wrote {out} (0.1 MB): open it in a browser\n"


def test_a_page_is_replaced_only_on_request(
    tmp_path: Path, runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    out.write_text("mine")
    arguments = ["report", *runs, "--out", str(out), "--resamples", "100"]
    assert run(arguments) == 2
    assert capsys.readouterr().err == f"error: {out}: is there already; choose another --out, or add --force\n"
    assert out.read_text() == "mine"
    assert run([*arguments, "--force", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert out.read_text(encoding="utf-8") != "mine"


def test_says_what_is_missing(tmp_path: Path, runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    saved = f"{runs[0]}/scores.json"
    assert run(["report", saved, runs[1], "--out", str(tmp_path / "r.html"), "--resamples", "100"]) == 0
    assert f"{saved} holds scores alone: no answers, no training log." in capsys.readouterr().err


def test_wrong_input_is_one_line(tmp_path: Path, runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r.html"
    for arguments, message in (
        ([str(tmp_path)], f"{tmp_path}: is no run folder (no scores.json)"),
        ([*runs, "--baseline-index", "2"], "there is no result number 2; they count from 0 to 1"),
        ([*runs, "--trace", str(tmp_path / "none")], f"{tmp_path / 'none'}: no such file"),
    ):
        assert run(["report", *arguments, "--out", str(out), "--resamples", "100"]) == 2
        assert capsys.readouterr().err == f"error: {message}\n"
        assert not out.exists()
