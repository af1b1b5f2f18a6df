"""`ham-mrc demo` on a few questions and one epoch: what it leaves, what it says, and what it refuses."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import pytest

from ham_mrc.cli.demo import COMMANDS, SAMPLE_NOTE
from ham_mrc.cli.main import run
from ham_mrc.errors import HamError
from ham_mrc.eval import score
from ham_mrc.eval.results import load_result
from ham_mrc.files import read_json
from ham_mrc.training import demo as street
from ham_mrc.training.demo import Demo, run_demo

SHORT = functools.partial(run_demo, limit=120, epochs=1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A short demo. Copy its folder before you write to it."""
    return SHORT(tmp_path_factory.mktemp("demo") / "out")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(street, "run_demo", SHORT)


def weights(out: Path) -> list[bytes]:
    return [(out / f"depth-{depth}" / "model.safetensors").read_bytes() for depth in (1, 5)]


def test_two_runs_are_kept_with_their_predictions_and_scores(finished: Demo) -> None:
    assert {path.name for path in finished.out.iterdir()} == {"prepared", "depth-1", "depth-5", "comparison.json"}
    references = finished.out / "prepared" / "dev" / "references.json"
    for row in finished.comparison.rows:
        folder = finished.out / row.name
        assert score(folder / "predictions" / "dev.json", references).metrics == dict(row.metrics)
        settings = load_result(folder).run or {}
        assert (settings["depth"], settings["preset"]) == (row.depth, "demo")
    assert [row.depth for row in finished.comparison.rows] == [1, 5]


def test_no_passage_of_dev_was_read_in_training(finished: Demo) -> None:
    parts = read_json(finished.out / "prepared" / "manifest.json")["parts"]
    assert sum(part["kept"] for part in parts.values()) == 120
    assert parts["dev"]["passages_in_train"] == parts["choice"]["passages_in_train"] == 0


def test_an_untrained_reader_knows_next_to_nothing(finished: Demo) -> None:
    assert finished.untrained["exact_match"] < 10
    assert finished.untrained["f1"] < 20


def test_questions_are_shown_with_the_answers_of_both(finished: Demo) -> None:
    article = read_json(finished.out / "prepared" / "dev" / "references.json")["data"]
    asked = {qa["question"]: qa for a in article for p in a["paragraphs"] for qa in p["qas"]}
    runs = [read_json(finished.out / f"depth-{depth}" / "predictions" / "dev.json") for depth in (1, 5)]
    assert len({one.question for one in finished.shown}) == 6
    for one in finished.shown:
        qa = asked[one.question]
        assert one.reference == qa["answers"][0]["text"]
        assert one.answers == tuple(predictions[qa["id"]] for predictions in runs)


def test_a_stopped_demo_goes_on_where_it_was(finished: Demo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    (out / "comparison.json").unlink()
    shutil.rmtree(out / "depth-5")
    kept = (out / "depth-1" / "model.safetensors").stat().st_mtime_ns
    again = SHORT(out)
    assert (out / "depth-1" / "model.safetensors").stat().st_mtime_ns == kept
    assert weights(out) == weights(finished.out)
    assert again.comparison == finished.comparison


def test_another_seed_does_not_go_on_with_it(finished: Demo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    (out / "comparison.json").unlink()
    with pytest.raises(HamError, match="holds an unfinished demo of another language or seed; choose another --out"):
        SHORT(out, seed=14)


def test_force_makes_all_of_it_again_and_the_same(finished: Demo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished.out, out)
    (out / "depth-1" / "model.safetensors").write_bytes(b"")
    assert SHORT(out, force=True).comparison == finished.comparison
    assert weights(out) == weights(finished.out)


@pytest.mark.usefixtures("short")
def test_ends_with_the_comparison_the_warning_and_what_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my demo"
    assert run(["demo", "--out", str(out), "--language", "chinese"]) == 0
    printed = capsys.readouterr()
    assert printed.out.rstrip().splitlines()[-2] == SAMPLE_NOTE
    assert "Chinese has none" in printed.out.rstrip().splitlines()[-1]
    assert printed.out.index("some questions") < printed.out.index("squad 1.1, 12 questions")
    assert f"ham-mrc ask '{out}/depth-5'" in printed.err
    assert printed.err.splitlines()[-len(COMMANDS) :] == list(COMMANDS)
    steps = [line[:2] for line in printed.err.splitlines() if line[1:2] == "."]
    assert steps == ["1.", "2.", "3.", "4."]


@pytest.mark.usefixtures("short")
def test_json_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["demo", "--out", str(out), "--json", "-q"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.err == ""
    assert found["schema"] == found["comparison"]["schema"] == 1
    assert found["note"] == SAMPLE_NOTE
    assert found["next"] == list(COMMANDS)
    assert {key: value for key, value in found.items() if key not in ("note", "next")} == read_json(
        out / "comparison.json"
    )


@pytest.mark.usefixtures("short")
def test_a_finished_demo_is_not_overwritten(finished: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished.out / "comparison.json").read_bytes()
    assert run(["demo", "--out", str(finished.out)]) == 2
    assert capsys.readouterr().err == (
        f"error: {finished.out}: already holds a finished result; choose another folder, or add --force\n"
    )
    assert (finished.out / "comparison.json").read_bytes() == before


@pytest.mark.usefixtures("short")
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert run(["demo", "--out", str(tmp_path), "--force"]) == 2
    assert "is not empty and holds no comparison.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_interrupted_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("saved after update 3")

    monkeypatch.setattr(street, "run_demo", stopped)
    assert run(["demo", "--out", str(tmp_path / "a b"), "--seed", "5"]) == 130
    assert capsys.readouterr().err == (
        f"interrupted; go on with: ham-mrc demo --out '{tmp_path}/a b' --language english --seed 5\n"
    )
