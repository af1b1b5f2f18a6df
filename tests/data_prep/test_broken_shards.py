"""`prepare --merge` on folders that are no shards, not all of them, of different preparations, or damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_inputs import FORMATS, MISSING, Workplace, changed

from ham_mrc.cli.main import run

SAME = "prepare all shards with the same settings on the same files"


@pytest.fixture
def shards(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The two halves of six questions, each of which is a portion of its own."""
    monkeypatch.setattr("ham_mrc.data_prep.chunks.CHUNK_BYTES", 1)
    return shard(workplace, "first", "0/2"), shard(workplace, "second", "1/2")


def shard(workplace: Workplace, name: str, part: str, *options: str, source: str = "dureader") -> Path:
    file = workplace.write(FORMATS[source].data(), f"{source}.json")
    out = workplace.folder / name
    arguments = ["prepare", FORMATS[source].dataset, str(file), "--out", str(out), "--shard", part, "--json", *options]
    assert run(arguments) == 0
    workplace.forget()
    return out


def merge(workplace: Workplace, *folders: Path) -> str:
    return workplace.refusal("--merge", *folders, "--out", workplace.out)


def test_folders_that_are_no_shards(workplace: Workplace, shards: tuple[Path, Path]) -> None:
    make = "make it with --shard I/N"
    assert merge(workplace, shards[0], workplace.folder / "no") == f"no: is no shard (it holds no shard.json); {make}"
    file = workplace.write(b"")
    assert merge(workplace, file, shards[0]) == f"f.json: is no shard (it holds no shard.json); {make}"
    workplace.accepted("dureader", workplace.folder / "dureader.json")
    assert merge(workplace, workplace.out, *shards) == f"out: is no shard (it holds no shard.json); {make}"


def test_shard_missing_or_given_twice(workplace: Workplace, shards: tuple[Path, Path]) -> None:
    first, second = shards
    twice = "shard {}/2 is given twice; give each shard once"
    assert merge(workplace, first, first) == twice.format(0)
    assert merge(workplace, second, first, second) == twice.format(1)
    copy = shutil.copytree(second, workplace.folder / "copy")
    assert merge(workplace, first, second, copy) == twice.format(1)
    thirds = [shard(workplace, f"third{number}", f"{number}/3") for number in (0, 2)]
    assert merge(workplace, *thirds) == "shard 1/3 is missing; give the folders of all shards"


@pytest.mark.parametrize(
    ("part", "options", "source", "differing"),
    [
        ("1/2", ["--seed", "5"], "dureader", "seed"),
        ("1/2", ["--no-lowercase", "--split", "80/10/10"], "dureader", "lowercase, split, parts"),
        ("1/2", ["--min-match", "0.3"], "dureader", "options"),
        ("1/3", [], "dureader", "number of shards"),
    ],
)
def test_shards_of_different_preparations(
    workplace: Workplace, shards: tuple[Path, Path], part: str, options: list[str], source: str, differing: str
) -> None:
    other = shard(workplace, "other", part, *options, source=source)
    assert merge(workplace, shards[0], other) == (
        f"other: is a shard of another preparation than {shards[0].name} (they differ in {differing}); {SAME}"
    )


def test_shards_of_different_datasets_and_changed_files(workplace: Workplace, shards: tuple[Path, Path]) -> None:
    other = shard(workplace, "other", "1/2", source="msmarco 1.1")
    assert merge(workplace, shards[0], other) == (
        f"other: is a shard of another preparation than first (they differ in dataset, inputs, version); {SAME}"
    )
    workplace.write(FORMATS["dureader"].data(0, "question", "x"), "dureader.json")
    later = workplace.folder / "later"
    code = run(["prepare", "dureader", str(workplace.folder / "dureader.json"), "--out", str(later), "--shard", "1/2"])
    workplace.forget()
    assert code == 0
    assert merge(workplace, shards[0], later) == (
        f"later: is a shard of another preparation than first (they differ in inputs); {SAME}"
    )


PREPARE = "prepare this shard again"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("kind", "ham-mrc run"), "is not a shard of ham-mrc; prepare it again"),
        (("tool", "0.0.1"), "made by ham-mrc 0.0.1; this is "),
        (("schema", 99), "made by ham-mrc "),
        (("shard", MISSING), 'has no "shard"; a list is due there'),
        (("shard", [1]), f"is damaged; {PREPARE}"),
        (("shard", ["1", 2]), f"is damaged; {PREPARE}"),
        (("chunks", None), '"chunks" is null where a whole number is due'),
        (("request", MISSING), 'has no "request"; an object is due there'),
        (("request", "seed", MISSING), f"is damaged; {PREPARE}"),
        (("request", "depth", 3), f"is damaged; {PREPARE}"),
        (("parts", {}), '"parts" is an object where a list is due'),
        (("null_position", None), '"null_position" is null where true or false is due'),
    ],
)
def test_damaged_description(
    workplace: Workplace, shards: tuple[Path, Path], steps: tuple[Any, ...], expected: str
) -> None:
    file = shards[1] / "shard.json"
    file.write_text(json.dumps(changed(json.loads(file.read_bytes()), *steps)))
    for folders in (shards, shards[::-1]):
        assert merge(workplace, *folders).startswith(f"second/shard.json: {expected}")


@pytest.mark.parametrize("data", [b"", b"[]", b"{"])
def test_description_that_is_none(workplace: Workplace, shards: tuple[Path, Path], data: bytes) -> None:
    (shards[1] / "shard.json").write_bytes(data)
    says = {b"": "is empty; a JSON document", b"[]": "is not a shard of ham-mrc", b"{": "is not JSON"}[data]
    assert says in merge(workplace, *shards)


def flipped(data: bytes) -> bytes:
    return data[:300] + bytes([data[300] ^ 1]) + data[301:]


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:99], lambda data: data[:-1], lambda data: b"PK\x03\x04", flipped, None],
    ids=["empty", "begun", "cut off", "zip of nothing", "a bit flipped", "gone"],
)
def test_damaged_portion(
    workplace: Workplace, shards: tuple[Path, Path], damage: Callable[[bytes], bytes] | None
) -> None:
    file = shards[1] / "000003.npz"
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage(file.read_bytes()))
    assert merge(workplace, *shards) == f"second/000003.npz: is missing or damaged; {PREPARE}"
