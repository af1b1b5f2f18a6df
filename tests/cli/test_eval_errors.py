"""`ham-mrc eval` on what is wrong: one line on standard error that says where, and exit code 2."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from eval_files import SMALL, dureader, written

from ham_mrc.cli.main import run

KEYS = {"msmarco": "query_id", "dureader": "question_id"}
DATASETS = sorted(SMALL)


class Files:
    """Predictions P and references R of a dataset in a folder, and what `ham-mrc eval` says of them."""

    def __init__(self, dataset: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.dataset, self.folder, self.capsys = dataset, folder, capsys
        self.answers, self.gold = SMALL[dataset]
        self.write("P", *self.answers)
        self.write("R", *self.gold)

    def write(self, name: str, *rows: Any) -> None:
        written(self.folder / name, *rows)

    def evaluate(self, *arguments: str) -> tuple[int, str]:
        """(exit code, standard error without the folder); tokenisation by spaces where there is any."""
        names = [str(self.folder / word) if (self.folder / word).exists() else word for word in arguments]
        tokenised = ["--tokenised"] if self.dataset == "msmarco" and "--dataset" not in arguments else []
        code = run(["eval", *names, *tokenised])
        printed = self.capsys.readouterr()
        assert code == 0 or printed.out == ""
        return code, printed.err.replace(f"{self.folder}/", "")

    def refusal(self, *arguments: str) -> str:
        """The one line."""
        code, message = self.evaluate(*arguments)
        assert (code, message.count("\n")) == (2, 1), message
        return message.removeprefix("error: ").rstrip("\n")


@pytest.fixture(params=DATASETS)
def files(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Files:
    return Files(request.param, tmp_path, capsys)


TITLES = {"squad": "SQuAD 1.1 or 2.0", "cmrc": "CMRC 2018", "msmarco": "MS MARCO", "dureader": "DuReader 2.0"}


@pytest.mark.parametrize("named", sorted(TITLES))
def test_the_wrong_dataset_named(files: Files, named: str) -> None:
    own = files.dataset.removesuffix("2")
    if named == own:
        assert files.evaluate("P", "R", "--dataset", named)[0] in (0, 2)  # MS MARCO's tokeniser may be missing
    elif {named, files.dataset} == {"squad", "cmrc"}:
        assert files.evaluate("P", "R", "--dataset", named)[0] == 0  # either metric may be asked for
    elif {named, own} == {"squad", "cmrc"}:
        assert files.refusal("P", "R", "--dataset", named) == (
            "R, question q2: has an empty list of answers; the official program stops here as well: leave the question "
            "out, or its prediction"
        )
    else:
        due = f"R: looks like {TITLES[own]}, not {TITLES[named]}; --dataset {own}"
        assert files.refusal("P", "R", "--dataset", named) == due


def test_swapped_files(files: Files) -> None:
    due = "P: looks like predictions, not references; predictions come first"
    if files.dataset == "msmarco":
        due = "R, query 1: has 2 answers, not one; candidates have one each; predictions come first, references second"
    if files.dataset == "dureader":  # the lines of references are predictions as well, but not the other way round
        files.write("P", {key: value for key, value in files.answers[0].items() if key != "source"})
        due = "P, line 1, question 1: has no 'source'"
    assert files.refusal("R", "P") == due


def test_predictions_for_other_questions(files: Files) -> None:
    key = KEYS.get(files.dataset)
    if key is None:
        files.write("P", {f"other-{name}": text for name, text in files.answers[0].items()})
    else:
        files.write("P", *({**row, key: row[key] + 900} for row in files.answers))
    if files.dataset == "squad2":
        assert files.refusal("P", "R") == (
            "P, question q1: has no prediction, nor have 2 others; the official SQuAD 2.0 program gives no figure "
            'then; an empty text "" stands for no answer'
        )
    elif files.dataset == "msmarco":
        due = "P: has no answer to query 1 and 1 more; the official program wants one; "
        assert files.refusal("P", "R") == f'{due}"No Answer Present." stands for none'
    else:
        assert files.evaluate("P", "R") == (
            0,
            "warning: not one prediction is for a question of these references; is this the right pair of files?\n",
        )


@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff"])
def test_empty_files(files: Files, content: str) -> None:
    (files.folder / "E").write_text(content, encoding="utf-8")
    key = KEYS.get(files.dataset)
    form = f"JSON Lines with {key!r} and 'answers'" if key else "predictions as {id: text}"
    assert files.refusal("E", "R") == f"E: is empty; {form} are expected"
    assert files.refusal("P", "E") == "E: is empty; references are expected"


VALUES = {5: "a number", None: "null", True: "true or false"}


@pytest.mark.parametrize("value", list(VALUES))
def test_numbers_and_nulls_as_answers(files: Files, value: Any) -> None:
    """CMRC makes a text of everything, as its program does: "5", "None", "True"."""
    kind, key = VALUES[value], KEYS.get(files.dataset)
    if key is None:
        files.write("P", dict.fromkeys(files.answers[0], value))
    else:
        files.write("P", *({**row, "answers": [value]} for row in files.answers))
    if files.dataset == "cmrc":
        assert files.evaluate("P", "R", "-q") == (0, "")
    elif key is None:
        due = f'P, question q1: the prediction is {kind}, not a text; an empty text "" stands for no answer'
        assert files.refusal("P", "R") == due
    elif files.dataset == "msmarco":
        assert files.refusal("P", "R") == f"P, line 1, query 1: answer 1 is {kind}, not a text"
    else:
        due = f"P, question 1: 'answers' holds {kind}, where the official program wants a list of texts"
        assert files.refusal("P", "R") == due


@pytest.mark.parametrize("value", list(VALUES))
@pytest.mark.parametrize("dataset", sorted(KEYS))
def test_a_number_or_null_in_place_of_all_answers(
    dataset: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = Files(dataset, tmp_path, capsys)
    files.write("P", *({**row, "answers": value} for row in files.answers))
    due = {
        "msmarco": f"P, line 1, query 1: 'answers' is {VALUES[value]}, not a list of texts",
        "dureader": f"P, question 1: 'answers' is {VALUES[value]}, where the official program wants a list of texts",
    }
    assert files.refusal("P", "R") == due[dataset]


def test_a_baseline_of_another_signature(files: Files) -> None:
    baseline = files.folder / "B"
    assert files.evaluate("P", "R", "--baseline", str(baseline), "--update-baseline", "-q") == (0, "")
    stored = json.loads(baseline.read_text(encoding="utf-8"))
    stored["signature"] += "-of-old"
    baseline.write_text(json.dumps(stored), encoding="utf-8")
    message = files.refusal("P", "R", "--baseline", "B")
    assert re.fullmatch(
        r"B: has the signature \S+-of-old, these scores has \S+; score both again with the same version", message
    )


def test_a_baseline_on_other_references(files: Files) -> None:
    baseline = files.folder / "B"
    files.evaluate("P", "R", "--baseline", str(baseline), "--update-baseline", "-q")
    stored = json.loads(baseline.read_text(encoding="utf-8"))
    stored["references_sha256"] = "0" * 64
    baseline.write_text(json.dumps(stored), encoding="utf-8")
    message = files.refusal("P", "R", "--baseline", "B")
    assert message.startswith("B: was scored on other references (")
    assert message.endswith("; score both on the same file")


WITHHELD = "no question of the references has an answer: are they withheld, as in a test file?"


@pytest.mark.parametrize("dataset", ["squad", "squad2", "cmrc", "dureader"])
def test_withheld_answers(dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = Files(dataset, tmp_path, capsys)
    gold = json.loads(json.dumps(files.gold))
    holders = gold if dataset == "dureader" else gold[0]["data"][0]["paragraphs"][0]["qas"]
    for holder in holders:
        holder["answers"] = []
    files.write("R", *gold)
    assert files.refusal("P", "R", "--strict") == (
        f"R: {WITHHELD}; --strict wants references that predictions can be held against"
    )
    if dataset in ("squad2", "dureader"):  # the official programs score such files
        assert files.evaluate("P", "R") == (0, f"warning: {WITHHELD}\n")
    for holder in holders:
        del holder["answers"]
    files.write("R", *gold)
    assert re.match(
        "R(, line 1)?, question [^:]+: has no 'answers'|R: no question", files.refusal("P", "R", "--strict")
    )


def test_withheld_answers_of_ms_marco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = Files("msmarco", tmp_path, capsys)
    files.write("R", *({**row, "answers": []} for row in files.gold))
    due = "R: holds no query with an answer; the official program gives no figure then"
    assert files.refusal("P", "R", "--strict") == due
    files.write("R", {"query_id": 1, "query": "what is it"})
    assert files.refusal("P", "R", "--strict") == (
        "R, line 1, query 1: has no 'answers'; a file whose answers are withheld cannot be scored"
    )


WRONG: list[tuple[str, list[str], str]] = [
    ("squad2", ["--task", "main"], "--task is no option of SQuAD 2.0"),
    ("cmrc", ["--na-prob-threshold", "1"], "--na-prob-threshold is no option of CMRC 2018"),
    ("cmrc", ["--contains"], "--contains is no option of CMRC 2018"),
    ("msmarco", ["--task", "main"], "--task is no option of MS MARCO"),
    ("dureader", ["--tokenised"], "--tokenised is no option of DuReader 2.0"),
    ("msmarco", ["--min", "em=3"], "--min em=3: no metric 'em'; there are: bleu_1, bleu_2, bleu_3, "),
    ("msmarco", ["--min", "f1=3"], "--min f1=3: no metric 'f1'; there are: bleu_1, "),
    ("squad2", ["--dataset", "cmrc", "--task", "all"], "--task is no option of CMRC 2018"),
]


@pytest.mark.parametrize(("dataset", "options", "message"), WRONG)
def test_wrong_use(
    dataset: str, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Files(dataset, tmp_path, capsys).refusal("P", "R", *options).startswith(message)


@pytest.mark.parametrize("value", [["x"], {"a": "b"}])
@pytest.mark.parametrize("dataset", ["squad2", "msmarco", "dureader"])
def test_lists_and_objects_as_answers(
    dataset: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an object of predictions. MS MARCO's program takes an object for the list of its keys."""
    files = Files(dataset, tmp_path, capsys)
    ids = {"squad2": ["q1", "q2", "q3"], "msmarco": ["1", "2"], "dureader": ["1"]}[dataset]
    files.write("P", dict.fromkeys(ids, value))
    if dataset == "msmarco":
        assert files.evaluate("P", "R", "-q")[0] == 0
    else:
        assert files.refusal("P", "R").startswith(f"P, question {ids[0]}: ")


def test_a_repeated_question_of_dureader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = Files("dureader", tmp_path, capsys)
    files.write("P", dureader(1, "ENTITY", ["x"]), dureader(1, "ENTITY", ["y"]))
    assert files.refusal("P", "R") == "P, line 2: has question 1 a second time; keep one record each"
