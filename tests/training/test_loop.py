"""A run from beginning to end: what it chooses, when it ends, what it tells, and what it refuses before it begins."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import VECTORS, log_of, outcome, tiny

from ham_mrc.config import read_toml
from ham_mrc.errors import HamError
from ham_mrc.eval import score
from ham_mrc.eval.results import load_result
from ham_mrc.eval.score import score_predictions
from ham_mrc.layers.union import span_losses
from ham_mrc.progress import Bar
from ham_mrc.records import Scores
from ham_mrc.training import update
from ham_mrc.training.device import choose_device
from ham_mrc.training.loop import train
from ham_mrc.training.parts import open_parts
from ham_mrc.training.predict import predict
from ham_mrc.training.run_folder import open_run
from ham_mrc.training.run_reader import load_reader
from ham_mrc.training.training import Training


def test_first_losses(tmp_path: Path, river_data: Path) -> None:
    # One batch an epoch, so that the log tells the loss of every update. Before the first, each of 21 tokens is about
    # as likely to begin and to end the answer: 2 ln 21 = 6.0890. Written down once, with torch 2.13 on a CPU.
    settings = {"batch_size": 24, "epochs": 4, "lr": 0.1, "schedule": "constant"}
    run = train(river_data, tmp_path / "run", tiny(training=settings))
    losses = [entry["loss"] for entry in log_of(run)]
    assert losses == pytest.approx([6.088781, 6.066918, 5.916903, 5.479490], abs=1e-4)


def test_same_seed_same_bytes(tmp_path: Path, river_data: Path) -> None:
    first, again, other = (
        outcome(train(river_data, tmp_path / str(number) / "run", tiny(training={"seed": seed})))
        for number, seed in enumerate((13, 13, 14))
    )
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]


class Script:
    """Scores by epoch in place of real ones; (exact_match, f1) of the part that chooses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *figures: tuple[float, float]) -> None:
        self.figures = list(figures)
        monkeypatch.setattr(Training, "score", self.score)

    def score(self, bar: Bar) -> dict[str, Scores]:
        figures = {"choice": self.figures.pop(0), "dev": (0.0, 0.0)}
        return {
            part: Scores("squad", "1.1", 1, 1, 0, 0, {"exact_match": exact_match, "f1": f1}, "", "", {})
            for part, (exact_match, f1) in figures.items()
        }


SCORES = [(9.0, 10.0), (7.0, 30.0), (8.0, 30.0), (9.0, 20.0), (10.0, 31.0), (11.0, 12.0)]


@pytest.mark.parametrize(
    ("settings", "best"),
    [
        ({"patience": 0}, [True, True, False, False, True, False]),
        ({"patience": 3}, [True, True, False, False, True, False]),
        ({"patience": 2}, [True, True, False, False]),
        ({"patience": 1}, [True, True, False]),
        ({"patience": 0, "epochs": 2}, [True, True]),
        ({"patience": 0, "choose_by": "exact_match"}, [True, False, False, False, True, True]),
        ({"patience": 2, "choose_by": "exact_match"}, [True, False, False]),
    ],
)
def test_choice_and_patience(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], best: list[bool]
) -> None:
    Script(monkeypatch, *SCORES)
    run = train(river_data, tmp_path / "run", tiny(training={"epochs": 6, "batch_size": 24, **settings}))
    assert [entry["best"] for entry in log_of(run)] == best
    assert [entry["epoch"] for entry in log_of(run)] == list(range(1, len(best) + 1))


@pytest.mark.parametrize(
    ("halve_patience", "rates"),
    [(1, [0.03, 0.03, 0.03, 0.015, 0.0075, 0.0075]), (2, [0.03, 0.03, 0.03, 0.03, 0.015, 0.015]), (3, [0.03] * 6)],
)
def test_halving_after_flat_epochs(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, halve_patience: int, rates: list[float]
) -> None:
    """By F1 epochs 1, 2 and 5 are better than all before them, and 3, 4 and 6 are flat."""
    Script(monkeypatch, *SCORES)
    settings = {"epochs": 6, "batch_size": 24, "schedule": "halving", "halve_patience": halve_patience}
    run = train(river_data, tmp_path / "run", tiny(training=settings))
    assert [entry["lr"] for entry in log_of(run)] == rates


