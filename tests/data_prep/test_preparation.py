"""The whole preparation: what each part holds, what is counted, what repeats to the byte, what a stop leaves."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from squad_builders import rivers, squad_document, squad_paragraph

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.manifest import Manifest, PartCounts
from ham_mrc.data_prep.prepare import encode_file, prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.squad import read_squad
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.files import sha256
from ham_mrc.text import tokenize

TRICKY = Path(__file__).parents[1] / "data" / "squad_tricky.json"


def run(out: Path, *inputs: Path, **settings: Any) -> Manifest:
    return prepare(Request(dataset="squad", inputs=inputs, out=out, **settings))


def gold_text(columns: Columns, i: int) -> str:
    """The passage's own characters from the first to the last gold token."""
    row = columns.question_passage[i] + columns.answer_passage[i]
    first = columns.passage_offsets[row]
    start, end = columns.start[i], columns.end[i]
    return columns.passage_text(row)[
        columns.passage_char_starts[first + start] : columns.passage_char_ends[first + end]
    ]


def words_of(columns: Columns, vocabulary: Vocabulary, i: int) -> tuple[list[str], list[str]]:
    """The words of question i and of its first passage."""
    row = columns.question_passage[i]
    question = columns.question_tokens[columns.question_offsets[i] : columns.question_offsets[i + 1]]
    passage = columns.passage_tokens[columns.passage_offsets[row] : columns.passage_offsets[row + 1]]
    return [vocabulary.words[n] for n in question], [vocabulary.words[n] for n in passage]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What is kept and what is dropped


def test_tricky_file_in_training(tmp_path: Path, rivers_file: Path) -> None:
    """Every fault of tests/data/squad_tricky.json is counted under its reason; the good ones keep their answers."""
    examples = {example.id: example for example in read_squad(TRICKY)}
    path = tmp_path / "train_all.json"
    path.write_bytes(TRICKY.read_bytes())
    # With dev and test given, nothing is split off: all of the file is training.
    counts = run(tmp_path / "out", path, dev=rivers_file, test=rivers_file).parts["train"]
    assert counts == PartCounts(
        read=22,
        kept=12,
        dropped={
            "duplicate_id": 1,
            "empty_question": 1,
            "empty_passage": 1,
            "no_answer": 2,
            "no_offset": 1,
            "past_the_end": 1,
            "text_not_at_offset": 2,
            "no_token": 1,
        },
        moved=3,
        passages=4,
    )
    columns = Columns.open(tmp_path / "out" / "train")
    moved = {"inside-a-token": "1990s", "last-inside": "324m", "edge-space": "tower"}
    for i, name in enumerate(columns.ids):
        assert gold_text(columns, i) == moved.get(name, examples[name].answers[0].text)
    references = list(read_squad(tmp_path / "out" / "train" / "references.json"))
    assert [example.id for example in references] == columns.ids
    assert [example.answers for example in references] == [examples[name].answers for name in columns.ids]


def test_tricky_file_in_evaluation(tmp_path: Path, rivers_file: Path) -> None:
    """Only the second question of one id is dropped; those without a label stay, and all their answers score."""
    counts = run(tmp_path / "out", rivers_file, dev=TRICKY).parts["dev"]
    assert (counts.read, counts.kept, counts.labelled) == (22, 21, 12)
    assert counts.dropped == {"duplicate_id": 1}
    assert sum(counts.unlabelled.values()) == 9
    columns = Columns.open(tmp_path / "out" / "dev")
    unlabelled = {name for i, name in enumerate(columns.ids) if columns.start[i] == columns.end[i] == -1}
    assert unlabelled == {
        "past-the-end",
        "one-off",
        "over-the-end",
        "minus-one",
        "white-space",
        "empty-answer",
        "no-answers",
        "no-question",
        "no-passage",
    }
    references = {example.id: example for example in read_squad(tmp_path / "out" / "dev" / "references.json")}
    originals: dict[str, Any] = {}
    for example in read_squad(TRICKY):
        originals.setdefault(example.id, example)
    assert references == originals


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("past-the-end", "answer_start 17 is past the end of its passage (17 characters)"),
        ("one-off", 'its passage holds "ile " at answer_start 5, not "Nile"'),
        ("minus-one", "its answer has no answer_start, or a negative one"),
        ("no-answers", "it has no answer, or an empty one"),
        ("no-question", "its question holds no visible character"),
        ("no-passage", "its passage holds no visible character"),
        ("white-space", "its answer is white space and covers no token"),
        ("good", "its id stands earlier in the same part"),
    ],
)
@pytest.mark.parametrize("part", ["train", "dev"])
def test_strict_stops_at_a_fault_in_any_part(
    tmp_path: Path, write_squad: Callable[..., Path], rivers_file: Path, name: str, text: str, part: str
) -> None:
    tricky = json.loads(TRICKY.read_bytes())
    for article in tricky["data"]:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [q for q in paragraph["qas"] if q["id"] == name]
    path = write_squad(tricky, "one.json")
    files = {"train": (path, rivers_file), "dev": (rivers_file, path)}[part]
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", files[0], dev=files[1], test=rivers_file, strict=True)
    assert str(caught.value) == (
        f"{path}, question {name}: {text}; mend it, or leave out --strict, which drops it from training and counts it"
    )
    assert not (tmp_path / "out").exists()


