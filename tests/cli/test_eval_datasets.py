"""`ham-mrc eval` on every dataset: the figures, the options each one has, and the gate over all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.cli.main import run


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def answered(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    assert run(["eval", *arguments, "--json", "-q"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


SQUAD2 = {
    "version": "v2.0",
    "data": [
        {
            "paragraphs": [
                {
                    "context": "The capital.",
                    "qas": [
                        {"id": "q1", "question": "Where?", "answers": [{"text": "Paris"}, {"text": "the Paris"}]},
                        {"id": "q2", "question": "Who?", "answers": [], "is_impossible": True},
                        {"id": "q3", "question": "Where?", "answers": [{"text": "Oslo"}]},
                    ],
                }
            ]
        }
    ],
}
SQUAD2_ANSWERS = {"q1": "Paris", "q2": "Milan", "q3": "oslo city"}


@pytest.fixture
def squad2(tmp_path: Path) -> list[str]:
    return [written(tmp_path / "p.json", SQUAD2_ANSWERS), written(tmp_path / "r.json", SQUAD2)]


def test_squad2_with_probabilities(squad2: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first and the last row of the official examples."""
    probabilities = written(tmp_path / "na.json", {"q1": 0.1, "q2": 0.8, "q3": 0.8})
    found = answered([*squad2, "--na-prob", probabilities, "--na-prob-threshold", "0.5"], capsys)
    assert (found["dataset"], found["version"]) == ("squad", "2.0")
    assert found["metrics"] == {
        "exact_match": 66.66666666666667,
        "f1": 66.66666666666667,
        "has_answer_exact_match": 50.0,
        "has_answer_f1": 50.0,
        "no_answer_exact_match": 100.0,
        "no_answer_f1": 100.0,
        "best_exact_match": 66.66666666666667,
        "best_exact_match_threshold": 0.1,
        "best_f1": 66.66666666666667,
        "best_f1_threshold": 0.1,
    }
    found = answered([*squad2, "--na-prob", probabilities, "--average-precision", "--intervals"], capsys)
    assert found["metrics"]["f1_average_precision"] == 68.5185185185185
    assert found["metrics"]["best_f1"] == 66.66666666666667
    assert (
        set(found["intervals"])
        == set(found["detectable"])
        == {
            *("exact_match", "f1"),
            *("has_answer_exact_match", "has_answer_f1", "no_answer_exact_match", "no_answer_f1"),
        }
    )


