"""Character vectors: each token's is that of the token alone, however wide the padding and whatever is beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_layers import array, slow_way, tensor
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers import characters
from ham_mrc.layers.characters import CharCNN, CharRNN, distinct_rows

ALPHABET = 7
READERS = pytest.mark.parametrize("name", ["cnn", "gru", "lstm", "gru packed", "lstm packed"])


def build(name: str, **settings: Any) -> CharCNN | CharRNN:
    torch.manual_seed(1)
    if name == "cnn":
        return CharCNN(ALPHABET, width=3, filters=6, kernel=settings.get("kernel", 3)).double()
    reader = CharRNN(ALPHABET, width=3, hidden=4, cell="gru" if "gru" in name else "lstm").double()
    reader.fast = "packed" not in name
    return reader


def tokens(width: int = 6, seed: int = 2) -> Tensor:
    """(2, 8, width) ids: tokens of no character to 6, among them one that comes three times."""
    source = torch.Generator().manual_seed(seed)
    ids = torch.zeros(2, 8, width, dtype=torch.int64)
    for row, lengths in zip(ids, [(6, 1, 2, 0, 3, 3, 5, 4), (2, 2, 0, 0, 6, 1, 3, 0)], strict=True):
        for token, length in zip(row, lengths, strict=True):
            token[:length] = torch.randint(1, ALPHABET, (length,), generator=source)
    ids[0, 5] = ids[1, 6] = ids[0, 4]
    return ids


def slow_cnn(reader: CharCNN, ids: list[int]) -> Any:
    """(F,): the best place of each filter; a token shorter than the kernel is filled up with zeros at its end."""
    rows = array(reader.vectors.weight)[ids]
    missing = max(0, reader.kernel - len(ids))
    rows = np.concatenate([rows, np.zeros((missing, rows.shape[1]))])
    weight, bias = array(reader.filters.weight), array(reader.filters.bias)
    places = range(len(rows) - reader.kernel + 1)
    return np.max([np.maximum(0, weight @ rows[i : i + reader.kernel].ravel() + bias) for i in places], 0)


def slow_rnn(reader: CharRNN, ids: list[int]) -> Any:
    """(2H,): where the token ends for one direction, and where it begins for the other."""
    rows = array(reader.vectors.weight)[ids]
    return np.concatenate([slow_way(reader.rnn, rows, back=False)[-1], slow_way(reader.rnn, rows, back=True)[0]])


@READERS
def test_each_token_is_read_alone(name: str) -> None:
    reader, ids = build(name), tokens()
    outputs = reader(ids)
    assert outputs.shape == (2, 8, reader.output_size)
    for token, output in zip(ids.flatten(0, 1), outputs.flatten(0, 1), strict=True):
        read = [i for i in token.tolist() if i]
        if read:
            slow = slow_cnn(reader, read) if isinstance(reader, CharCNN) else slow_rnn(reader, read)
            torch.testing.assert_close(output, tensor(slow), rtol=0, atol=1e-12)
        else:
            assert not output.any()


@pytest.mark.parametrize("kernel", [1, 2, 6, 9])
def test_a_kernel_of_any_width(kernel: int) -> None:
    reader, ids = build("cnn", kernel=kernel), tokens()
    assert isinstance(reader, CharCNN)
    outputs = reader(ids)
    for token, output in zip(ids.flatten(0, 1), outputs.flatten(0, 1), strict=True):
        if token.any():
            slow = slow_cnn(reader, [i for i in token.tolist() if i])
            torch.testing.assert_close(output, tensor(slow), rtol=0, atol=1e-12)


def test_the_cnn_is_torchs_convolution_where_tokens_fill_their_width() -> None:
    reader = CharCNN(ALPHABET, width=3, filters=6, kernel=3).double()
    ids = torch.randint(1, ALPHABET, (4, 5, 8), generator=torch.Generator().manual_seed(3))
    kernels = reader.filters.weight.view(6, 3, 3).transpose(1, 2)  # filters, width, kernel
    vectors = reader.vectors(ids.flatten(0, 1)).transpose(1, 2)
    wanted = nn.functional.conv1d(vectors, kernels, reader.filters.bias).relu().amax(2)
    torch.testing.assert_close(reader(ids).flatten(0, 1), wanted, rtol=0, atol=1e-12)


@READERS
def test_more_padding_changes_nothing(name: str) -> None:
    """17 tokens and 5 characters more."""
    reader, ids = build(name), tokens()
    longer = nn.functional.pad(ids, (0, 5, 0, 17))
    outputs = reader(longer)
    torch.testing.assert_close(outputs[:, :8], reader(ids), rtol=0, atol=1e-12)
    assert not outputs[:, 8:].any()


@READERS
def test_one_token_and_none(name: str) -> None:
    reader, ids = build(name), tokens()
    alone = reader(ids[:1, 2:3, :2])  # a token of two characters
    torch.testing.assert_close(alone, reader(ids)[:1, 2:3], rtol=0, atol=1e-12)
    for shape in ((1, 1, 6), (2, 0, 6), (2, 3, 0)):
        nothing = reader(torch.zeros(shape, dtype=torch.int64))
        assert nothing.shape == (*shape[:2], reader.output_size)
        assert nothing.dtype == torch.float64
        assert not nothing.any()


@READERS
def test_every_parameter_gets_the_gradient_of_every_place(name: str) -> None:
    """A token that comes three times counts three times; padding's vector gets none."""
    reader, ids = build(name), tokens()
    reader(ids).square().sum().backward()
    together = [parameter.grad for parameter in reader.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() and gradient.any() for gradient in together)
    assert reader.vectors.weight.grad is not None
    assert not reader.vectors.weight.grad[0].any()
    alone = build(name)
    for token in ids.flatten(0, 1):
        if token.any():
            alone(token[None, None]).square().sum().backward()
    for one, other in zip(together, (parameter.grad for parameter in alone.parameters()), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@READERS
def test_no_random_number_is_drawn(name: str) -> None:
    reader, ids = build(name), tokens()
    state = torch.get_rng_state()
    assert torch.equal(reader(ids), reader.eval()(ids))
    assert torch.equal(torch.get_rng_state(), state)


def test_an_alphabet_is_needed() -> None:
    for reader in (CharCNN, CharRNN):
        with pytest.raises(ShapeError, match="characters of tokens are read by 2 ids or more, not 0"):
            reader(0)


# Distinct tokens


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=40))
def test_distinct_rows_are_those_of_a_set(rows: list[list[int]]) -> None:
    distinct, inverse = distinct_rows(torch.tensor(rows))
    assert sorted(map(tuple, distinct.tolist())) == sorted(set(map(tuple, rows)))
    assert distinct[inverse].tolist() == rows


def test_rows_that_share_a_number_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every multiplier 1, (1, 2) and (2, 1) have the same; the full 64 bits would need luck to do so."""
    monkeypatch.setattr(characters, "_multipliers", lambda count: torch.ones(count, dtype=torch.int64))
    rows = torch.tensor([[1, 2], [2, 1], [1, 2], [3, 0]])
    distinct, inverse = distinct_rows(rows)
    assert sorted(distinct.tolist()) == [[1, 2], [2, 1], [3, 0]]
    assert torch.equal(distinct[inverse], rows)


def test_words_hardly_share_a_number() -> None:
    """50,000 random tokens, and all of up to three of 40 characters, without the slow way once."""
    source = torch.Generator().manual_seed(4)
    rows = torch.randint(0, 30_000, (50_000, 16), generator=source)
    short = nn.functional.pad(torch.cartesian_prod(*[torch.arange(40)] * 3), (0, 13))
    for ids in (rows, short):
        sums = (ids * characters._multipliers(16)).sum(1)
        assert len(sums.unique()) == len(ids.unique(dim=0))