def test_answer_beyond_the_cut(tmp_path: Path, write_squad: Callable[..., Path], rivers_file: Path) -> None:
    """Dropped in training, also with --strict, for the file is not at fault; kept in evaluation, which cuts later."""
    passage = " ".join(f"w{n}" for n in range(1200))
    questions = [("early", "q?", "w9"), ("edge", "q?", "w10"), ("late", "q?", "w999"), ("later", "q?", "w1000")]
    path = write_squad(squad_document({"T": [squad_paragraph(passage, *questions)]}), "long.json")
    train = run(tmp_path / "a", path, dev=rivers_file, test=rivers_file, max_passage_tokens=10, strict=True)
    assert train.parts["train"] == PartCounts(read=4, kept=1, dropped={"beyond_the_cut": 3}, passages=1, cut_passages=1)
    dev = run(tmp_path / "b", rivers_file, dev=path, max_passage_tokens=30)
    assert dev.parts["dev"] == PartCounts(read=4, kept=4, unlabelled={"beyond_the_cut": 1}, passages=1, cut_passages=1)
    columns = Columns.open(tmp_path / "b" / "dev")
    assert columns.end.tolist() == [9, 10, 999, -1]
    assert columns.passage_offsets.tolist() == [0, 1000]
    assert columns.passage_text(0) == passage
    # A training limit above 1000 holds for evaluation as well.
    assert run(tmp_path / "c", rivers_file, dev=path, max_passage_tokens=1100).parts["dev"].unlabelled == {}


def test_long_question_is_cut_and_counted(tmp_path: Path, write_squad: Callable[..., Path], rivers_file: Path) -> None:
    question = " ".join(f"w{n}" for n in range(70))
    path = write_squad(squad_document({"T": [squad_paragraph("The Nile", ("x", question, "Nile"))]}), "long.json")
    assert run(tmp_path / "a", path, dev=rivers_file, test=rivers_file).parts["train"].cut_questions == 1
    columns = Columns.open(tmp_path / "a" / "train")
    assert columns.question_offsets.tolist() == [0, 50]
    assert columns.question_text(0) == question
    assert run(tmp_path / "b", rivers_file, dev=path).parts["dev"].cut_questions == 0


def test_nothing_left_to_train(tmp_path: Path, write_squad: Callable[..., Path], rivers_file: Path) -> None:
    empty = [{"context": "", "qas": [{"id": f"x{n}", "question": "q", "answers": []}]} for n in range(9)]
    path = write_squad(squad_document({"T": empty}), "empty.json")
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", path, dev=rivers_file, test=rivers_file)
    assert str(caught.value) == ("no training question is left; dropped: its passage holds no visible character (9)")
    assert not (tmp_path / "out").exists()


# Parts


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


# The same again


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


# Columns, words, manifest


def test_columns_hold_the_tokens_of_the_texts(tmp_path: Path, rivers_file: Path) -> None:
    manifest = run(tmp_path / "out", rivers_file, min_count=3)
    vocabulary = manifest.load_vocabulary(tmp_path / "out" / "vocab.txt")
    assert len(vocabulary) == manifest.vocabulary["words"]
    counts: dict[str, int] = {}
    for part in manifest.parts:
        columns = Columns.open(tmp_path / "out" / part)
        for i in range(len(columns)):
            question, passage = words_of(columns, vocabulary, i)
            assert question == [word.lower() for word in tokenize(columns.question_text(i)).words]
            text = columns.passage_text(columns.question_passage[i])
            assert passage == [word.lower() for word in tokenize(text).words]
        if part == "train":
            for number in [*columns.passage_tokens, *columns.question_tokens]:
                counts[vocabulary.words[number]] = counts.get(vocabulary.words[number], 0) + 1
    trained = vocabulary.words[2 : vocabulary.trained]
    assert trained == sorted((w for w in counts if counts[w] >= 3), key=lambda w: (-counts[w], w))
    assert len(trained) < len(vocabulary) - 2


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


