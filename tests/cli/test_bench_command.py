"""`ham-mrc bench`: tables and JSON of made-up findings, which cells are asked for, and wrong options in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.cli.main import run
from ham_mrc.training import bench as measuring

TOY = ["--passage", "7", "--question", "3", "--batch-size", "2", "--threads", "1", "--device", "cpu", "--repeats", "1"]
COMPILED = {"compiled": ["match"], "not_compiled": {"gru": "no C++ compiler"}}


def answer_at(order: dict[str, Any]) -> dict[str, Any]:
    """Figures that can be followed by hand; depth 20 finds no memory, and one extra is missing."""
    if "metric" in order:
        if order["metric"] == "cmrc":
            return {"failed": "CMRC needs nltk"}
        return {"yard": 0.5, "score": 0.125, "runs": 3, "questions": order["questions"]}
    depth = order["sections"]["reader"]["depth"]
    if depth == 20:
        return {"failed": "out of memory"}
    seconds = {"yard": 0.5, "settled_yard": 0.25, "step": 1.0 * depth, "predict": 0.25}
    return {**seconds, "runs": 3, "peak_bytes": 1500 * 2**20, **COMPILED}


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What processes would be asked to measure, and are not."""
    given: list[dict[str, Any]] = []

    def run_cell(order: dict[str, Any], *, native: bool | None, end: float | None) -> dict[str, Any]:
        given.append({**order, "native": native})
        return answer_at(order)

    monkeypatch.setattr(measuring, "run_cell", run_cell)
    return given


TABLES = """\
**readers: passage 7, question 3, batch 2, cpu, float32, 1 thread**

| preset | depth | trains, questions/s | step, yards | step to depth 1 | predicts, questions/s | prediction, yards | \
prediction to depth 1 | peak, MB | why not |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| r-net-small | 1 | 2.0 | 2.00 | 1.00 | 8.0 | 0.50 | 1.00 | 1,500 |  |
| r-net-small | 3 | 0.7 | 6.00 | 3.00 | 8.0 | 0.50 | 1.00 | 1,500 |  |
| r-net-small | 20 |  |  |  |  |  |  |  | out of memory |

yard: a one-layer bidirectional LSTM (input 50, hidden 150, batch 32, length 7), forward and backward, float32, in the \
same process: 0.500 s; with memory kept as train keeps it 0.250 s

step: forward, backward, clipping, optimiser; the fastest of 1 run counts; peak: of the whole process

seconds are the processor's, so that other programs do not count

forms: compiled (r-net-small match), all else torch

not compiled: gru: no C++ compiler

**metrics: the official figures of made-up answers**

| dataset | questions | questions/s | yards a thousand | why not |
| --- | ---: | ---: | ---: | --- |
| squad | 2,000 | 16,000 | 0.12 |  |
| cmrc | 2,000 |  |  | CMRC needs nltk |
| dureader | 2,000 | 16,000 | 0.12 |  |
| msmarco | 2,000 | 16,000 | 0.12 |  |
"""


@pytest.mark.usefixtures("orders")
def test_tables_show_figures_and_why_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--reader", "r-net", "--depths", "1,3,20", *TOY, "--format", "markdown", "-q"]) == 0
    assert capsys.readouterr() == (TABLES, "")


@pytest.mark.usefixtures("orders")
def test_json_and_every_other_rendering(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "bench.csv"
    options = ["--preset", "bidaf-small", "--depths", "3", "--no-metrics", *TOY]
    assert run(["bench", *options, "--json", "--write", str(written)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["metrics"], found["passage"], found["threads"]) == (1, [], 7, 1)
    (row,) = found["readers"]
    assert (row["preset"], row["reader"], row["depth"], row["failed"]) == ("bidaf-small", "bidaf", 3, None)
    assert row["train"] == {"seconds": 3.0, "examples_per_second": 2 / 3, "yards": 6.0, "to_depth_1": None}
    header, line = written.read_text().splitlines()
    assert header.startswith('preset,depth,"trains, questions/s","step, yards",')
    assert line == 'bidaf-small,3,0.7,6.00,,8.0,0.50,,"1,500"'
    for format in ("table", "latex"):
        assert run(["bench", *options, "--format", format, "-q"]) == 0
        assert "bidaf-small" in capsys.readouterr().out


def cells(orders: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(order["sections"]["reader"]["name"], order["sections"]["reader"]["depth"]) for order in orders]


def test_without_options_every_reader_at_three_depths_and_every_metric(orders: list[dict[str, Any]]) -> None:
    assert run(["bench", "-q"]) == 0
    readers = [order for order in orders if "metric" not in order]
    assert cells(readers) == [(name, depth) for name in ("bidaf", "match-lstm", "r-net") for depth in (1, 5, 20)]
    assert [order["metric"] for order in orders[9:]] == ["squad", "cmrc", "dureader", "msmarco"]
    assert orders[0]["sizes"] == {"passage": 300, "question": 20, "batch_size": 32}
    assert (orders[0]["repeats"], orders[0]["until"], orders[0]["seed"], orders[0]["native"]) == (5, None, 13, None)


def test_a_preset_stands_for_its_reader(orders: list[dict[str, Any]]) -> None:
    options = ["--reader", "bidaf", "--reader", "r-net", "--preset", "bidaf-strong", "--depths", "2,2", "--no-metrics"]
    assert run(["bench", *options, "-q", "--no-native", "--set", "reader.hidden=9"]) == 0
    assert cells(orders) == [("bidaf", 2), ("r-net", 2)]
    assert [order["sections"]["reader"]["hidden"] for order in orders] == [9, 9]
    assert orders[0]["sections"]["reader"]["character_filters"] == 100  # bidaf-strong's
    assert [order["native"] for order in orders] == [False, False]


def test_minutes_are_in_place_of_repeats(orders: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--reader", "bidaf", "--depths", "1", "--no-metrics", "--minutes", "2", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["minutes"], found["repeats"]) == (2.0, None)
    assert orders[0]["until"] is not None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--minutes", "1", "--repeats", "2"], "--minutes and --repeats exclude each other; give one of them"),
        (["--depths", "1,x"], "--depths 1,x: 'x' is not a depth; write whole numbers, as in 1,5,20"),
        (["--depths", "0"], "--depths 0: '0' is not a depth; write whole numbers, as in 1,5,20"),
        (["--depths", "1,"], "--depths 1,: '' is not a depth; write whole numbers, as in 1,5,20"),
        (["--reader", "qanet"], "--reader qanet: no such reader; there are bidaf, match-lstm, r-net"),
        (["--reader", "bidaf", "--set", "reader.hiden=3"], '[reader]: no option "hiden"; did you mean "hidden"?'),
    ],
)
def test_wrong_options_are_one_line_and_nothing_is_measured(
    options: list[str], line: str, orders: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", *options]) == 2
    assert capsys.readouterr() == ("", f"error: {line}\n")
    assert orders == []


def test_a_preset_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--preset", "bidaf-smal"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no preset 'bidaf-smal'; did you mean \"bidaf-small\"?; there are ")
