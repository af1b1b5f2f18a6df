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
from street_data import STREETS
from tiny_runs import VECTORS, prepare_rivers, tiny

from ham_mrc.cli.main import run
from ham_mrc.cli.predict import beside
from ham_mrc.files import read_json, read_jsonl
from ham_mrc.training.loop import train
from ham_mrc.training.trace_file import read_trace


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
    assert not beside(out, "nbest.jsonl").exists()


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


def test_names_of_files_beside_it() -> None:
    for name in ("predictions.json", "predictions.jsonl", "predictions"):
        assert beside(Path("a") / name, "nbest.jsonl") == Path("a/predictions.nbest.jsonl")


def test_trace(tmp_path: Path, river_run: Path, river_data: Path) -> None:
    out, trace = tmp_path / "p.json", tmp_path / "t.jsonl.gz"
    arguments = ["predict", str(river_run), str(river_data), "--out", str(out), "--trace", str(trace), "-q"]
    answers = read_json(river_run / "predictions" / "dev.json")
    assert run(arguments) == 0
    assert {found.id: found.answer for found in read_trace(trace)} == answers, "ten at most, and here are nine"
    assert run([*arguments, "--trace-first", "2"]) == 0
    assert [found.id for found in read_trace(trace)] == list(answers)[:2]
    wanted = list(answers)[4:2:-1]
    assert run([*arguments, "--trace-ids", f"{wanted[0]}, {wanted[1]}"]) == 0
    assert [found.id for found in read_trace(trace)] == wanted
    assert read_json(out) == answers


def test_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, data = STREETS["squad-2.0"].prepare(tmp_path)
    folder = train(data, tmp_path / "run", tiny(training={"epochs": 1}))
    out = tmp_path / "p.json"
    assert run(["predict", str(folder), str(raw), "--out", str(out), "--n-best", "2", "-q"]) == 0
    answers, chances = read_json(out), read_json(tmp_path / "p.na_prob.json")
    assert list(answers) == list(chances)
    silent = sum(text == "" for text in answers.values())
    assert f"of them by: there is no answer {silent}" in " ".join(capsys.readouterr().out.split())
    for _, line in read_jsonl(tmp_path / "p.nbest.jsonl"):
        assert line["spans"][0]["text"] == answers[line["id"]]
    assert run(["predict", str(folder), str(data), "--split", "test", "--out", str(out), "--json", "-q"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["no_answer"] == sum(text == "" for text in read_json(out).values())
    assert out.read_bytes() == (folder / "predictions" / "test.json").read_bytes()


def test_lines_of_msmarco(tmp_path: Path) -> None:
    raw, data = STREETS["msmarco-1.1"].prepare(tmp_path)
    folder = train(data, tmp_path / "run", tiny(training={"epochs": 1}))
    out = tmp_path / "p.jsonl"
    assert run(["predict", str(folder), str(raw), "--out", str(out), "--n-best", "1", "-q"]) == 0
    lines = [line for _, line in read_jsonl(out)]
    assert [line["query_id"] for line in lines] == [
        json.loads(line)["query_id"] for line in raw.read_text().splitlines()
    ]
    assert len(list(read_jsonl(tmp_path / "p.nbest.jsonl"))) == len(lines)


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
    traced = [str(river_run), str(river_data), *out]
    assert failure([*traced, "--trace-first", "2"], capsys) == (
        "--trace-ids and --trace-first say what to trace; name a file with --trace FILE"
    )
    traced += ["--trace", str(tmp_path / "t.jsonl")]
    assert failure([*traced, "--trace-first", "2", "--trace-ids", "a"], capsys) == (
        "--trace-ids and --trace-first both say what to trace; leave one of them out"
    )
    assert failure([*traced, "--trace-ids", " ,"], capsys) == (
        "--trace-ids: names no question; give ids with commas between them"
    )
    assert failure([*traced, "--trace-ids", "Danube"], capsys) == "--trace-ids Danube: is no question of the input"
    assert not (tmp_path / "p.json").exists()
    assert not (tmp_path / "t.jsonl").exists()
    assert failure([str(river_run), str(rivers_file), "--out", str(tmp_path)], capsys) == (
        f"{tmp_path}: cannot be written: is a folder, not a file; nothing was left half written"
    )


def test_a_run_of_another_version(
    tmp_path: Path, river_run: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(river_run, folder)
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("schema = 2", "schema = 9").replace('"0.1.0"', '"7.0"'))
    assert failure([str(folder), str(rivers_file), "--out", str(tmp_path / "p.json")], capsys) == (
        f"{config}: was made by ham-mrc 7.0 (run schema 9); this is ham-mrc 0.1.0, which reads schema 2; "
        "use that version, or train anew"
    )
