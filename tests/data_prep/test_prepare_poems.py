"""The preparation of poems as a whole: its counts, its refusals, and the real collection where it is at hand."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pytest
from poem_builders import nonsense, prepared, write_poems, write_taxonomy

from ham_mrc.data_prep.poem_folder import PARTS, open_poems
from ham_mrc.data_prep.poem_segments import Segmenter
from ham_mrc.data_prep.prepare_poems import PoemRequest, prepare_poems
from ham_mrc.errors import HamError

POEMS = nonsense(80, seed=3)


def test_everything_that_was_read_is_accounted_for(tmp_path: Path) -> None:
    twice = {**POEMS[0], "id": "again"}
    folder = prepared(tmp_path, [*POEMS, twice, {"lines": ["短"] * 4}, {"lines": ["moonlit"] * 4}, {}])
    manifest = folder.manifest
    assert manifest["read"] == 84
    assert manifest["dropped"] == {"length": 1, "no_lines": 1, "not_han": 1, "repeated": 1}
    kept = sum(part["poems"] for part in manifest["parts"].values())
    assert kept + manifest["shared_lines"] == 80
    for part in PARTS:
        poems = [one.poem for one in folder.poems(part)]
        counts = manifest["parts"][part]
        assert counts["poems"] == len(poems) == counts["poems_5"] + counts["poems_7"]
        assert counts["triples"] == 4 * len(poems)
        assert counts["characters"] == sum(4 * poem.length for poem in poems)
        assert counts["tang"] == sum(poem.dynasty == "tang" for poem in poems)


def test_what_it_was_made_of_is_recorded(tmp_path: Path) -> None:
    manifest = prepared(tmp_path, POEMS, seed=4, balanced=True, strict=True).manifest
    assert (manifest["schema"], manifest["kind"], manifest["seed"]) == (1, "ham-mrc poems", 4)
    assert (manifest["split"], manifest["strict"]) == ("balanced", True)
    assert [item["part"] for item in manifest["inputs"]] == ["poems", "taxonomy"]
    # The checksum of the taxonomy as `sha256sum` prints it.
    import hashlib

    assert manifest["inputs"][1]["sha256"] == hashlib.sha256((tmp_path / "themes.txt").read_bytes()).hexdigest()
    assert manifest["taxonomy"] == {"themes": 4, "phrases": 11, "dropped": 1, "repeated": 1}


def test_lines_are_cut_by_what_the_training_lines_count(tmp_path: Path) -> None:
    """Counting valid and test lines too would cut some lines elsewhere: the test part would have been learnt from."""
    draw = random.Random(5)
    poems = [
        {"id": f"{n}", "lines": ["".join(draw.choices("天地玄黄宇宙洪荒日月", k=5)) for _ in range(4)]}
        for n in range(60)
    ]
    folder = prepared(tmp_path, poems, taxonomy=False)
    parts = {part: folder.poems(part) for part in PARTS}
    lines = {part: [line for one in some for line in one.poem.lines] for part, some in parts.items()}
    cut = Segmenter(lines["train"])
    for part, some in parts.items():
        assert [segments for one in some for segments in one.segments] == cut.segments(lines[part])
    leaking = Segmenter([line for some in lines.values() for line in some])
    assert leaking.segments(lines["test"]) != cut.segments(lines["test"])


def test_medians_of_references(tmp_path: Path) -> None:
    folder = prepared(tmp_path, POEMS)
    poems, references = folder.poems("test"), folder.references("test")
    for length in (5, 7):
        for line in (1, 2, 3):
            sizes = sorted(
                len(found.lines[line])
                for one, found in zip(poems, references, strict=True)
                if one.poem.length == length
            )
            middle = (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2 if sizes else None
            assert folder.manifest["references"]["test"][str(length)][str(line)] == middle


@pytest.mark.parametrize("strict", [True, False])
def test_nothing_is_left_where_it_fails(tmp_path: Path, strict: bool) -> None:
    poems = write_poems(tmp_path / "p", [*POEMS[:10], {"lines": ["短"] * 4}])
    out = tmp_path / "out"
    said = "p, line 11: has lines of 1 characters" if strict else "10 poems cannot be split"
    with pytest.raises(HamError, match=said):
        prepare_poems(PoemRequest(poems, out, strict=strict))
    assert {path.name for path in tmp_path.iterdir()} == {"p"}


def test_a_finished_folder_is_kept_unless_forced(tmp_path: Path) -> None:
    folder = prepared(tmp_path, POEMS)
    before = (folder.path / "manifest.json").stat().st_mtime_ns
    with pytest.raises(HamError, match="already holds a finished result"):
        prepared(tmp_path, POEMS)
    assert (folder.path / "manifest.json").stat().st_mtime_ns == before
    assert prepared(tmp_path, POEMS, seed=9, force=True).manifest["seed"] == 9


def test_inputs_that_are_no_files(tmp_path: Path) -> None:
    poems, themes = write_poems(tmp_path / "p", POEMS), write_taxonomy(tmp_path / "t")
    for request, said in [
        (PoemRequest(tmp_path / "none", tmp_path / "out"), "none: no such file"),
        (PoemRequest(poems, tmp_path / "out", tmp_path / "none"), "none: no such file"),
        (PoemRequest(poems, tmp_path / "out", tmp_path), "is a folder, not a file"),
        (PoemRequest(Path("-"), tmp_path / "out"), "-: is read twice by prepare, which a pipe cannot be"),
        (PoemRequest(themes, tmp_path / "out", poems), "p, line 1: has 1 columns, not 3"),
        (PoemRequest(themes, tmp_path / "out"), "t, line 1: is not JSON"),
    ]:
        with pytest.raises(HamError, match=said):
            prepare_poems(request)


def test_the_real_collection(shared_data: Path, tmp_path: Path) -> None:
    poems, taxonomy = shared_data / "poems" / "quatrains.jsonl.gz", shared_data / "poems" / "shixuehanying.txt"
    if not poems.is_file() or not taxonomy.is_file():
        pytest.skip("the collection of poems is not here")
    # A slice of it, for the whole takes half a minute: the first 6,000 poems, plain.
    import gzip

    with gzip.open(poems, "rt", encoding="utf-8") as stream:
        head = "".join(line for line, _ in zip(stream, range(6000), strict=False))
    (tmp_path / "head.jsonl").write_text(head, "utf-8")
    manifest = prepare_poems(PoemRequest(tmp_path / "head.jsonl", tmp_path / "out", taxonomy, strict=True))
    assert manifest["read"] == 6000
    assert manifest["dropped"] == {}
    assert [manifest["parts"][part]["poems"] for part in ("valid", "test")] == [2000, 2000]
    assert manifest["taxonomy"]["themes"] == 1016  # 1,024 rows, eight of which repeat a heading
    folder = open_poems(tmp_path / "out")
    lines = [{line for one in folder.poems(part) for line in one.poem.lines} for part in PARTS]
    assert all(one.isdisjoint(other) for one, other in combinations(lines, 2))
    assert 30 < manifest["segments"]["rounds"] < 100
