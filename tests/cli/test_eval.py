"""`ham-mrc eval` as people meet it: what it prints, where, with which exit code, and how quickly."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import ham_mrc
from ham_mrc.cli.main import run
from ham_mrc.eval.breakdown import BY
from ham_mrc.eval.results import load_result

SIGNATURE = (
    "squad-1.1|normalise:lower+delete-ascii-punctuation+drop-a-an-the+squeeze-space"
    "|unit:token|references:max-each|missing:0|definition:1"
)

QUESTIONS = [
    ("q1", "Where does the river rise?", ["Mount Ash", "on Mount Ash"]),
    ("q2", "How many lakes are there?", ["7"]),
    ("q3", "Who named it?", ["Ada Rowe"]),
    ("q4", "When?", ["in 1889", "1889"]),
]


@pytest.fixture
def references(tmp_path: Path) -> Path:
    qas = [
        {"id": name, "question": text, "answers": [{"text": answer, "answer_start": 0} for answer in answers]}
        for name, text, answers in QUESTIONS
    ]
    paragraphs = [{"context": "One river.", "qas": qas[:2]}, {"context": "Another one.", "qas": qas[2:]}]
    path = tmp_path / "references.json"
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "Rivers", "paragraphs": paragraphs}]}))
    return path


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Exact match 50 (q1, q2), F1 62.5 (q3 half of the words, q4 missing)."""
    return written(tmp_path / "predictions.json", {"q1": "Mount Ash.", "q2": "7", "q3": "Ada", "elsewhere": None})


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


TABLE = f"""\
predictions on squad 1.1
metric   score
──────────────
EM       50.00
F1       66.67
questions: 4, answered: 3, without a prediction (score 0): 1, predictions for other questions (ignored): 1
signature: {SIGNATURE}
"""
MISSING = "3 of 4 questions have a prediction; the first missing id is q4; missing answers score 0\n"


def test_table(predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(predictions), str(references)]) == 0
    assert capsys.readouterr() == (TABLE, MISSING)
    assert run(["eval", str(predictions), str(references), "-q"]) == 0
    assert capsys.readouterr() == (TABLE, "")


def test_json(predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(predictions), str(references), "--json", "--dataset", "squad"]) == 0
    printed = json.loads(capsys.readouterr().out)
    digest = printed.pop("references_sha256")
    assert len(digest) == 64
    assert printed == {
        "schema": 1,
        "name": "predictions",
        "dataset": "squad",
        "version": "1.1",
        "questions": 4,
        "answered": 3,
        "missing": 1,
        "extra": 1,
        "metrics": {"exact_match": 50.0, "f1": 100.0 * (1 + 1 + 2 / 3) / 4},
        "intervals": {},
        "signature": SIGNATURE,
        "checks": [],
    }


