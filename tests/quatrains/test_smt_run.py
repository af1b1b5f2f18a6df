"""The two files of the translation baseline in a run folder: what comes back from them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from poem_builders import nonsense, prepared

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import SPECIALS, Characters
from ham_mrc.errors import HamError
from ham_mrc.files import sha256
from ham_mrc.quatrains.request import LineRequest
from ham_mrc.quatrains.smt import SMTSettings
from ham_mrc.quatrains.smt_build import build_smt
from ham_mrc.quatrains.smt_run import NUMBERS, WORDS, open_smt

QUICK = SMTSettings(width=10, tuning_lines=15, tuning_rounds=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    return prepared(tmp_path_factory.mktemp("poems"), nonsense(200))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, folder: PoemFolder) -> Path:
    out = tmp_path_factory.mktemp("run")
    build_smt(folder, out, QUICK)
    return out


def test_what_is_opened_is_what_was_built_and_the_seed_makes_the_bytes(
    run: Path, folder: PoemFolder, tmp_path: Path
) -> None:
    built, opened = build_smt(folder, tmp_path, QUICK), open_smt(run, folder.characters)
    requests = [
        LineRequest(one.poem.length, one.poem.lines[:step]) for one in folder.poems("test")[:4] for step in (1, 3)
    ]
    assert built.write(requests, n=3) == opened.write(requests, n=3)
    assert built.settings == opened.settings
    assert opened.tuning.keys() == {"5", "7"}
    assert sha256(tmp_path / NUMBERS) == sha256(run / NUMBERS)


def damaged(change: Callable[[Path], None], run: Path, tmp_path: Path) -> Path:
    for name in (WORDS, NUMBERS):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    change(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: (run / WORDS).write_text("{}"), "is not of this version of ham-mrc; train anew"),
        (lambda run: (run / WORDS).unlink(), "no such file"),
        (lambda run: (run / NUMBERS).write_bytes(b"12345678"), "is missing, damaged or no safetensors file"),
        (lambda run: (run / NUMBERS).unlink(), "is missing, damaged or no safetensors file"),
    ],
)
def test_a_damaged_run_is_refused(
    change: Callable[[Path], None], message: str, run: Path, folder: PoemFolder, tmp_path: Path
) -> None:
    with pytest.raises(HamError, match="smt") as caught:
        open_smt(damaged(change, run, tmp_path), folder.characters)
    assert message in str(caught.value)


def test_a_run_of_another_table_of_characters_is_refused(run: Path) -> None:
    with pytest.raises(HamError) as caught:
        open_smt(run, Characters((*SPECIALS, "山")))
    assert str(caught.value) == f"{run / WORDS}: was counted with another table of characters; train anew"
