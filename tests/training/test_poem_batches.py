"""Poems to batches: every row once, one shape a batch, no padding, and an order that a seed and an epoch decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import PAD
from ham_mrc.errors import HamError
from ham_mrc.training.poem_batches import LineRows, WholePoems, cut, groups_of, shuffled, whole_poems


def test_a_batch_is_what_its_poems_say(poem_folder: PoemFolder) -> None:
    """Against the poems themselves: keyword, the lines before with <sep> between them, and the line."""
    rows, characters, poems = LineRows(poem_folder.triples("train")), poem_folder.characters, poem_folder.poems("train")
    seen = set()
    for some in rows.order(16, seed=1, epoch=1):
        batch = rows.batch(some)
        for i, row in enumerate(some.tolist()):
            poem = poems[int(rows.columns.poem[row])]
            lines, number = poem.poem.lines, batch.position - 1
            assert characters.decode(batch.line[i].tolist()) == lines[number]
            assert characters.decode(batch.text[i].tolist()) == "<sep>".join(lines[:number])
            assert characters.decode(batch.keyword[i].tolist()) == poem.keywords[number]
            seen.add((int(rows.columns.poem[row]), number))
        assert batch.length == batch.line.shape[1] == len(lines[0])
        assert set(batch.keyword_lengths.tolist()) == {batch.keyword.shape[1]}
        assert set(batch.text_lengths.tolist()) == {batch.text.shape[1]}
        assert not any((x == PAD).any() for x in (batch.keyword, batch.text, batch.line))
    assert len(seen) == len(rows) == 4 * len(poems)


def test_whole_poems_are_those_of_the_folder(poem_folder: PoemFolder) -> None:
    rows, poems = WholePoems(poem_folder.triples("train")), poem_folder.poems("train")
    assert len(rows) == len(poems)
    for some in rows.plain_order(8):
        batch = rows.batch(some)
        for i, row in enumerate(some.tolist()):
            assert [poem_folder.characters.decode(line.tolist()) for line in batch.lines[i]] == list(
                poems[row].poem.lines
            )
        assert batch.lines.shape[1:] == (4, batch.length)


def test_a_poem_without_one_of_its_lines(poem_folder: PoemFolder) -> None:
    triples = poem_folder.triples("train")
    kept = np.flatnonzero((triples.poem != 2) | (triples.position != 3))
    with pytest.raises(HamError, match="1 poems lack a line; prepare the poems again"):
        whole_poems(type(triples)(*(column[kept] for column in triples)))


def test_seed_and_epoch_decide_the_order(poem_folder: PoemFolder) -> None:
    rows = LineRows(poem_folder.triples("train"))

    def order(seed: int, epoch: int) -> list[list[int]]:
        return [some.tolist() for some in rows.order(16, seed=seed, epoch=epoch)]

    assert order(1, 1) == order(1, 1)
    assert order(1, 1) != order(1, 2)
    assert order(1, 1) != order(2, 1)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=60),
    st.integers(1, 7),
    st.integers(0, 5),
)
def test_every_row_once_and_one_shape_a_batch(shapes: list[tuple[int, int]], size: int, seed: int) -> None:
    columns = np.array(shapes, np.int16).reshape(-1, 2).T
    groups = groups_of(columns[0], columns[1])
    for batches in (cut(groups, size), shuffled(groups, size, seed=seed, epoch=1)):
        assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(shapes)))
        for batch in batches:
            assert 1 <= len(batch) <= size
            assert len({shapes[row] for row in batch.tolist()}) == 1
        short = sum(len(batch) < size for batch in batches)
        assert short <= len(set(shapes)), "a group gives one short batch at most"
