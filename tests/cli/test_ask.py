"""`ham-mrc ask`: the answer marked in its passage, one question or one after another."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from street_data import STREETS
from tiny_runs import VECTORS, tiny

from ham_mrc.cli.main import run
from ham_mrc.records import Prediction
from ham_mrc.training.answer import Answered, Answerer
from ham_mrc.training.loop import train

PASSAGE = "  It ends in Lake Baikal.\nThe Arno is 100 km long.\n"
QUESTION = "How long is the Arno?"


@pytest.fixture
def passage(tmp_path: Path) -> Path:
    file = tmp_path / "passage.txt"
    file.write_text(PASSAGE, encoding="utf-8")
    return file


def asked(river_run: Path, passage: Path, *arguments: str) -> int:
    return run(["ask", str(river_run), "--passage", str(passage), *arguments])


def test_answer_is_marked(river_run: Path, passage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(river_run, passage, "--question", QUESTION) == 0
    out, err = capsys.readouterr()
    assert err == ""
    first, blank, *marked = out.splitlines()
    found = re.fullmatch(r"(.+)  \(p (0\.\d{3}), characters (\d+) to (\d+)\)", first)
    assert found
    start, end = int(found[3]), int(found[4])
    assert PASSAGE[start:end] == found[1]
    assert blank == ""
    assert "\n".join(marked) == (PASSAGE[:start] + "[" + found[1] + "]" + PASSAGE[end:]).strip()


def test_json(river_run: Path, passage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(river_run, passage, "--question", QUESTION, "--n-best", "3", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["schema"], printed["question"], len(printed["answers"])) == (1, QUESTION, 3)
    for answer in printed["answers"]:
        assert PASSAGE[answer["char_start"] : answer["char_end"]] == answer["text"]
        assert answer["p"] == pytest.approx(math.exp(answer["score"]))
    assert [a["p"] for a in printed["answers"]] == sorted((a["p"] for a in printed["answers"]), reverse=True)


def test_n_best_marks_the_best(river_run: Path, passage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(river_run, passage, "--question", QUESTION, "--n-best", "3") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [bool(re.search(r"\(p 0\.", line)) for line in lines[:4]] == [True, True, True, False]
    best = lines[0].partition("  (p ")[0]
    assert f"[{best}]" in "\n".join(lines[3:])


@pytest.mark.parametrize(
    ("environment", "on"), [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({}, False)]
)
def test_color(
    river_run: Path,
    passage: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    on: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert asked(river_run, passage, "--question", QUESTION) == 0
    out = capsys.readouterr().out
    assert ("\033[1;32m" in out) == on
    assert ("[" in out.replace("\033[", "")) != on


def test_one_question_after_another(
    river_run: Path, passage: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(f"{QUESTION}\n  Where does the Danube end?  \n\nnever asked\n"))
    assert asked(river_run, passage, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["question"] for line in lines] == [QUESTION, "Where does the Danube end?"]
    assert asked(river_run, passage, "--json", "--question", QUESTION) == 0
    assert json.loads(capsys.readouterr().out) == lines[0]


def test_passage_from_standard_input(
    river_run: Path, passage: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(river_run, passage, "--question", QUESTION) == 0
    expected = capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(PASSAGE.encode())))
    assert run(["ask", str(river_run), "--passage", "-", "--question", QUESTION]) == 0
    assert capsys.readouterr().out == expected


def one_answer(*found: Prediction) -> Any:
    """An `Answerer.answer_one` that has found this, best first."""
    answered = Answered([list(found)], {}, {}, 0, 0, 0, 0, 0, None, 0.0)
    return lambda self, passage, question, k: answered


NONE = Prediction("1", "", -0.5, -1)
YES = Prediction("1", "yes", -0.25, -1, 0, 3, 1, 1)
SPAN = Prediction("1", "Lake Baikal", -2.0, 0, 13, 24, 3, 4)


@pytest.mark.parametrize(
    ("found", "lines", "marked"),
    [
        ((NONE, SPAN), ["no answer  (p 0.607)", "Lake Baikal  (p 0.135, characters 13 to 24)"], False),
        ((SPAN, NONE), ["Lake Baikal  (p 0.135, characters 13 to 24)", "no answer  (p 0.607)"], True),
        ((YES,), ["yes  (p 0.779)"], False),
    ],
)
def test_no_answer_and_yes_stand_at_no_place(
    river_run: Path,
    passage: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: tuple[Prediction, ...],
    lines: list[str],
    marked: bool,
) -> None:
    monkeypatch.setattr(Answerer, "answer_one", one_answer(*found))
    assert asked(river_run, passage, "--question", QUESTION) == 0
    said = PASSAGE.replace("Lake Baikal", "[Lake Baikal]") if marked else PASSAGE
    assert capsys.readouterr().out == "\n".join([*lines, "", said.strip()]) + "\n"
    assert asked(river_run, passage, "--question", QUESTION, "--json") == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [answer["no_answer"] for answer in answers] == [one is NONE for one in found]


@pytest.mark.parametrize("street", ["squad-2.0", "cmrc", "dureader", "msmarco-2.1-separate"])
def test_every_dataset_can_be_asked(
    tmp_path: Path, passage: Path, capsys: pytest.CaptureFixture[str], street: str
) -> None:
    _, data = STREETS[street].prepare(tmp_path)
    folder = train(data, tmp_path / "run", tiny(reader={"name": STREETS[street].reader}, training={"epochs": 1}))
    assert run(["ask", str(folder), "--passage", str(passage), "--question", QUESTION, "--n-best", "4", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert len(answers) == 4
    for answer in answers:
        if answer["passage"] == 0:
            assert answer["text"] == PASSAGE[answer["char_start"] : answer["char_end"]] != ""
        else:
            assert answer["text"] == "" if answer["no_answer"] else answer["text"] in ("yes", "no")


def test_warnings_are_said_once(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors, passage = tmp_path / "vectors.txt", tmp_path / "long.txt"
    shutil.copy(VECTORS, vectors)
    folder = train(river_data, tmp_path / "run", tiny(embeddings={"source": str(vectors)}, training={"epochs": 1}))
    vectors.unlink()
    passage.write_text("The Arno is 100 km long. " * 200)
    monkeypatch.setattr(sys, "stdin", StringIO("What is new?\nWhat is newer?\n"))
    assert asked(folder, passage, "-q") == 0
    assert capsys.readouterr().err == (
        "warning: words new to the run can only be matched, for want of vectors "
        f'({vectors}: no such file; give a file of word vectors, or the name "glove-6b-50d")\n'
        f"warning: {passage} is longer than the run reads: its end was left out\n"
    )


def test_faults(
    tmp_path: Path,
    river_run: Path,
    passage: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failure(*arguments: str) -> str:
        assert run(["ask", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return err.rstrip("\n")

    assert failure(str(river_run), "--passage", "-") == (
        "error: standard input cannot hold both the passage and the questions; give --question TEXT"
    )
    assert failure(str(river_run), "--passage", str(passage), "--question", " ") == (
        "error: --question: the question is empty; leave it out to be asked for questions"
    )
    empty, latin = tmp_path / "empty.txt", tmp_path / "latin.txt"
    empty.write_text(" \n")
    latin.write_bytes("Île".encode("latin-1"))
    assert failure(str(river_run), "--passage", str(empty)) == f"error: {empty}: is empty; a passage to read is due"
    assert failure(str(river_run), "--passage", str(latin)) == (
        f"error: {latin}: is not UTF-8 (byte 0); convert it to UTF-8"
    )
    assert failure(str(tmp_path), "--passage", str(passage), "--question", QUESTION) == (
        f"error: {tmp_path}: is not a run folder (it holds no config.toml); name what `train --out` wrote"
    )
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO("Île\n".encode("latin-1")), encoding="utf-8"))
    assert failure(str(river_run), "--passage", str(passage)) == (
        "error: standard input: is not UTF-8; convert it to UTF-8"
    )
