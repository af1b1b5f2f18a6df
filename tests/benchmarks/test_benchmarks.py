"""Every benchmark runs on a toy; what it measures is nobody's business here."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ham_mrc.data_prep.squad import read_squad
from ham_mrc.sample import sample_path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_readers_prints_a_row_for_each_preset_depth_and_form() -> None:
    toy = ["--presets", "match-lstm-small", "--depths", "2", "--passage", "6", "--question", "3", "--batch-size", "2"]
    toy += ["--repeats", "1", "--readable", "--set", "reader.hidden=4"]
    done = subprocess.run([sys.executable, BENCHMARKS / "readers.py", *toy], capture_output=True, text=True, check=True)
    title, _, header, _, *rows = done.stdout.splitlines()[:6]
    assert title == "**readers: passage 6, question 3, batch 2, cpu, float32, 1 thread**"
    assert header.startswith("| preset | form | depth | trains, questions/s | step, yards | step to depth 1 |")
    cells = [row.strip("| ").split(" | ") for row in rows]
    assert [row[:3] for row in cells] == [["match-lstm-small", "fast", "2"], ["match-lstm-small", "readable", "2"]]
    assert all(float(row[place].replace(",", "")) > 0 for row in cells for place in (3, 4, 6, 7, 9))


def test_readers_says_what_cannot_be_measured() -> None:
    toy = ["--presets", "bidaf-small", "--depths", "1", "--readable", "--passage", "6", "--repeats", "1"]
    done = subprocess.run([sys.executable, BENCHMARKS / "readers.py", *toy], capture_output=True, text=True)
    assert done.returncode == 1
    assert "| has no other form of its match; only a recurrent match-lstm has one |" in done.stdout


def overfit(*options: str) -> subprocess.CompletedProcess[str]:
    """benchmarks/overfit.py with a small BiDAF on a few questions of the sample corpus."""
    toy = ["--readers", "bidaf", "--depths", "2", "--questions", "8", "--hidden", "16", "--batch-size", "8", *options]
    command = [sys.executable, BENCHMARKS / "overfit.py", sample_path("english"), *toy]
    return subprocess.run(command, capture_output=True, text=True)


def test_overfit_learns_true_labels_by_heart_and_not_broken_ones() -> None:
    done = overfit("--updates", "150")
    assert done.returncode == 0, done.stdout + done.stderr
    title, _, row = done.stdout.splitlines()
    assert title.endswith(" questions of english.squad.json.gz, hidden 16")
    preset, depth, learnt, updates, _, broken = row.split()
    assert (preset, depth) == ("bidaf-strong", "2")
    assert float(learnt) >= 98 > 49 > float(broken)
    assert 0 < int(updates) < 150


def test_overfit_says_so_where_it_does_not_learn() -> None:
    done = overfit("--updates", "1")
    assert done.returncode == 1
    assert float(done.stdout.splitlines()[2].split()[2]) < 98


def prepare_rows(*options: str) -> tuple[list[list[str]], str]:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "prepare.py", *options], capture_output=True, text=True, check=True
    )
    *rows, last = done.stdout.splitlines()[1:]
    return [row.split() for row in rows], last


def test_prepare_prints_a_row_for_each_size_and_number_of_workers() -> None:
    rows, last = prepare_rows("--datasets", "squad", "--sizes", "0.006", "0.001", "--workers", "1", "2")
    assert [row[0] for row in rows] == ["squad"] * 4
    assert [float(row[1]) for row in rows] == pytest.approx([0.001, 0.001, 0.006, 0.006], rel=0.1)
    assert [row[2] for row in rows] == ["1", "2", "1", "2"]
    assert all(float(cell) > 0 for row in rows for cell in row[3:7])
    assert last == "output with 1 and 2 workers: the same bytes"
    if Path("/proc/self/smaps_rollup").exists():
        assert [row[8] for row in rows[:2]] == ["1.00", "1.00"]
        # A worker loads the package too, so both together need more than either.
        assert [row[10] == "-" for row in rows] == [True, False, True, False]
        assert all(
            float(row[7]) > 1.2 * max(map(float, row[9:])) for row in rows if row[10] != "-" and row[1] > "0.005"
        )


@pytest.mark.parametrize("name", ["msmarco", "msmarco-2.1", "dureader"])
def test_prepare_repeats_every_dataset(name: str) -> None:
    rows, _ = prepare_rows("--datasets", name, "--sizes", "0.004", "--workers", "1")
    assert [(row[0], row[2]) for row in rows] == [(name, "1")]
    assert float(rows[0][1]) == pytest.approx(0.004, rel=0.05)


def test_repeated_records_are_different_questions_on_different_passages(tmp_path: Path) -> None:
    """2 MB of SQuAD's sample are some of its copies: their ids and passages are new, their answers where they were."""
    benchmark = runpy.run_path(str(BENCHMARKS / "prepare.py"))
    records = list(benchmark["marked"]("squad", None))
    with (tmp_path / "raw.json").open("wb") as stream:
        benchmark["write_squad"](stream, records, 2_000_000)
    examples = list(read_squad(tmp_path / "raw.json"))
    sample = list(read_squad(sample_path("english")))
    assert len(examples) > 3 * len(sample)
    assert len({example.id for example in examples}) == len(examples)
    assert len({example.passages for example in examples[: 3 * len(sample)]}) == 3 * 400
    for number, example in enumerate(examples):
        assert example.answers == sample[number % len(sample)].answers
        assert example.passages[0].startswith(sample[number % len(sample)].passages[0] + " ")


