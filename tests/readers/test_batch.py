"""What a reader is given: masks from lengths, and which words stand on both sides."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_inputs import draw

from ham_mrc.readers.batch import Batch, word_match


def batch_of(
    passage: list[list[int]], question: list[list[int]], read: list[int], asked: list[int], owner: list[int]
) -> Batch:
    """A batch of ids and lengths, without labels."""
    none = torch.full((len(question),), -1)
    rows, lengths, segment = (
        torch.tensor(passage),
        torch.tensor(read),
        torch.zeros(len(passage), len(passage[0])).long(),
    )
    return Batch(
        rows, torch.tensor(question), lengths, torch.tensor(asked), torch.tensor(owner), segment, none, none, none, none
    )


def test_masks_come_from_lengths_and_not_from_ids() -> None:
    """Trap 11: unknown words (1) are real, and so would be an id 0 within the length."""
    batch = batch_of([[1, 1, 1], [0, 5, 0]], [[1, 4], [0, 0]], [3, 2], [1, 0], [0, 1])
    assert batch.passage_mask.tolist() == [[True, True, True], [True, True, False]]
    assert batch.question_mask.tolist() == [[True, False], [False, False]]


def test_word_match_by_hand() -> None:
    batch = batch_of([[7, 8, 7, 9], [6, 6, 0, 0]], [[7, 5, 9], [6, 0, 0]], [4, 2], [2, 1], [0, 1])
    in_question, in_passage = word_match(batch)
    assert in_question.shape == (2, 4, 1)
    assert in_passage.shape == (2, 3, 1)
    assert in_question[..., 0].tolist() == [[1, 0, 1, 0], [1, 1, 0, 0]]  # 9 is padding of the question
    assert in_passage[..., 0].tolist() == [[1, 0, 0], [1, 0, 0]]  # and padding matches no padding


def test_word_match_over_several_rows_by_hand() -> None:
    """A question's word counts where any of its rows holds it, once however many do."""
    passage = [[7, 8, 0], [9, 7, 7], [5, 0, 0]]
    batch = batch_of(passage, [[7, 9, 5], [5, 7, 0]], [2, 3, 1], [3, 2], [0, 0, 1])
    in_question, in_passage = word_match(batch)
    assert in_question[..., 0].tolist() == [[1, 0, 0], [1, 1, 1], [1, 0, 0]]
    assert in_passage[..., 0].tolist() == [[1, 1, 0], [1, 0, 0]]
    assert (batch.questions, batch.single) == (2, False)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 8))
def test_word_match_is_that_of_a_double_loop(seed: int, passage: int, question: int) -> None:
    batch = draw(seed, passage=passage, question=question)
    in_question, in_passage = word_match(batch)
    for b in range(len(batch.passage)):
        words = batch.passage[b, : batch.passage_lengths[b]].tolist()
        asked = batch.question[b, : batch.question_lengths[b]].tolist()
        found = [float(word in asked) for word in words], [float(word in words) for word in asked]
        assert in_question[b, :, 0].tolist() == found[0] + [0.0] * (passage - len(words))
        assert in_passage[b, :, 0].tolist() == found[1] + [0.0] * (question - len(asked))


def test_a_batch_moves_as_a_whole() -> None:
    moved = draw().to(torch.device("meta"))
    assert isinstance(moved, Batch)
    assert {tensor.device.type for tensor in moved if tensor is not None} == {"meta"}
