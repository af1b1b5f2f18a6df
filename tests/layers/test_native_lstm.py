"""The compiled LSTM against torch's own over packed sequences, in float64, and what reads it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ham_mrc.layers import native_gru, native_lstm
from ham_mrc.layers.characters import CharRNN
from ham_mrc.layers.encoders import Cell, Encoder

SHAPES = [(5, 9, 7, 10), (19, 11, 20, 32), (3, 6, 4, 20), (1, 1, 1, 1)]
"""B, T, E, H: widths that fill up the vectors of the processor and widths that do not; more than a block."""


def packed(layer: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    read = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(read)[0], batch_first=True, total_length=inputs.shape[1])[0]


def gradients(states: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    weights = torch.randn(states.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return list(torch.autograd.grad((states * weights.to(states)).sum(), leaves, retain_graph=True))


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    """To within a share of the largest number."""
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance * max(1.0, expected.abs().max().item()))


def draw(shape: tuple[int, ...], *, bidirectional: bool) -> tuple[nn.LSTM, nn.LSTM, Tensor, Tensor]:
    """A layer, the same in float64, inputs and lengths."""
    batch, steps, size, hidden = shape
    torch.manual_seed(1)
    options: dict[str, Any] = {"batch_first": True, "bidirectional": bidirectional}
    ours, exact = nn.LSTM(size, hidden, **options), nn.LSTM(size, hidden, **options).double()
    exact.load_state_dict(ours.state_dict())
    lengths = torch.randint(1, steps + 1, (batch,))
    lengths[0] = steps
    return ours, exact, torch.randn(batch, steps, size), lengths


def test_the_compiled_form_is_in_use_here() -> None:
    """Where the tests run there is a compiler; else all the others in this file would compare nothing."""
    assert native_lstm.usable(torch.zeros(1)), native_lstm.compiled().why
    assert not native_lstm.usable(torch.zeros(1, dtype=torch.float64))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_lstm_is_torchs_packed_one(shape: tuple[int, ...], bidirectional: bool) -> None:
    ours, exact, inputs, lengths = draw(shape, bidirectional=bidirectional)
    single, double = inputs.clone().requires_grad_(), inputs.double().requires_grad_()
    expected = packed(exact, double, lengths)
    found = native_lstm.native_lstm(ours, [single] * (1 + bidirectional), lengths)
    close(found, expected, 3e-6)
    names = ["inputs", *(name for name, _ in ours.named_parameters())]
    leaves = [single, *ours.parameters()], [double, *exact.parameters()]
    for name, one, other in zip(names, *map(gradients, (found, expected), leaves), strict=True):
        assert one.abs().max() > 0 or other.abs().max() == 0, name
        close(one, other)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_each_direction_reads_an_input_of_its_own(cell: str) -> None:
    """States and gradients: a direction by itself is that half of a layer that reads its input both ways."""
    torch.manual_seed(2)
    kind, read = (nn.LSTM, native_lstm.native_lstm) if cell == "lstm" else (nn.GRU, native_gru.native_gru)
    layer = kind(4, 3, batch_first=True, bidirectional=True)
    ways, lengths = [torch.randn(2, 5, 4, requires_grad=True) for _ in range(2)], torch.tensor([5, 2])
    apart = read(layer, ways, lengths)  # type: ignore[operator]
    of_apart = gradients(apart, ways)
    for way, half in enumerate((slice(0, 3), slice(3, 6))):
        alone = read(layer, [ways[way], ways[way]], lengths)  # type: ignore[operator]
        kept = torch.zeros_like(alone)
        kept[..., half] = 1
        torch.testing.assert_close(apart[..., half], alone[..., half], rtol=0, atol=1e-6)
        torch.testing.assert_close(of_apart[way], gradients(alone * kept, [ways[way]])[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("together", [False, True])
def test_padding_says_nothing_and_is_told_nothing(cell: str, together: bool) -> None:
    torch.manual_seed(2)
    kind, read = (nn.LSTM, native_lstm.native_lstm) if cell == "lstm" else (nn.GRU, native_gru.native_gru)
    layer = kind(4, 3, batch_first=True, bidirectional=True)
    plain, lengths = torch.randn(3, 5, 4), torch.tensor([5, 2, 1])
    padded = [nn.functional.pad(plain, (0, 0, 0, 4), value=7.0).requires_grad_() for _ in range(2)]
    ways = [padded[0]] * 2 if together else padded
    states, short = read(layer, ways, lengths), read(layer, [plain, plain], lengths)  # type: ignore[operator]
    torch.testing.assert_close(states[:, :5], short, rtol=0, atol=1e-6)  # the inputs' product is another: by rounding
    for b, length in enumerate(lengths.tolist()):
        assert not states[b, length:].any()
    for found in gradients(states, ways[: 1 if together else 2]):
        for b, length in enumerate(lengths.tolist()):
            assert found[b, :length].all()
            assert not found[b, length:].any()


def test_without_gradients_and_by_any_threads_the_states_are_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, _, inputs, lengths = draw(SHAPES[1], bidirectional=True)
    seen = []
    for threads in (1, 2, 8):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        states = native_lstm.native_lstm(layer, [inputs, inputs], lengths)
        seen.append([states, *gradients(states, list(layer.parameters()))])
    with torch.inference_mode():
        assert torch.equal(native_lstm.native_lstm(layer, [inputs, inputs], lengths), seen[0][0])
    for other in seen[1:]:
        assert all(torch.equal(one, same) for one, same in zip(seen[0], other, strict=True))


def test_under_autocast_the_lstm_stays_in_float32() -> None:
    layer, _, inputs, lengths = draw(SHAPES[0], bidirectional=False)
    plain = native_lstm.native_lstm(layer, [inputs], lengths)
    with torch.autocast("cpu", torch.bfloat16):
        states = native_lstm.native_lstm(layer, [inputs], lengths)
        states.sum().backward()
    assert states.dtype == torch.float32
    torch.testing.assert_close(states, plain, rtol=0, atol=0.02)  # eight bits of the products
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters())


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_encoders_and_characters_read_by_it(cell: Cell) -> None:
    """In float32 they are what they are in float64, where torch reads; and their gradients come from compiled code."""
    torch.manual_seed(4)
    encoder, characters = Encoder(3, 5, cell=cell, bidirectional=True, layers=2), CharRNN(9, 4, 5, cell)
    ids = torch.tensor([[2, 3, 8, 0], [5, 0, 0, 0], [4, 4, 4, 4], [2, 3, 8, 0]])
    rows, lengths = torch.randn(4, 6, 3), torch.tensor([6, 2, 1, 3])
    for layer, given in ((encoder, (rows, lengths)), (characters, (ids,))):
        states = layer(*given)
        names, waiting = set(), [states.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is not None:
                names.add(node.name())
                waiting += [following for following, _ in node.next_functions]
        assert any(name.endswith(f"_{cell.capitalize()}Backward") for name in names)
        found = gradients(states, list(layer.parameters()))
        exact = layer.double()
        states_exact = exact(*(x.double() if x.is_floating_point() else x for x in given))
        close(states, states_exact, 3e-6)
        for one, other in zip(found, gradients(states_exact, list(exact.parameters())), strict=True):
            close(one, other)