# Stops and full disks


class StoppingBar:
    def advance(self, count: int = 1, note: str = "") -> None:
        raise KeyboardInterrupt

    def say(self, text: str) -> None:
        raise AssertionError(text)


@pytest.mark.parametrize("stage", ["reading", "writing"])
def test_interrupted_preparation_leaves_nothing(tmp_path: Path, write_squad: Callable[..., Path], stage: str) -> None:
    @contextlib.contextmanager
    def progress(title: str, *, total: int | None = None, unit: str = "") -> Iterator[Any]:
        assert total == (None if title == "reading" else 500)
        yield StoppingBar() if title == stage else NoBar()

    path = write_squad(rivers(articles=10, paragraphs=5, questions=10))
    with pytest.raises(KeyboardInterrupt):
        prepare(Request(dataset="squad", inputs=(path,), out=tmp_path / "new" / "out"), progress)
    assert list((tmp_path / "new").iterdir()) == []


class NoBar:
    def advance(self, count: int = 1, note: str = "") -> None:
        pass

    def say(self, text: str) -> None:
        pass


@pytest.mark.parametrize("where", ["columns", "references", "sync"])
def test_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, rivers_file: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*values: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = {
        "columns": "ham_mrc.data_prep.shard_writer._Flat.extend",
        "references": "ham_mrc.data_prep.squad.ReferenceWriter._end_article",
        "sync": "os.fsync",
    }[where]
    monkeypatch.setattr(target, full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", rivers_file)
    assert str(caught.value) == (
        f"{tmp_path / 'out'}: cannot be written: the disk is full; nothing was left half written"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_folder_under_a_file_cannot_be_written(tmp_path: Path, rivers_file: Path) -> None:
    with pytest.raises(HamError) as caught:
        run(rivers_file / "out", rivers_file)
    assert str(caught.value) == (
        f"{rivers_file / 'out'}: cannot be written: a part of the path is a file, not a folder; "
        "nothing was left half written"
    )


def test_file_that_changes_between_the_passes(
    tmp_path: Path, rivers_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([rivers(), rivers(articles=5)])

    def read(path: Path) -> Any:
        rivers_file.write_text(json.dumps(next(readings)))
        return read_squad(path)

    monkeypatch.setitem(DATASETS, "squad", read)
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", rivers_file)
    assert str(caught.value) == f"{rivers_file}: changed while it was read; prepare again"


# Settings


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"limit": 0}, "--limit 0 is too small; at least 1 is due"),
        ({"max_passage_tokens": 0}, "--max-passage-tokens 0 is too small; at least 1 is due"),
        ({"min_count": -1}, "--min-count -1 is too small; at least 1 is due"),
        ({"split_by": "book"}, '--split-by "book" is unknown; use one of question, passage, article'),
        (
            {"dev": TRICKY, "split": "90/10"},
            "--split and --dev both say where dev comes from; leave one of them out",
        ),
        (
            {"test": TRICKY, "split": "80/10/10"},
            "--split 80/10/10 and --test both say where test comes from; give a split of two parts",
        ),
        ({"dataset": "sqaud"}, 'no dataset "sqaud"; did you mean "squad"?'),
        ({"dataset": "nothing"}, 'no dataset "nothing"; known: squad'),
        ({"inputs": ()}, "no INPUT is given; name at least one raw file"),
        ({"inputs": ("-",)}, "-: is read twice by prepare, which a pipe cannot be; save it to a file first"),
        ({"inputs": ("none.json",)}, "none.json: no such file"),
        ({"dev": "none.json"}, "none.json: no such file"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, settings: dict[str, Any], text: str) -> None:
    request = Request(**{"dataset": "squad", "inputs": (TRICKY,), "out": tmp_path / "out", **settings})
    with pytest.raises(HamError) as caught:
        prepare(request)
    assert str(caught.value) == text
    assert list(tmp_path.iterdir()) == []


def test_named_pipe_is_refused_before_it_is_emptied(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HamError, match="is read twice by prepare, which a pipe cannot be"):
        run(tmp_path / "out", tmp_path / "pipe")


def test_articles_without_a_title_cannot_be_split_by_title(tmp_path: Path, write_squad: Callable[..., Path]) -> None:
    document = squad_document({"": [squad_paragraph("The Nile", ("x1", "q", "Nile"))]})
    path = write_squad(document)
    with pytest.raises(HamError) as caught:
        run(tmp_path / "out", path, split_by="article")
    assert str(caught.value) == f'{path}, question x1: its article has no "title"; use --split-by passage'


# Raw files for prediction


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


# Real files


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
