"""Every real file that a dataset can read, prepared: figures of the README beside the data, and counts that add up."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.prepare import prepare
from ham_mrc.data_prep.request import Request
from ham_mrc.data_prep.shards import Columns

# Dataset, file, and what the README counts: paragraphs, questions, answers (None: not said), impossible questions.
# Repeated paragraphs are taken off: one of extra-train44 and two of reddit, by a set of all "context"s.
FILES = [
    ("squad", "squad/shared-train-v1.1.json.gz", 1403, 7267, 22567, 0),
    ("squad", "squad/shared-dev-v1.1.json.gz", 255, 1300, 5415, 0),
    ("squad", "squad/shared-train-v2.0.json.gz", 743, 7149, None, 3512),
    ("squad", "squad/shared-dev-v2.0.json.gz", 198, 2141, None, 1085),
    ("squad", "squad/extra-train44-v1.1.json.gz", 2429, 11877, 11877, 0),
    ("squad", "squad/extra-train-tokenized-v1.1.json.gz", 875, 4285, 4285, 0),
    ("squad", "squad/extra-train-fragment-v1.1.json.gz", 652, 3260, 3260, 0),
    ("squad", "squadshifts/new_wiki-v1.0.json.gz", 1581, 7938, 22794, 0),
    ("squad", "squadshifts/reddit-v1.0.json.gz", 2033, 9803, 27692, 0),
    ("squad", "squadshifts/amazon-v1.0.json.gz", 2050, 9885, 27318, 0),
    ("squad", "bipar/Monolingual_EN_valid.json", 375, 1500, 4500, 0),
    ("cmrc", "cmrc2018/cmrc2018_dev.json.gz", 848, 3219, 9657, 0),
    ("cmrc", "cmrc2018/cmrc2018_train_fragment.json", 30, 122, 122, 0),
    ("cmrc", "drcd/DRCD_dev.json.gz", 1000, 3524, 7048, 0),
    ("cmrc", "bipar/Monolingual_ZH_valid.json", 375, 1500, 4500, 0),
    ("cmrc", "xquad/xquad.zh.shared38.json", 190, 961, 961, 0),
]


def run(tmp_path: Path, dataset: str, *inputs: Path, **settings: Any) -> tuple[Manifest, dict[str, Columns]]:
    """A preparation without limits, and what holds for each: counts add up, references are those of kept questions."""
    request = Request(dataset=dataset, inputs=inputs, out=tmp_path / "out", workers=1, **settings)
    manifest = prepare(request)
    parts = {part: Columns.open(tmp_path / "out" / part) for part in manifest.parts}
    for part, counts in manifest.parts.items():
        assert counts.read == counts.kept + sum(counts.dropped.values())
        assert len(parts[part]) == counts.kept
        assert (counts.unlabelled if part == "train" else counts.dropped) == {}
        assert (parts[part].start >= 0).sum() == counts.labelled
        assert [name for name, _ in references(tmp_path / "out" / part)] == parts[part].ids
    return manifest, parts


def references(part: Path) -> list[tuple[str, list[Any]]]:
    """(id, answers) of a part's official file."""
    if (part / "references.jsonl").exists():
        lines = [json.loads(line) for line in (part / "references.jsonl").read_bytes().split(b"\n")[:-1]]
        return [(str(line.get("question_id", line.get("query_id"))), line["answers"]) for line in lines]
    document = json.loads((part / "references.json").read_bytes())
    paragraphs = [paragraph for article in document["data"] for paragraph in article["paragraphs"]]
    return [(question["id"], question["answers"]) for paragraph in paragraphs for question in paragraph["qas"]]


