"""What `ham-mrc bench` measures: figures against quotients by hand, made-up batches, and cells that cannot run."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from ham_mrc.config import build_config, read_preset
from ham_mrc.errors import ConfigError
from ham_mrc.eval.score import score
from ham_mrc.layers import native_gru, native_levels, native_lstm, native_match
from ham_mrc.readers import READERS
from ham_mrc.training import bench, bench_cell, bench_process, bench_reader, bench_yard
from ham_mrc.training.bench import Bench, Conditions, MetricCell, ReaderCell, Result, run_bench
from ham_mrc.training.bench_metric import KINDS, made_up
from ham_mrc.training.bench_reader import Sizes, made_up_batch, measure_reader
from ham_mrc.training.bench_yard import Pace, fastest, peak_bytes
from ham_mrc.training.device import choose_device

TOY = Sizes(passage=7, question=3, batch_size=2)
ONE_RUN = Conditions(TOY, threads=1, device="cpu", repeats=1)
CPU = torch.device("cpu")
SMALL = ("bidaf-small", "match-lstm-small", "r-net-small")


def toy_cell(preset: str = "match-lstm-small", depth: int = 1, **more: Any) -> ReaderCell:
    sections = read_preset(preset)
    return ReaderCell(preset, {**sections, "reader": {**sections["reader"], "hidden": 4, **more}}, depth)


def toy_order(cell: Any) -> dict[str, Any]:
    fixed = {"sizes": {"passage": 7, "question": 3, "batch_size": 2}, "threads": torch.get_num_threads()}
    fixed |= {"device": "cpu", "precision": "float32", "repeats": 1, "until": None, "seed": 13}
    return {**fixed, **cell.order()}


@pytest.mark.parametrize("preset", SMALL)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_reader_is_measured(preset: str, precision: str) -> None:
    found = bench_cell.answer({**toy_order(toy_cell(preset, 3)), "precision": precision})
    seconds = ("yard", "settled_yard", "step", "predict")
    assert list(found) == [*seconds, "runs", "peak_bytes", "compiled", "not_compiled"]
    assert min(found[name] for name in seconds) > 0
    assert found["runs"] == 1


def test_presets_that_are_measured_are_those_that_readers_have() -> None:
    assert {read_preset(name)["reader"]["name"] for name in SMALL} == set(READERS)


def measured(**answers: dict[str, Any]) -> Bench:
    """A bench of `depth_N=answer` of one reader."""
    results = [Result(toy_cell(depth=int(name[6:])), answer) for name, answer in answers.items()]
    return Bench(ONE_RUN, "cpu", "float32", 1, "processor", results)


FIGURES = {"runs": 5, "peak_bytes": 3 * 2**20, "compiled": ["match"], "not_compiled": {}}


def test_figures_are_quotients_by_hand() -> None:
    found = measured(
        depth_1={"yard": 0.5, "step": 2.0, "predict": 1.0, **FIGURES},
        depth_20={"yard": 0.25, "step": 3.0, "predict": 0.125, **FIGURES},
    )
    first, last = found.to_json()["readers"]
    assert first["train"] == {"seconds": 2.0, "examples_per_second": 1.0, "yards": 4.0, "to_depth_1": 1.0}
    # 3 s are 12 yards of a machine that was twice as fast by then: three times depth 1, not one and a half.
    assert last["train"] == {"seconds": 3.0, "examples_per_second": 2 / 3, "yards": 12.0, "to_depth_1": 3.0}
    assert last["predict"] == {"seconds": 0.125, "examples_per_second": 16.0, "yards": 0.5, "to_depth_1": 0.25}
    assert last["yard_seconds"] == 0.25


def test_without_depth_1_there_is_no_ratio_to_it() -> None:
    figures = {"yard": 0.5, "step": 2.0, "predict": 1.0, **FIGURES}
    (alone,) = measured(depth_5=figures).to_json()["readers"]
    assert (alone["train"]["yards"], alone["train"]["to_depth_1"]) == (4.0, None)
    failed, other = measured(depth_1={"failed": "out of memory"}, depth_5=figures).to_json()["readers"]
    assert (failed["train"], failed["predict"], failed["failed"]) == (None, None, "out of memory")
    assert other["train"]["to_depth_1"] is None


def test_a_metrics_figures_are_quotients_by_hand() -> None:
    result = Result(MetricCell("squad", 500), {"yard": 0.5, "score": 0.25, "runs": 3})
    (found,) = Bench(ONE_RUN, "cpu", "float32", 1, "processor", [result]).to_json()["metrics"]
    assert (found["questions_per_second"], found["yards_per_1000"], found["failed"]) == (2000.0, 1.0, None)


def test_json_has_its_schema_and_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "run_cell", lambda order, **_: {"failed": "not today"})
    found = run_bench([toy_cell(), MetricCell("cmrc")], ONE_RUN).to_json()
    assert found == json.loads(json.dumps(found))
    assert list(found) == [
        *("schema", "version", "torch", "device", "precision", "threads", "clock", "passage", "question", "batch_size"),
        *("vector_width", "repeats", "minutes", "native", "seed", "yard", "readers", "metrics"),
    ]
    assert found["schema"] == 1
    assert found["yard"] == {"input": 50, "hidden": 150, "batch_size": 32, "length": 7}
    (reader,), (metric,) = found["readers"], found["metrics"]
    assert list(reader) == [
        *("preset", "reader", "depth", "readable", "train", "predict", "yard_seconds", "settled_yard_seconds"),
        *("peak_bytes", "runs", "compiled", "not_compiled", "failed"),
    ]
    assert list(metric) == [
        *("dataset", "questions", "seconds", "questions_per_second", "yards_per_1000", "yard_seconds", "runs", "failed")
    ]


def test_progress_names_the_cell_that_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    class Bar:
        def advance(self, count: int = 1, note: str = "") -> None:
            told.append((count, note))

        def say(self, text: str) -> None:
            raise AssertionError(text)

    @contextlib.contextmanager
    def progress(title: str, *, total: int | None = None, unit: str = "") -> Iterator[Bar]:
        told.append((title, total, unit))
        yield Bar()

    monkeypatch.setattr(bench, "run_cell", lambda order, **_: {"failed": "not today"})
    run_bench([toy_cell(depth=2), MetricCell("squad")], ONE_RUN, progress=progress)
    cells = [(0, "match-lstm-small at depth 2"), (1, ""), (0, "metrics of squad"), (1, "")]
    assert told == [("bench", 2, "cells"), *cells]


def test_a_process_of_its_own_answers() -> None:
    """Its peak is its own: this process holds 400 MB more when it begins."""
    ballast = torch.ones(100 * 2**20)
    found = bench_process.run_cell(toy_order(toy_cell()), native=False)
    assert len(ballast) == 100 * 2**20
    assert "failed" not in found
    assert found["compiled"] == []
    assert found["not_compiled"] == dict.fromkeys(
        ("gru", "levels", "lstm", "match"), "switched off by HAM_MRC_NATIVE=0"
    )
    peak = peak_bytes(CPU)
    if peak is not None:
        assert 50 * 2**20 < found["peak_bytes"] < peak - 100 * 2**20


def run_instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(bench_process, "COMMAND", [sys.executable, "-c", program])


def test_a_cell_that_is_killed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        return  # no signals there
    run_instead(monkeypatch, f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    assert bench_process.run_cell({}) == {"failed": "killed by the system (signal 9), most likely for want of memory"}


def test_a_cell_that_breaks_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "1 / 0")
    assert bench_process.run_cell({}) == {"failed": "ZeroDivisionError: division by zero"}
    run_instead(monkeypatch, "raise SystemExit(3)")
    assert bench_process.run_cell({}) == {"failed": "its process ended with exit code 3"}


def test_the_minutes_end_a_cell_and_begin_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "import time; time.sleep(60)")
    begun = time.time()
    assert bench_process.run_cell({}, end=begun + 0.2) == {"failed": "not done when the minutes were over"}
    assert bench_process.run_cell({}, end=begun + 0.2) == {"failed": "not begun when the minutes were over"}
    assert time.time() - begun < 30


def test_the_minutes_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four minutes the first of two cells has two; it needs one of them, so the other has three."""
    clock, shares = [1000.0], []

    def run_cell(order: dict[str, Any], *, native: bool | None, end: float) -> dict[str, Any]:
        shares.append((order["until"] - clock[0], end - clock[0]))
        clock[0] += 60
        return {"failed": "not today"}

    monkeypatch.setattr(bench, "run_cell", run_cell)
    monkeypatch.setattr(time, "time", lambda: clock[0])
    run_bench([toy_cell(), toy_cell(depth=2)], Conditions(TOY, device="cpu", minutes=4))
    assert shares == [(120, 240), (180, 180)]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (RuntimeError("[at x.cpp] DefaultCPUAllocator: can't allocate memory: 9\nmore"), "out of memory: can't alloc"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "out of memory: CUDA out of memory. Tried"),
        (MemoryError(), "out of memory"),
        (RuntimeError("cuDNN error: 3\nmore"), "cuDNN error: 3"),
    ],
)
def test_torch_faults_are_reasons(fault: Exception, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(bench_cell, "measure_reader", measure)
    found = bench_cell.answer(toy_order(toy_cell()))
    assert list(found) == ["failed"]
    assert found["failed"].startswith(line)
    assert "more" not in found["failed"]


def test_settings_that_do_not_go_together_are_a_reason() -> None:
    cell = toy_cell("bidaf-original", 2, score="bilinear")
    assert bench_cell.answer(toy_order(cell)) == {
        "failed": 'at depth 2 question vectors are read as passage words (score = "bilinear"); set share_encoder = true'
    }


def test_wrong_settings_are_told_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "run_cell", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(ConfigError, match=r'^\[reader\]: no option "hiden"; did you mean "hidden"\?$'):
        run_bench([toy_cell(), toy_cell(hiden=3)], ONE_RUN)


def test_the_readable_form_is_measured_where_there_is_one() -> None:
    order = {**toy_order(toy_cell()), "readable": True}
    assert "match" not in bench_cell.answer(order)["compiled"]
    other = {**toy_order(toy_cell("bidaf-small")), "readable": True}
    assert bench_cell.answer(other) == {"failed": "has no other form of its match; only a recurrent match-lstm has one"}


@pytest.mark.parametrize(
    ("preset", "depth", "names"),
    [
        ("match-lstm-small", 2, ["lstm", "match"]),
        ("bidaf-small", 1, ["lstm"]),
        ("bidaf-small", 2, ["levels", "lstm"]),
        ("r-net-strong", 2, ["gru", "levels"]),
    ],
)
def test_compiled_layers_are_those_in_use(preset: str, depth: int, names: list[str]) -> None:
    parts = {"gru": native_gru, "levels": native_levels, "lstm": native_lstm, "match": native_match}
    there = {name: part.compiled() for name, part in parts.items()}
    found = bench_cell.answer(toy_order(toy_cell(preset, depth)))
    assert found["compiled"] == [name for name in names if there[name].library]
    assert found["not_compiled"] == {name: native.why for name, native in there.items() if not native.library}


def test_a_batch_is_what_train_makes() -> None:
    torch.manual_seed(0)
    batch = made_up_batch(Sizes(5, 9, 40), characters=6)
    assert batch.passage.shape == (40, 5)
    assert batch.question.shape == (40, 9)
    assert batch.single
    assert batch.passage_mask.all()
    assert batch.question_mask.all()
    assert batch.passage.min() >= 2  # no padding and no unknown word
    assert ((batch.start <= batch.end) & (batch.end < 5)).all()
    characters = batch.passage_chars
    assert characters is not None
    assert characters.shape == (40, 5, 6)
    assert (characters[..., 0] >= 2).all()  # no word without a character
    ended = (characters == 0).cummax(-1).values
    assert (characters[ended] == 0).all()
    assert ended.any()
    every = batch.passage.flatten()
    same = every[:, None] == every  # a word is always spelt alike
    spelt = (characters.flatten(0, 1)[:, None] == characters.flatten(0, 1)).all(-1)
    assert spelt[same].all()
    assert made_up_batch(TOY, 0).passage_chars is None


def test_updates_leave_the_work_the_same() -> None:
    """A thousand updates of the same questions would learn them by heart; at the rate of a bench nothing moves."""
    device = choose_device("cpu", "float32")
    config = build_config(toy_cell().order()["sections"], READERS)
    torch.manual_seed(0)
    reader = bench_reader.make_reader(config)
    before = [parameter.detach().clone() for parameter in reader.parameters()]
    step = bench_reader.training_step(reader, config.training, made_up_batch(TOY, reader.characters), device)  # type: ignore[arg-type]
    for _ in range(20):
        step()
    moved = [(now - then).abs().max().item() for now, then in zip(reader.parameters(), before, strict=True)]
    assert max(moved) > 0  # it is an update all the same
    assert max(moved) < 1e-4
    assert not reader.embedding.vectors.requires_grad  # type: ignore[union-attr]


def test_what_train_does_for_speed_is_no_part_of_a_yard(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def fastest(works: dict[str, Any], *_: Any) -> tuple[dict[str, float], int]:
        told.extend(works)
        return dict.fromkeys(works, 1.0), 1

    monkeypatch.setattr(bench_reader, "fastest", fastest)
    bench_cell.answer(toy_order(toy_cell()), lambda: told.append("settled"))
    assert told == ["yard", "settled", "settled_yard", "step", "predict"]


def test_a_seed_makes_the_same_reader_and_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    step = bench_reader.training_step

    def spy(reader: nn.Module, settings: Any, batch: Any, device: Any) -> Any:
        seen.append((batch.passage, torch.cat([one.detach().flatten() for one in reader.parameters()])))
        return step(reader, settings, batch, device)

    monkeypatch.setattr(bench_reader, "training_step", spy)
    config = build_config(toy_cell().order()["sections"], READERS)
    for seed in (1, 1, 2):
        measure_reader(config, TOY, choose_device("cpu", "float32"), Pace(1), seed=seed)
    first, again, other = seen
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(first[1], other[1])


@pytest.mark.parametrize(("threads", "clock_of"), [(1, "processor"), (2, "wall")])
def test_the_fastest_run_counts_and_the_first_does_not(
    threads: int, clock_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, order = [0.0], []
    costs = {"a": iter([1.0, 7.0, 5.0, 6.0]), "b": iter([0.5, 2.0, 4.0, 3.0])}

    def work(name: str) -> Any:
        def run() -> None:
            order.append(name)
            clock[0] += next(costs[name])

        return run

    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setitem(bench_yard.CLOCKS, clock_of, lambda: clock[0])
    assert fastest({"a": work("a"), "b": work("b")}, CPU, Pace(3)) == ({"a": 5.0, "b": 2.0}, 3)
    assert order == ["a", "b"] * 4  # in turn: a machine that slows down slows both


def test_time_ends_the_runs_after_one(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    _, done = fastest({"a": lambda: runs.append(1)}, CPU, Pace(99, until=time.time() - 1))
    assert (done, len(runs)) == (1, 2)  # and the one that does not count


def test_a_yard_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[nn.LSTM] = []
    lstm = nn.LSTM

    def spy(*sizes: int, **options: Any) -> nn.LSTM:
        made.append(lstm(*sizes, **options))
        return made[-1]

    monkeypatch.setattr(bench_yard.nn, "LSTM", spy)
    bench_yard.yard(11, CPU)()
    (found,) = made
    assert (found.input_size, found.hidden_size, found.num_layers, found.bidirectional) == (50, 150, 1, True)
    assert all(parameter.grad is not None for parameter in found.parameters())


def test_peak_memory_grows_with_what_is_held() -> None:
    if peak_bytes(CPU) is not None:
        held = torch.ones(64 * 2**20)
        peak = peak_bytes(CPU)
        assert len(held) == 2**26
        assert peak is not None
        assert 2**28 < peak < 2**34


@pytest.mark.parametrize("name", KINDS)
def test_made_up_answers_are_right_by_turns(name: str) -> None:
    """A third of the predictions is right, a third half right, a third wrong, as the dataset's own figures see it."""
    if name == "cmrc":
        pytest.importorskip("nltk")
    kind = KINDS[name]
    predictions, references = made_up(kind, 300, seed=1)
    metrics = score(predictions, references, dataset=name, **kind.options).metrics
    main = metrics.get("f1", metrics.get("rouge_l"))
    assert main is not None
    assert 40 < main < 75
    if "exact_match" in metrics:
        assert 33 <= metrics["exact_match"] < 45
    assert made_up(kind, 300, seed=1) == (predictions, references)
    assert made_up(kind, 300, seed=2) != (predictions, references)


@pytest.mark.parametrize("name", KINDS)
def test_every_metric_is_measured(name: str) -> None:
    if name == "cmrc":
        pytest.importorskip("nltk")
    found = bench_cell.answer(toy_order(MetricCell(name, 20)))
    assert set(found) == {"yard", "score", "runs", "questions"}
    assert min(found["yard"], found["score"]) > 0


def test_a_missing_extra_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = bench_cell.answer(toy_order(MetricCell("cmrc", 20)))
    assert list(found) == ["failed"]
    assert found["failed"].endswith("run: pip install 'ham-mrc[cmrc]'")


def test_an_unknown_metric_is_a_reason() -> None:
    assert bench_cell.answer(toy_order(MetricCell("triviaqa"))) == {
        "failed": "no figures of 'triviaqa' to measure; there are squad, cmrc, dureader, msmarco"
    }
