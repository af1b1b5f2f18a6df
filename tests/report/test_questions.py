"""The browser's data: what is right, columns in the order of the result, passages once, and cut where they must be."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from report_runs import many_questions, write_data, write_run, write_runs
from squad_builders import squad_document, squad_paragraph

from ham_mrc.report.gather import Material, gather
from ham_mrc.report.questions import packed, packed_questions, questions


def unpacked(text: str) -> Any:
    """What the page's script does."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


@pytest.fixture
def material(tmp_path: Path) -> Material:
    """Two questions on one passage, one on another; three seeds of depth 1."""
    one = squad_paragraph(
        "Ann met Bob in May.", ("q1", "Who met Bob?", "Ann"), ("q2", "When did they meet?", "in May", "May")
    )
    two = squad_paragraph("Cleo slept.", ("q3", "Who slept?", "Cleo"))
    data = write_data(tmp_path / "data", squad_document({"a": [one, two]}))
    answers = [{"q1": "Ann", "q2": "May", "q3": "Bob"}, {"q1": "ann", "q2": "in late May"}, {"q3": "Cleo"}]
    return gather([write_run(tmp_path / f"r{i}", data, own, seed=i) for i, own in enumerate(answers)], resamples=100)


def test_columns(material: Material) -> None:
    data = questions(material)
    assert data["ids"] == ["q1", "q2", "q3"]
    assert data["questions"] == ["Who met Bob?", "When did they meet?", "Who slept?"]
    assert data["gold"] == [["Ann"], ["in May", "May"], ["Cleo"]]
    assert [data["passages"][place] for (place,) in data["passagesOf"]] == ["Ann met Bob in May."] * 2 + ["Cleo slept."]
    assert len(data["passages"]) == 2, "one that two questions share is kept once"
    assert data["answers"] == [["Ann", "May", "Bob"], ["ann", "in late May", None], [None, None, "Cleo"]]
    assert (data["runs"], data["rowOf"], data["seeds"]) == (
        [f"match-lstm, depth 1, seed {seed}" for seed in range(3)],
        [0, 0, 0],
        [0, 1, 2],
    )
    assert data["metrics"] == ["EM", "F1"]
    # By hand: "in late May" shares two of its three tokens with "in May" (F1 0.8) and one with "May" (F1 0.5).
    assert data["scores"] == [[[100, 100, 0], [100, 100, 0]], [[100, 0, 0], [100, 80, 0]], [[0, 0, 100], [0, 0, 100]]]
    assert data["right"] == [0, 100.0]
    assert [data["typeNames"][number] for number in data["types"]] == ["who", "when", "who"]


def test_packing_is_lossless_and_cannot_end_its_element(material: Material) -> None:
    data = questions(material)
    text = packed(data | {"hostile": "</script><!-- 😀 \u2028 嗨"})
    assert unpacked(text)["hostile"] == "</script><!-- 😀 \u2028 嗨"
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    assert packed(data["ids"]) == packed(data["ids"]), "no clock in it"


def test_passages_are_cut_around_answers_where_they_are_too_much(tmp_path: Path) -> None:
    data = questions(gather(write_runs(tmp_path, many_questions(60, passage_words=2000), (1, 5)), resamples=100))
    whole, note = packed_questions(data)
    assert note == ""
    assert unpacked(whole) == json.loads(json.dumps(data))
    short, note = packed_questions(data, len(whole) // 2)
    assert len(short) <= len(whole) // 2
    assert note == "Passages are cut to 600 characters around each answer, to keep this page small."
    cut = unpacked(short)
    for place, gold in enumerate(cut["gold"]):
        passage = cut["passages"][cut["passagesOf"][place][0]]
        assert gold[0] in passage
        assert all(part in data["passages"][cut["passagesOf"][place][0]] for part in passage.split(" … "))
    assert {key: value for key, value in cut.items() if key != "passages"} == {
        key: value for key, value in unpacked(whole).items() if key != "passages"
    }
    nothing, note = packed_questions(data, 10)
    assert note == "Passages are left out, to keep this page small."
    assert set(unpacked(nothing)["passages"]) == {""}
