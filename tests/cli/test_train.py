"""`ham-mrc train` as users meet it: settings from four places, what is printed, stopping, resuming, wrong usage."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from street_data import STREETS
from tiny_runs import VECTORS, log_of, outcome

from ham_mrc.cli.main import run
from ham_mrc.cli.train import ANSWER_TOKENS, CHINESE_PRESETS, DEFAULT_PRESETS, DEFAULT_READERS
from ham_mrc.config import preset_names, read_preset
from ham_mrc.data_prep import DATASETS
from ham_mrc.readers import READERS
from ham_mrc.training import loop

QUICK = ["--hidden", "6", "--epochs", "2", "--batch-size", "12", "--set", "embeddings.width=6"]


def config_of(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "config.toml").read_text())


def test_table(tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert run(["train", str(river_data), "--out", str(folder), *QUICK, "--depth", "2"]) == 0
    out, err = capsys.readouterr()
    log = log_of(folder)
    lines = out.splitlines()
    assert lines[0] == "epochs"
    headers = ["epoch", "loss", "choice", "EM", "choice", "F1", "dev", "EM", "dev", "F1", "examples/s", "best"]
    assert lines[1].split() == headers
    figures = [log[0]["scores"][part][key] for part in ("choice", "dev") for key in ("exact_match", "f1")]
    first = ["1", f"{log[0]['loss']:.3f}", *(f"{figure:.2f}" for figure in figures)]
    assert lines[3].split() == [*first, f"{log[0]['examples_per_second']:.0f}", "*"]
    assert "levels of attention: match, epoch 1" in lines
    assert len([line for line in lines if line.split()[:1] == ["2"]]) == 2, "two epochs and two levels"
    assert f"next: ham-mrc predict {folder} FILE --out predictions.json" in err.splitlines()
    assert err.count("epoch 1: loss ") == err.count("epoch 2: loss ") == 1


def test_json(tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert run(["train", str(river_data), "--out", str(folder), *QUICK, "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    scores, log = json.loads((folder / "scores.json").read_text()), log_of(folder)
    best = [entry for entry in log if entry["best"]][-1]
    assert err == ""
    assert json.loads(out) == {
        "schema": 1,
        "run": str(folder),
        "epochs": 2,
        "best_epoch": best["epoch"],
        "part": "dev",
        "metrics": scores["metrics"],
        "levels": best["levels"],
    }
    assert run(["train", "--resume", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == scores["metrics"], "a finished run is shown once more"


def test_cut_short(tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(river_data), "--out", str(tmp_path / "run"), *QUICK, "--max-minutes", "0.0000001"]) == 0
    out, err = capsys.readouterr()
    assert "the last epoch was cut short by max_minutes" in out.splitlines()
    assert len([line for line in err.splitlines() if line.endswith(", cut short by max_minutes")]) == 1


def settings_of(arguments: list[str], data: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """What config.toml would hold; nothing is trained."""
    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", lambda data, out, config, **_: seen.append(config) or Path("nowhere"))
        run(["train", str(data), "--out", "nowhere", *arguments])
    return tomllib.loads(seen[0].to_toml(run={}, data={}))


def test_every_option_reaches_its_setting(river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        "--depth": ("reader", "depth", 3),
        "--score": ("reader", "score", "scaled_dot"),
        "--init-levels": ("reader", "init_levels", "first"),
        "--dropout": ("reader", "dropout", 0.5),
        "--hidden": ("reader", "hidden", 7),
        "--embeddings": ("embeddings", "source", "vectors.txt"),
        "--epochs": ("training", "epochs", 4),
        "--batch-size": ("training", "batch_size", 5),
        "--lr": ("training", "lr", 0.5),
        "--device": ("training", "device", "cpu"),
        "--precision": ("training", "precision", "float32"),
        "--patience": ("training", "patience", 0),
        "--max-minutes": ("training", "max_minutes", 1.5),
        "--seed": ("training", "seed", 5),
    }
    found = settings_of(
        [word for option, (_, _, value) in options.items() for word in (option, str(value))], river_data, monkeypatch
    )
    assert {option: found[section][key] for option, (section, key, _) in options.items()} == {
        option: value for option, (_, _, value) in options.items()
    }


def test_presets_and_defaults(river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings_of([], river_data, monkeypatch)
    assert found["run"] == {"preset": "match-lstm-small"}
    assert found["training"]["seed"] == 13
    assert found["reader"] == {**found["reader"], **read_preset("match-lstm-small")["reader"]}
    assert found["training"] == {**found["training"], **read_preset("match-lstm-small")["training"]}
    other = settings_of(["--preset", "match-lstm-original"], river_data, monkeypatch)
    assert other["run"] == {"preset": "match-lstm-original"}
    assert (other["reader"]["hidden"], other["training"]["optimizer"]) == (150, "adam")


def test_default_readers_are_of_datasets_and_every_reader_has_a_preset() -> None:
    assert set(DEFAULT_READERS) == set(ANSWER_TOKENS) == set(DATASETS)
    assert set(DEFAULT_READERS.values()) <= set(READERS)
    assert set(DEFAULT_PRESETS) == set(READERS)
    for reader, preset in [*DEFAULT_PRESETS.items(), *CHINESE_PRESETS.items()]:
        assert preset in preset_names()
        assert read_preset(preset)["reader"]["name"] == reader


@pytest.mark.parametrize(
    ("street", "arguments", "reader", "preset", "answer_tokens"),
    [
        ("squad-2.0", [], "match-lstm", "match-lstm-small", 15),
        ("dureader", [], "bidaf", "bidaf-small-dureader", 200),
        ("cmrc", [], "bidaf", "bidaf-small-dureader", 50),
        ("msmarco-1.1", [], "r-net", "r-net-small", 75),
        ("msmarco-1.1", ["--reader", "bidaf"], "bidaf", "bidaf-small", 75),
        ("dureader", ["--reader", "r-net"], "r-net", "r-net-small", 200),
        ("msmarco-1.1", ["--set", "training.max_answer_tokens=7"], "r-net", "r-net-small", 7),
        ("cmrc", ["--preset", "match-lstm-original"], "match-lstm", "match-lstm-original", 15),
    ],
)
def test_what_a_dataset_is_trained_with(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    street: str,
    arguments: list[str],
    reader: str,
    preset: str,
    answer_tokens: int,
) -> None:
    _, data = STREETS[street].prepare(tmp_path)
    found = settings_of(arguments, data, monkeypatch)
    assert (found["reader"]["name"], found["run"]["preset"]) == (reader, preset)
    assert found["training"]["max_answer_tokens"] == answer_tokens


def test_table_of_another_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, data = STREETS["msmarco-2.1"].prepare(tmp_path)
    folder = tmp_path / "run"
    quick = [*QUICK, "--reader", "match-lstm", "--epochs", "1"]
    assert run(["train", str(data), "--out", str(folder), *quick]) == 0
    out, err = capsys.readouterr()
    (entry,) = log_of(folder)
    figures = [f"{entry['scores']['dev'][name]:.2f}" for name in ("bleu_1", "rouge_l")]
    lines = out.splitlines()
    assert lines[1].split() == ["epoch", "loss", "dev", "BLEU-1", "dev", "ROUGE-L", "examples/s", "best"]
    assert lines[3].split()[2:4] == figures
    assert f"dev BLEU-1 {figures[0]} ROUGE-L {figures[1]} (best by dev rouge_l)" in err
    assert err.rstrip().endswith(f"next: ham-mrc predict {folder} FILE --out predictions.jsonl")
    assert run(["train", "--resume", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["no_answer_threshold"] == entry["threshold"]
    assert err.splitlines()[0] == (f"{folder}: the run is finished (1 epoch) and stays as it is; a new one needs --out")


def test_grow(tmp_path: Path, river_data: Path) -> None:
    small, grown = tmp_path / "small", tmp_path / "grown"
    assert run(["train", str(river_data), "--out", str(small), *QUICK, "--depth", "2", "-q"]) == 0
    assert run(["train", str(river_data), "--out", str(grown), "--grow", str(small), "--depth", "3", "-q"]) == 0
    first, second = config_of(small), config_of(grown)
    assert second["run"]["grown_from"] == str(small)
    assert second["reader"] == {**first["reader"], "depth": 3}
    assert second["training"] == first["training"], "its settings are those of the run that is grown"


def test_later_places_win(tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[reader]\nhidden = 11\ndropout = 0.3\ndepth = 2\n[training]\nlr = 0.1\n")
    given = ["--config", str(file), "--set", "reader.dropout=0.4", "--set", "reader.depth=3", "--depth", "4"]
    found = settings_of(given, river_data, monkeypatch)
    reader = found["reader"]
    assert (reader["hidden"], reader["dropout"], reader["depth"], found["training"]["lr"]) == (11, 0.4, 4, 0.1)
    assert reader["bidirectional"] is True, "from the preset"
    assert found["run"] == {"preset": "match-lstm-small"}


def test_config_of_a_run_gives_the_same_run(tmp_path: Path, river_data: Path) -> None:
    first, second = tmp_path / "a" / "run", tmp_path / "b" / "run"
    arguments = [*QUICK, "--preset", "match-lstm-strong", "--embeddings", str(VECTORS), "--seed", "7", "-q"]
    assert run(["train", str(river_data), "--out", str(first), *arguments]) == 0
    assert run(["train", str(river_data), "--out", str(second), "--config", str(first / "config.toml"), "-q"]) == 0
    assert outcome(first) == outcome(second)
    assert config_of(second)["run"]["preset"] == "match-lstm-strong"


def failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a failed command says."""
    assert run(["train", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "DATA and --out RUN are needed; or --resume RUN; try ham-mrc train --help"),
        (["DATA"], "DATA and --out RUN are needed; or --resume RUN; try ham-mrc train --help"),
        (
            ["--resume", "RUN", "--out", "OTHER"],
            "--out OTHER and --resume RUN name two runs; leave out --out",
        ),
        (
            ["--resume", "RUN", "--epochs", "9"],
            "--resume goes on with the settings that the run began with; leave out the others",
        ),
        (
            ["--resume", "RUN", "--force"],
            "--resume goes on with the settings that the run began with; leave out the others",
        ),
        (
            ["--resume", "RUN", "--set", "training.lr=1"],
            "--resume goes on with the settings that the run began with; leave out the others",
        ),
        (
            ["--resume", "nowhere"],
            "nowhere: is not a run folder (it holds no config.toml); name what `train --out` wrote",
        ),
        (
            ["nowhere", "--out", "RUN"],
            "nowhere: is no prepared folder (it holds no manifest.json); make one with ham-mrc prepare",
        ),
        (
            ["DATA", "--out", "RUN", "--preset", "match-lstm-smal"],
            "no preset 'match-lstm-smal'; did you mean \"match-lstm-small\"?; there are " + ", ".join(preset_names()),
        ),
        (
            ["DATA", "--out", "RUN", "--reader", "match-lstn"],
            "[reader]: no reader 'match-lstn'; did you mean \"match-lstm\"?; there are bidaf, match-lstm, r-net",
        ),
        (
            ["DATA", "--out", "RUN", "--set", "lr=1"],
            "--set lr=1: write section.key=value, for example --set training.lr=0.001",
        ),
        (
            ["DATA", "--out", "RUN", "--set", "reader.hiden=1", "--dropout", "2", "--epochs", "0"],
            '[reader]: no option "hiden"; did you mean "hidden"?; [reader] dropout = 2.0: must be at least 0 and '
            "below 1; [training] epochs = 0: must be 1 or more",
        ),
        (
            ["DATA", "--out", "RUN", "--embeddings", "vectors.txt"],
            'CWD/vectors.txt: no such file; give a file of word vectors, or the name "glove-6b-50d"',
        ),
        (["DATA", "--out", "RUN", "--config", "my.toml"], "my.toml: no such file"),
        (["--patienc", "3"], "no such option: --patienc; did you mean --patience? try ham-mrc train --help"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    river_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(river_data) if word == "DATA" else word for word in arguments]
    assert failure(words, capsys) == message.replace("CWD", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_faults_of_a_file_name_it(
    tmp_path: Path, river_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text('[reader]\nhiden = 3\n[training]\nlr = "x"\n[metrics]\n')
    arguments = [str(river_data), "--out", "RUN", "--config", "my.toml"]
    assert failure(arguments, capsys) == (
        'my.toml: no section [metrics]; [reader]: no option "hiden"; did you mean "hidden"?; '
        "[training] lr = 'x': is not a finite number"
    )
    Path("my.toml").write_text("[training]\nlr = 0.1\n")
    assert failure([*arguments, "--set", "training.lr=x"], capsys) == ("[training] lr = 'x': is not a finite number"), (
        "the file is not to blame"
    )


def test_a_stopped_run_says_how_to_go_on(
    tmp_path: Path, river_data: Path, river_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my run"
    shutil.copytree(river_run, folder)
    assert failure([str(river_data), "--out", str(folder)], capsys) == (
        f"{folder}: already holds a finished run; choose another folder, or add --force"
    )
    (folder / "scores.json").unlink()
    assert failure([str(river_data), "--out", str(folder)], capsys) == (
        f"{folder}: holds a run that was stopped; go on with: ham-mrc train --resume '{folder}'; "
        "or add --force to begin anew"
    )
    assert run(["train", str(river_data), "--out", str(folder), "--force", *QUICK, "-q"]) == 0
    assert config_of(folder)["reader"]["hidden"] == 6


def test_an_unwritable_place(tmp_path: Path, river_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "run"
    assert failure([str(river_data), "--out", str(folder), *QUICK], capsys) == (
        f"{folder}/config.toml: cannot be written: a part of the path is a file, not a folder; "
        "nothing was left half written"
    )
