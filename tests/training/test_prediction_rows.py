"""Predictions over several passages: one softmax over all, no span across two, null as a decision of its own."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from test_prediction import Guess

from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.part_encoder import NULL
from ham_mrc.data_prep.prepare import encode_example
from ham_mrc.data_prep.request import Limits
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import SPECIAL, UNK, Vocabulary
from ham_mrc.records import Example, Prediction
from ham_mrc.text import tokenize
from ham_mrc.training.batches import Form
from ham_mrc.training.device import choose_device
from ham_mrc.training.predict import Candidates, predict, texts_of

CPU = choose_device("cpu", "float32")
PASSAGES = ("It began in 1889, in Paris.", "", "Nobody knows", "x y z, and so on — 中文")
READINGS = [
    Reading(layout=layout, null_position=null, yes_no=yes_no)
    for layout in ("separate", "joined")
    for null in (False, True)
    for yes_no in (False, True)
]


def read(folder: Path, reading: Reading) -> tuple[Columns, Vocabulary]:
    """One question on PASSAGES, as MS MARCO has it."""
    words = Vocabulary(SPECIAL, trained=2, lowercase=True)
    _, words = encode_example(
        "msmarco", Example("q", "When?", PASSAGES, facts={"query_id": 1}), words, folder, Limits(1000, 100), reading
    )
    return Columns.open(folder), words


def slow(columns: Columns, words: Vocabulary, reading: Reading, longest: int) -> tuple[list[Prediction], float | None]:
    """Every legal span, best first, and how much likelier null is; by loops over lists of words."""
    pieces = [[(word, start, end) for word, start, end in zip(*tokenize(text), strict=True)] for text in PASSAGES]
    head = [(NULL, 0, 0)] if reading.null_position else []
    head += [("yes", 0, 3), ("no", 4, 6)] if reading.yes_no else []
    numbered = [(-1, head), *enumerate(pieces)]
    tokens: list[tuple[int, int, int]] = []  # (passage, place in it, id); passage -2 between two of them
    for number, piece in numbered:
        if reading.layout == "joined" and piece and tokens and tokens[-1][0] >= 0:
            tokens.append((-2, 0, UNK))
        tokens += [(number, place, words.encode([word])[0]) for place, (word, _, _) in enumerate(piece)]
    ids = torch.tensor([token for _, _, token in tokens])
    asked = words.encode(([NULL] if reading.null_position else []) + ["When", "?"])
    start = (torch.sin(ids * 1.7 + sum(asked)) * 3).log_softmax(0).tolist()
    end = (torch.cos(ids * 0.3) * 3).log_softmax(0).tolist()
    found = []
    for s, (passage, first, _) in enumerate(tokens):
        for e, (other, last, _) in enumerate(tokens[s : s + longest], s):
            alone = passage == -1 and (s != e or head[first][0] == NULL)
            if passage == other != -2 and not alone:
                text = dict(numbered)[passage]
                char_start, char_end = text[first][1], text[last][2]
                whole = "yes no" if passage == -1 else PASSAGES[passage]
                span = (whole[char_start:char_end], start[s] + end[e], passage, char_start, char_end, first, last)
                found.append(Prediction("q", *span))
    found.sort(key=lambda one: -one.score)
    return found, start[0] + end[0] - found[0].score if reading.null_position else None


@pytest.mark.parametrize("reading", READINGS, ids=str)
@pytest.mark.parametrize("longest", [1, 3, 30])
def test_by_a_slow_loop(tmp_path: Path, reading: Reading, longest: int) -> None:
    columns, words = read(tmp_path, reading)
    form = Form.of({"layout": reading.layout, "null_position": reading.null_position, "yes_no": reading.yes_no})
    (found,) = predict(Guess(), columns, form, CPU, batch_size=2, max_answer_tokens=longest, k=8)
    expected, null = slow(columns, words, reading, longest)
    assert found.no_answer == (None if null is None else pytest.approx(null, abs=1e-5))
    assert [one.score for one in found.spans] == pytest.approx([one.score for one in expected[:8]], abs=1e-5)
    by_place = {(one.passage, one.start, one.end): one for one in expected}
    for one in found.spans:
        other = by_place[one.passage, one.start, one.end]
        assert (one.text, one.char_start, one.char_end) == (other.text, other.char_start, other.char_end)
        assert one.score == pytest.approx(other.score, abs=1e-5)


def test_yes_and_no_are_slices_of_the_row_before_the_passages(tmp_path: Path) -> None:
    reading = Reading(layout="separate", null_position=True, yes_no=True)
    columns, _ = read(tmp_path, reading)
    form = Form(null=True, lead=3)
    (found,) = predict(Guess(), columns, form, CPU, batch_size=1, max_answer_tokens=9, k=500)
    before = {one.text for one in found.spans if one.passage == -1}
    assert before == {"yes", "no"}, "each by itself, and never null"


def test_nothing_to_read_has_no_answer(tmp_path: Path) -> None:
    words = Vocabulary(SPECIAL, trained=2, lowercase=True)
    reading = Reading(layout="separate", null_position=True)
    encode_example(
        "msmarco", Example("q", "When?", ("", " "), facts={"query_id": 1}), words, tmp_path, Limits(9, 9), reading
    )
    (found,) = predict(
        Guess(), Columns.open(tmp_path), Form(null=True, lead=1), CPU, batch_size=1, max_answer_tokens=9, k=3
    )
    assert found == Candidates([Prediction("q", "")], math.inf)
    assert found.silent(1e9)
    assert found.ranked(0.0) == [Prediction("q", "")]


def candidates(no_answer: float | None) -> Candidates:
    return Candidates(
        [Prediction("q", text, score) for text, score in (("a", -1.0), ("b", -2.0), ("c", -4.0))], no_answer
    )


@pytest.mark.parametrize(
    ("no_answer", "threshold", "ranked"),
    [
        (None, None, "abc"),
        (0.5, None, "abc"),  # a run without a threshold has no null position
        (0.5, 0.0, "-ab"),
        (0.5, 0.5, "a-b"),  # no answer has to be likelier than the threshold, not as likely
        (0.5, 1.0, "a-b"),
        (0.5, 2.0, "ab-"),
        (0.5, 9.0, "abc"),
        (-3.0, -3.5, "-ab"),
    ],
)
def test_no_answer_stands_where_it_belongs(no_answer: float | None, threshold: float | None, ranked: str) -> None:
    found = candidates(no_answer)
    assert "".join(one.text or "-" for one in found.ranked(threshold)) == ranked
    assert found.silent(threshold) == ranked.startswith("-")
    assert texts_of([found], threshold) == ["" if ranked.startswith("-") else "a"]
    for one in found.ranked(threshold):
        if not one.text:
            assert (one.score, one.passage, one.start) == (-1.0 + (no_answer or 0.0), -1, -1)