def test_squad2_table(squad2: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    probabilities = written(tmp_path / "na.json", {"q1": 0.125, "q2": 0.8, "q3": 0.8})
    assert run(["eval", *squad2, "--na-prob", probabilities, "--intervals", "--by", "question-type", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Best F1             66.67" in [line.rstrip() for line in lines]
    assert "Best F1 threshold   0.125" in [line.rstrip() for line in lines]
    who = next(line.split() for line in lines if line.startswith("who"))
    # One unanswerable question: its figures over answerable ones are left empty.
    figure = ["0.00", "0.00", "to", "0.00"]
    assert who[1:] == ["1", *(figure * 4)]


CMRC = {
    "data": [
        {
            "paragraphs": [
                {
                    "id": "DEV_0",
                    "context": "北京是首都。",
                    "qas": [
                        {"id": "DEV_0_Q0", "question": "首都在哪里？", "answers": [{"text": "北京"}]},
                        {"id": "DEV_0_Q1", "question": "谁？", "answers": [{"text": "张三李四"}]},
                    ],
                }
            ]
        }
    ]
}


def test_cmrc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        written(tmp_path / "p.json", {"DEV_0_Q0": "北京。", "DEV_0_Q1": "张三"}),
        written(tmp_path / "r.json", CMRC),
    ]
    found = answered([*files, "--by", "question-type", "--metrics", "sacrebleu", "--metrics", "rouge-score"], capsys)
    assert (found["dataset"], found["version"]) == ("cmrc", "2018")
    # F1 of 张三 against 张三李四: precision 1, recall 1/2.
    assert found["metrics"]["exact_match"] == 50.0
    assert found["metrics"]["f1"] == pytest.approx((100 + 200 / 3) / 2)
    assert [bucket["bucket"] for bucket in found["breakdown"]["buckets"]] == ["who", "where"]
    assert set(found["variants"]) == {"sacrebleu", "rouge_score_1", "rouge_score_2", "rouge_score_l"}
    assert "|tok:zh|" in found["variants"]["sacrebleu"]
    # The same file by SQuAD's metric, which the user has to name: words between spaces.
    found = answered([*files, "--dataset", "squad"], capsys)
    assert found["metrics"] == {"exact_match": 0.0, "f1": 0.0}


MSMARCO = [
    {"query_id": 1, "query": "what is it", "answers": ["a river in the north", "the river"]},
    {"query_id": 2, "query": "how many", "answers": ["seven lakes"]},
    {"query_id": 3, "query": "who", "answers": ["No Answer Present."]},
]


def test_msmarco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    references = written(tmp_path / "r.jsonl", *MSMARCO)
    predictions = written(
        tmp_path / "p.jsonl",
        {"query_id": 1, "answers": ["a river in the south"]},
        {"query_id": 2, "answers": ["seven lakes"]},
        {"query_id": 3, "answers": ["Ada"]},
    )
    found = answered([predictions, references, "--tokenised", "--intervals", "--by", "question-type"], capsys)
    assert list(found["metrics"]) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "answerability_f1"]
    # Six of seven words; two of three right that there is an answer: p 2/3, r 1.
    assert found["metrics"]["bleu_1"] == pytest.approx(100 * 6 / 7)
    assert found["metrics"]["answerability_f1"] == pytest.approx(80.0)
    assert set(found["intervals"]) == set(found["metrics"])
    who = next(bucket for bucket in found["breakdown"]["buckets"] if bucket["bucket"] == "who")
    assert list(who["metrics"]) == ["answerability_f1"]  # its query counts for nothing else
    assert "none+pre-tokenised" in found["signature"]


def dureader(number: int, kind: str, answers: list[str], **fields: Any) -> dict[str, Any]:
    return {
        "question_id": number,
        "question_type": kind,
        "question": "为什么",
        "answers": answers,
        "yesno_answers": [],
        "entity_answers": [[]],
        "source": "search",
        **fields,
    }


def test_dureader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = [dureader(1, "DESCRIPTION", ["因为下雨了"]), dureader(2, "YES_NO", ["可以"], yesno_answers=["Yes"])]
    given = [dureader(1, "DESCRIPTION", ["因为下雪了"]), dureader(2, "YES_NO", ["可以"], yesno_answers=["Yes"])]
    files = [written(tmp_path / "p.jsonl", *given), written(tmp_path / "r.jsonl", *gold)]
    found = answered(files, capsys)
    assert found["metrics"]["bleu_1"] == pytest.approx(100 * 6 / 7)
    assert "task:main" in found["signature"]
    assert "search_bleu_4" in found["metrics"]
    assert "zhidao_rouge_l" not in found["metrics"]  # over no question: not a number in the official program
    found = answered([*files, "--task", "yesno"], capsys)
    assert found["metrics"]["yes_rouge_l"] == 100.0
    assert found["questions"] == 1
    assert "task:yesno" in found["signature"]


def test_a_task_without_a_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [written(tmp_path / name, dureader(1, "DESCRIPTION", ["x"])) for name in ("p.jsonl", "r.jsonl")]
    baseline = str(tmp_path / "baseline.json")
    options = ["--task", "entity", "--intervals", "--by", "question-type", "--baseline", baseline]
    empty = [*files, "--task", "yesno", "--intervals", "--by", "question-type", "--baseline", baseline]
    found = answered([*empty, "--update-baseline"], capsys)
    assert (found["questions"], found["metrics"]["bleu_4"], found["intervals"]) == (0, 0.0, {})
    assert "rouge_l" not in found["metrics"]
    assert found["breakdown"]["buckets"] == []
    assert all(check["passed"] for check in answered([*empty, "--significant"], capsys)["checks"])
    assert run(["compare", baseline, baseline]) == 0
    assert run(["eval", *empty]) == 0
    assert run(["eval", *files, *options]) == 2
    assert "has the signature" in capsys.readouterr().err


def test_the_gate_over_bleu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"第{i}天下了一场很大的雨然后天晴了" for i in range(30)]
    references = written(tmp_path / "r.jsonl", *(dureader(i, "DESCRIPTION", [text]) for i, text in enumerate(texts)))
    predictions = tmp_path / "p.jsonl"
    written(predictions, *(dureader(i, "DESCRIPTION", [text]) for i, text in enumerate(texts)))
    baseline = str(tmp_path / "baseline.json")
    command = [str(predictions), references, "--baseline", baseline]
    assert run(["eval", *command, "--update-baseline", "-q"]) == 0
    capsys.readouterr()
    written(predictions, *(dureader(i, "DESCRIPTION", [text[: 5 + i % 7]]) for i, text in enumerate(texts)))
    found = answered([*command, "--significant", "--max-drop", "bleu_1=90"], capsys, code=1)
    checks = {check["metric"]: check for check in found["checks"]}
    assert checks["bleu_1"]["passed"]
    assert not checks["bleu_4"]["passed"]
    assert checks["bleu_4"]["p"] < 0.05
    assert len(found["flipped"]) == 30
    assert run(["eval", *command, "--min", "bleu_4=1", "-q"]) == 1
    printed = capsys.readouterr().out
    assert "changed questions: 30 score lower, 0 higher" in printed
    assert "question   ROUGE-L before   ROUGE-L now" in printed


