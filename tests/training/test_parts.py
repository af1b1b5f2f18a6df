"""Parts: the part that is reported never chooses the epoch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ham_mrc.errors import HamError
from ham_mrc.training.parts import Parts, open_parts


def roles(parts: Parts) -> dict[str, object]:
    return {name: getattr(parts, name) for name in ("chooser", "reported", "watched", "predicted")}


def test_without_a_test_part(river_data: Path) -> None:
    parts = open_parts(river_data)
    assert roles(parts) == {
        "chooser": "choice",
        "reported": "dev",
        "watched": ["choice", "dev"],
        "predicted": ["dev"],
    }
    assert len(parts.train) == 24
    assert parts.references.keys() == {"choice", "dev"}


def test_with_a_test_part(prepared_rivers: Path) -> None:
    assert roles(open_parts(prepared_rivers)) == {
        "chooser": "dev",
        "reported": "test",
        "watched": ["dev"],
        "predicted": ["dev", "test"],
    }


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("train", "holds no train part; prepare it with --split or --dev"),
        ("dev", "holds no dev part; prepare it with --split or --dev"),
        ("choice", "holds neither a choice nor a test part beside dev; prepare again"),
    ],
)
def test_a_part_is_missing(tmp_path: Path, river_data: Path, part: str, message: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(river_data, data, ignore=lambda folder, names: {part} & set(names))
    with pytest.raises(HamError) as caught:
        open_parts(data)
    assert str(caught.value) == f"{data}: {message}"
