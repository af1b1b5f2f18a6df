"""The fast form of the match-LSTM against the readable one, `MatchLayer.scan`, which other tests hold to the paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from ham_mrc.layers import match_layer, native_match
from ham_mrc.layers.attention import SCORERS
from ham_mrc.layers.match_layer import Fusion, MatchLayer
from ham_mrc.layers.scan import ScanInputs, match_scan
from ham_mrc.layers.site import build_ham

FAST = ("word", "key", "own")
SLOW = ("add", "drop_state")


class Case(NamedTuple):
    """A layer, and passages of 6, 4 and 1 words with questions of 4, 2 and no words."""

    layer: MatchLayer
    passage: Tensor  # (3, 6, 4)
    question: Tensor  # (3, 4, 4)
    lengths: Tensor
    mask: Tensor  # (3, 4)

    def run(self, *, fast: bool = True) -> Tensor:
        """The states (3, 6, 6) of both directions."""
        self.layer.fast = fast
        return self.layer(self.passage, self.question, self.lengths, self.mask)

    def gradients(self, states: Tensor) -> dict[str, Tensor]:
        """Those of passage, question and every parameter, from a sum that weighs each state differently."""
        wanted = {"passage": self.passage, "question": self.question, **dict(self.layer.named_parameters())}
        weights = torch.randn(states.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        found = torch.autograd.grad((states * weights).sum(), list(wanted.values()))
        return dict(zip(wanted, found, strict=True))


def make(
    depth: int,
    score: str = "additive",
    requery: str = "word",
    dtype: torch.dtype = torch.float64,
    fusion: Fusion = "plain",
    **options: Any,
) -> Case:
    torch.manual_seed(depth)
    inner = 3 if score in ("additive", "projected_dot") else None
    ham = build_ham(4, score=score, hidden=inner, requery=requery, depth=depth, **options)
    layer = MatchLayer(ham, 4, 3, fusion=fusion).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    passage, question = torch.randn(3, 6, 4, dtype=dtype), torch.randn(3, 4, 4, dtype=dtype)
    mask = torch.tensor([[True] * 4, [False, True, False, True], [False] * 4])
    return Case(layer, passage.requires_grad_(), question.requires_grad_(), torch.tensor([6, 4, 1]), mask)


@pytest.fixture(autouse=True)
def in_torch_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled form, which has a test of its own, stays out of the way."""
    monkeypatch.setattr(native_match, "usable", lambda tensor: False)


@pytest.fixture
def fast_calls(monkeypatch: pytest.MonkeyPatch) -> list[ScanInputs]:
    """What the fast form was called with since the test began."""
    calls: list[ScanInputs] = []

    def counted(given: ScanInputs) -> Tensor:
        calls.append(given)
        return match_scan(given)

    monkeypatch.setattr(match_layer, "match_scan", counted)
    return calls


@pytest.mark.parametrize("depth", [1, 2, 5, 20])
@pytest.mark.parametrize("requery", FAST)
def test_states_and_gradients_are_those_of_the_readable_form(
    requery: str, depth: int, fast_calls: list[ScanInputs]
) -> None:
    case = make(depth, requery=requery)
    quick, plain = case.run(), case.run(fast=False)
    assert len(fast_calls) == 1
    torch.testing.assert_close(quick, plain, rtol=0, atol=1e-10)
    expected = case.gradients(plain)
    assert all(gradient.any() for gradient in expected.values())
    for name, gradient in case.gradients(quick).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("depth", [2, 5])
def test_the_last_level_alone(depth: int, fast_calls: list[ScanInputs]) -> None:
    """attention = "multilevel" has no c, and is a mixture that is one-hot on the last level."""
    case = make(depth, attention="multilevel")
    quick, plain = case.run(), case.run(fast=False)
    assert len(fast_calls) == 1
    assert "ham.c" not in dict(case.layer.named_parameters())
    torch.testing.assert_close(quick, plain, rtol=0, atol=1e-10)
    expected = case.gradients(plain)
    for name, gradient in case.gradients(quick).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("depth", [1, 5])
def test_every_question_empty(depth: int) -> None:
    case = make(depth)
    case = case._replace(mask=torch.zeros_like(case.mask))
    quick, plain = case.run(), case.run(fast=False)
    torch.testing.assert_close(quick, plain, rtol=0, atol=1e-10)
    expected = case.gradients(plain)
    for name, gradient in case.gradients(quick).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10)
    assert not expected["question"].any()


def test_a_level_that_is_switched_off(fast_calls: list[ScanInputs]) -> None:
    """c = -inf: the gradient of c there is zero, and nothing is NaN."""
    case = make(3)
    case.layer.ham.set_levels(torch.tensor([0.0, -torch.inf, 0.5]))
    quick, plain = case.run(), case.run(fast=False)
    torch.testing.assert_close(quick, plain, rtol=0, atol=1e-10)
    expected = case.gradients(plain)
    for name, gradient in case.gradients(quick).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10)
    assert expected["ham.c"][1] == 0
    assert len(fast_calls) == 1


