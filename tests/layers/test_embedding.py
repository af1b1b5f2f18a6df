"""Word vectors: frozen ones no parameter can move, trained ones with a single row for every word beyond training."""

from __future__ import annotations

import pytest
import torch

from ham_mrc.data_prep import vocab
from ham_mrc.layers import embedding
from ham_mrc.layers.embedding import PAD, UNK, WordEmbedding


def vectors() -> torch.Tensor:
    """Six words of width 3; padding and the unknown word are zero, as `read_vectors` has them."""
    rows = torch.arange(18.0).view(6, 3)
    rows[:2] = 0
    return rows


def test_padding_and_unknown_have_the_ids_of_the_vocabulary() -> None:
    assert (embedding.PAD, embedding.UNK) == (vocab.PAD, vocab.UNK) == (0, 1)


def test_frozen_vectors_are_looked_up_and_are_no_parameter() -> None:
    frozen = WordEmbedding(3, 4, vectors())
    assert list(frozen.parameters()) == []
    assert torch.equal(frozen.state_dict()["vectors"], vectors())
    found = frozen(torch.tensor([[5, 2], [0, 1]]))  # 5 is no trained word, but has a vector
    assert found.tolist() == [[[15, 16, 17], [6, 7, 8]], [[0, 0, 0], [0, 0, 0]]]
    assert not found.requires_grad


def test_frozen_vectors_are_float32_whatever_they_were() -> None:
    assert WordEmbedding(3, 4, vectors().half()).vectors.dtype == torch.float32


def test_the_frozen_row_of_padding_is_zero_whatever_was_given() -> None:
    given = torch.ones(4, 3)
    frozen = WordEmbedding(3, 4, given)
    assert frozen.vectors.tolist() == [[0.0] * 3, *[[1.0] * 3] * 3]
    assert given.all()  # and what was given is left alone


def test_trained_vectors_stop_at_the_trained_words() -> None:
    torch.manual_seed(1)
    trained = WordEmbedding(3, 4)
    assert [tuple(p.shape) for p in trained.parameters()] == [(4, 3)]
    found = trained(torch.tensor([[3, 4, 999, UNK]]))
    assert torch.equal(found[0, 0], trained.vectors[3])
    assert torch.equal(found[0, 1:], trained.vectors[UNK].expand(3, 3))


def test_the_unknown_word_is_not_padding() -> None:
    torch.manual_seed(2)
    trained = WordEmbedding(3, 4)
    assert not trained.vectors[PAD].any()
    assert trained.vectors[UNK].ne(0).all()


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.Adamax, torch.optim.Adadelta])
def test_the_row_of_padding_stays_zero(optimizer: type[torch.optim.Optimizer]) -> None:
    torch.manual_seed(3)
    trained = WordEmbedding(3, 4)
    before = trained.vectors.detach().clone()
    optimise = optimizer(trained.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(10):
        optimise.zero_grad()
        (trained(torch.tensor([[PAD, UNK, 2, 7]])) - 1).square().sum().backward()
        assert not trained.vectors.grad[PAD].any()
        assert trained.vectors.grad[[UNK, 2]].ne(0).all()
        optimise.step()
    assert not trained.vectors[PAD].any()
    assert trained.vectors[1:].ne(before[1:]).all()


def test_the_null_position_is_trained_among_frozen_vectors() -> None:
    torch.manual_seed(4)
    frozen = WordEmbedding(3, 4, vectors(), null=2)
    assert [name for name, _ in frozen.named_parameters()] == ["null_vector"]
    found = frozen(torch.tensor([[2, 3]]))
    assert torch.equal(found[0, 0], frozen.null_vector)
    assert found[0, 1].tolist() == [9, 10, 11]
    found.sum().backward()
    assert frozen.null_vector.grad is not None
    assert frozen.null_vector.grad.tolist() == [1, 1, 1]


def test_trained_vectors_hold_the_null_position_themselves() -> None:
    torch.manual_seed(5)
    assert [name for name, _ in WordEmbedding(3, 4, null=2).named_parameters()] == ["vectors"]
