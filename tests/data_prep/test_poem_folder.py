"""A prepared folder of poems: all that was put in comes out, and what is no such folder is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from poem_builders import nonsense, prepared, write_poems
from preparing import content

from ham_mrc.data_prep.poem_folder import PARTS, PoemFolder, open_poems
from ham_mrc.data_prep.poem_vocab import UNK, rank_symbols
from ham_mrc.errors import HamError

POEMS = nonsense(100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PoemFolder:
    """Do not write to it."""
    return prepared(tmp_path_factory.mktemp("poems"), POEMS, seed=5)


def test_every_poem_is_in_one_part_as_it_was(folder: PoemFolder) -> None:
    given = {poem["id"]: poem for poem in POEMS}
    found = [one for part in PARTS for one in folder.poems(part)]
    assert len({one.poem.id for one in found}) == len(found) == 100 - folder.manifest["shared_lines"]
    for one in found:
        poem = given[one.poem.id]
        assert list(one.poem.lines) == poem["lines"]
        assert (one.poem.author, one.poem.title, one.poem.dynasty) == (poem["author"], "无题", poem["dynasty"])
        assert ["".join(segments) for segments in one.segments] == poem["lines"]
        assert all(word in segments for word, segments in zip(one.keywords, one.segments, strict=True))


def test_triples_are_of_the_poems_in_their_rows(folder: PoemFolder) -> None:
    for part in PARTS:
        poems, triples = folder.poems(part), folder.triples(part)
        assert np.bincount(triples.poem).tolist() == [4] * len(poems)
        for row in range(len(triples.poem)):
            poem = poems[triples.poem[row]]
            line = poem.poem.lines[triples.position[row] - 1]
            assert triples.line[row, : triples.length[row]].tolist() == folder.characters.encode(line)
            keyword = triples.keyword[row, : triples.keyword_length[row]].tolist()
            assert keyword == folder.characters.encode(poem.keywords[triples.position[row] - 1])


def test_the_vocabulary_sees_training_lines_only(tmp_path: Path) -> None:
    poems = nonsense(60)
    for poem in poems:  # each poem has a character that no other has
        poem["lines"][3] = chr(0x5000 + int(poem["id"][2:])) + poem["lines"][3][1:]
    folder = prepared(tmp_path, poems)
    lines = [line for one in folder.poems("train") for line in one.poem.lines]
    assert folder.characters.symbols == rank_symbols(lines).symbols
    for part in ("valid", "test"):
        firsts = [folder.characters.encode(one.poem.lines[3][0]) for one in folder.poems(part)]
        assert firsts == [[UNK]] * 6
        assert folder.manifest["parts"][part]["unknown"] == 6


def test_segments_are_those_of_training_lines_best_first(folder: PoemFolder) -> None:
    train = {word for one in folder.poems("train") for line in one.segments for word in line}
    assert set(folder.segments) <= train
    assert list(folder.segments.values()) == sorted(folder.segments.values(), reverse=True)


def test_known_lines(folder: PoemFolder) -> None:
    for one in folder.poems("train"):
        for line in one.poem.lines:
            assert (one.poem.author, one.poem.title) in folder.known_lines[line]
    assert folder.poems("test")[0].poem.lines[0] not in folder.known_lines


def test_references_and_taxonomy(folder: PoemFolder) -> None:
    assert folder.taxonomy is not None
    assert folder.taxonomy.theme_of("故人") == ["别"]
    references = folder.references("test")
    assert len(references) == len(folder.poems("test")) == 10
    for one, found in zip(folder.poems("test"), references, strict=True):
        assert [found.lines[line][0] for line in (1, 2, 3)] == list(one.poem.lines[1:])
    assert max(len(found.lines[1]) for found in references) > 3


def test_without_a_taxonomy(tmp_path: Path) -> None:
    folder = prepared(tmp_path, POEMS, taxonomy=False)
    assert folder.taxonomy is None
    assert folder.manifest["references"] is None
    with pytest.raises(HamError) as raised:
        folder.references("test")
    assert str(raised.value) == (
        f"{tmp_path / 'prepared'}: was made without a taxonomy, which says what lines can stand for each other; "
        "ask for single references, or prepare again with --taxonomy"
    )


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "poems.jsonl").touch()
    one = content(prepared(tmp_path, POEMS, seed=1).path)
    again = content(prepared(tmp_path, POEMS, seed=1, force=True).path)
    assert one == again
    other = content(prepared(tmp_path, POEMS, seed=2, force=True).path)
    assert set(other) == set(one)
    assert other["poems/test.jsonl"] != one["poems/test.jsonl"]


def refused(path: Path) -> str:
    with pytest.raises(HamError) as raised:
        open_poems(path)
    return str(raised.value)


def test_what_is_no_prepared_folder_is_refused(tmp_path: Path) -> None:
    said = f"{tmp_path}: is no prepared folder of poems (it holds no manifest.json); make one with ham-mrc poem prepare"
    assert refused(tmp_path) == said
    manifest = tmp_path / "manifest.json"
    for value in ([], {"kind": "ham-mrc prepared", "schema": 2}):
        manifest.write_text(json.dumps(value))
        assert "manifest.json: is not a manifest of prepared poems; make one" in refused(tmp_path)
    manifest.write_text(json.dumps({"kind": "ham-mrc poems", "schema": 9, "tool": "7.0"}))
    assert "made by ham-mrc 7.0, manifest schema 9; this is ham-mrc" in refused(tmp_path)
    manifest.write_text(json.dumps({"kind": "ham-mrc poems", "schema": 1, "seed": 0, "split": "random"}))
    assert "manifest.json: is incomplete (inputs is missing); prepare again" in refused(tmp_path)


ASKED: dict[str, Callable[[PoemFolder], object]] = {
    "poems/train.jsonl": lambda folder: folder.poems("train"),
    "poems/test.jsonl": lambda folder: folder.poems("test"),
    "segments.jsonl": lambda folder: folder.segments,
    "taxonomy.jsonl": lambda folder: folder.taxonomy,
    "references/themes.jsonl": lambda folder: folder.references("test"),
    "references/valid.jsonl": lambda folder: folder.references("valid"),
}
"""Every file that is read line by line, and who asks for it."""


def test_damage_is_named(tmp_path: Path) -> None:
    path = prepared(tmp_path, POEMS).path
    test = path / "poems" / "test.jsonl"
    lines = test.read_text("utf-8").splitlines(keepends=True)
    test.write_text("".join(lines[1:]), "utf-8")
    with pytest.raises(HamError, match=r"test.jsonl: holds 9 rows and not the 10 of the manifest; prepare again"):
        open_poems(path).poems("test")
    write_poems(test, [{"id": "x"}] * 10)
    with pytest.raises(HamError, match=r"test.jsonl: is damaged \('segments'\); prepare again"):
        open_poems(path).poems("test")
    (path / "vocab.txt").write_text((path / "vocab.txt").read_text("utf-8") + "甲\n", "utf-8")
    with pytest.raises(HamError, match=r"vocab.txt: is not the table of characters that was written here"):
        _ = open_poems(path).characters


@pytest.mark.parametrize("name", ASKED)
def test_every_file_is_checked_before_it_is_needed(tmp_path: Path, name: str) -> None:
    path = prepared(tmp_path, POEMS).path
    open_poems(path).check()
    whole = (path / name).read_bytes()
    (path / name).unlink()
    for look in (ASKED[name], PoemFolder.check):
        with pytest.raises(HamError, match=f"{name}: no such file; prepare again"):
            look(open_poems(path))
    (path / name).write_bytes(b'{"theme": 5}\n')
    with pytest.raises(HamError, match=r"is damaged \(.*\); prepare again"):
        open_poems(path).check()
    (path / name).write_bytes(whole[: whole.index("春".encode()) + 1])
    with pytest.raises(HamError, match=rf"{name}, line \d+: is not UTF-8 \(byte \d+\); prepare again"):
        open_poems(path).check()
