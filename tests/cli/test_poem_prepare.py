"""`ham-mrc poem prepare` and `ham-mrc prepare poems` as people meet them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from poem_builders import nonsense, write_poems, write_taxonomy

from ham_mrc.cli.main import run

POEMS = nonsense(60)

TABLES = """\
61 poems read, random split, seed 13
part    poems   5-character   7-character   Tang   triples   unknown characters
───────────────────────────────────────────────────────────────────────────────
train      47            21            26     23       188                    0
valid       6             2             4      3        24                    0
test        6             3             3      5        24                    0
48 symbols cover 100.00% of the characters of train
26 segments ranked in 9 rounds
13 keywords in train; of all lines 96% have one of the taxonomy, 0% a single character, 100% one of the commonest 6,000
4 themes with 11 phrases; 1 torn and 1 repeated phrases left out

Median number of lines that can stand for a poem's own, itself included
part    characters   after line 1   after line 2   after line 3
───────────────────────────────────────────────────────────────
valid            5              7              7            3.5
valid            7             11            9.5            8.5
test             5              5              7              5
test             7              6             10             12

poems   dropped because
──────────────────────────────────────────────────────
    1   lines of neither 5 nor 7 characters
    1   a line that a poem of another part has as well
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write_poems(tmp_path / "poems.jsonl", [*POEMS, {"lines": ["短"] * 4}]), write_taxonomy(
        tmp_path / "themes.txt"
    )


def test_tables_and_what_comes_next(
    tmp_path: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my poems"
    assert run(["poem", "prepare", "--poems", str(files[0]), "--taxonomy", str(files[1]), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out == TABLES
    assert printed.err == (
        "60 poems are fewer than 5,000: valid and test take a tenth each\n"
        f"next: ham-mrc poem train --data '{out}' --system ppg --out RUN\n"
    )


def test_json_holds_the_manifest_and_nothing_else(
    tmp_path: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["poem", "prepare", "--poems", str(files[0]), "--out", str(out), "--seed", "3", "--json", "-q"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    found = json.loads(printed.out)
    assert found.pop("out") == str(out)
    assert found == json.loads((out / "manifest.json").read_text("utf-8"))
    assert (found["seed"], found["taxonomy"], found["references"]) == (3, None, None)


def test_without_a_taxonomy_it_says_what_is_lost(
    tmp_path: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["poem", "prepare", "--poems", str(files[0]), "--out", str(tmp_path / "out"), "-q"]) == 0
    said = "no taxonomy: no references beside a poem's own lines, and the planner knows no themes"
    assert said in capsys.readouterr().out.splitlines()


def test_a_collection_without_tang_poems_is_warned_of(
    tmp_path: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    songs = write_poems(tmp_path / "songs.jsonl", [{**poem, "dynasty": "song"} for poem in POEMS])
    arguments = ["--poems", str(songs), "--taxonomy", str(files[1]), "--out", str(tmp_path / "out"), "-q"]
    assert run(["poem", "prepare", *arguments]) == 0
    said = "warning: no poem is dated to the Tang dynasty, so there are no references beside a poem's own lines\n"
    assert capsys.readouterr().err == said


def test_the_short_way_makes_the_same_folder(tmp_path: Path, files: tuple[Path, Path]) -> None:
    long, short = tmp_path / "long", tmp_path / "short"
    assert run(["poem", "prepare", "--poems", str(files[0]), "--taxonomy", str(files[1]), "--out", str(long)]) == 0
    assert run(["prepare", "poems", str(files[0]), str(files[1]), "--out", str(short)]) == 0
    for path in long.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (short / path.relative_to(long)).read_bytes(), path.name


BAD = [
    (
        ["prepare", "poems", "P", "--limit", "3", "--merge", "--out", "O"],
        "poems are prepared without --limit, --merge; ",
    ),
    (["prepare", "poems", "P", "P", "P", "--out", "O"], "poems take one collection and one taxonomy, not 3 files; "),
    (["poem", "prepare", "--poems", "none", "--out", "O"], "none: no such file"),
    (["poem", "prepare", "--poems", "T", "--out", "O"], "themes.txt, line 1: is not JSON"),
    (
        ["poem", "prepare", "--poems", "P", "--out", "O", "--strict"],
        "poems.jsonl, line 61: has lines of 1 characters; a line",
    ),
    (
        ["poem", "prepare", "--poems", "P", "--taxonomy", "P", "--out", "O"],
        "poems.jsonl, line 1: has 1 columns, not 3; ",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "said"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    places = {"P": str(files[0]), "T": str(files[1]), "O": str(tmp_path / "out")}
    assert run([places.get(one, one) for one in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_neither_help_nor_the_work_loads_torch(tmp_path: Path, files: tuple[Path, Path]) -> None:
    program = (
        "import sys; from ham_mrc.cli.main import run; "
        f"run(['poem', 'prepare', '--poems', {str(files[0])!r}, '--out', {str(tmp_path / 'out')!r}, '-q']); "
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0
    assert (tmp_path / "out" / "manifest.json").is_file()
