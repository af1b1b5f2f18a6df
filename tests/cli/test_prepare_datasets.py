"""`ham-mrc prepare` for every dataset: the options that only some of them take, tables, shards and their union."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.cli.app import command
from ham_mrc.cli.main import run
from ham_mrc.data_prep import DATASETS, chunks
from ham_mrc.data_prep.dataset import Reading
from ham_mrc.sample import sample_path

SAMPLES = {
    "squad": sample_path("english"),
    "dureader": sample_path("chinese-dureader"),
    "msmarco": sample_path("english-msmarco"),
    "cmrc": sample_path("chinese"),
}

OPTIONS: dict[str, tuple[list[str], Any]] = {
    "layout": (["--layout", "separate"], "separate"),
    "passages": (["--passages", "2"], 2),
    "selected_only": (["--selected-only"], True),
    "null_position": (["--null-position"], True),
    "yes_no": (["--yes-no"], True),
    "segment": (["--segment", "characters"], "characters"),
    "paragraphs": (["--paragraphs", "top"], "top"),
    "match": (["--match", "f1"], "f1"),
    "min_match": (["--min-match", "0.25"], 0.25),
    "references": (["--references", "well-formed"], "well-formed"),
}
"""Field of Reading -> how to ask for it, and what then stands there."""


def test_every_field_of_a_reading_has_its_option() -> None:
    assert OPTIONS.keys() == {item.name for item in fields(Reading)}
    known: Any = command().commands["prepare"]  # type: ignore[attr-defined]
    assert OPTIONS.keys() <= {parameter.name for parameter in known.params}
    assert {name for dataset in DATASETS.values() for name in dataset.options} == OPTIONS.keys()


@pytest.mark.parametrize("dataset", DATASETS)
def test_options_reach_the_folder(tmp_path: Path, dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = DATASETS[dataset].options
    arguments = [word for name in own for word in OPTIONS[name][0]]
    code = run(["prepare", dataset, str(SAMPLES[dataset]), "--out", str(tmp_path / "out"), "--json", "-q", *arguments])
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    reading = {item.name: getattr(DATASETS[dataset].reading, item.name) for item in fields(Reading)}
    assert found["reading"] == reading | {"null_position": False} | {name: OPTIONS[name][1] for name in own}
    assert found["dataset"] == dataset


@pytest.mark.parametrize("dataset", DATASETS)
def test_options_of_other_datasets_are_refused(
    tmp_path: Path, dataset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = DATASETS[dataset].options
    listed = ", ".join(f"--{name}".replace("_", "-") for name in own)
    for name in OPTIONS.keys() - set(own):
        arguments = ["prepare", dataset, str(SAMPLES[dataset]), "--out", str(tmp_path / "out"), *OPTIONS[name][0]]
        assert run(arguments) == 2
        option = f"--{name}".replace("_", "-")
        assert capsys.readouterr().err == f"error: {option} means nothing for {dataset}; its options are {listed}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["squad", "--workers", "0"], "--workers 0 is too small; at least 1 is due"),
        (["squad", "--executor", "host:1"], '"host:1" is no executor; give dask://HOST:PORT'),
        (["squad", "--shard", "3/3"], '--shard "3/3" is no shard; I/N is due, I from 0 to N - 1, as in 0/8'),
        (["dureader", "--min-match", "1.5"], "--min-match 1.5 is no likeness; a number from 0 to 1 is due"),
        (["msmarco", "--passages", "-1"], "--passages -1 is too small; 0 (all) or more is due"),
        (["durader"], 'no dataset "durader"; did you mean "dureader"?'),
        (["songs"], 'no dataset "songs"; known: squad, dureader, msmarco, cmrc, and poems'),
    ],
)
def test_wrong_settings_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert run(["prepare", *arguments[:1], str(SAMPLES["squad"]), "--out", str(tmp_path / "out"), *arguments[1:]]) == 2
    assert capsys.readouterr() == ("", f"error: {text}\n")
    assert list(tmp_path.iterdir()) == []


TABLE = """\
msmarco 1.1, 90/10 by question, seed 13
part     read   kept   dropped   on token borders   passages   also in train   questions on those
─────────────────────────────────────────────────────────────────────────────────────────────────
train     611    603         8            100.00%        396
dev        75     75         0            100.00%        216             216                   75
choice     68     68         0            100.00%        208             208                   68
2942 words, 2922 of them trained
of the 603 labels of train, 24 say "no answer"; 188 are the span most like a free answer, 0.71 of 1 on average
of the 74 labels of dev, 1 say "no answer"; 22 are the span most like a free answer, 0.70 of 1 on average
of the 67 labels of choice, 2 say "no answer"; 24 are the span most like a free answer, 0.70 of 1 on average
216 of 216 passages of dev are also training passages

