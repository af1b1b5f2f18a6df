"""Products by oneDNN against torch's own: the same numbers but for rounding, and torch's own where it has to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from ham_mrc.layers import product
from ham_mrc.layers.native import SWITCH
from ham_mrc.layers.product import Linear, across_rows, linear

ROUNDING = 2e-6
"""Of a sum of numbers about 1 in size: float32 keeps 1.2e-7 of each, and sums come to some 30."""


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """The smallest product is large enough, unless a test asks about that; and oneDNN is there or the test says so."""
    monkeypatch.setattr(product, "SMALLEST", 0)
    monkeypatch.delenv(SWITCH, raising=False)
    product.why_not.cache_clear()
    yield
    product.why_not.cache_clear()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what oneDNN is given from now on."""
    seen: list[tuple[int, ...]] = []
    by_onednn = product._product

    def count(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        seen.append(tuple(x.shape))
        return by_onednn(x, weight, bias)

    assert product.why_not() is None, product.why_not()
    monkeypatch.setattr(product, "_product", count)
    return seen


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gradients(form: Callable[..., Tensor], given_: list[Tensor], back: Tensor) -> list[Tensor]:
    """The output, and the gradients of everything that went in: x, weight, and the bias if there is one."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in given_]
    output = form(*leaves)
    return [output, *torch.autograd.grad(output, leaves, back)]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    width=st.integers(1, 70),
    out=st.integers(2, 70),
    with_bias=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_output_and_gradients_are_those_of_torch(
    rows: list[int], width: int, out: int, with_bias: bool, seed: int
) -> None:
    tensors = [draw(*rows, width, seed=seed), draw(out, width, seed=seed + 1), draw(out, seed=seed + 2)]
    tensors, back = tensors[: 2 + with_bias], draw(*rows, out, seed=seed + 3)
    found = gradients(linear, tensors, back)
    exact = gradients(functional.linear, [tensor.double() for tensor in tensors], back.double())
    for one, other in zip(found, exact, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, rtol=0, atol=ROUNDING * max(1, other.abs().max().item()))


@pytest.mark.parametrize("width", [3, 9])
def test_a_product_by_hand(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    x, weight = torch.arange(2.0 * width).view(2, width), torch.ones(4, width)
    expected = torch.tensor([sum(range(width)), sum(range(width, 2 * width))]).float()[:, None] + torch.arange(4.0)
    assert torch.equal(linear(x, weight, torch.arange(4.0)), expected)
    assert seen == [(2, width)]


def strided(kind: str) -> tuple[Tensor, Tensor]:
    """(6, 5) rows and a (7, 5) weight, of which one is not dense."""
    x, weight = draw(6, 5), draw(7, 5, seed=1)
    views = {
        "x transposed": (draw(5, 6).t(), weight),
        "x with gaps": (draw(6, 2, 5)[:, 1], weight),
        "x of one row": (draw(1, 5).expand(6, 5), weight),
        "weight transposed": (x, draw(5, 7).t()),
        "weight with gaps": (x, draw(7, 2, 5)[:, 1]),
        "weight transposed with gaps": (x, draw(5, 2, 7)[:, 1].t()),
        "weight of one row": (x, draw(1, 5).expand(7, 5)),
    }
    return views[kind]


KINDS = (
    "x transposed",
    "x with gaps",
    "x of one row",
    "weight transposed",
    "weight with gaps",
    "weight transposed with gaps",
    "weight of one row",
)


@pytest.mark.parametrize("kind", KINDS)
def test_strides_may_be_any(kind: str) -> None:
    x, weight = strided(kind)
    torch.testing.assert_close(linear(x, weight), functional.linear(x, weight))


def test_a_weight_with_gaps_reaches_onednn_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that reads one with gaps is a thousand times slower, and gives the same numbers."""
    given_: list[Tensor] = []

    def note(x: Tensor, weight: Tensor, *rest: object) -> Tensor:
        given_.append(weight)
        return x @ weight.t()

    assert product.why_not() is None
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", note)
    for kind in KINDS:
        linear(*strided(kind))
    across_rows(draw(9, 2, 4)[:, 0], draw(9, 2, 5)[:, 1])
    assert len(given_) == len(KINDS) + 1
    assert all(weight.is_contiguous() or weight.t().is_contiguous() for weight in given_)


@pytest.mark.parametrize(("width", "other"), [(4, 9), (9, 4), (5, 5)])
def test_across_rows_is_the_sum_of_outer_products(width: int, other: int) -> None:
    x, y = draw(11, 2, width)[:, 1], draw(11, 2, other, seed=1)[:, 0]
    torch.testing.assert_close(
        across_rows(x, y), torch.stack([torch.outer(a, b) for a, b in zip(x, y, strict=True)]).sum(0)
    )


def test_the_gradient_of_a_sum_and_a_gradient_of_gradients() -> None:
    x, weight = draw(6, 5).requires_grad_(), draw(7, 5, seed=1).requires_grad_()
    for form in (linear, functional.linear):
        x.grad = weight.grad = None
        (of_x,) = torch.autograd.grad(form(x, weight).sum(), x, create_graph=True)
        of_x.square().sum().backward()  # type: ignore[no-untyped-call]
        assert x.grad is None
        # sum of squares of 6 rows, each the sum of the weight's columns: 12 times those sums
        torch.testing.assert_close(weight.grad, (12 * weight.detach().sum(0)).expand(7, 5))


@pytest.mark.parametrize("frozen", ["x", "weight", "bias"])
def test_what_needs_no_gradient_gets_none(frozen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = {"x": draw(6, 5), "weight": draw(7, 5), "bias": draw(7)}
    for name, tensor in tensors.items():
        tensor.requires_grad_(name != frozen)
    seen = counted(monkeypatch)
    linear(**tensors).sum().backward()  # type: ignore[no-untyped-call]
    assert [name for name, tensor in tensors.items() if tensor.grad is None] == [frozen]
    assert len(seen) == (3 if frozen == "bias" else 2)  # the product, and one for each gradient that is a product


def test_twice_the_same_to_the_bit() -> None:
    x, weight, bias, back = draw(600, 90), draw(70, 90), draw(70), draw(600, 70)
    first, second = (gradients(linear, [x, weight, bias], back) for _ in range(2))
    assert all(map(torch.equal, first, second))


def test_the_module_has_the_weights_and_the_parameters_of_torch() -> None:
    torch.manual_seed(0)
    ours = Linear(5, 7)
    torch.manual_seed(0)
    theirs = nn.Linear(5, 7)
    assert {n: p.tolist() for n, p in ours.state_dict().items()} == {
        n: p.tolist() for n, p in theirs.state_dict().items()
    }
    x = draw(2, 3, 5)
    torch.testing.assert_close(ours(x), theirs(x))


def fall_back(case: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    x, weight = draw(6, 5), draw(7, 5, seed=1)
    if case == "double":
        return x.double(), weight.double()
    if case == "bfloat16":
        return x.bfloat16(), weight.bfloat16()
    if case == "small":
        monkeypatch.setattr(product, "SMALLEST", 6 * 5 * 7 + 1)
    if case == "one column":
        return x, weight[:1]
    if case == "no rows":
        monkeypatch.setattr(product, "SMALLEST", 1)
        return x[:0], weight
    if case == "switched off":
        monkeypatch.setenv(SWITCH, "0")
        product.why_not.cache_clear()
    if case == "meta":
        return x.to("meta"), weight.to("meta")
    return x, weight


@pytest.mark.parametrize("case", ["double", "bfloat16", "small", "one column", "no rows", "switched off", "meta"])
def test_torch_computes_what_onednn_cannot(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    x, weight = fall_back(case, monkeypatch)
    found, expected = linear(x, weight), functional.linear(x, weight)
    assert (found.shape, found.dtype, found.device) == (expected.shape, expected.dtype, expected.device)
    assert case == "meta" or torch.equal(found, expected)
    assert seen == []


def test_at_its_size_a_product_is_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    monkeypatch.setattr(product, "SMALLEST", 6 * 5 * 7)
    linear(draw(6, 5), draw(7, 5))
    assert seen == [(6, 5)]


def test_autocast_and_the_switch_of_onednn_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    x, weight = draw(6, 5), draw(7, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x, weight).dtype == torch.bfloat16
    with torch.backends.mkldnn.flags(enabled=False):
        linear(x, weight)
    assert seen == []


def test_gradients_in_double_by_small_steps() -> None:
    tensors = [draw(3, 2, 4).double(), draw(5, 4).double(), draw(5).double()]
    assert torch.autograd.gradcheck(linear, [tensor.requires_grad_() for tensor in tensors])


def test_a_torch_without_the_operation_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Tensor:
        raise AttributeError("no operation of that name")

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", missing)
    assert product.why_not() == "this torch gives its float32 products no oneDNN"
    x, weight = draw(6, 5), draw(7, 5)
    assert torch.equal(linear(x, weight), functional.linear(x, weight))
