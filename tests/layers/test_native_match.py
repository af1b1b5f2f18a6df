"""The compiled scan of the match-LSTM against the one in torch operations, and the compiled GRU against torch's own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ham_mrc.layers import native_gru, native_match
from ham_mrc.layers.masks import lengths_to_mask, reverse_within_length
from ham_mrc.layers.match_layer import MatchLayer
from ham_mrc.layers.scan import ScanInputs, match_scan
from ham_mrc.layers.site import build_ham

SHAPES = [(3, 7, 5, 8, 6, 10, 1), (5, 9, 17, 19, 33, 21, 4), (17, 12, 20, 16, 32, 15, 2), (1, 1, 1, 1, 1, 1, 3)]
"""B, P, Q, A, D, H, L: widths that fill up the vectors of the processor and widths that do not; more than a block."""


def draw(shape: tuple[int, ...], seed: int = 1) -> tuple[list[Tensor], Tensor, Tensor]:
    """The tensors of MatchInputs in float64, a mask, and lengths. Where there are three questions, one has no key."""
    batch, steps, keys, width, size, hidden, depth = shape
    random = torch.Generator().manual_seed(seed)

    def normal(*of: int) -> Tensor:
        return 0.4 * torch.randn(*of, generator=random, dtype=torch.float64)

    mask = torch.arange(keys) < torch.randint(1, keys + 1, (batch, 1), generator=random)
    if batch > 2:
        mask[1] = False
    lengths = torch.randint(1, steps + 1, (batch,), generator=random)
    lengths[0] = steps
    tensors = [
        normal(batch, steps, width),
        normal(batch, steps, 2, 4 * hidden),
        normal(batch, keys, width),
        normal(batch, keys, width),
        normal(batch, keys, size),
        normal(width),
        normal(width, hidden),
        normal(2, size + hidden, 4 * hidden) / 2,
        normal(depth).softmax(0),
    ]
    return tensors, mask, lengths


def in_torch(tensors: list[Tensor], mask: Tensor, lengths: Tensor) -> Tensor:
    """The same by layers/scan.py: the rows of both directions one after the other, the second reversed."""
    queries, inputs, first, again, keys, *rest = tensors

    def both(x: Tensor) -> Tensor:
        return torch.cat([x, x])

    steps_first = torch.cat([queries, reverse_within_length(queries, lengths)]).transpose(0, 1)
    gates = torch.cat([inputs[:, :, 0], reverse_within_length(inputs[:, :, 1], lengths)]).transpose(0, 1).contiguous()
    states = match_scan(ScanInputs(steps_first, gates, both(first), both(again), both(keys), *rest, both(mask)))
    forward, backward = states.transpose(0, 1).chunk(2)
    found = torch.stack([forward, reverse_within_length(backward, lengths)], 2)
    return found * lengths_to_mask(lengths, found.shape[1])[..., None, None]


def gradients(states: Tensor, leaves: list[Tensor]) -> list[Tensor | None]:
    weights = torch.randn(states.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return list(torch.autograd.grad((states * weights.to(states)).sum(), leaves, allow_unused=True))


def close(found: Tensor, expected: Tensor, tolerance: float = 3e-6) -> None:
    """To within a share of the largest number."""
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance * max(1.0, expected.abs().max().item()))


def test_the_compiled_form_is_in_use_here() -> None:
    """Where the tests run there is a compiler; else all the others in this file would compare nothing."""
    assert native_match.usable(torch.zeros(1)), native_match.compiled().why
    assert not native_match.usable(torch.zeros(1, dtype=torch.float64))
    assert native_gru.usable(torch.zeros(1)), native_gru.compiled().why


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_states_and_gradients_are_those_in_torch(shape: tuple[int, ...]) -> None:
    tensors, mask, lengths = draw(shape)
    exact = [tensor.clone().requires_grad_() for tensor in tensors]
    single = [tensor.float().requires_grad_() for tensor in tensors]
    expected = in_torch(exact, mask, lengths)
    found = native_match.native_match(native_match.MatchInputs(*single, mask, lengths))
    close(found, expected)
    for ours, reference in zip(gradients(found, single), gradients(expected, exact), strict=True):
        if reference is None:
            assert ours is None
        else:
            assert ours is not None
            close(ours, reference, 2e-5)


@pytest.mark.parametrize(("keys", "words"), [(30.0, -30.0), (60.0, -60.0), (-60.0, 60.0), (10.0, 60.0), (60.0, 10.0)])
def test_scores_of_large_numbers_that_meet(keys: float, words: float) -> None:
    """e^2(f + x) is e^2f e^2x only where none of them leaves what floats can be: beyond, it is not taken apart."""
    shape = SHAPES[1]
    tensors, mask, lengths = draw(shape)
    tensors[2][0] += keys  # of one question; the others stay as they are
    tensors[0][0] += words
    if keys + words:
        tensors[2][0, 0] -= keys + words  # one key that meets the words; of all others the tanh is 1
    tensors[3][0] += words
    exact = [tensor.clone().requires_grad_() for tensor in tensors]
    single = [tensor.float().requires_grad_() for tensor in tensors]
    expected = in_torch(exact, mask, lengths)
    found = native_match.native_match(native_match.MatchInputs(*single, mask, lengths))
    close(found, expected, 2e-5)  # 60 has 4e-6 of rounding by itself
    for ours, reference in zip(gradients(found, single), gradients(expected, exact), strict=True):
        assert ours is not None
        assert reference is not None
        close(ours, reference, 1e-4)


def test_without_gradients_the_states_are_the_same_bits() -> None:
    tensors, mask, lengths = draw(SHAPES[1])
    single = [tensor.float().requires_grad_() for tensor in tensors]
    given = native_match.MatchInputs(*single, mask, lengths)
    with torch.inference_mode():
        found = native_match.native_match(given)
    assert torch.equal(found, native_match.native_match(given))


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, mask, lengths = draw((19, 9, 6, 16, 16, 8, 3))
    outcomes = []
    for threads in (1, 2, 8):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        single = [tensor.float().requires_grad_() for tensor in tensors]
        states = native_match.native_match(native_match.MatchInputs(*single, mask, lengths))
        outcomes.append([states, *gradients(states, single)])
    for other in outcomes[1:]:
        for one, same in zip(outcomes[0], other, strict=True):
            assert torch.equal(one, same)


def test_more_padding_changes_no_bit() -> None:
    """Trap 3, and what stands on padding may be anything."""
    tensors, mask, lengths = draw(SHAPES[1])
    single = [tensor.float() for tensor in tensors]
    padded = [torch.nn.functional.pad(single[0], (0, 0, 0, 5), value=torch.nan)]
    padded.append(torch.nn.functional.pad(single[1], (0, 0, 0, 0, 0, 5), value=torch.nan))
    found = native_match.native_match(native_match.MatchInputs(*padded, *single[2:], mask, lengths))
    plain = native_match.native_match(native_match.MatchInputs(*single, mask, lengths))
    assert torch.equal(found[:, : plain.shape[1]], plain)
    assert not found[:, plain.shape[1] :].any()


@pytest.mark.parametrize("requery", ["word", "key", "own"])
@pytest.mark.parametrize(("depth", "options"), [(1, {}), (2, {}), (5, {}), (3, {"attention": "multilevel"})])
def test_the_match_layer_by_compiled_code(depth: int, options: dict[str, Any], requery: str) -> None:
    """Against MatchLayer.scan, the paper's loop, in float64: states on real tokens, and every gradient."""
    torch.manual_seed(depth)
    ham = build_ham(6, score="additive", hidden=5, requery=requery, depth=depth, **options)
    layer = MatchLayer(ham, 6, 5)
    exact = copy.deepcopy(layer).double()
    exact.fast = False
    passage, question = torch.randn(4, 9, 6), torch.randn(4, 3, 6)
    lengths, mask = torch.tensor([9, 4, 1, 7]), torch.tensor([[True] * 3, [False, True, True], [False] * 3, [True] * 3])
    real = lengths_to_mask(lengths, 9)
    outcomes = []
    for form, dtype in ((layer, torch.float32), (exact, torch.float64)):
        inputs = [passage.to(dtype).requires_grad_(), question.to(dtype).requires_grad_()]
        states = form(*inputs, lengths, mask) * real[..., None]
        outcomes.append([states, *gradients(states, [*inputs, *form.parameters()])])
    for ours, reference in zip(*outcomes, strict=True):
        assert ours is not None
        assert reference is not None
        close(ours, reference, 1e-5)


