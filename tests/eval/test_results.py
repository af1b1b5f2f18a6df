"""Results on disk: the same back, readable in a diff, and everything that is no result named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval import score
from ham_mrc.eval.results import load_result, save_result
from ham_mrc.records import Scores

RUN = {"reader": "match-lstm", "depth": 5, "seed": 13}


@pytest.fixture
def scores() -> Scores:
    qas = [{"id": name, "answers": [{"text": text}]} for name, text in [("b", "one two"), ("a", "three"), ("题", "四")]]
    return score({"b": "two", "a": "three", "z": ""}, {"data": [{"paragraphs": [{"qas": qas}]}]})


def test_comes_back_the_same(tmp_path: Path, scores: Scores) -> None:
    path = tmp_path / "new" / "result.json"
    save_result(path, scores, name="mine", run=RUN)
    found = load_result(path)
    assert found.scores == scores
    assert list(found.scores.per_question) == ["b", "a", "题"]
    assert (found.name, found.run, found.file) == ("mine", RUN, str(path))


def test_reads_well_in_a_diff(tmp_path: Path, scores: Scores) -> None:
    path = tmp_path / "result.json"
    save_result(path, scores, name="mine")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[-6:] == [
        '  "per_question": {',
        '    "b": {"exact_match":0.0,"f1":66.66666666666666},',
        '    "a": {"exact_match":100.0,"f1":100.0},',
        '    "题": {"exact_match":0.0,"f1":0.0}',
        "  }",
        "}",
    ]
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document) == [
        *("schema", "kind", "name", "dataset", "version", "questions", "answered", "missing", "extra"),
        *("metrics", "signature", "variants", "references_sha256", "run", "columns", "per_question"),
    ]
    assert (document["schema"], document["kind"], document["run"]) == (2, "ham-mrc scores", None)
    save_result(tmp_path / "again.json", scores, name="mine")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_name_that_is_not_unicode(tmp_path: Path, scores: Scores) -> None:
    save_result(tmp_path / "result.json", scores, name="run-\udcff")
    assert load_result(tmp_path / "result.json").name == "run-?"


def test_a_run_folder(tmp_path: Path, scores: Scores) -> None:
    save_result(tmp_path / "run" / "scores.json", scores, name="d5", run=RUN)
    assert load_result(tmp_path / "run").name == "d5"


@pytest.mark.parametrize("mark", ["config.toml", "log.jsonl", "last"])
def test_a_run_under_way(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).touch()
    with pytest.raises(HamError) as caught:
        load_result(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: the run has not finished (no scores.json); resume it: ham-mrc train --resume {tmp_path}"
    )


def test_another_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(HamError, match=r"is no run folder \(no scores\.json\)$"):
        load_result(tmp_path)
    with pytest.raises(HamError, match=r"no such file$"):
        load_result(tmp_path / "none.json")


def spoilt(document: dict[str, Any], **changes: Any) -> str:
    return json.dumps({key: value for key, value in {**document, **changes}.items() if value != "gone"})


REMEDY = "; a result comes from: ham-mrc eval PREDICTIONS REFERENCES --save FILE"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "gone"}, f"is not a stored result{REMEDY}"),
        ({"kind": "other scores"}, f"is not a stored result{REMEDY}"),
        ({"schema": 3}, "has schema 3, this version of ham-mrc reads 1 and 2; score again and save"),
        ({"schema": "gone"}, "has schema None, this version of ham-mrc reads 1 and 2; score again and save"),
        ({"name": None}, f"'name' is null, not a text{REMEDY}"),
        ({"signature": 5}, f"'signature' is a number, not a text{REMEDY}"),
        ({"missing": 1.0}, f"'missing' is a number, not a count{REMEDY}"),
        ({"extra": True}, f"'extra' is true or false, not a count{REMEDY}"),
        ({"metrics": {}}, f"'metrics' is an object, not an object of figures{REMEDY}"),
        ({"metrics": {"f1": "76"}}, f"'metrics', 'f1' is a text, not a finite number{REMEDY}"),
        ({"per_question": []}, f"'per_question' is a list, not an object{REMEDY}"),
        ({"questions": 1300}, f"holds 3 of its 1,300 questions{REMEDY}"),
        ({"run": "d5"}, f"'run' is a text, not an object{REMEDY}"),
        ({"metrics": {"f1": 1.0}}, f"question b has other metrics than the result{REMEDY}"),
    ],
)
def test_spoilt_results(tmp_path: Path, scores: Scores, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "result.json"
    save_result(path, scores, name="mine")
    path.write_text(spoilt(json.loads(path.read_text(encoding="utf-8")), **changes), encoding="utf-8")
    with pytest.raises(HamError) as caught:
        load_result(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("row", [{"exact_match": 0.0, "f1": None}, 5, {"exact_match": 0.0, "f1": float("nan")}])
def test_a_spoilt_question(tmp_path: Path, scores: Scores, row: Any) -> None:
    path = tmp_path / "result.json"
    save_result(path, scores, name="mine")
    document = json.loads(path.read_text(encoding="utf-8"))
    document["per_question"]["a"] = row
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(HamError, match=f"^{path}: question a"):
        load_result(path)


def test_cut_short_and_a_list(tmp_path: Path, scores: Scores) -> None:
    path = tmp_path / "result.json"
    save_result(path, scores, name="mine")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(HamError, match=r"result\.json, line \d+: is not JSON"):
        load_result(path)
    path.write_text("[]")
    with pytest.raises(HamError, match="is not a stored result"):
        load_result(path)


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path, scores: Scores) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(HamError, match="a part of the path is a file"):
        save_result(tmp_path / "file" / "result.json", scores, name="mine")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
