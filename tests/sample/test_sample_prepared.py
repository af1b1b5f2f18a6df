"""The sample files, each prepared as its dataset: the counts that documentation and demo lean on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.shards import Columns
from ham_mrc.sample import SAMPLES, sample_path

# Sample, dataset, version, and of the training part: questions read and dropped. Its README counts the questions.
WHOLE = [
    ("english", "squad", "1.1", 2400, {}),
    ("chinese", "cmrc", "1.1", 1200, {}),
    ("chinese-dureader", "dureader", "preprocessed", 597, {}),
    ("english-msmarco", "msmarco", "1.1", 754, {"impossible": 27, "below_min_match": 10}),
    ("english-msmarco-v2.1", "msmarco", "2.1", 754, {"impossible": 27, "below_min_match": 10}),
]


def test_every_sample_is_here() -> None:
    assert {name for name, *_ in WHOLE} == set(SAMPLES)


@pytest.mark.parametrize(("sample", "dataset", "version", "questions", "dropped"), WHOLE)
def test_all_of_it_as_training(
    tmp_path: Path, sample: str, dataset: str, version: str, questions: int, dropped: dict[str, int]
) -> None:
    path = sample_path(sample)
    manifest = prepare(Request(dataset=dataset, inputs=(path,), dev=path, test=path, out=tmp_path / "out"))
    train, dev = manifest.parts["train"], manifest.parts["dev"]
    assert manifest.version == version
    assert (train.read, train.dropped, train.kept) == (questions, dropped, questions - sum(dropped.values()))
    assert (dev.read, dev.kept, dev.ids_in_train) == (questions, questions, train.kept)
    assert (train.moved, train.repaired, train.cut_passages, train.cut_questions) == (0, 0, 0, 0)


def test_layouts_of_msmarco_differ_in_nothing_but_version_and_input(tmp_path: Path) -> None:
    found: list[Manifest] = []
    for sample in ("english-msmarco", "english-msmarco-v2.1"):
        out = tmp_path / sample
        found.append(prepare(Request(dataset="msmarco", inputs=(sample_path(sample),), out=out, split="80/10/10")))
    assert (found[0].parts, found[0].vocabulary) == (found[1].parts, found[1].vocabulary)
    for part in found[0].parts:
        ids, others = (
            Columns.open(tmp_path / sample / part).ids for sample in ("english-msmarco", "english-msmarco-v2.1")
        )
        assert ids == others


def test_documents_of_dureader_are_passages_of_their_own(tmp_path: Path) -> None:
    prepare(Request(dataset="dureader", inputs=(sample_path("chinese-dureader"),), out=tmp_path / "out"))
    columns = Columns.open(tmp_path / "out" / "train")
    assert set(columns.question_passages.tolist()) == {3}
    assert set(columns.answer_passage.tolist()) == {0, 1, 2}
    assert columns.facts(0)["question_type"] == "ENTITY"