def test_everything_at_once(
    tmp_path: Path, predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions, saved, page = tmp_path / "questions.jsonl", tmp_path / "saved.json", tmp_path / "page.md"
    options = ["--intervals", "--by", "question-type", "--contains", "--cluster", "passage", "--seed", "4"]
    files = ["--per-question", str(questions), "--save", str(saved), "--write", str(page)]
    assert run(["eval", str(predictions), str(references), "--json", *options, *files]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["contains"] == 50.0
    assert found["mean_words"] == {"predictions": 4 / 3, "references": 11 / 6}
    # Two passages with means 100 and 0: every interval runs from one to the other.
    assert found["intervals"]["exact_match"] == [0.0, 100.0]
    assert (found["resamples"], found["seed"], found["unit"]) == (1000, 4, "passage")
    assert set(found["detectable"]) == {"exact_match", "f1", "contains"}
    assert [bucket["bucket"] for bucket in found["breakdown"]["buckets"]] == ["who", "when", "where", "how many"]
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    assert rows[2] == {
        "id": "q3",
        "exact_match": 0.0,
        "f1": 66.66666666666666,
        "contains": 0.0,
        "prediction": "Ada",
        "answers": ["Ada Rowe"],
    }
    assert load_result(saved).name == "predictions"
    assert "| EM | 50.00 | 0.00 to 100.00 |" in page.read_text()


def test_contains_shows_the_length_beside_it(
    predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["eval", str(predictions), str(references), "--contains", "-q"])
    printed = capsys.readouterr().out
    assert "Contains   50.00\n" in printed
    assert "Contains rewards long answers: predictions have 1.3 words on average, reference answers 1.8.\n" in printed


@pytest.mark.parametrize("by", sorted(BY))
def test_every_breakdown(by: str, predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(predictions), str(references), "--by", by, "-q"]) == 0
    assert f"by {by.replace('-', ' ')}\n" in capsys.readouterr().out


def test_a_baseline_from_nothing_to_a_failed_check(
    tmp_path: Path, predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = tmp_path / "baseline.json"
    command = ["eval", str(predictions), str(references), "--baseline", str(baseline), "-q"]
    assert run(command) == 2
    assert capsys.readouterr().err == (
        f"error: {baseline}: there is no baseline yet; add --update-baseline to write it, review and commit it\n"
    )
    assert run([*command, "--update-baseline"]) == 0
    first = baseline.read_bytes()
    assert run(command) == 0
    assert f"passed: f1 is 66.67, as in {baseline}\n" in capsys.readouterr().out
    written(predictions, {"q1": "Mount", "q2": "8", "q3": "Ada Rowe", "q4": "1889"})
    assert run(command) == 0
    printed = capsys.readouterr().out
    assert "flipped questions: 2 turned wrong, 2 turned right\n" in printed
    assert "exact_match is 50.00, as in" in printed
    written(predictions, {"q1": "Mount", "q2": "8", "q3": "Ada Rowe"})
    assert run(command) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    failed = [line for line in printed.out.splitlines() if line.startswith("FAILED")]
    assert failed == [
        f"FAILED: exact_match fell by 25.00 points, from 50.00 in {baseline} to 25.00; 0.00 allowed",
        f"FAILED: f1 fell by 25.00 points, from 66.67 in {baseline} to 41.67; 0.00 allowed",
    ]
    flips = printed.out[printed.out.index("flipped questions: 2 turned wrong") :].splitlines()
    assert [line.split()[0] for line in flips[3:6]] == ["q2", "q1", "q3"]
    assert run([*command, "--max-drop", "f1=25", "--max-drop", "exact_match=25"]) == 0
    # Three of three changes in one direction would still be p = 0.25.
    assert run([*command, "--significant"]) == 0
    assert "not significant (p 1.0000)" in capsys.readouterr().out
    assert baseline.read_bytes() == first


def test_a_failed_check_in_json_is_also_told(
    predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", str(predictions), str(references), "--min", "f1=70", "--min", "exact_match=50", "-q", "--json"]
    assert run(command) == 1
    printed = capsys.readouterr()
    assert printed.err == "error: check failed: f1 is 66.67, 3.33 points below the least value of 70.00\n"
    assert json.loads(printed.out)["checks"] == [
        {"metric": "f1", "value": 100.0 * (1 + 1 + 2 / 3) / 4, "minimum": 70.0, "passed": False},
        {"metric": "exact_match", "value": 50.0, "minimum": 50.0, "passed": True},
    ]


def test_a_failed_least_value_leaves_the_baseline_alone(
    tmp_path: Path, predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = tmp_path / "baseline.json"
    command = ["eval", str(predictions), str(references), "--baseline", str(baseline), "--update-baseline"]
    assert run([*command, "--min", "f1=70"]) == 1
    assert not baseline.exists()
    assert run([*command, "--min", "f1=60"]) == 0
    assert capsys.readouterr().err.endswith(f"wrote the baseline {baseline}: review and commit it\n")


def test_reports_for_continuous_integration(
    tmp_path: Path,
    predictions: Path,
    references: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summary, report = tmp_path / "summary.md", tmp_path / "report.junit.xml"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    baseline = tmp_path / "baseline.json"
    command = ["eval", str(predictions), str(references), "-q", "--baseline", str(baseline)]
    run([*command, "--update-baseline"])
    capsys.readouterr()
    written(predictions, {"q1": "Mount", "q2": "7", "q3": "Ada"})
    assert run([*command, "--format", "github", "--write", str(report)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("::error title=exact_match drop at most 0::exact_match fell by 25.00 points, from 50.00")
    assert "%0Aflipped questions: 1 turned wrong, 0 turned right; worst first: q1" in lines[0]
    assert "| q1 | 100.00 | 66.67 |" in summary.read_text()
    suite = ElementTree.parse(report).getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("ham-mrc.squad", "2", "2")
    properties = {found.get("name"): found.get("value") for found in suite.iter("property")}
    assert properties["signature"] == SIGNATURE
    assert properties["exact_match"] == "25.0"


def test_a_run_folder(tmp_path: Path, predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, data = tmp_path / "d5", tmp_path / "data" / "dev"
    (folder / "predictions").mkdir(parents=True)
    data.mkdir(parents=True)
    predictions.rename(folder / "predictions" / "dev.json")
    references.rename(data / "references.json")
    (folder / "config.toml").write_text(f'[data]\nfolder = "{data.parent}"\n')
    assert run(["eval", str(folder), "-q"]) == 0
    assert capsys.readouterr().out == TABLE.replace("predictions on", "d5 on")


def test_standard_input(
    predictions: Path, references: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(predictions, encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert run(["eval", "-", str(references), "-q"]) == 0
    assert capsys.readouterr().out == TABLE.replace("predictions on", "standard input on")
    assert run(["eval", "-", "-"]) == 2
    assert capsys.readouterr().err == "error: predictions and references cannot both come from standard input\n"


WRONG: list[tuple[list[str], str]] = [
    (
        ["P", "R", "--strict"],
        "P: 3 of 4 questions have a prediction; the first missing id is q4; without --strict the others score 0",
    ),
    (["P"], "P: is no folder; give PREDICTIONS and REFERENCES, or the folder of a run"),
    (["R", "P"], "P: looks like predictions, not references; predictions come first"),
    (["P", "R", "--max-drop", "f1=1"], "--max-drop is about a baseline, and none is named; add --baseline FILE"),
    (["P", "R", "--significant"], "--significant is about a baseline, and none is named; add --baseline FILE"),
    (["P", "R", "--update-baseline"], "--update-baseline is about a baseline, and none is named; add --baseline FILE"),
    (
        ["P", "R", "--cluster", "passage"],
        "--cluster says what to resample, and nothing is; add --intervals or --significant",
    ),
    (["P", "R", "--min", "em=3"], "--min em=3: no metric 'em'; there are: exact_match, f1, contains"),
    (["P", "R", "--min", "contains=3"], "--min contains: this metric was not scored; there are: exact_match, f1"),
    (["P", "R", "--dataset", "msmarco"], "R: looks like SQuAD 1.1 or 2.0, not MS MARCO; --dataset squad"),
    (["P", "R", "--dataset", "dureader"], "R: looks like SQuAD 1.1 or 2.0, not DuReader 2.0; --dataset squad"),
    (["P", "R", "--task", "main"], "--task is no option of SQuAD 1.1"),
    (["P", "R", "--tokenised"], "--tokenised is no option of SQuAD 1.1"),
    (["P", "R", "--na-prob-threshold", "0.5"], "--na-prob-threshold is no option of SQuAD 1.1"),
    (["P", "R", "--na-prob", "N"], "--na-prob is no option of SQuAD 1.1"),
    (
        ["P", "R", "--average-precision"],
        "--average-precision goes through probabilities, and none are given; add --na-prob FILE",
    ),
    (["P", "R", "--metrics", "bleu"], "--metrics bleu: there is no 'bleu'; there are: sacrebleu, rouge-score"),
    (
        ["P", "R", "--metrics", "sacrebleu:mecab"],
        "--metrics sacrebleu:mecab: there is no tokeniser 'mecab'; there are: 13a, intl, zh, char",
    ),
    (
        ["P", "R", "--baseline", "R"],
        "R: is not a stored result; a result comes from: ham-mrc eval PREDICTIONS REFERENCES --save FILE",
    ),
    (
        ["P", "R", "--format", "junit", "--save", "S"],
        "--format junit reports checks, and none was asked for; add --min METRIC=VALUE or --baseline FILE, or choose "
        "another format",
    ),
    (
        ["P", "R", "--write", "x.junit.xml", "--save", "S"],
        "--write x.junit.xml reports checks, and none was asked for; add --min METRIC=VALUE or --baseline FILE, or "
        "choose another format",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_wrong_use(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    predictions: Path,
    references: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(predictions, {"q1": "Mount Ash.", "q2": "7", "q3": "Ada"})
    probabilities = written(tmp_path / "na.json", dict.fromkeys(("q1", "q2", "q3", "q4"), 0.5))
    files = {
        "P": str(predictions),
        "R": str(references),
        "S": str(tmp_path / "saved.json"),
        "N": str(probabilities),
    }
    assert run(["eval", *(files.get(word, word) for word in arguments)]) == 2
    start, _, rest = message.partition(":")
    expected = f"{files[start]}:{rest}" if start in files else message
    assert capsys.readouterr() == ("", f"error: {expected}\n")
    assert not (tmp_path / "saved.json").exists()


def test_predictions_for_other_questions(
    predictions: Path, references: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(predictions, {"x1": "a", "x2": "b"})
    assert run(["eval", str(predictions), str(references), "-q"]) == 0
    assert capsys.readouterr().err == (
        "warning: not one prediction is for a question of these references; is this the right pair of files?\n"
    )


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run as a process of its own."""
    folder = Path(ham_mrc.__file__).parents[1]
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=folder, check=False)


HEAVY = ("torch", "numpy", "nltk", "sacrebleu", "scipy", "statistics")


def test_nothing_heavy_is_imported(predictions: Path, references: Path) -> None:
    found = process("-X", "importtime", "-m", "ham_mrc", "eval", str(predictions), str(references), "--min", "f1=1")
    assert found.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in found.stderr.splitlines() if "|" in line}
    assert {"ham_mrc", "orjson", "rich"} <= imported
    assert not imported & set(HEAVY)


def test_ten_thousand_questions(tmp_path: Path) -> None:
    """Distinct texts throughout: nothing normalised once serves twice. benchmarks/metrics.py has the seconds."""
    articles, predictions = [], {}
    for place in range(10_000):
        answers = [f"the {word} number {place} of Oslo" for word in ("big", "small", "very old")]
        predictions[f"q{place}"] = answers[0] if place % 2 else f"Number {place}, which lies in Oslo"
        qas = [{"id": f"q{place}", "question": "?", "answers": [{"text": text, "answer_start": 0} for text in answers]}]
        articles.append({"paragraphs": [{"context": f"Passage {place}. " * 20, "qas": qas}]})
    gold = written(tmp_path / "gold.json", {"version": "1.1", "data": articles})
    path = written(tmp_path / "predictions.json", predictions)
    found = process("-m", "ham_mrc", "eval", str(path), str(gold), "--json")
    assert json.loads(found.stdout)["metrics"]["exact_match"] == 50.0
