"""Probabilities of no answer: what is read, and where the official program would die of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ham_mrc.errors import HamError
from ham_mrc.eval.probabilities import load_probabilities
from ham_mrc.eval.references import load_references

GOLD = load_references(
    {"version": "2.0", "data": [{"paragraphs": [{"qas": [{"id": "q1", "answers": []}, {"id": "q2", "answers": []}]}]}]}
)


def test_the_order_and_the_types_of_the_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "na.json"
    path.write_text('{"q2": 1, "else": 0.5, "q1": 0.25}')
    found = load_probabilities(path, GOLD)
    assert list(found.items()) == [("q2", 1), ("else", 0.5), ("q1", 0.25)]
    assert type(found["q2"]) is int


def test_the_list_of_hugging_face(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    rows = [{"id": name, "prediction_text": "", "no_answer_probability": 0.5} for name in ("q1", "q2")]
    path.write_text(json.dumps(rows))
    assert load_probabilities(path, GOLD) == {"q1": 0.5, "q2": 0.5}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"q1": 0.5}, ", question q2: has no probability of no answer"),
        ({"q1": 0.5, "q2": "0.5"}, ", question q2: the probability of no answer is a text, not a number"),
        ({"q1": None, "q2": 0.5}, ", question q1: the probability of no answer is null, not a number"),
        ("0.5", ": holds a text; probabilities as {id: number} are expected"),
        ([{"id": "q1"}], ", entry 1: is no object with 'id' and 'no_answer_probability'"),
    ],
)
def test_wrong_files(tmp_path: Path, value: Any, message: str) -> None:
    path = tmp_path / "na.json"
    path.write_text(json.dumps(value))
    with pytest.raises(HamError) as caught:
        load_probabilities(path, GOLD)
    assert str(caught.value) == f"{path}{message}"