@pytest.mark.parametrize(("dataset", "file", "passages", "questions", "answers", "impossible"), FILES)
def test_files_in_the_shape_of_squad(
    tmp_path: Path,
    shared_data: Path,
    dataset: str,
    file: str,
    passages: int,
    questions: int,
    answers: int | None,
    impossible: int,
) -> None:
    manifest, _ = run(tmp_path, dataset, shared_data / file, split_by="passage", max_passage_tokens=100_000)
    parts = manifest.parts.values()
    assert sum(counts.read for counts in parts) == questions
    assert sum(counts.passages for counts in parts) == passages
    assert sum(counts.passages_in_train for counts in parts) == 0
    assert sum(counts.without_answer for counts in parts) == impossible
    found = [answers for part in manifest.parts for _, answers in references(tmp_path / "out" / part)]
    assert sum(not one for one in found) == impossible
    if answers is not None:
        assert sum(map(len, found)) == answers - sum(counts.read - counts.kept for counts in parts)
    reasons = sum((Counter(counts.dropped) + Counter(counts.unlabelled) for counts in parts), Counter[str]())
    # One answer of that file is an empty text; of all other files every question has a span, if CMRC's are repaired.
    assert reasons == ({"no_answer": 1} if "tokenized" in file else {})
    assert sum(counts.repaired for counts in parts) == (3 if "cmrc2018_dev" in file else 0)


@pytest.mark.parametrize(
    ("name", "questions", "documents", "answers", "dropped"),
    [
        # README: 5 records of search.train have no span, 4 of them no answer at all; 1 and 1 of search.dev; 3 and 3.
        ("search.train", 100, 463, 177, {"no_answer": 4, "no_common_token": 1}),
        ("search.dev", 100, 453, 205, {"no_answer": 1}),
        ("zhidao.dev50", 50, 229, 109, {"no_answer": 3}),
    ],
)
def test_dureader(
    tmp_path: Path, shared_data: Path, name: str, questions: int, documents: int, answers: int, dropped: dict[str, int]
) -> None:
    path = shared_data / "dureader" / f"{name}.json.gz"
    manifest, parts = run(tmp_path, "dureader", path, dev=path, test=path, max_passage_tokens=100_000)
    assert [counts.read for counts in manifest.parts.values()] == [questions] * 3
    assert manifest.parts["train"].dropped == dropped
    assert [counts.kept for counts in manifest.parts.values()] == [
        questions - sum(dropped.values()),
        questions,
        questions,
    ]
    assert parts["dev"].question_passages.sum() == documents
    assert sum(len(found) for _, found in references(tmp_path / "out" / "dev")) == answers
    # Evaluation cannot know which paragraph the answer is in, so fewer of its questions have a label.
    assert manifest.parts["dev"].unlabelled.keys() == {*dropped, "other_paragraph"}


@pytest.mark.parametrize("name", ["v1.1.sample160.jsonl.gz", "v2.1-layout.sample160.json.gz"])
def test_msmarco(tmp_path: Path, shared_data: Path, name: str) -> None:
    path = shared_data / "msmarco" / name
    manifest, parts = run(
        tmp_path, "msmarco", path, dev=path, test=path, max_passage_tokens=100_000, options={"null_position": True}
    )
    assert [counts.read for counts in manifest.parts.values()] == [160] * 3
    assert [counts.without_answer for counts in manifest.parts.values()] == [4] * 3
    assert parts["dev"].question_passages.sum() == 1294 + 160  # and the row of the null position
    found = references(tmp_path / "out" / "dev")
    assert sum(answers == ["No Answer Present."] for _, answers in found) == 4
    assert sum(len(answers) for _, answers in found) == 174 + 4
    assert manifest.version == name[1:4]


def test_msmarco_record_of_the_original_file(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "msmarco"
    path = folder / "v1.1.native-one-record.json"
    manifest, parts = run(tmp_path, "msmarco", folder / "v1.1.sample160.jsonl.gz", dev=path)
    assert (manifest.parts["dev"].read, parts["dev"].question_passages.tolist()) == (1, [7])


def test_both_layouts_of_msmarco_hold_the_same(tmp_path: Path, shared_data: Path) -> None:
    found = []
    for name in ("v1.1.sample160.jsonl.gz", "v2.1-layout.sample160.json.gz"):
        (tmp_path / name).mkdir()
        manifest, _ = run(tmp_path / name, "msmarco", shared_data / "msmarco" / name)
        found.append((manifest.parts, manifest.vocabulary, (tmp_path / name / "out" / "vocab.txt").read_bytes()))
    assert found[0] == found[1]
