"""Traces: the weights of every level as the reader used them, in the order of the passage, read back as written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_prediction_rows import PASSAGES
from torch import Tensor, nn

from ham_mrc.data_prep.characters import Alphabet
from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.prepare import encode_example
from ham_mrc.data_prep.request import Limits
from ham_mrc.data_prep.shards import Columns
from ham_mrc.data_prep.vocab import SPECIAL, Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.masks import reverse_within_length
from ham_mrc.progress import silent
from ham_mrc.readers import READERS
from ham_mrc.readers.batch import Batch
from ham_mrc.records import Example
from ham_mrc.training.batches import Form
from ham_mrc.training.device import choose_device
from ham_mrc.training.trace_file import TracedQuestion, chosen_rows, read_trace, write_trace

CPU = choose_device("cpu", "float32")
QUESTION = "When did it begin, who knows, and where is x or y?"
"""Longer than some passages and shorter than others."""


def vector(ids: Tensor) -> Tensor:
    """(...) -> (..., 3): a vector that depends on the word alone."""
    return torch.stack([torch.sin(ids * 1.3), torch.cos(ids * 0.7), torch.sin(ids * 0.4)], -1)


class Echo(nn.Module):
    """Attends from each word to the question's words, a step at a time and in both directions, with nothing between.

    So a word's weights are those of the word, in whichever direction it is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.characters = 0
        self.ham = Ham(3, depth=2, score="dot")
        self.ham.set_levels(torch.tensor([0.0, 1.0]))

    def ham_sites(self) -> dict[str, Ham]:
        return {"echo": self.ham}

    def forward(self, batch: Batch) -> None:
        words = vector(batch.passage)
        both = torch.cat([words, reverse_within_length(words, batch.passage_lengths)])
        rows = batch.owner.repeat(2)
        prepared = self.ham.prepare(vector(batch.question)[rows])
        for step in both.unbind(1):
            self.ham.attend(self.ham.score.project(step[:, None]), prepared, batch.question_mask[rows])


def read(folder: Path, reading: Reading) -> tuple[Columns, Form, Vocabulary]:
    """QUESTION on the passages of MS MARCO's test, as one part."""
    words = Vocabulary(SPECIAL, trained=2, lowercase=True)
    example = Example("q", QUESTION, PASSAGES, facts={"query_id": 1})
    _, words = encode_example("msmarco", example, words, folder, Limits(1000, 100), reading)
    settings = {"layout": reading.layout, "null_position": reading.null_position, "yes_no": reading.yes_no}
    return Columns.open(folder), Form.of(settings), words


def traced(path: Path, reader: nn.Module, columns: Columns, form: Form, answer: str = "1889") -> TracedQuestion:
    with silent("") as bar:
        write_trace(path, reader, columns, form, CPU, [0], [answer], bar)
    (found,) = read_trace(path)
    return found


def levels_of(word: int, question: list[int]) -> list[list[float]]:
    """Both levels' weights of one passage word over the question, by the definition of Ham."""
    keys = vector(torch.tensor(question))
    first = (keys @ vector(torch.tensor(word))).softmax(0)
    return [first.tolist(), (keys @ (first @ keys)).softmax(0).tolist()]


READINGS = [Reading(layout=layout, null_position=null) for layout in ("separate", "joined") for null in (False, True)]


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: f"{reading.layout}, null {reading.null_position}")
def test_weights_are_those_of_the_words(tmp_path: Path, reading: Reading) -> None:
    columns, form, words = read(tmp_path / "columns", reading)
    found = traced(tmp_path / "trace.jsonl", Echo(), columns, form)
    asked = words.encode(found.question)
    site = found.sites["echo"]
    assert (found.id, found.answer, site.queries, site.keys) == ("q", "1889", "passage", "question")
    assert site.weights == pytest.approx(torch.tensor([0.0, 1.0]).softmax(0).tolist(), abs=1e-4)
    count = len(found.rows)
    assert [(row.row, row.direction) for row in site.rows] == [
        (row, direction) for direction in ("forward", "backward") for row in range(count)
    ]
    for row in site.rows:
        tokens = words.encode(found.rows[row.row])
        assert row.levels.shape == (2, len(tokens), len(asked))
        expected = np.array([levels_of(word, asked) for word in tokens]).transpose(1, 0, 2)
        assert row.levels == pytest.approx(expected, abs=6e-5)