def free_inputs(levels: int) -> tuple[list[Tensor], Tensor]:
    """Every tensor of ScanInputs, drawn on its own, and a mask with an empty row: P=3, S=4, Q=3, A=3, D=2, H=2."""
    source = torch.Generator().manual_seed(levels)
    shapes = [(3, 4, 3), (3, 4, 8), (4, 3, 3), (4, 3, 3), (4, 3, 2), (3,), (3, 2), (2, 4, 8), (levels,)]
    tensors = [torch.randn(*shape, generator=source, dtype=torch.float64).requires_grad_() for shape in shapes]
    mask = torch.tensor([[True, True, True], [True, False, True], [False, False, False], [True, False, False]])
    return tensors, mask


@pytest.mark.parametrize("levels", [1, 3])
def test_gradients_are_the_slopes(levels: int) -> None:
    """By finite differences, so that no other derivative has to be right."""
    tensors, mask = free_inputs(levels)
    if levels == 1:
        tensors[3].requires_grad_(False)  # `again` is not read at one level
    assert torch.autograd.gradcheck(lambda *given: match_scan(ScanInputs(*given, mask)), tensors)


def test_differentiating_twice_is_refused() -> None:
    tensors, mask = free_inputs(2)
    loss = match_scan(ScanInputs(*tensors, mask)).square().sum()
    (gradient,) = torch.autograd.grad(loss, tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_only_inputs_states_and_weights_are_kept_for_the_backward_pass() -> None:
    """Nothing of shape (S, Q, A) a step and level: that would be gigabytes at depth 20."""
    tensors, mask = free_inputs(3)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        match_scan(ScanInputs(*tensors, mask))
    given = sum(t.numel() for t in (*tensors, mask))
    states, activations, weights = 2 * (3 + 1) * 4 * 2, 3 * 4 * 8, 3 * 3 * 4 * 3
    assert sum(t.numel() for t in kept) == given + states + activations + weights


@pytest.mark.parametrize("depth", [1, 5])
def test_a_layer_under_bfloat16_autocast(depth: int) -> None:
    """Only what enters the recurrence is rounded, to about three digits."""
    case = make(depth, dtype=torch.float32)
    exact = case.run()
    expected = case.gradients(exact)
    with torch.autocast("cpu", torch.bfloat16):
        states = case.run()
    assert states.dtype == torch.float32
    torch.testing.assert_close(states, exact, rtol=0, atol=0.03)
    assert not torch.equal(states, exact)
    for name, gradient in case.gradients(states).items():
        assert gradient.isfinite().all()
        assert (gradient - expected[name]).norm() <= 0.05 * expected[name].norm() + 1e-6, name


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_the_recurrence_heeds_no_autocast(forward: bool, backward: bool) -> None:
    """Bit for bit, wherever each pass runs: hundreds of steps in half precision would add up."""
    tensors, mask = free_inputs(3)
    tensors = [tensor.detach().float().requires_grad_() for tensor in tensors]
    states = match_scan(ScanInputs(*tensors, mask))
    expected = torch.autograd.grad(states, tensors, torch.ones_like(states))
    with torch.autocast("cpu", torch.bfloat16, enabled=forward):
        again = match_scan(ScanInputs(*tensors, mask))
    with torch.autocast("cpu", torch.bfloat16, enabled=backward):
        found = torch.autograd.grad(again, tensors, torch.ones_like(again))
    assert torch.equal(again, states)
    assert all(torch.equal(mine, other) for mine, other in zip(found, expected, strict=True))


def test_inference_mode() -> None:
    case = make(3)
    with torch.inference_mode():
        assert torch.equal(case.run(), make(3).run().detach())


@pytest.mark.parametrize("requery", FAST)
def test_what_has_a_fast_form(requery: str, fast_calls: list[ScanInputs]) -> None:
    case = make(2, requery=requery)
    case.run()
    assert len(fast_calls) == 1
    case.run(fast=False)
    assert len(fast_calls) == 1


READABLE: list[dict[str, Any]] = [
    *({"requery": requery} for requery in SLOW),
    *({"score": score} for score in SCORERS if score != "additive"),
    {"fusion": "extended"},
    {"local": "topk", "keep": 2},
    {"local": "gaussian", "radius": 2},
    {"hard": "straight_through"},
]


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("settings", READABLE, ids=str)
def test_what_has_none_takes_the_readable_form(
    settings: dict[str, Any], depth: int, fast_calls: list[ScanInputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = 0
    kept: Callable[..., Any] = MatchLayer.scan

    def counted(*arguments: Any) -> Any:
        nonlocal called
        called += 1
        return kept(*arguments)

    monkeypatch.setattr(MatchLayer, "scan", counted)
    states = make(depth, **settings).run()
    assert states.shape == (3, 6, 6)
    assert states.isfinite().all()
    assert (called, fast_calls) == (1, [])


def test_tracing_takes_the_readable_form_and_changes_nothing(fast_calls: list[ScanInputs]) -> None:
    case = make(3)
    with case.layer.ham.trace() as traced:
        states = case.run()
    assert fast_calls == []
    assert traced.weights().shape == (3, 6, 6, 4)  # levels, rows of both directions, steps, keys
    torch.testing.assert_close(states, case.run(), rtol=0, atol=1e-10)
    assert len(fast_calls) == 1