def test_per_question_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = [dureader(1, "DESCRIPTION", ["因为下雨了"]), dureader(2, "DESCRIPTION", ["晴天"])]
    files = [
        written(tmp_path / "p.jsonl", dureader(1, "DESCRIPTION", ["因为下雨了"])),
        written(tmp_path / "r.jsonl", *gold),
    ]
    rows = tmp_path / "rows.jsonl"
    assert run(["eval", *files, "--per-question", str(rows)]) == 0
    first, second = (json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines())
    assert first == {
        "id": "1",
        "rouge_l": 100.0,
        "search_rouge_l": 100.0,
        "prediction": "因为下雨了",
        "answers": ["因为下雨了"],
    }
    assert (second["prediction"], second["rouge_l"]) == (None, 0.0)
    assert "the first missing id is 2" in capsys.readouterr().err


WRONG: list[tuple[str, list[str], str]] = [
    ("squad2", ["--task", "main"], "--task is no option of SQuAD 2.0"),
    ("cmrc", ["--na-prob-threshold", "1"], "--na-prob-threshold is no option of CMRC 2018"),
    ("cmrc", ["--contains"], "--contains is no option of CMRC 2018"),
    ("msmarco", ["--task", "main"], "--task is no option of MS MARCO"),
    ("dureader", ["--tokenised"], "--tokenised is no option of DuReader 2.0"),
    ("msmarco", ["--tokenised", "--min", "em=3"], "--min em=3: no metric 'em'; there are: bleu_1, bleu_2, bleu_3, "),
    ("msmarco", ["--tokenised", "--min", "f1=3"], "--min f1=3: no metric 'f1'; there are: bleu_1, "),
    ("squad2", ["--dataset", "cmrc", "--task", "all"], "--task is no option of CMRC 2018"),
]
SMALL: dict[str, tuple[list[Any], list[Any]]] = {
    "squad2": ([SQUAD2_ANSWERS], [SQUAD2]),
    "cmrc": ([{"DEV_0_Q0": "北京"}], [CMRC]),
    "msmarco": ([{"query_id": 1, "answers": ["x"]}, {"query_id": 2, "answers": ["y"]}], MSMARCO),
    "dureader": ([dureader(1, "ENTITY", ["x"])], [dureader(1, "ENTITY", ["x"])]),
}


@pytest.mark.parametrize(("dataset", "options", "message"), WRONG)
def test_wrong_use(
    dataset: str, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, references = SMALL[dataset]
    files = [written(tmp_path / "p.json", *predictions), written(tmp_path / "r.json", *references)]
    assert run(["eval", *files, *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {message}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("dataset", sorted(SMALL.keys() - {"msmarco"}))  # both of its files have one form
def test_swapped_files(dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions, references = SMALL[dataset]
    files = [written(tmp_path / "r.json", *references), written(tmp_path / "p.json", *predictions)]
    if dataset == "dureader":
        del predictions[0]["source"]
        files[1] = written(tmp_path / "p.json", *predictions)
    assert run(["eval", *files]) == 2
    message = capsys.readouterr().err
    assert "predictions, not references" in message or "has no 'source'" in message


@pytest.mark.parametrize("dataset", sorted(SMALL))
def test_empty_files(dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions, references = SMALL[dataset]
    empty = written(tmp_path / "empty")
    full = written(tmp_path / "full", *references)
    assert run(["eval", empty, full]) == 2
    assert f"error: {empty}: is empty; " in capsys.readouterr().err
    assert run(["eval", written(tmp_path / "p", *predictions), empty]) == 2
    assert capsys.readouterr().err == f"error: {empty}: is empty; references are expected\n"


@pytest.mark.parametrize("dataset", ["squad2", "msmarco", "dureader"])
@pytest.mark.parametrize("value", [None, 5, ["x"], {"a": "b"}])
def test_answers_that_are_no_texts(
    dataset: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each names its question. (CMRC turns everything into a text, as its program does; MS MARCO takes a list.)"""
    ids = {"squad2": ["q1", "q2", "q3"], "msmarco": ["1", "2"], "dureader": ["1"]}[dataset]
    predictions = written(tmp_path / "p.json", dict.fromkeys(ids, value))
    references = written(tmp_path / "r.json", *SMALL[dataset][1])
    code = run(["eval", predictions, references, *(["--tokenised"] if dataset == "msmarco" else [])])
    if dataset == "msmarco" and isinstance(value, (list, dict)):
        assert code == 0  # the official program takes an object for the list of its keys
        return
    assert code == 2
    assert f"{ids[0]}: " in capsys.readouterr().err
