"""The whole preparation: what each part holds and shares, what repeats to the byte, and real files."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from preparing import TRICKY, content, gold_text, run, words_of
from squad_builders import rivers

from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.prepare import encode_file
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.squad import read_squad
from ham_mrc.files import sha256
from ham_mrc.text import tokenize


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({}, {"train": 49, "dev": 6, "choice": 5}),
        ({"split": "80/10/10"}, {"train": 48, "dev": 6, "test": 6}),
        ({"split": "80/10/10", "split_by": "passage"}, {"train": 50, "dev": 5, "test": 5}),
        ({"split": "50/25/25", "split_by": "article"}, {"train": 30, "dev": 15, "test": 15}),
        ({"limit": 20}, {"train": 16, "dev": 2, "choice": 2}),
    ],
)
def test_parts_of_a_split(tmp_path: Path, rivers_file: Path, settings: dict[str, Any], parts: dict[str, int]) -> None:
    manifest = run(tmp_path / "out", rivers_file, **settings)
    assert {part: counts.kept for part, counts in manifest.parts.items()} == parts
    columns = {part: Columns.open(tmp_path / "out" / part) for part in parts}
    everything = [name for part in columns.values() for name in part.ids]
    assert len(everything) == len(set(everything)) == settings.get("limit", 60)
    passages = {part: {c.passage_text(row) for row in range(len(c.passage_offsets) - 1)} for part, c in columns.items()}
    by = settings.get("split_by", "question")
    for part in parts.keys() - {"train"}:
        assert manifest.parts[part].passages_in_train == len(passages[part] & passages["train"])
        assert (by == "question") == bool(passages[part] & passages["train"])
        shared = sum(columns[part].passage_text(row) in passages["train"] for row in columns[part].question_passage)
        assert manifest.parts[part].questions_on_train_passages == shared
        if by == "article":
            assert not {name[:2] for name in columns[part].ids} & {name[:2] for name in columns["train"].ids}


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"dev": "d"}, {"train": 54, "dev": 22, "choice": 6}),
        ({"dev": "d", "test": "d"}, {"train": 60, "dev": 22, "test": 22}),
        ({"test": "d"}, {"train": 54, "dev": 6, "test": 22}),
        ({"test": "d", "split": "70/30"}, {"train": 42, "dev": 18, "test": 22}),
    ],
)
def test_official_files(tmp_path: Path, rivers_file: Path, settings: dict[str, str], parts: dict[str, int]) -> None:
    settings = {key: str(TRICKY) if value == "d" else value for key, value in settings.items()}
    manifest = run(tmp_path / "out", rivers_file, **settings)
    assert {part: counts.read for part, counts in manifest.parts.items()} == parts


def test_evaluation_file_that_is_also_the_training_file_is_noticed(tmp_path: Path, rivers_file: Path) -> None:
    dev = run(tmp_path / "out", rivers_file, dev=rivers_file).parts["dev"]
    assert (dev.passages, dev.passages_in_train) == (12, 12)
    assert (dev.questions_on_train_passages, dev.ids_in_train) == (60, 54)


def test_one_question_in_two_inputs_is_kept_once(tmp_path: Path, rivers_file: Path) -> None:
    manifest = run(tmp_path / "out", rivers_file, rivers_file, split="80/10/10")
    assert {p: (c.read, c.kept, c.dropped) for p, c in manifest.parts.items()} == {
        "train": (96, 48, {"duplicate_id": 48}),
        "dev": (12, 6, {"duplicate_id": 6}),
        "test": (12, 6, {"duplicate_id": 6}),
    }


def test_same_request_same_bytes(tmp_path: Path, rivers_file: Path) -> None:
    for out in ("a", "b"):
        run(tmp_path / out, rivers_file)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_order_of_the_file_changes_no_part_and_no_word(
    tmp_path: Path, write_squad: Callable[..., Path], rivers_file: Path
) -> None:
    document = rivers()
    generator = random.Random(1)
    generator.shuffle(document["data"])
    for article in document["data"]:
        generator.shuffle(article["paragraphs"])
        for paragraph in article["paragraphs"]:
            generator.shuffle(paragraph["qas"])
    shuffled = write_squad(document, "shuffled.json.gz")
    assert shuffled.read_bytes() != rivers_file.read_bytes()
    for by in ("question", "passage", "article"):
        one = run(tmp_path / f"one-{by}", rivers_file, split_by=by, split="50/25/25")
        two = run(tmp_path / f"two-{by}", shuffled, split_by=by, split="50/25/25")
        assert one.vocabulary == two.vocabulary
        for part in one.parts:
            ids = [set(Columns.open(tmp_path / f"{name}-{by}" / part).ids) for name in ("one", "two")]
            assert ids[0] == ids[1]


def test_columns_hold_the_tokens_of_the_texts(tmp_path: Path, rivers_file: Path) -> None:
    manifest = run(tmp_path / "out", rivers_file, min_count=3)
    vocabulary = manifest.load_vocabulary(tmp_path / "out" / "vocab.txt")
    assert len(vocabulary) == manifest.vocabulary["words"]
    train: Counter[str] = Counter()
    everywhere: Counter[str] = Counter()
    for part in manifest.parts:
        columns = Columns.open(tmp_path / "out" / part)
        for i in range(len(columns)):
            question, passage = words_of(columns, vocabulary, i)
            assert question == [word.lower() for word in tokenize(columns.question_text(i)).words]
            text = columns.passage_text(columns.question_passage[i])
            assert passage == [word.lower() for word in tokenize(text).words]
        words = [vocabulary.words[n] for n in (*columns.passage_tokens, *columns.question_tokens)]
        everywhere.update(words)
        train.update(words if part == "train" else [])
    trained = sorted((word for word in train if train[word] >= 3), key=lambda word: (-train[word], word))
    rest = sorted(everywhere.keys() - set(trained), key=lambda word: (-everywhere[word], word))
    assert vocabulary.words == ["<pad>", "<unk>", *trained, *rest]
    assert vocabulary.trained == 2 + len(trained)
    assert len({everywhere[word] for word in rest}) > 1


def test_question_that_was_dropped_still_takes_its_id(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    """Which of two questions with one id is meant cannot be known, so the first decides, good or not."""
    document = rivers(articles=1, paragraphs=1, questions=2)
    first, second = document["data"][0]["paragraphs"][0]["qas"]
    first["answers"] = []
    second["id"] = first["id"]
    document["data"] += rivers(articles=2)["data"][1:]
    path = write_squad(document)
    train = run(tmp_path / "out", path, dev=path, test=path).parts["train"]
    assert train.dropped == {"duplicate_id": 1, "no_answer": 1}


def test_case_is_kept_on_demand(tmp_path: Path, rivers_file: Path) -> None:
    for lowercase in (True, False):
        manifest = run(tmp_path / f"{lowercase}", rivers_file, lowercase=lowercase)
        words = set(manifest.load_vocabulary(tmp_path / f"{lowercase}" / "vocab.txt").words)
        assert ("How" in words, "how" in words) == (not lowercase, lowercase)


def test_vocabulary_size_bounds_the_trained_words_only(tmp_path: Path, rivers_file: Path) -> None:
    free = run(tmp_path / "free", rivers_file).vocabulary
    bound = run(tmp_path / "bound", rivers_file, vocab_size=5).vocabulary
    assert bound["trained"] == 7 < free["trained"]
    assert bound["words"] == free["words"]


def test_each_passage_is_stored_once_a_part(tmp_path: Path, rivers_file: Path) -> None:
    run(tmp_path / "out", rivers_file, split_by="passage", split="80/10/10")
    columns = Columns.open(tmp_path / "out" / "train")
    texts = [columns.passage_text(row) for row in range(len(columns.passage_offsets) - 1)]
    assert len(texts) == len(set(texts)) == 10
    assert len(columns) == 50


def test_manifest_tells_all(tmp_path: Path, rivers_file: Path) -> None:
    manifest = run(tmp_path / "out", rivers_file, dev=TRICKY, seed=7, limit=50)
    assert Manifest.load(tmp_path / "out") == manifest
    assert manifest.inputs == [
        {
            "part": part,
            "file": str(path),
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
        }
        for part, path in (("split", rivers_file), ("dev", TRICKY))
    ]
    assert (manifest.seed, manifest.settings["limit"], manifest.split) == (
        7,
        50,
        {"rule": "official", "by": "question"},
    )
    assert all(c.read == c.kept + sum(c.dropped.values()) for c in manifest.parts.values())


def test_raw_file_is_encoded_with_a_known_vocabulary(tmp_path: Path, prepared_rivers: Path) -> None:
    manifest = Manifest.load(prepared_rivers)
    old = manifest.load_vocabulary(prepared_rivers / "vocab.txt")
    counts, new = encode_file("squad", TRICKY, old, tmp_path / "part")
    assert (counts.read, counts.kept, counts.dropped) == (22, 21, {"duplicate_id": 1})
    assert new.words[: len(old)] == old.words
    assert new.trained == old.trained
    columns = Columns.open(tmp_path / "part")
    assert [example.id for example in read_squad(TRICKY)][:-2] == columns.ids[:-1]
    for i in range(len(columns)):
        question, passage = words_of(columns, new, i)
        assert question == [word.lower() for word in tokenize(columns.question_text(i)).words]
        text = columns.passage_text(columns.question_passage[i])
        assert passage == [word.lower() for word in tokenize(text).words]


def test_raw_file_is_cut_where_prediction_says(tmp_path: Path, prepared_rivers: Path) -> None:
    old = Manifest.load(prepared_rivers).load_vocabulary(prepared_rivers / "vocab.txt")
    counts, _ = encode_file("squad", TRICKY, old, tmp_path / "part", max_passage_tokens=5, max_question_tokens=2)
    assert counts.cut_passages == 3
    columns = Columns.open(tmp_path / "part")
    assert max(columns.passage_offsets[1:] - columns.passage_offsets[:-1]) == 5
    assert max(columns.question_offsets[1:] - columns.question_offsets[:-1]) == 2


def test_encoding_raw_equals_preparing(tmp_path: Path, rivers_file: Path) -> None:
    """Trap 17: training and evaluation texts take the same way, so a prepared part and its raw file agree."""
    manifest = run(tmp_path / "out", rivers_file, dev=TRICKY)
    vocabulary = manifest.load_vocabulary(tmp_path / "out" / "vocab.txt")
    encode_file("squad", TRICKY, vocabulary, tmp_path / "part")
    prepared = content(tmp_path / "out" / "dev")
    prepared.pop("references.json")
    assert content(tmp_path / "part") == prepared


def test_real_files_together(tmp_path: Path, shared_data: Path) -> None:
    """Counts of the README beside the files: 7,267 + 11,877 + 7,938 questions, and 1,300 of other articles."""
    squad = shared_data / "squad"
    inputs = [squad / "shared-train-v1.1.json.gz", squad / "extra-train44-v1.1.json.gz"]
    manifest = run(
        tmp_path / "out",
        *inputs,
        shared_data / "squadshifts" / "new_wiki-v1.0.json.gz",
        dev=squad / "shared-dev-v1.1.json.gz",
    )
    parts = manifest.parts
    assert parts["train"].read + parts["choice"].read == 7267 + 11877 + 7938
    assert parts["choice"].read == round(0.1 * (7267 + 11877 + 7938))
    assert parts["train"].dropped.keys() == {"beyond_the_cut"}
    assert parts["train"].read == parts["train"].kept + parts["train"].dropped["beyond_the_cut"]
    assert (parts["dev"].read, parts["dev"].kept, parts["dev"].labelled) == (1300, 1300, 1300)
    assert (parts["dev"].passages, parts["dev"].passages_in_train, parts["dev"].ids_in_train) == (255, 0, 0)
    labelled = sum(counts.labelled for counts in parts.values())
    assert 100 * (1 - sum(counts.moved for counts in parts.values()) / labelled) > 99.3
    columns = Columns.open(tmp_path / "out" / "dev")
    answers = {example.id: example.answers[0].text for example in read_squad(squad / "shared-dev-v1.1.json.gz")}
    assert columns.ids == list(answers)
    assert all(answers[name].strip() in gold_text(columns, i) for i, name in enumerate(columns.ids))


def test_question_split_of_a_real_file_shares_its_passages(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "squad" / "shared-train-v1.1.json.gz"
    by_question = run(tmp_path / "q", path).parts["dev"]
    assert by_question.read == 727
    assert by_question.questions_on_train_passages / by_question.read > 0.98  # readers.md measured 100% on such a file
    for by in ("passage", "article"):
        counts = run(tmp_path / by, path, split_by=by).parts["dev"]
        assert counts.passages_in_train == 0
        assert 0.9 * 727 <= counts.read <= 727
