"""`ham-mrc predict`: official files, the table beside them, and one line for what cannot be answered."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from squad_builders import squad_document, squad_paragraph
from tiny_runs import VECTORS, prepare_rivers, tiny

from ham_mrc.cli.main import run
from ham_mrc.cli.predict import nbest_file
from ham_mrc.files import read_json, read_jsonl
from ham_mrc.training.loop import train


def test_raw_file(tmp_path: Path, river_run: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "predictions.json"
    assert run(["predict", str(river_run), str(river_data / "dev" / "references.json"), "--out", str(out)]) == 0
    table, err = capsys.readouterr()
    assert out.read_bytes() == (river_run / "predictions" / "dev.json").read_bytes()
    rows = dict(line.rsplit(maxsplit=1) for line in table.splitlines()[3:])
    assert float(rows.pop("questions a second").replace(",", "")) > 0
    assert rows == {
        "questions answered": "9",
        "of them with an empty answer, for want of a passage": "0",
        "passages read in part only": "0",
        "words new to the run": "0",
        "of them with a vector": "0",
    }
    assert err == f"next: ham-mrc eval {out} REFERENCES\n"
    assert not nbest_file(out).exists()


def test_prepared_part(tmp_path: Path, river_run: Path, river_data: Path) -> None:
    out = tmp_path / "p.json"
    assert run(["predict", str(river_run), str(river_data), "--out", str(out), "-q"]) == 0
    assert read_json(out) == read_json(river_run / "predictions" / "dev.json")
    assert run(["predict", str(river_run), str(river_data), "--split", "train", "--out", str(out), "-q"]) == 0
    assert len(read_json(out)) == 24
    assert read_json(out).keys().isdisjoint(read_json(river_run / "predictions" / "dev.json"))


def test_standard_input(tmp_path: Path, river_run: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (river_data / "dev" / "references.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(data)))
    out = tmp_path / "p.json"
    assert run(["predict", str(river_run), "-", "--out", str(out), "-q"]) == 0
    assert read_json(out) == read_json(river_run / "predictions" / "dev.json")


def test_json_and_n_best(tmp_path: Path, river_run: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "p.json"
    assert run(["predict", str(river_run), str(river_data), "--out", str(out), "--n-best", "3", "--json", "-q"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("seconds") > 0
    assert printed.pop("questions_per_second") > 0
    assert printed == {
        "schema": 1,
        "out": str(out),
        "questions": 9,
        "without_text": 0,
        "cut_passages": 0,
        "new_words": 0,
        "new_words_with_vectors": 0,
        "precision": "float32",
    }
    answers = read_json(out)
    lines = [line for _, line in read_jsonl(tmp_path / "p.nbest.jsonl")]
    assert [line["id"] for line in lines] == list(answers)
    for line in lines:
        assert [span["score"] for span in line["spans"]] == sorted((s["score"] for s in line["spans"]), reverse=True)
        assert len(line["spans"]) == 3
        best = line["spans"][0]
        assert best["text"] == answers[line["id"]]
        assert best.keys() == {"text", "score", "passage", "char_start", "char_end", "start", "end"}


def test_name_of_the_n_best_file() -> None:
    assert nbest_file(Path("a/predictions.json")) == Path("a/predictions.nbest.jsonl")
    assert nbest_file(Path("a/predictions")) == Path("a/predictions.nbest.jsonl")


def test_warning_without_vectors(
    tmp_path: Path, river_data: Path, write_squad: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = tmp_path / "vectors.txt"
    shutil.copy(VECTORS, vectors)
    folder = train(river_data, tmp_path / "run", tiny(embeddings={"source": str(vectors)}, training={"epochs": 1}))
    vectors.unlink()
    paragraph = squad_paragraph("The Danube is 2850 km long.", ("a", "How long is the Danube?"))
    raw = write_squad(squad_document({"A": [paragraph]}))
    assert run(["predict", str(folder), str(raw), "--out", str(tmp_path / "p.json"), "-q"]) == 0
    assert capsys.readouterr().err == (
        "warning: 2 words new to the run can only be matched, for want of vectors "
        f'({vectors}: no such file; give a file of word vectors, or the name "glove-6b-50d")\n'
    )


def failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["predict", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err.removeprefix("error: ").rstrip("\n")


def test_faults(
    tmp_path: Path, river_run: Path, river_data: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "p.json")]
    assert failure([str(tmp_path), str(rivers_file), *out], capsys) == (
        f"{tmp_path}: is not a run folder (it holds no config.toml); name what `train --out` wrote"
    )
    assert failure([str(river_run), str(tmp_path / "none.json"), *out], capsys) == (
        f"{tmp_path / 'none.json'}: no such file"
    )
    assert failure([str(river_run), str(rivers_file), "--split", "dev", *out], capsys) == (
        f"{rivers_file}: --split names a part of a prepared folder, but INPUT is a file"
    )
    assert failure([str(river_run), str(river_data), "--split", "test", *out], capsys) == (
        f"{river_data}: holds no part 'test'; it has train, dev, choice"
    )
    assert failure([str(river_run), str(tmp_path), *out], capsys) == (
        f"{tmp_path}: is no prepared folder (it holds no manifest.json); make one with ham-mrc prepare"
    )
    other = prepare_rivers(tmp_path / "other", seed=3)
    assert failure([str(river_run), str(other), *out], capsys) == (
        f"{other / 'manifest.json'}: was prepared with another vocabulary than the run's; "
        "give the raw file instead: its words are then read as the run knows them"
    )
    assert not (tmp_path / "p.json").exists()
    assert failure([str(river_run), str(rivers_file), "--out", str(tmp_path)], capsys) == (
        f"{tmp_path}: cannot be written: is a folder, not a file; nothing was left half written"
    )


def test_a_run_of_another_version(
    tmp_path: Path, river_run: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(river_run, folder)
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("schema = 1", "schema = 9").replace('"0.1.0"', '"7.0"'))
    assert failure([str(folder), str(rivers_file), "--out", str(tmp_path / "p.json")], capsys) == (
        f"{config}: was made by ham-mrc 7.0 (run schema 9); this is ham-mrc 0.1.0, which reads schema 1; "
        "use that version, or train anew"
    )