def metrics_rows(*options: object) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "metrics.py", "--repeats", "1", *map(str, options)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_metrics_prints_a_row_for_each_case_with_equal_figures() -> None:
    rows = metrics_rows("--cases", "squad", "squad2", "cmrc-sentences", "dureader-x10", "msmarco")
    assert [row[:2] for row in rows] == [
        ["squad", "2,400"],
        ["squad2", "2,400"],
        ["cmrc-sentences", "1,200"],
        ["dureader-x10", "5,970"],
        ["msmarco", "754"],
    ]
    assert [row[5] for row in rows] == ["equal"] * 5
    assert all(float(cell) > 0 for row in rows for cell in row[2:5])


def test_metrics_takes_files_by_name(tmp_path: Path) -> None:
    answers = [{"text": text, "answer_start": 0} for text in ("the Seine", "river Seine")]
    qas = [{"id": name, "question": "Which?", "answers": answers} for name in ("q1", "q2")]
    references, predictions = tmp_path / "references.json", tmp_path / "predictions.json"
    references.write_text(json.dumps({"data": [{"paragraphs": [{"context": "The Seine.", "qas": qas}]}]}))
    predictions.write_text(json.dumps({"q1": "Seine", "q2": "Rhine"}))
    (row,) = metrics_rows("--cases", "squad-x10", "--squad", references, predictions)
    assert (row[:2], row[5]) == (["squad-x10", "20"], "equal")


def test_metrics_sees_a_figure_that_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = runpy.run_path(str(BENCHMARKS / "metrics.py"))
    figures = iter([(1.0, {"metrics": {"f1": 50.0}}), (1.0, {"f1": 50.00000000000001})])
    monkeypatch.setitem(benchmark["main"].__globals__, "best", lambda *_: next(figures))
    monkeypatch.setattr(sys, "argv", ["metrics.py", "--cases", "squad"])
    with pytest.raises(SystemExit) as ended:
        benchmark["main"]()
    assert ended.value.code == 1
    assert capsys.readouterr().out.split()[-1] == "DIFFERENT"


def test_every_benchmark_is_tried_here() -> None:
    """plain_metrics.py is the other side of metrics.py."""
    assert {file.stem for file in BENCHMARKS.glob("*.py")} == {
        *("metrics", "overfit", "plain_metrics", "prepare", "readers", "report")
    }


def test_report_prints_a_row_for_each_filter_and_finds_what_the_plain_way_finds() -> None:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium here (apt-get install chromium)")
    toy = [sys.executable, BENCHMARKS / "report.py", "--questions", "20", "--runs", "2"]
    header, *rows, _, title, size, slowest = subprocess.run(
        toy, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert header.split() == ["filter", "ms", "plain", "ms", "plain", "/", "ours", "found"]
    assert [row.split()[-1] for row in rows[2:5]] == ["20"] * 3
    assert rows[-1].split()[-1] == "0"
    assert len(rows) == 9
    assert title == "20 questions, 2 results; 100 resamples"
    assert size.startswith("page: 0.0")
    assert slowest.startswith("slowest filter: ")
