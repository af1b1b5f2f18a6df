"""What a report is made of: results, logs and texts, and a note for whatever is not there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from report_runs import gold_of, many_questions, write_data, write_run, write_runs
from street_data import STREETS

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.results import save_result
from ham_mrc.eval.score import score_predictions
from ham_mrc.files import write_jsonl
from ham_mrc.report.gather import gather


def test_runs_that_differ_by_seed_share_a_row(tmp_path: Path) -> None:
    found = gather(write_runs(tmp_path, many_questions(20), (1, 5), (3, 4)), resamples=100)
    assert found.labels == ["match-lstm, depth 1", "match-lstm, depth 5"]
    assert [(run.row, run.label) for run in found.runs] == [
        (0, "match-lstm, depth 1, seed 3"),
        (0, "match-lstm, depth 1, seed 4"),
        (1, "match-lstm, depth 5, seed 3"),
        (1, "match-lstm, depth 5, seed 4"),
    ]
    assert [run.best["epoch"] for run in found.runs if run.best] == [2] * 4
    assert found.notes == ()


def test_rows_alike_in_reader_and_depth_are_told_apart_by_name(tmp_path: Path) -> None:
    data, gold = write_data(tmp_path / "data", many_questions(5)), gold_of(many_questions(5))
    runs = [write_run(tmp_path / name, data, gold) for name in ("first", "again")]
    assert gather(runs, resamples=100).labels == ["match-lstm, depth 1 (first)", "match-lstm, depth 1 (again)"]


def test_saved_scores_have_neither_answers_nor_log(tmp_path: Path) -> None:
    (run,) = write_runs(tmp_path, many_questions(5), (1,))
    saved = shutil.copy(run / "scores.json", tmp_path / "saved.json")
    found = gather([run, Path(saved)], resamples=100)
    assert found.runs[0].answers is not None
    assert (found.runs[1].answers, list(found.runs[1].log)) == (None, [])
    assert found.notes == (f"{saved} holds scores alone: no answers, no training log.",)
    assert found.texts is not None


def test_without_references_answers_are_still_there(tmp_path: Path) -> None:
    (run,) = write_runs(tmp_path, many_questions(5), (1,))
    shutil.rmtree(tmp_path / "data")
    found = gather([run], resamples=100)
    assert found.texts is None
    assert found.runs[0].answers is not None
    assert len([answer for answer in found.runs[0].answers if answer]) == 5
    (note,) = found.notes
    assert note.startswith("The references are not here (")
    assert note.endswith("questions, passages and breakdowns are missing. Add --references.")


def test_references_by_name(tmp_path: Path) -> None:
    (run,) = write_runs(tmp_path / "a", many_questions(5), (1,))
    moved = shutil.move(tmp_path / "a" / "data" / "dev" / "references.json", tmp_path / "moved.json")
    found = gather([run], moved, resamples=100)
    assert found.texts is not None
    assert found.notes == ()
    other = write_data(tmp_path / "b", many_questions(5, seed=2)) / "dev" / "references.json"
    with pytest.raises(HamError, match=r"are not the references that were scored; name the file scored with"):
        gather([run], other, resamples=100)


def test_references_that_changed_since_are_not_shown(tmp_path: Path) -> None:
    (run,) = write_runs(tmp_path, many_questions(5), (1,))
    shutil.rmtree(tmp_path / "data")
    write_data(tmp_path / "data", many_questions(5, seed=2))
    found = gather([run], resamples=100)
    assert found.texts is None
    assert "has changed since the run was scored" in found.notes[0]


@pytest.mark.parametrize("street", ["dureader", "msmarco-2.1-separate"])
def test_passages_come_from_the_prepared_part_where_references_have_none(tmp_path: Path, street: str) -> None:
    """MS MARCO's with a row for <null>, yes and no before them, which is no passage."""
    _, data = STREETS[street].prepare(tmp_path)
    references = load_references(data / "dev" / "references.jsonl")
    answers = {name: f"answer {place}" for place, name in enumerate(references.own_ids)}
    found = gather([free_text_run(tmp_path / "run", data, references, answers)], resamples=100)
    assert found.runs[0].answers == list(answers.values())
    assert found.notes == ()
    assert found.texts is not None
    assert all(found.texts.passages)
    if street.startswith("msmarco"):
        assert {len(own) for own in found.texts.passages} == {3}
        assert all(text.startswith(("The ", "It ")) for own in found.texts.passages for text in own)


def free_text_run(folder: Path, data: Path, references: References, answers: dict[Any, str]) -> Path:
    """A finished run on a dataset whose predictions are JSON Lines."""
    (folder / "predictions").mkdir(parents=True)
    config = {"data": {"folder": str(data), "dataset": references.dataset}}
    (folder / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    write_jsonl(folder / "predictions" / "dev.jsonl", ({"id": str(k), "answer": text} for k, text in answers.items()))
    scores = score_predictions(answers, references)
    save_result(folder / "scores.json", scores, name="run", run={"reader": "bidaf", "depth": 1})
    return folder