def test_under_autocast_the_scan_stays_in_float32() -> None:
    tensors, mask, lengths = draw(SHAPES[0])
    single = [tensor.float().requires_grad_() for tensor in tensors]
    plain = native_match.native_match(native_match.MatchInputs(*single, mask, lengths))
    with torch.autocast("cpu", torch.bfloat16):
        half = [single[0].bfloat16(), *single[1:]]
        states = native_match.native_match(native_match.MatchInputs(*half, mask, lengths))
    assert states.dtype == torch.float32
    torch.testing.assert_close(states, plain, rtol=0, atol=0.02)  # eight bits of the queries
    assert all(found is not None and found.isfinite().all() for found in gradients(states, single[:3]))


def test_under_autocast_the_gru_stays_in_float32() -> None:
    torch.manual_seed(3)
    layer, inputs, lengths = nn.GRU(4, 3, batch_first=True), torch.randn(2, 5, 4), torch.tensor([5, 2])
    plain = native_gru.native_gru(layer, [inputs], lengths)
    with torch.autocast("cpu", torch.bfloat16):
        states = native_gru.native_gru(layer, [inputs], lengths)
        states.sum().backward()
    assert states.dtype == torch.float32
    torch.testing.assert_close(states, plain, rtol=0, atol=0.02)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("batch", "steps", "size", "hidden"), [(5, 9, 7, 10), (19, 11, 20, 32), (1, 1, 1, 1)])
