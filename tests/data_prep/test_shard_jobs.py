"""Shards that do not belong together, are not all there, or are damaged: one line each, and nothing written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from squad_builders import rivers

from ham_mrc import __version__
from ham_mrc.data_prep.request import Request, parse_shard
from ham_mrc.data_prep.shard_jobs import SHARD, merge_shards, prepare_shard
from ham_mrc.errors import HamError


@pytest.fixture
def shards(tmp_path: Path, rivers_file: Path) -> list[Path]:
    """The two shards of a preparation that has one chunk, which the first of them holds."""
    folders = [tmp_path / "0", tmp_path / "1"]
    for number, out in enumerate(folders):
        prepare_shard(Request(dataset="squad", inputs=(rivers_file,), out=out, shard=(number, 2)))
    return folders


def refused(tmp_path: Path, *folders: Path) -> str:
    with pytest.raises(HamError) as caught:
        merge_shards(folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
    return str(caught.value)


def test_what_a_shard_says_of_itself(shards: list[Path], rivers_file: Path) -> None:
    about = json.loads((shards[1] / SHARD).read_bytes())
    assert (about["kind"], about["shard"], about["chunks"], about["parts"]) == (
        "ham-mrc shard",
        [1, 2],
        1,
        ["train", "dev", "choice"],
    )
    assert about["request"]["inputs"] == [str(rivers_file)]
    assert sorted(path.name for path in shards[0].iterdir()) == ["000000.npz", SHARD]
    assert [path.name for path in shards[1].iterdir()] == [SHARD]


def test_a_shard_that_is_missing_or_given_twice(tmp_path: Path, shards: list[Path]) -> None:
    assert refused(tmp_path, shards[0]) == "shard 1/2 is missing; give the folders of all shards"
    shutil.copytree(shards[0], tmp_path / "copy")
    assert refused(tmp_path, *shards, tmp_path / "copy") == "shard 0/2 is given twice; give each shard once"


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"seed": 14}, "seed"),
        ({"min_count": 3}, "min_count"),
        ({"options": {"null_position": True}}, "options, null_position"),
        ({"shard": (1, 3)}, "number of shards"),
        ({"split": "80/10/10"}, "split, parts"),
    ],
)
def test_shards_of_other_settings(
    tmp_path: Path, shards: list[Path], rivers_file: Path, change: dict[str, Any], differing: str
) -> None:
    settings = {"shard": (1, 2)} | change
    prepare_shard(Request(dataset="squad", inputs=(rivers_file,), out=tmp_path / "other", **settings))
    assert refused(tmp_path, shards[0], tmp_path / "other") == (
        f"{tmp_path / 'other'}: is a shard of another preparation than {shards[0]} (they differ in {differing}); "
        "prepare all shards with the same settings on the same files"
    )


def test_shards_of_a_file_that_changed_in_between(
    tmp_path: Path, shards: list[Path], write_squad: Callable[..., Path], rivers_file: Path
) -> None:
    document = rivers()
    document["data"][0]["paragraphs"][0]["qas"][0]["question"] = "Why?"
    write_squad(document, rivers_file.name)
    prepare_shard(Request(dataset="squad", inputs=(rivers_file,), out=tmp_path / "other", shard=(1, 2)))
    assert "(they differ in inputs)" in refused(tmp_path, shards[0], tmp_path / "other")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "{0}: is no shard (it holds no shard.json); make it with --shard I/N"),
        (b"[]", "{0}/shard.json: is not a shard of ham-mrc; prepare it again"),
        (b'{"kind": "run"}', "{0}/shard.json: is not a shard of ham-mrc; prepare it again"),
        (
            b'{"kind": "ham-mrc shard", "schema": 1, "tool": "0.0.1"}',
            f"{{0}}/shard.json: made by ham-mrc 0.0.1; this is {__version__}; prepare again",
        ),
        (b'{"kind": ', "{0}/shard.json, line 1: is not JSON (unexpected end of data, column 10)"),
    ],
)
def test_a_folder_that_is_no_shard(tmp_path: Path, shards: list[Path], content: bytes | None, text: str) -> None:
    if content is None:
        (shards[1] / SHARD).unlink()
    else:
        (shards[1] / SHARD).write_bytes(content)
    assert refused(tmp_path, *shards) == text.format(shards[1])


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "text", "member"])
def test_damaged_chunk(tmp_path: Path, shards: list[Path], damage: str) -> None:
    file = shards[0] / "000000.npz"
    data = file.read_bytes()
    file.write_bytes({"empty": b"", "half": data[: len(data) // 2], "text": b"x" * 100}.get(damage, data))
    if damage == "missing":
        file.unlink()
    if damage == "member":
        place = data.index(b"NUMPY")
        file.write_bytes(data[:place] + b"numpy" + data[place + 5 :])
    assert refused(tmp_path, *shards) == f"{file}: is missing or damaged; prepare this shard again"


def test_finished_folder_is_not_overwritten(tmp_path: Path, shards: list[Path]) -> None:
    merge_shards(shards, tmp_path / "out")
    with pytest.raises(HamError, match="already holds a finished result"):
        merge_shards(shards, tmp_path / "out")
    merge_shards(shards, tmp_path / "out", force=True)


@pytest.mark.parametrize(("text", "shard"), [("0/1", (0, 1)), ("2/8", (2, 8)), ("07/10", (7, 10))])
def test_number_of_a_shard(text: str, shard: tuple[int, int]) -> None:
    assert parse_shard(text) == shard


@pytest.mark.parametrize("text", ["", "1", "1/1", "3/2", "0/0", "-1/2", "1/2/3", "a/2", "1/", "/2", "0.5/2", "１/２"])
def test_no_shard(text: str) -> None:
    with pytest.raises(HamError) as caught:
        parse_shard(text)
    assert str(caught.value) == f'--shard "{text}" is no shard; I/N is due, I from 0 to N - 1, as in 0/8'
