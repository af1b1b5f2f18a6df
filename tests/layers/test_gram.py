"""The recurrence in Gram form: against Ham's own loop with every level read from the slots, forward and backward."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ham_mrc.layers.gram import GramWeights, gram_scan
from ham_mrc.layers.ham import Ham

LINES, STEPS, SLOTS, WIDTH, HIDDEN = 3, 4, 6, 8, 5


def made(depth: int, slots: int, kind: torch.dtype) -> dict[str, Tensor]:
    """Leaves, in their own words: W_q, W_hh and so on are apart, as a cell and a map of torch's have them."""
    torch.manual_seed(depth)
    shapes = {
        "given": (STEPS, LINES, 3 * HIDDEN),
        "start": (LINES, HIDDEN),
        "memory": (LINES, slots, WIDTH),
        "query": (WIDTH, HIDDEN),
        "recurrent": (3 * HIDDEN, HIDDEN),
        "bias": (3 * HIDDEN,),
        "context": (3 * HIDDEN, WIDTH),
        "c": (depth,),
    }
    # Of the size of a GRU's states and weights: larger ones make a step double the rounding of the one before.
    return {name: (0.4 * torch.randn(shape, dtype=kind)).requires_grad_() for name, shape in shapes.items()}


def by_gram(x: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    root = math.sqrt(WIDTH)
    gram = x["memory"] @ x["memory"].mT / root
    state = torch.cat([x["recurrent"], x["query"] / root])
    bias = torch.cat([x["bias"], x["bias"].new_zeros(WIDTH)])
    weights = GramWeights(state, bias, x["context"], x["c"].softmax(0))
    return gram_scan(x["given"], x["start"], x["memory"], gram, weights)


def directly(x: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """c_l = K^T softmax(K c_{l-1} / sqrt(D)), every level from the slots themselves, and torch's own GRU."""
    zero, eye = torch.zeros_like(x["bias"]), torch.eye(3 * HIDDEN, dtype=x["bias"].dtype)
    state, states, contexts = x["start"], [], []
    for given in x["given"]:
        query, mixed = state @ x["query"].t(), torch.zeros(())
        for w in x["c"].softmax(0):
            scores = torch.einsum("bsd,bd->bs", x["memory"], query) / math.sqrt(WIDTH)
            query = torch.einsum("bs,bsd->bd", scores.softmax(-1), x["memory"])  # c_l
            mixed = mixed + w * query
        gates = given + mixed @ x["context"].t()  # whole: torch's cell takes them by an identity for W_ih
        state = torch.gru_cell(gates, state, eye, x["recurrent"], zero, x["bias"])
        states.append(state)
        contexts.append(mixed)
    return torch.stack(states), torch.stack(contexts)


@pytest.mark.parametrize("slots", [1, SLOTS])
@pytest.mark.parametrize("depth", [1, 2, 5, 20])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_the_gram_form_is_the_direct_form(depth: int, slots: int, kind: torch.dtype) -> None:
    x = made(depth, slots, kind)
    close = {"rtol": 0, "atol": 1e-6 if kind == torch.float32 else 1e-12}
    results, gradients = [], []
    for form in (by_gram, directly):
        states, contexts = form(x)
        results.append((states, contexts))
        # Means: a sum over all outputs would add up float32's rounding until it says nothing.
        score = (states * torch.linspace(-1, 1, HIDDEN, dtype=kind)).mean() + contexts.square().mean()
        gradients.append(torch.autograd.grad(score, tuple(x.values()), allow_unused=True))
    torch.testing.assert_close(results[0], results[1], **close)
    for name, found, expected in zip(x, *gradients, strict=True):
        torch.testing.assert_close(found, expected, msg=lambda text, name=name: f"{name}: {text}", **close)


def test_at_one_level_the_gram_matrix_is_not_read() -> None:
    x = {name: one.detach() for name, one in made(1, SLOTS, torch.float32).items()}
    state = torch.cat([x["recurrent"], x["query"] / math.sqrt(WIDTH)])
    bias = torch.cat([x["bias"], torch.zeros(WIDTH)])
    weights = GramWeights(state, bias, x["context"], torch.ones(1))
    found = gram_scan(x["given"], x["start"], x["memory"], None, weights)
    torch.testing.assert_close(found, by_gram(x))


def test_a_step_is_what_ham_says() -> None:
    """One step's context by layers/ham.py, whose own tests hold it to plain Python."""
    x = {name: one.detach() for name, one in made(3, SLOTS, torch.float32).items()}
    ham = Ham(WIDTH, depth=3)
    ham.set_levels(x["c"])
    expected, _ = ham((x["start"] @ x["query"].t())[:, None], x["memory"])
    _, contexts = by_gram({**x, "given": x["given"][:1]})
    torch.testing.assert_close(contexts[0], expected[:, 0])


def test_the_gradient_is_that_of_small_steps() -> None:
    x = made(3, 3, torch.float64)
    small = {name: (one[:2] if name == "given" else one).detach().requires_grad_() for name, one in x.items()}

    def run(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        return by_gram(dict(zip(small, tensors, strict=True)))

    assert torch.autograd.gradcheck(run, tuple(small.values()))
