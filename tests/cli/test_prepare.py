"""`ham-mrc prepare` as people meet it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from squad_builders import rivers, squad_document, squad_paragraph

from ham_mrc.cli.main import run

TRICKY = Path(__file__).parents[1] / "data" / "squad_tricky.json"

TABLE = """\
squad 1.1, official, seed 13
part     read   kept   dropped   on token borders   passages   also in train   questions on those
─────────────────────────────────────────────────────────────────────────────────────────────────
train      54     54         0            100.00%         12
dev        22     21         1             80.00%          5               0                    0
choice      6      6         0            100.00%          4               4                    6
101 words, 30 of them trained
of the 15 labels of dev, 3 were repaired, for answer_start was wrong

part   questions   became                 because
────────────────────────────────────────────────────────────────────────────────────────
dev            1   dropped                its id stands earlier in the same files
dev            1   kept without a label   its question holds no visible character
dev            1   kept without a label   its passage holds no visible character
dev            2   kept without a label   it has no answer, or an empty one
dev            1   kept without a label   the passage holds another text at answer_start
dev            1   kept without a label   its answer is white space and covers no token
"""


def test_table_and_what_comes_next(tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "my data"
    assert run(["prepare", "squad", str(rivers_file), "--dev", str(TRICKY), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out == TABLE
    assert printed.err == f"next: ham-mrc train '{out}' --out RUN\n"
    files = {"manifest.json", "vocab.txt", "characters.txt"}
    assert {path.name for path in out.iterdir()} == files | {"train", "dev", "choice"}


def test_json_holds_the_manifest_and_nothing_else(
    tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["prepare", "squad", str(rivers_file), "--dev", str(TRICKY), "--out", str(out), "--json", "-q"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.err == ""
    assert found["schema"] == 2
    assert found["out"] == str(out)
    assert found["parts"]["dev"]["unlabelled"]["text_not_at_offset"] == 1
    assert found["parts"]["dev"]["labelled"] == 15
    assert found["parts"]["dev"]["repaired"] == 3
    assert found["parts"]["dev"]["on_token_borders"] == 80.0
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert found.items() >= {key: manifest[key] for key in manifest.keys() - {"parts"}}.items()


def test_options_reach_the_folder(tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {
        "--split": "60/20/20",
        "--split-by": "article",
        "--limit": "45",
        "--max-passage-tokens": "30",
        "--max-question-tokens": "8",
        "--vocab-size": "9",
        "--min-count": "3",
        "--seed": "5",
        "--test": None,
    }
    arguments = [word for pair in options.items() if pair[1] for word in pair]
    out = tmp_path / "out"
    code = run(
        ["prepare", "squad", str(rivers_file), "--out", str(out), "--no-lowercase", "--strict", "--json", *arguments]
    )
    assert code == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["split"] == {"rule": "60/20/20", "by": "article"}
    assert manifest["seed"] == 5
    assert manifest["lowercase"] is False
    assert manifest["vocabulary"]["trained"] == 11
    assert manifest["settings"] == {
        "limit": 45,
        "max_passage_tokens": 30,
        "max_question_tokens": 8,
        "evaluation_passage_tokens": 1000,
        "evaluation_question_tokens": 100,
        "vocab_size": 9,
        "min_count": 3,
        "strict": True,
    }
    assert {part: counts["read"] for part, counts in manifest["parts"].items()} == {"train": 15, "dev": 15, "test": 15}
    assert manifest["parts"]["train"]["cut_questions"] == 15


def test_shared_passages_are_said_with_what_helps(
    tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["prepare", "squad", str(rivers_file), "--out", str(tmp_path / "a"), "--split", "80/10/10"])
    helped = "; --split-by passage or article keeps them apart"
    notes = [line for line in capsys.readouterr().out.splitlines() if "also training passages" in line]
    assert [note.split(" passages of ")[1] for note in notes] == [
        f"dev are also training passages{helped}",
        f"test are also training passages{helped}",
    ]
    run(["prepare", "squad", str(rivers_file), "--out", str(tmp_path / "b"), "--split-by", "passage"])
    assert "also training passages" not in capsys.readouterr().out


def test_evaluation_on_training_questions_is_warned_of(
    tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["prepare", "squad", str(rivers_file), "--dev", str(rivers_file), "--out", str(tmp_path / "out"), "-q"]
    assert run(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err == "warning: 54 questions of dev have ids that are also in train\n"
    assert "12 of 12 passages of dev are also training passages\n" in printed.out


def test_finished_folder_needs_force(tmp_path: Path, rivers_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prepare", "squad", str(rivers_file), "--out", str(tmp_path / "out")]
    assert run(arguments) == 0
    capsys.readouterr()
    assert run([*arguments, "--seed", "1"]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: {tmp_path / 'out'}: already holds a finished result; choose another folder, or add --force\n",
    )
    assert run([*arguments, "--seed", "1", "--force"]) == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_bytes())["seed"] == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty; a JSON document is expected"),
        (b'{"x1": "Nile"}', 'has no "data"; a list is due there'),
        (b"[]", 'is a list where an object is due; {"data": [...]} is expected'),
        (b'{"data": []}', "holds no questions"),
        (b"\x1f\x8b\x08\x00\x00", "the gzip data ends too early; the file was cut off: fetch it again"),
    ],
)
def test_wrong_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, text: str) -> None:
    (tmp_path / "bad.json").write_bytes(data)
    assert run(["prepare", "squad", str(tmp_path / "bad.json"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr() == ("", f"error: {tmp_path / 'bad.json'}: {text}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.json"]


def test_strict_names_the_question(
    tmp_path: Path, write_squad: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    document = rivers()
    document["data"][2]["paragraphs"][1]["qas"][3]["answers"][0]["answer_start"] = 515
    path = write_squad(document)
    arguments = ["prepare", "squad", str(path), "--out", str(tmp_path / "out"), "--strict"]
    assert run(arguments) == 2
    assert capsys.readouterr().err == (
        f"error: {path}, question a2p1q3: answer_start 515 is past the end of its passage (65 characters); "
        "mend it, or leave out --strict, to have it repaired or dropped from training, and counted\n"
    )
    assert run(arguments[:-1]) == 0


def test_hostile_texts_do_not_reach_the_terminal(
    tmp_path: Path, write_squad: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    paragraph = squad_paragraph("The Nile", ("a\x1b[2Jb\nc", "q", "Nile"))
    paragraph["qas"][0]["answers"][0]["answer_start"] = 99
    path = write_squad(squad_document({"T": [paragraph]}))
    assert (
        run(
            [
                "prepare",
                "squad",
                str(path),
                "--dev",
                str(path),
                "--test",
                str(path),
                "--out",
                str(tmp_path / "out"),
                "--strict",
            ]
        )
        == 2
    )
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    assert printed.count("\n") == 1


def test_interrupt_of_a_running_process_leaves_nothing(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    """A real signal, sent once the temporary folder is there."""
    path = write_squad(rivers(articles=60, paragraphs=60, questions=10))
    command = [sys.executable, "-m", "ham_mrc", "prepare", "squad", str(path), "--out", str(tmp_path / "new" / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("new/.out.*.part/train/ids.npy")) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert list((tmp_path / "new").iterdir()) == []


def test_help_needs_neither_numpy_nor_torch() -> None:
    code = (
        "import sys; from ham_mrc.cli.main import run; run(['prepare', '--help']); "
        "print(sorted({'numpy', 'torch'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert "--split-by" in done.stdout
