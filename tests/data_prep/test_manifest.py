"""manifest.json: it comes back as it was, and a folder of another make is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.data_prep.manifest import Manifest, PartCounts
from ham_mrc.errors import HamError

MANIFEST = Manifest(
    dataset="squad",
    version="1.1",
    tokenizer="words-v1",
    lowercase=True,
    seed=13,
    reading={"layout": "joined"},
    split={"rule": "90/10", "by": "question"},
    settings={"limit": None},
    inputs=[{"part": "split", "file": "a.json", "bytes": 5, "sha256": "00"}],
    parts={"train": PartCounts(5, 3, {"no_answer": 2}), "dev": PartCounts(4, 4, unlabelled={"no_answer": 1})},
    vocabulary={"words": 9, "trained": 4, "sha256": "11"},
)


def test_manifest_comes_back(tmp_path: Path) -> None:
    MANIFEST.save(tmp_path)
    assert Manifest.load(tmp_path) == MANIFEST
    content = json.loads((tmp_path / "manifest.json").read_bytes())
    assert list(content)[:3] == ["schema", "kind", "tool"]
    assert content["parts"]["train"]["dropped"] == {"no_answer": 2}


def test_labelled_are_those_kept_with_a_span() -> None:
    assert MANIFEST.parts["train"].labelled == 3
    assert MANIFEST.parts["dev"].labelled == 3


def changed(**changes: Any) -> dict[str, Any]:
    return {**MANIFEST.to_json(), **changes}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([], "is not a manifest of ham-mrc; prepare again"),
        ({"name": "other tool"}, "is not a manifest of ham-mrc; prepare again"),
        (
            changed(schema=0, tool="0.0.9"),
            "made by ham-mrc 0.0.9, manifest schema 0; this is ham-mrc 0.1.0, schema 2; prepare again",
        ),
        (changed(parts=[]), "is incomplete ('list' object has no attribute 'items'); prepare again"),
        ({k: v for k, v in changed().items() if k != "seed"}, "is incomplete ('seed'); prepare again"),
    ],
)
def test_other_manifests_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, text: str) -> None:
    monkeypatch.setattr("ham_mrc.data_prep.manifest.__version__", "0.1.0")
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(HamError) as caught:
        Manifest.load(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'manifest.json'}: {text}"


def test_folder_without_a_manifest(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(HamError) as caught:
            Manifest.load(folder)
        assert str(caught.value) == (
            f"{folder}: is no prepared folder (it holds no manifest.json); make one with ham-mrc prepare"
        )
