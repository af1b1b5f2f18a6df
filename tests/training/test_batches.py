"""Batches: every question once an epoch, in an order of seed and epoch alone, little padding, the right numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from squad_builders import squad_document, squad_paragraph
from tiny_runs import prepare_rivers

from ham_mrc.data_prep.characters import Alphabet
from ham_mrc.data_prep.shards import COLUMNS, Columns
from ham_mrc.errors import HamError
from ham_mrc.training.batches import (
    Form,
    labelled_rows,
    longest_rows,
    make_batch,
    padding_share,
    passage_lengths,
    prediction_order,
    sequences,
    training_order,
)

ONE = Form()
"""One passage a question."""


def columns_of(
    passages: list[list[int]],
    questions: list[tuple[list[int], int, int, int]],
    rows: list[int] | None = None,
    gold: list[int] | None = None,
) -> Columns:
    """Columns of token ids; a question is (tokens, its first row of passages, start, end).

    `rows` says how many rows each has, one if not given, and `gold` which of them holds the answer, the first.
    """
    arrays = {name: np.zeros(0, dtype) for name, dtype in COLUMNS.items()}
    names = [f"q{number}".encode() for number in range(len(questions))]

    def put(name: str, values: list[int]) -> None:
        arrays[name] = np.array(values, COLUMNS[name])

    def put_lists(flat: str, offsets: str, lists: list[list[int]]) -> None:
        put(flat, [item for items in lists for item in items])
        put(offsets, np.cumsum([0, *map(len, lists)]).tolist())

    put_lists("ids", "ids_offsets", [list(name) for name in names])
    put_lists("question_tokens", "question_offsets", [question[0] for question in questions])
    put_lists("passage_tokens", "passage_offsets", passages)
    put_lists("passage_text", "passage_text_offsets", [[] for _ in passages])
    put_lists("question_text", "question_text_offsets", [[] for _ in questions])
    put_lists("facts", "facts_offsets", [[] for _ in questions])
    for owner, lists in (("passage", passages), ("question", [question[0] for question in questions])):
        for name in ("char_starts", "char_ends"):
            put(f"{owner}_{name}", [0] * sum(map(len, lists)))
    for place, name in enumerate(("question_passage", "start", "end"), 1):
        put(name, [question[place] for question in questions])
    put("question_passages", rows or [1] * len(questions))
    put("answer_passage", gold or [0] * len(questions))
    return Columns(Path("made-up"), arrays)


def many(count: int, longest: int = 300) -> Columns:
    """`count` questions on as many passages of random length, every seventh without a label."""
    random = np.random.default_rng(5)
    passages = [[2] * int(length) for length in random.integers(1, longest, count)]
    return columns_of(passages, [([3], n, *((-1, -1) if n % 7 == 0 else (0, 0))) for n in range(count)])


def test_batch_by_hand() -> None:
    columns = columns_of([[5, 6, 7], [8]], [([9, 10], 1, 0, 0), ([11], 0, 1, 2), ([], 0, -1, -1)])
    batch = make_batch(columns, np.array([1, 0, 2]), ONE)
    assert batch.passage.tolist() == [[5, 6, 7], [8, 0, 0], [5, 6, 7]]
    assert batch.passage_lengths.tolist() == [3, 1, 3]
    assert batch.question.tolist() == [[11, 0], [9, 10], [0, 0]]
    assert batch.question_lengths.tolist() == [1, 2, 0]
    assert (batch.start.tolist(), batch.end.tolist()) == ([1, 0, -1], [2, 0, -1])
    assert batch.index.tolist() == [1, 0, 2]
    assert (batch.owner.tolist(), batch.row.tolist()) == ([0, 1, 2], [0, 1, -1])
    assert batch.segment.tolist() == [[0, 0, 0], [0, -1, -1], [0, 0, 0]]
    assert {str(tensor.dtype) for tensor in batch if tensor is not None} == {"torch.int64"}
    assert batch.null_row is batch.passage_chars is batch.question_chars is None


SEVERAL = ([[5, 6], [], [7], [8, 9, 4], [3]], [([2], 0, 1, 2), ([2], 3, 0, 0), ([2], 2, -1, -1)], [4, 2, 1], [3, 1, 0])
"""Five passages, one without a token. The first question has four of them and its answer in the last."""


def test_passages_each_by_itself_by_hand() -> None:
    """A passage without a token is no row, and the gold rows are counted without it."""
    columns = columns_of(*SEVERAL)
    batch = make_batch(columns, np.array([2, 0, 1]), Form())
    assert batch.passage.tolist() == [[7, 0, 0], [5, 6, 0], [7, 0, 0], [8, 9, 4], [8, 9, 4], [3, 0, 0]]
    assert batch.owner.tolist() == [0, 1, 1, 1, 2, 2]
    assert (batch.row.tolist(), batch.start.tolist(), batch.end.tolist()) == ([-1, 3, 5], [-1, 1, 0], [-1, 2, 0])
    assert batch.segment.tolist() == [[0, -1, -1], [0, 0, -1], [2, -1, -1], [3, 3, 3], [0, 0, 0], [1, -1, -1]]
    assert longest_rows(columns, Form()).tolist() == [3, 3, 1]
    assert passage_lengths(columns).tolist() == [6, 4, 1]


def test_joined_passages_by_hand() -> None:
    """One sequence a question, an unknown word between two passages, which belongs to none."""
    columns = columns_of(*SEVERAL)
    batch = make_batch(columns, np.array([0, 1]), Form(joined=True))
    assert batch.passage.tolist() == [[5, 6, 1, 7, 1, 8, 9, 4], [8, 9, 4, 1, 3, 0, 0, 0]]
    assert batch.segment.tolist() == [[0, 0, -1, 2, -1, 3, 3, 3], [0, 0, 0, -1, 1, -1, -1, -1]]
    assert batch.passage_lengths.tolist() == [8, 5]
    assert (batch.row.tolist(), batch.start.tolist(), batch.end.tolist()) == ([0, 1], [6, 4], [7, 4])
    assert [(p.passage, p.begin, p.end, p.at) for p in sequences(columns, 0, Form(joined=True))[0]] == [
        (0, 0, 2, 0),
        (2, 2, 3, 3),
        (3, 3, 6, 5),
    ]


@pytest.mark.parametrize("joined", [True, False])
def test_the_row_before_the_passages(joined: bool) -> None:
    """<null> is no span and a row of its own names it; yes and no are spans of one token; no separator after them."""
    columns = columns_of([[20, 21, 22], [5, 6], [7]], [([2], 0, 2, 2), ([2], 0, 0, 0)], [3, 3], [0, 0])
    batch = make_batch(columns, np.array([0, 1]), Form(joined=joined, null=True, lead=3))
    row = batch.segment[0].tolist()
    assert row == [-1, 1, 2, 4, 4, -1, 5] if joined else row == [-1, 1, 2]
    assert batch.null_row is not None
    assert batch.null_row.tolist() == ([0, 1] if joined else [0, 3])
    assert batch.passage[0].tolist() == [20, 21, 22, *([5, 6, 1, 7] if joined else [])]
    assert (batch.start.tolist(), batch.row.tolist()) == ([2, 0], [0, 1] if joined else [0, 3])


def test_characters_by_hand(tmp_path: Path) -> None:
    content = squad_document({"A": [squad_paragraph("Ab cab, C", ("a", "Ba?", "cab"))]})
    file = tmp_path / "rivers.json"
    data = prepare_rivers(tmp_path, content, split=None, dev=file, test=file)
    form = Form(joined=True, alphabet=Alphabet("ab"), width=2)
    batch = make_batch(Columns.open(data / "train"), np.array([0]), form)
    assert batch.passage_chars is not None
    assert batch.question_chars is not None
    assert batch.passage_chars.tolist() == [[[1, 3], [1, 2], [1, 0], [1, 0]]]  # a is 2, b is 3, others 1
    assert batch.question_chars.tolist() == [[[1, 2], [1, 0]]]


def test_batch_of_questions_without_a_token_keeps_one_place() -> None:
    batch = make_batch(columns_of([[5]], [([], 0, -1, -1)]), np.array([0]), ONE)
    assert batch.question.tolist() == [[0]]


def test_batch_of_a_real_file(tmp_path: Path) -> None:
    text = "Bure. The river Bure is 80 km long."
    paragraph = squad_paragraph(text, ("a", "How long?", "80 km"), ("b", "Which river?", "Bure"))
    content = squad_document({"A": [paragraph], "B": [squad_paragraph("80 km", ("c", "How long is it?", "80"))]})
    data = prepare_rivers(tmp_path, content, split=None, dev=tmp_path / "rivers.json", test=tmp_path / "rivers.json")
    columns = Columns.open(data / "train")
    words = (data / "vocab.txt").read_text(encoding="utf-8").split("\n")
    batch = make_batch(columns, np.array([columns.ids.index(name) for name in ("a", "b", "c")]), ONE)
    assert [words[i] for i in batch.passage[0]] == ["bure", ".", "the", "river", "bure", "is", "80", "km", "long", "."]
    assert [words[i] for i in batch.question[0]] == ["how", "long", "?", "<pad>", "<pad>"]
    assert [words[i] for i in batch.passage[2]] == ["80", "km"] + ["<pad>"] * 8
    assert (batch.start.tolist(), batch.end.tolist()) == ([6, 0, 0], [7, 0, 0])


@given(batch_size=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), epoch=st.integers(1, 50))
def test_each_labelled_question_once_an_epoch(batch_size: int, seed: int, epoch: int) -> None:
    columns = many(100)
    batches = training_order(columns, ONE, batch_size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches).tolist()) == [row for row in range(100) if row % 7]
    sizes = sorted(map(len, batches), reverse=True)
    full, rest = divmod(len(labelled_rows(columns)), batch_size)
    assert sizes == [batch_size] * full + [rest] * (rest > 0)


def test_order_is_of_seed_and_epoch_alone() -> None:
    columns = many(100)

    def order(seed: int, epoch: int) -> list[list[int]]:
        return [rows.tolist() for rows in training_order(columns, ONE, 8, seed=seed, epoch=epoch)]

    np.random.seed(1)
    first = order(13, 1)
    np.random.seed(2)
    assert order(13, 1) == first
    assert len({str(order(seed, epoch)) for seed in (13, 14) for epoch in (1, 2, 3)}) == 6
    assert {frozenset(rows) for rows in order(13, 2)} != {frozenset(rows) for rows in first}, "batches must be new ones"


def test_similar_lengths_stand_together() -> None:
    columns = many(2000)
    rows = labelled_rows(columns)
    unsorted = [rows[i : i + 32] for i in range(0, len(rows), 32)]
    assert padding_share(columns, ONE, unsorted) == pytest.approx(0.48, abs=0.02)  # about 1 - 150 / 290
    assert padding_share(columns, ONE, training_order(columns, ONE, 32, seed=13, epoch=1)) < 0.05


def test_order_within_an_epoch_does_not_follow_length() -> None:
    columns = many(2000)
    batches = training_order(columns, ONE, 32, seed=13, epoch=1)
    longest = [int(passage_lengths(columns)[rows].max()) for rows in batches]
    assert abs(np.corrcoef(range(len(longest)), longest)[0, 1]) < 0.4


def test_padding_share_by_hand() -> None:
    columns = columns_of([[5, 6, 7], [8]], [([9], 0, 0, 0), ([9], 1, 0, 0), ([9], 0, 0, 0)])
    assert padding_share(columns, ONE, [np.array([0, 1]), np.array([2])]) == pytest.approx(1 - 7 / 9)
    assert padding_share(columns, ONE, []) == 0.0


@given(batch_size=st.integers(1, 120))
def test_prediction_reads_every_passage_that_has_a_token(batch_size: int) -> None:
    columns = columns_of([[5], [], [6, 7]], [([9], n % 3, -1, -1) for n in range(50)])
    batches = prediction_order(columns, ONE, batch_size)
    assert sorted(np.concatenate(batches).tolist()) == [n for n in range(50) if n % 3 != 1]
    lengths = [int(passage_lengths(columns)[row]) for rows in batches for row in rows]
    assert lengths == sorted(lengths, reverse=True)
    assert max(map(len, batches)) <= batch_size


def test_nothing_to_train_on() -> None:
    columns = columns_of([[5]], [([9], 0, -1, -1)])
    with pytest.raises(HamError) as caught:
        training_order(columns, ONE, 8, seed=1, epoch=1)
    assert str(caught.value) == "made-up: has no question with a gold span to train on; prepare again"
