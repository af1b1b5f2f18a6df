"""Pieces to parts: what parts share, against sets made of the columns themselves; ids that do not hang on chunks."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msmarco_builders import query
from preparing import words_of

from ham_mrc.data_prep import chunks
from ham_mrc.data_prep.characters import CHARACTERS, Alphabet
from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.shards import Columns

_RANDOM = random.Random(1)
WORDS = ["Nile", "nile", "Oder", "ist", "尼罗河", "😀", "1.5", "Ä", "of", "long"]
POOL = [f"{' '.join(_RANDOM.choices(WORDS, k=1 + number % 7))} {number}" for number in range(50)]


def write(path: Path, names: range, passages: slice) -> Path:
    """Queries whose passages come from a part of a small pool; one in ten has an answer that stands in none."""
    generator = random.Random(path.name)
    lines = []
    for name in names:
        texts = generator.choices(POOL[passages], k=generator.randint(1, 4))
        answer = "Amazon" if generator.random() < 0.1 else texts[-1]
        found = [{"passage_text": text, "is_selected": 0, "url": ""} for text in texts]
        question = " ".join(generator.choices(WORDS, k=3))
        lines.append(query(query_id=name, passages=found, answers=[answer], query=question))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def run(folder: Path, **settings: Any) -> tuple[Manifest, dict[str, Columns]]:
    """A preparation of 120 queries, with official dev and test parts that share some ids and passages with them."""
    inputs = (write(folder / "train.jsonl", range(120), slice(0, 30)),)
    dev = write(folder / "dev.jsonl", range(100, 160), slice(20, 40))
    test = write(folder / "test.jsonl", range(150, 180), slice(29, 50))
    request = Request(dataset="msmarco", inputs=inputs, dev=dev, test=test, out=folder / "out", **settings)
    manifest = prepare(request)
    return manifest, {part: Columns.open(folder / "out" / part) for part in manifest.parts}


def passages_of(columns: Columns, i: int, before: int) -> Iterator[str]:
    """The passages of question i, behind the row of the null position, if there is one."""
    first = int(columns.question_passage[i])
    for row in range(first + before, first + int(columns.question_passages[i])):
        yield columns.passage_text(row)


@pytest.mark.parametrize("size", [1, 3000, 1 << 20])
@pytest.mark.parametrize("yes_no", [False, True])
def test_what_parts_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, yes_no: bool) -> None:
    """However many chunks there are, and without the row of yes and no, which all questions share."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
    manifest, parts = run(tmp_path, options={"yes_no": yes_no})
    own = {part: [set(passages_of(columns, i, yes_no)) for i in range(len(columns))] for part, columns in parts.items()}
    everything = {part: set().union(*passages) for part, passages in own.items()}
    train = everything["train"]
    for part, counts in manifest.parts.items():
        assert counts.passages == len(everything[part])
        if part == "train":
            assert (counts.passages_in_train, counts.questions_on_train_passages, counts.ids_in_train) == (0, 0, 0)
            continue
        assert counts.passages_in_train == len(everything[part] & train)
        assert counts.questions_on_train_passages == sum(bool(passages & train) for passages in own[part])
        assert counts.ids_in_train == len(set(parts[part].ids) & set(parts["train"].ids))
    dev, test = manifest.parts["dev"], manifest.parts["test"]
    assert 0 < dev.passages_in_train < dev.passages
    assert 0 < dev.questions_on_train_passages < dev.kept
    assert (0 < dev.ids_in_train <= 20, test.passages_in_train, test.ids_in_train) == (True, 1, 0)
    assert Manifest.load(tmp_path / "out") == manifest


def everything_in(columns: Columns) -> Iterator[str]:
    """Each text that a part stores, once for each time that it is stored."""
    for row in range(len(columns.passage_offsets) - 1):
        yield columns.passage_text(row)
    for i in range(len(columns)):
        yield columns.question_text(i)


@pytest.mark.parametrize(("min_count", "known"), [(1, 29), (100, 20), (10_000, 0)])
def test_alphabet_is_of_the_training_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, min_count: int, known: int
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 5000)
    manifest, parts = run(tmp_path, min_count=min_count)
    counts = Counter("".join(everything_in(parts["train"])))
    often = [character for character in counts if counts[character] >= min_count and not character.isspace()]
    alphabet = Alphabet.load(tmp_path / "out" / CHARACTERS, sha256=manifest.vocabulary["characters_sha256"])
    assert alphabet.text == "".join(sorted(often, key=lambda character: (-counts[character], ord(character))))
    assert manifest.vocabulary["characters"] == len(often) == known


def told(folder: Path, parts: dict[str, Columns]) -> dict[str, Any]:
    """What a prepared folder says of each question, in words."""
    manifest = Manifest.load(folder)
    vocabulary = manifest.load_vocabulary(folder / "vocab.txt")
    return {
        part: [
            (
                name,
                words_of(columns, vocabulary, i),
                [*passages_of(columns, i, 0)],
                int(columns.start[i]),
                columns.facts(i),
            )
            for i, name in enumerate(columns.ids)
        ]
        for part, columns in parts.items()
    }


def test_borders_of_chunks_change_nothing_but_what_is_stored_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, size in (("small", 1), ("large", 1 << 30)):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
        manifest, parts = run(tmp_path / name)
        folder = tmp_path / name / "out"
        references = [(folder / part / "references.jsonl").read_bytes() for part in parts]
        words = set(manifest.load_vocabulary(folder / "vocab.txt").words)
        found.append((told(folder, parts), references, words, manifest.parts, manifest.vocabulary["words"]))
    assert found[0] == found[1]
