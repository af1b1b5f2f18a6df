"""What is kept, dropped and cut, under which reason; and what `strict` says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from preparing import TRICKY, gold_text, run
from squad_builders import squad_document, squad_paragraph

from ham_mrc.data_prep.manifest import PartCounts
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.squad import read_squad
from ham_mrc.errors import HamError


def test_tricky_file_in_training(tmp_path: Path, rivers_file: Path) -> None:
    """Every fault of tests/data/squad_tricky.json is counted under its reason; the good ones keep their answers."""
    examples = {example.id: example for example in read_squad(TRICKY)}
    path = tmp_path / "train_all.json"
    path.write_bytes(TRICKY.read_bytes())
    # With dev and test given, nothing is split off: all of the file is training.
    counts = run(tmp_path / "out", path, dev=rivers_file, test=rivers_file).parts["train"]
    assert counts == PartCounts(
        read=22,
        kept=15,
        dropped={
            "duplicate_id": 1,
            "empty_question": 1,
            "empty_passage": 1,
            "no_answer": 2,
            "text_not_at_offset": 1,
            "no_token": 1,
        },
        moved=3,
        repaired=3,
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
    assert (counts.read, counts.kept, counts.labelled, counts.repaired) == (22, 21, 15, 3)
    assert counts.dropped == {"duplicate_id": 1}
    assert sum(counts.unlabelled.values()) == 6
    columns = Columns.open(tmp_path / "out" / "dev")
    unlabelled = {name for i, name in enumerate(columns.ids) if columns.start[i] == columns.end[i] == -1}
    assert unlabelled == {
        "over-the-end",
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
        ("good", "its id stands earlier in the same files"),
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
        f"{path}, question {name}: {text}; "
        "mend it, or leave out --strict, to have it repaired or dropped from training, and counted"
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