def test_tokens_and_numbers_of_passages(tmp_path: Path) -> None:
    columns, form, _ = read(tmp_path / "a", Reading(layout="separate", null_position=True, yes_no=True))
    found = traced(tmp_path / "trace.jsonl", Echo(), columns, form)
    assert found.passages == ((-1,), (0,), (2,), (3,)), "the second has no token"
    assert found.rows[0] == ("<null>", "yes", "no")
    assert found.rows[2] == ("Nobody", "knows")
    assert found.question[:3] == ("<null>", "When", "did")
    columns, form, _ = read(tmp_path / "b", Reading(layout="joined"))
    found = traced(tmp_path / "trace.jsonl", Echo(), columns, form)
    assert found.passages == ((0, 2, 3),)
    assert found.rows[0][7:12] == (".", "<unk>", "Nobody", "knows", "<unk>")


def small_reader(name: str) -> nn.Module:
    torch.manual_seed(1)
    return READERS[name](WordEmbedding(5, 60), 12, hidden=4, depth=3)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "passages",
    [("It began.",), ("It began.", "x y z, and so on and on and on"), (QUESTION,)],
    ids=["1", "2", "as long"],
)
def test_every_reader(tmp_path: Path, name: str, passages: tuple[str, ...]) -> None:
    reader = small_reader(name).train()
    words = Vocabulary(SPECIAL, trained=2, lowercase=True)
    example = Example("q", QUESTION, passages, facts={"query_id": 1})
    encode_example("msmarco", example, words, tmp_path, Limits(99, 99), Reading(layout="separate"))
    columns, width = Columns.open(tmp_path), reader.characters
    form = Form(alphabet=Alphabet("abcdefghij") if width else None, width=width)  # type: ignore[arg-type]
    found = traced(tmp_path / "trace.jsonl.gz", reader, columns, form)
    assert reader.training, "left as it came"
    assert found.sites.keys() == reader.ham_sites().keys()  # type: ignore[operator]
    shapes = {"c2q": ("passage", "question"), "q2c": ("row", "passage"), "match": ("passage", "question")}
    shapes |= {"self": ("passage", "passage")}
    for site, content in found.sites.items():
        assert (content.queries, content.keys) == shapes[site]
        directions = {row.direction for row in content.rows}
        assert directions in ({""}, {"forward", "backward"})
        assert len(content.rows) == len(passages) * len(directions)
        for row in content.rows:
            sizes = {"passage": len(found.rows[row.row]), "question": len(found.question), "row": 1}
            assert row.levels.shape == (3, sizes[content.queries], sizes[content.keys])
            assert row.levels.sum(-1) == pytest.approx(np.ones(row.levels.shape[:2]), abs=1e-3)


def test_the_same_trace_packed(tmp_path: Path) -> None:
    columns, form, _ = read(tmp_path / "columns", READINGS[0])
    plain, packed = tmp_path / "t.jsonl", tmp_path / "t.jsonl.gz"
    for path in (plain, packed):
        traced(path, Echo(), columns, form)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    first = packed.read_bytes()
    traced(packed, Echo(), columns, form)
    assert packed.read_bytes() == first
    numbers = json.loads(plain.read_text())["sites"]["echo"]["rows"][0]["levels"]
    assert all(number == round(number, 4) for level in numbers for query in level for number in query)


def complaint(work: Callable[[], Any]) -> str:
    with pytest.raises(HamError) as caught:
        work()
    return str(caught.value)


def test_which_questions(tmp_path: Path, river_data: Path) -> None:
    columns = Columns.open(river_data / "dev")
    assert chosen_rows(columns, [], 4) == [0, 1, 2, 3]
    assert chosen_rows(columns, [columns.ids[5], columns.ids[0]], 4) == [5, 0]
    assert complaint(lambda: chosen_rows(columns, ["Danube"], 4)) == "--trace-ids Danube: is no question of the input"
    empty = Example("q", QUESTION, ("",), facts={"query_id": 1})
    words = Vocabulary(SPECIAL, trained=2, lowercase=True)
    encode_example("msmarco", empty, words, tmp_path, Limits(9, 9), Reading(layout="separate"))
    columns = Columns.open(tmp_path)
    assert chosen_rows(columns, [], 4) == []
    assert complaint(lambda: chosen_rows(columns, ["q"], 4)) == (
        "--trace-ids q: has no passage with a token to attend to"
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[]", "is no trace of attention"),
        ('{"schema": 9}', "is no trace of attention"),
        ('{"schema": 1}', "is incomplete ('sites')"),
        ('{"schema": 1, "sites": {"match": {}}}', "is incomplete ('rows')"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, line: str, fault: str) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(f"\n{line}\n")
    assert complaint(lambda: list(read_trace(file))) == f"{file}, line 2: {fault}"
