"""References in SQuAD's layout: they read back as the same questions and give the official figures."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.squad import SQUAD, read_squad
from ham_mrc.eval import score
from ham_mrc.eval.squad import normalise
from ham_mrc.records import Answer, Example

DATA = Path(__file__).parents[1] / "data"


def references(*fragments: Sequence[Example], version: str = "1.1") -> bytes:
    """A whole file, put together as `prepare` does."""
    form = SQUAD.references
    parts = [part for part in map(form.fragment, fragments) if part]
    return form.head(version) + form.separator.join(parts) + form.tail


def unpacked(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_references_of_a_real_file_are_the_file(shared_data: Path, version: str) -> None:
    """Same values, article by article: nothing is lost on the way through Example."""
    original = shared_data / "squad" / f"shared-dev-v{version}.json.gz"
    assert json.loads(references(list(read_squad(original)), version=version)) == unpacked(original)


def test_references_give_the_published_figures(shared_data: Path, tmp_path: Path) -> None:
    """EM and F1 of the Match-LSTM ensemble on shared-dev as the README beside the data has them."""
    squad = shared_data / "squad"
    (tmp_path / "references.json").write_bytes(references(list(read_squad(squad / "shared-dev-v1.1.json.gz"))))
    found = score(squad / "predictions" / "match-lstm-ensemble.v1.1.json", tmp_path / "references.json")
    assert {name: round(value, 2) for name, value in found.metrics.items()} == {"exact_match": 63.92, "f1": 75.10}


def test_references_of_version_2_give_the_published_figures(shared_data: Path) -> None:
    """EM and F1 of BERT on shared-dev by the rule of the official 2.0 program, said again slowly."""
    squad = shared_data / "squad"
    predictions = json.loads((squad / "predictions" / "bert-single.v2.0.json").read_bytes())
    document = json.loads(references(list(read_squad(squad / "shared-dev-v2.0.json.gz")), version="2.0"))
    exact, overlap, has_answer = [], [], 0
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                gold = [answer["text"] for answer in question["answers"] if normalise(answer["text"])] or [""]
                said = predictions[question["id"]]
                exact.append(max(normalise(said) == normalise(text) for text in gold))
                overlap.append(max(f1_of_version_2(said, text) for text in gold))
                has_answer += bool(question["answers"])
                assert question["is_impossible"] == (not question["answers"])
    assert (len(exact), has_answer) == (2141, 2141 - 1085)
    assert round(100 * sum(exact) / len(exact), 2) == 77.49
    assert round(100 * sum(overlap) / len(overlap), 2) == 81.30


def f1_of_version_2(said: str, gold: str) -> float:
    left, right = normalise(said).split(), normalise(gold).split()
    if not left or not right:
        return float(left == right)
    same = sum((Counter(left) & Counter(right)).values())
    return 2 * same / (len(left) + len(right))


def test_references_read_back_as_the_same_examples(tmp_path: Path) -> None:
    examples = list(read_squad(DATA / "squad_tricky.json"))
    (tmp_path / "out.json").write_bytes(references(examples))
    assert list(read_squad(tmp_path / "out.json")) == examples


TEXTS = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\ud83d\udc00東 \u2028"), max_size=6)
EXAMPLES = st.builds(
    Example,
    id=TEXTS.filter(bool),
    question=TEXTS,
    passages=st.tuples(st.sampled_from(["a", "b", "\udc00 東"])),
    answers=st.lists(st.builds(Answer, TEXTS, st.integers(-1, 9)), max_size=2).map(tuple),
    title=st.sampled_from(["", "T", "U"]),
    version=st.sampled_from(["1.1", "2.0"]),
)


@given(st.lists(st.lists(EXAMPLES, max_size=4), max_size=4))
def test_any_fragments_read_back_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, fragments: list[list[Example]]
) -> None:
    """Half of a surrogate pair, empty fragments and changes of version among them."""
    fragments = [
        [replace(e, impossible=e.version == "2.0" and not any(a.text for a in e.answers)) for e in fragment]
        for fragment in fragments
    ]
    examples = [example for fragment in fragments for example in fragment]
    path = tmp_path_factory.mktemp("references") / "out.json"
    path.write_bytes(references(*fragments))
    assert json.loads(path.read_bytes())["version"] == "1.1"
    if examples:
        assert list(read_squad(path)) == examples


def test_questions_of_a_passage_share_a_paragraph() -> None:
    first = [
        Example("1", "q", ("a",), (), "T"),
        Example("2", "q", ("a",), (), "T"),
        Example("3", "q", ("b",), (), "T"),
        Example("4", "q", ("b",), (), "U"),
    ]
    data = json.loads(references(first, [], [Example("5", "q", ("b",), (), "U")]))["data"]
    shape = [(a["title"], [(p["context"], [q["id"] for q in p["qas"]]) for p in a["paragraphs"]]) for a in data]
    assert shape == [
        ("T", [("a", ["1", "2"]), ("b", ["3"])]),
        ("U", [("b", ["4"])]),
        ("U", [("b", ["5"])]),  # a fragment stands for itself
    ]


def test_an_answer_without_an_offset_says_minus_one() -> None:
    document = json.loads(references([Example("1", "q", ("a",), (Answer("a"),))]))
    assert document["data"][0]["paragraphs"][0]["qas"][0]["answers"] == [{"answer_start": -1, "text": "a"}]


@pytest.mark.parametrize(("version", "written"), [("1.1", "1.1"), ("2.0", "v2.0")])
def test_references_without_a_question_are_still_a_squad_file(version: str, written: str) -> None:
    assert json.loads(references([], version=version)) == {"version": written, "data": []}