part     questions   became                 because
────────────────────────────────────────────────────────────────────────────────────────────────────────────
train            8   dropped                no span of its passages comes close enough to one of its answers
dev              1   kept without a label   no span of its passages comes close enough to one of its answers
choice           1   kept without a label   no span of its passages comes close enough to one of its answers
"""


def test_table_of_free_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts as tests/sample/test_sample_prepared.py has them: 27 queries without an answer, 10 too far from any span.

    2,942 different words, <pad>, <unk> and <null> among them, were counted with a set.
    """
    out = tmp_path / "out"
    assert run(["prepare", "msmarco", str(SAMPLES["msmarco"]), "--out", str(out), "--null-position"]) == 0
    assert capsys.readouterr() == (TABLE, f"next: ham-mrc train {out} --out RUN\n")


def test_workers_print_and_write_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 50_000)
    printed = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert run(["prepare", "cmrc", str(SAMPLES["cmrc"]), "--out", str(out), "--workers", workers, "-q"]) == 0
        printed.append(capsys.readouterr())
    assert printed[0] == printed[1]
    assert printed[0].err == ""
    assert (tmp_path / "1" / "manifest.json").read_bytes() == (tmp_path / "2" / "manifest.json").read_bytes()


def test_shards_and_their_union(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What --merge prints and writes is what one job alone would have."""
    arguments = ["prepare", "squad", str(SAMPLES["squad"]), "--split", "80/10/10"]
    assert run([*arguments, "--out", str(tmp_path / "alone"), "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    shards = [str(tmp_path / "0"), str(tmp_path / "1")]
    assert run([*arguments, "--out", shards[0], "--shard", "0/2"]) == 0
    assert capsys.readouterr() == (
        f"{shards[0]}\nshard   chunks of all\n─────────────────────\n0/2     1\n",
        "next, with the folders of all shards: ham-mrc prepare --merge SHARD... --out DIR\n",
    )
    assert run([*arguments, "--out", shards[1], "--shard", "1/2", "--json", "-q"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["kind"], about["shard"], about["chunks"], about["out"]) == ("ham-mrc shard", [1, 2], 1, shards[1])
    assert run(["prepare", "--merge", *shards, "--out", str(tmp_path / "merged"), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == alone | {"out": str(tmp_path / "merged")}
    assert printed.err == f"next: ham-mrc train {tmp_path / 'merged'} --out RUN\n"
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("alone", "merged")]
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        (["--seed", "7"], "--seed"),
        (["--split-by", "passage", "--min-count", "3"], "--split-by, --min-count"),
        (["--yes-no", "--workers", "2"], "--workers, --yes-no"),
        (["--shard", "0/2"], "--shard"),
    ],
)
def test_merge_takes_no_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], listed: str
) -> None:
    assert run(["prepare", "--merge", "a", "b", "--out", str(tmp_path / "out"), *arguments]) == 2
    said = f"--merge takes all settings from the shards, not {listed}; leave that out"
    assert capsys.readouterr() == ("", f"error: {said}\n")


def test_merge_of_what_is_no_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prepare", "--merge", str(tmp_path), str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert (
        capsys.readouterr().err
        == f"error: {tmp_path}: is no shard (it holds no shard.json); make it with --shard I/N\n"
    )