def test_gru_is_torchs_packed_one(bidirectional: bool, batch: int, steps: int, size: int, hidden: int) -> None:
    torch.manual_seed(1)
    options: dict[str, Any] = {"batch_first": True, "bidirectional": bidirectional}
    ours, exact = nn.GRU(size, hidden, **options), nn.GRU(size, hidden, **options).double()
    exact.load_state_dict(ours.state_dict())
    inputs, lengths = torch.randn(batch, steps, size), torch.randint(1, steps + 1, (batch,))
    lengths[0] = steps
    single, double = inputs.clone().requires_grad_(), inputs.double().requires_grad_()
    packed = pack_padded_sequence(double, lengths, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(exact(packed)[0], batch_first=True)[0]
    found = native_gru.native_gru(ours, [single] * (1 + bidirectional), lengths)
    close(found, expected)
    names = [name for name, _ in ours.named_parameters()]
    leaves = [single, *ours.parameters()], [double, *exact.parameters()]
    for name, one, other in zip(["inputs", *names], *map(gradients, (found, expected), leaves), strict=True):
        assert one is not None, name
        assert other is not None
        close(one, other, 1e-5)


def test_gru_reads_an_input_of_its_own_in_each_direction() -> None:
    torch.manual_seed(2)
    layer = nn.GRU(4, 3, batch_first=True, bidirectional=True)
    ways, lengths = [torch.randn(2, 5, 4), torch.randn(2, 5, 4)], torch.tensor([5, 2])
    apart = native_gru.native_gru(layer, ways, lengths)
    for way, hidden in ((0, slice(0, 3)), (1, slice(3, 6))):
        alone = native_gru.native_gru(layer, [ways[way], ways[way]], lengths)
        torch.testing.assert_close(apart[..., hidden], alone[..., hidden], rtol=0, atol=1e-6)
