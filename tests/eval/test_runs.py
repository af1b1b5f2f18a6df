"""From a run's folder to its predictions and references."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_results import made_scores

from ham_mrc.errors import HamError
from ham_mrc.eval.results import save_result
from ham_mrc.eval.runs import run_inputs


def make_run(folder: Path, data: str, *parts: str) -> Path:
    (folder / "predictions").mkdir(parents=True)
    (folder / "config.toml").write_text(f'[run]\nschema = 1\n[data]\nfolder = "{data}"\n', encoding="utf-8")
    for part in parts:
        (folder / "predictions" / f"{part}.json").write_text("{}")
    return folder


def make_data(folder: Path, *parts: str) -> Path:
    for part in parts:
        (folder / part).mkdir(parents=True)
        (folder / part / "references.json").write_text("{}")
    return folder


@pytest.mark.parametrize(("parts", "reported"), [(("dev",), "dev"), (("dev", "test"), "test")])
def test_the_last_part_is_scored(tmp_path: Path, parts: tuple[str, ...], reported: str) -> None:
    data = make_data(tmp_path / "data", *parts)
    run = make_run(tmp_path / "run", str(data), *parts)
    found = run_inputs(run)
    assert found.predictions == run / "predictions" / f"{reported}.json"
    assert found.references == data / reported / "references.json"
    assert found.settings is None


def test_settings_come_from_the_stored_result(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", str(make_data(tmp_path / "data", "dev")), "dev")
    save_result(run / "scores.json", made_scores([100, 0]), name="run", run={"depth": 5, "seed": 13})
    assert run_inputs(run).settings == {"depth": 5, "seed": 13}


def test_a_folder_relative_to_the_run(tmp_path: Path) -> None:
    make_data(tmp_path / "data", "dev")
    run = make_run(tmp_path / "run", "../data", "dev")
    assert run_inputs(run).references.resolve() == tmp_path / "data" / "dev" / "references.json"


def test_what_is_no_finished_run(tmp_path: Path) -> None:
    def fault(run: Path) -> str:
        with pytest.raises(HamError) as caught:
            run_inputs(run)
        return str(caught.value)

    both = "give PREDICTIONS and REFERENCES, or the folder of a run"
    (tmp_path / "file.json").write_text("{}")
    assert fault(tmp_path / "file.json") == f"{tmp_path / 'file.json'}: is no folder; {both}"
    assert fault(tmp_path / "none") == f"{tmp_path / 'none'}: no such folder; {both}"
    assert fault(tmp_path) == f"{tmp_path}: is no run folder (no config.toml)"
    run = make_run(tmp_path / "run", str(tmp_path / "data"))
    assert fault(run) == f"{run}: the run has written no predictions yet; finish it: ham-mrc train --resume {run}"
    predictions = run / "predictions" / "dev.json"
    predictions.write_text("{}")
    references = tmp_path / "data" / "dev" / "references.json"
    make_data(tmp_path / "data", "test")
    assert fault(run) == (
        f"{references}: no such file; the prepared data have moved: score with ham-mrc eval {predictions} REFERENCES"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[data\n", "config.toml: is not TOML ("),
        (b"\xff", "config.toml: is not TOML ("),
        (b"[run]\nschema = 1\n", 'config.toml, [data]: names no prepared data; folder = "..." is expected'),
        (b"data = 5\n", 'config.toml, [data]: names no prepared data; folder = "..." is expected'),
        (b"[data]\nfolder = 5\n", 'config.toml, [data]: names no prepared data; folder = "..." is expected'),
    ],
)
def test_a_spoilt_config(tmp_path: Path, content: bytes, message: str) -> None:
    run = make_run(tmp_path / "run", "data", "dev")
    (run / "config.toml").write_bytes(content)
    with pytest.raises(HamError) as caught:
        run_inputs(run)
    assert f"{run}/{message}" in str(caught.value)


def test_json_lines_of_other_datasets(tmp_path: Path) -> None:
    """DuReader and MS MARCO have JSON Lines on both sides."""
    data, run = tmp_path / "data", make_run(tmp_path / "run", str(tmp_path / "data"))
    (data / "dev").mkdir(parents=True)
    (data / "dev" / "references.jsonl").write_text("{}\n")
    (run / "predictions" / "dev.jsonl").write_text("{}\n")
    found = run_inputs(run)
    assert found.predictions == run / "predictions" / "dev.jsonl"
    assert found.references == data / "dev" / "references.jsonl"
