"""`ham-mrc eval` on every dataset: the figures, the options each one has, and the gate over all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eval_files import CMRC, MSMARCO, SQUAD2, SQUAD2_ANSWERS, dureader, written

from ham_mrc.cli.main import run


def answered(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    assert run(["eval", *arguments, "--json", "-q"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


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