def test_weights_are_of_the_best_epoch(tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = []
    for epochs in (2, 4):  # epoch 2 is the best of the four
        Script(monkeypatch, *SCORES)
        settings = {"epochs": epochs, "schedule": "constant"}
        run = train(river_data, tmp_path / str(epochs), tiny(training=settings))
        weights.append((run / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_saved_weights_have_the_score_that_the_log_tells(tmp_path: Path, river_data: Path) -> None:
    run = open_run(train(river_data, tmp_path / "run", tiny(training={"epochs": 10, "lr": 0.05, "optimizer": "adam"})))
    told = [entry["scores"]["choice"]["f1"] for entry in log_of(run.path)]
    assert told[-1] < max(told), "the last epoch must not be the best, or this test shows nothing"
    parts, device = open_parts(river_data), choose_device("cpu", "float32")
    reader = load_reader(run, run.vocabulary())
    found = predict(reader, parts.columns["choice"], parts.form, device, batch_size=2, max_answer_tokens=15)
    again = score_predictions({one.best.id: one.best.text for one in found}, parts.references["choice"])
    assert again.metrics["f1"] == max(told)


def test_reported_scores_are_those_of_the_predictions(river_data: Path, river_run: Path) -> None:
    predictions = json.loads((river_run / "predictions" / "dev.json").read_text())
    raw = json.loads((river_data.parent / "rivers.json").read_text())
    asked = {one["id"] for article in raw["data"] for text in article["paragraphs"] for one in text["qas"]}
    assert len(predictions) == 9
    assert predictions.keys() < asked
    result, scored = load_result(river_run), score(predictions, river_data / "dev" / "references.json")
    assert result.scores == scored
    assert result.name == "rivers"
    best = [entry for entry in log_of(river_run) if entry["best"]][-1]
    assert best["scores"]["dev"] == dict(scored.metrics)


def test_run_of_a_result_is_settings_alone(river_run: Path) -> None:
    run = load_result(river_run).run
    sections = read_toml(river_run / "config.toml")
    assert run == {
        "part": "dev",
        "preset": "",
        "reader": sections["reader"].pop("name"),
        **sections["reader"],
        **sections["embeddings"],
        **sections["training"],
    }


def test_a_test_part_is_reported_and_dev_chooses(tmp_path: Path, prepared_rivers: Path) -> None:
    run = train(prepared_rivers, tmp_path / "run", tiny())
    assert sorted(file.name for file in (run / "predictions").iterdir()) == ["dev.json", "test.json"]
    assert {tuple(entry["scores"]) for entry in log_of(run)} == {("dev",)}
    result = load_result(run)
    scored = score(run / "predictions" / "test.json", prepared_rivers / "test" / "references.json")
    assert result.scores.references_sha256 == scored.references_sha256
    assert result.run is not None
    assert result.run["part"] == "test"


def test_log_has_one_object_an_epoch(river_run: Path) -> None:
    first, second = log_of(river_run)
    assert list(first) == [
        "epoch",
        "updates",
        "cut_short",
        "loss",
        "gradient_norm",
        "scores",
        "best",
        "levels",
        "lr",
        "examples",
        "examples_per_second",
        "training_seconds",
        "padding",
    ]
    assert (first["epoch"], first["updates"], first["examples"]) == (1, 3, 24)
    assert (second["epoch"], second["updates"], second["examples"]) == (2, 6, 24)
    # The rate falls from 0.03 to 0 over six updates; the log tells that of the epoch's last.
    assert [first["lr"], second["lr"]] == pytest.approx([0.03 * 4 / 6, 0.03 * 1 / 6])
    assert first["scores"].keys() == {"choice", "dev"}
    assert 0 < first["training_seconds"] < second["training_seconds"]
    assert first["examples_per_second"] == pytest.approx(24 / first["training_seconds"])
    assert 0 < first["loss"] < 10
    assert first["gradient_norm"] > 0
    assert not first["cut_short"]


@contextmanager
def telling(said: list[str], title: str) -> Iterator[Bar]:
    class Listener:
        def advance(self, count: int = 1, note: str = "") -> None:
            counted[-1][1] += count

        def say(self, text: str) -> None:
            said.append(text)

    counted = [[title, 0]]
    yield Listener()
    said.append(f"{title}: {counted[-1][1]}")


def test_progress(tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Script(monkeypatch, (9.0, 10.0), (7.0, 9.0))
    said: list[str] = []

    def progress(title: str, *, total: int | None = None, unit: str = "") -> Any:
        return telling(said, f"{title} of {total} {unit}")

    train(river_data, tmp_path / "run", tiny(), progress=progress)
    told = [line.partition(": loss ")[0] + line[line.find(", ") :] if ": loss " in line else line for line in said]
    assert [line.rpartition(", ")[0] or line for line in told] == [
        "epoch 1/2 of 24 examples: 24",
        "epoch 1, choice EM 9.00 F1 10.00, dev EM 0.00 F1 0.00 (best by choice f1)",
        "scoring epoch 1 of 12 questions: 0",
        "epoch 2/2 of 24 examples: 24",
        "epoch 2, choice EM 7.00 F1 9.00, dev EM 0.00 F1 0.00",
        "scoring epoch 2 of 12 questions: 0",
        "predicting dev of 9 questions: 9",
    ]


@pytest.mark.parametrize(("batch_size", "examples", "cut"), [(8, 8, True), (24, 24, False)])
def test_time_is_over(tmp_path: Path, river_data: Path, batch_size: int, examples: int, cut: bool) -> None:
    settings = {"max_minutes": 1e-9, "batch_size": batch_size, "epochs": 5}
    said: list[str] = []
    run = train(river_data, tmp_path / "run", tiny(training=settings), progress=lambda title, **_: telling(said, title))
    (entry,) = log_of(run)
    assert (entry["cut_short"], entry["examples"], entry["updates"], entry["best"]) == (cut, examples, 1, True)
    assert load_result(run).scores.questions == 9
    assert sum(line.endswith(", cut short by max_minutes") for line in said) == cut


def test_time_without_limit_and_time_enough(tmp_path: Path, river_data: Path) -> None:
    for minutes in (0.0, 60.0):
        run = train(river_data, tmp_path / str(minutes), tiny(training={"max_minutes": minutes}))
        assert [entry["cut_short"] for entry in log_of(run)] == [False, False]


def test_a_gradient_that_is_not_finite(tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factors = iter((1.0, 1.0, math.nan))
    monkeypatch.setattr(update, "span_losses", lambda *given: span_losses(*given) * next(factors))
    with pytest.raises(HamError) as caught:
        train(river_data, tmp_path / "run", tiny())
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: the gradient of update 3 is not finite (loss nan); "
        "lower the learning rate with --lr, or train in --precision float32"
    )


def test_vectors_are_named_so_that_they_are_found_from_elsewhere(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(VECTORS.parent)
    run = train(river_data, tmp_path / "run", tiny(embeddings={"source": VECTORS.name}, training={"epochs": 1}))
    config = read_toml(run / "config.toml")
    assert config["embeddings"]["source"] == str(VECTORS)
    assert config["data"]["vector_width"] == 4
    assert config["data"]["vectors_sha256"] == hashlib.sha256(VECTORS.read_bytes()).hexdigest()


def test_name_of_a_run_in_this_folder(tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert load_result(train(river_data, Path(), tiny(training={"epochs": 1}))).name == "here"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"embeddings": {"source": "no/such/file.txt"}},
            'file.txt: no such file; give a file of word vectors, or the name "glove-6b-50d"',
        ),
        ({"reader": {"score": "cosine"}}, "no score 'cosine'; there are "),
        ({"reader": {"radius": 3}}, 'radius = 3 is of no use without local = "window" or "gaussian"'),
        ({"reader": {"share_encoder": False}}, "set share_encoder = true"),
    ],
)
def test_nothing_is_written_before_all_is_well(
    tmp_path: Path, river_data: Path, sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(HamError) as caught:
        train(river_data, tmp_path / "run", tiny(**sections))
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_data_of_another_tokeniser(tmp_path: Path, river_data: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(river_data, data)
    manifest = json.loads((data / "manifest.json").read_text())
    (data / "manifest.json").write_text(json.dumps({**manifest, "tokenizer": "words-v0"}))
    with pytest.raises(HamError) as caught:
        train(data, tmp_path / "run", tiny())
    assert str(caught.value) == (
        f"{data}: holds tokens of words-v0, and this version of ham-mrc cuts words-v1; prepare again"
    )


def test_data_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(HamError) as caught:
        train(tmp_path, tmp_path / "run", tiny())
    assert str(caught.value) == (
        f"{tmp_path}: is no prepared folder (it holds no manifest.json); make one with ham-mrc prepare"
    )
