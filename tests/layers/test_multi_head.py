"""Several heads: depth 1 is torch's own module, and the two ways of levels differ as they should."""

from __future__ import annotations

import pytest
import torch
from layer_inputs import EXACT, Inputs, build, draw
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham
from ham_mrc.layers.trace import Trace

SHARES = ("layer", "head")


def ordinary(ham: Ham) -> nn.MultiheadAttention:
    """torch's, with the weights of `ham`."""
    score = ham.score
    theirs = nn.MultiheadAttention(score.key_size, score.heads, bias=False, batch_first=True).double()
    with torch.no_grad():
        parts = [score.query_map.weight, score.key_map.weight, score.value_map.weight]
        theirs.in_proj_weight.copy_(torch.cat(parts))
        theirs.out_proj.weight.copy_(score.out_map.weight)
    return theirs


def torch_attention(ham: Ham, query: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return ordinary(ham)(query, keys, keys, key_padding_mask=~mask)


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
@pytest.mark.parametrize("share", SHARES)
def test_depth_1_is_torchs_multi_head_attention(share: str, heads: int) -> None:
    x = draw(1, keys=7, size=6)
    ham = build("scaled_dot", 1, size=6, heads=heads, heads_share=share)
    assert {name for name, _ in ham.named_parameters()} == {
        f"score.{name}_map.weight" for name in ("query", "key", "value", "out")
    }
    theirs = torch_attention(ham, x.query, x.keys, x.key_mask)
    for mine, other in zip(ham(x.query, x.keys, x.key_mask), theirs, strict=True):
        torch.testing.assert_close(mine, other, **EXACT)


def test_levels_of_a_layer_are_nested_calls_of_torchs_attention() -> None:
    x = draw(2, keys=7, size=6)
    ham = build("scaled_dot", 4, size=6, heads=3)
    last, outs = x.query, []
    for _ in range(4):
        last = torch_attention(ham, last, x.keys, x.key_mask)[0]
        outs.append(last)
    out, _ = ham(x.query, x.keys, x.key_mask)
    torch.testing.assert_close(out, torch.einsum("i,ibmd->bmd", ham.c.softmax(0), torch.stack(outs)), **EXACT)


def test_one_head_of_its_own_is_the_plain_ham_between_four_matrices() -> None:
    x = draw(3, keys=7)
    ham, plain = build("scaled_dot", 4, heads=1, heads_share="head"), build("scaled_dot", 4)
    plain.set_levels(ham.c.detach()[0])
    s = ham.score
    out, weights = plain(s.query_map(x.query), s.key_map(x.keys), x.key_mask, values=s.value_map(x.keys))
    mine = ham(x.query, x.keys, x.key_mask)
    torch.testing.assert_close(mine[0], s.out_map(out), **EXACT)
    torch.testing.assert_close(mine[1], weights, **EXACT)


def test_heads_of_their_own_have_a_c_each() -> None:
    x = draw(4, keys=7)
    assert "c" not in dict(build("scaled_dot", 1, heads=2, heads_share="head").named_parameters())
    assert build("scaled_dot", 3, heads=2).c.shape == (3,)
    ham = build("scaled_dot", 3, heads=2, heads_share="head")
    assert ham.c.shape == (2, 3)
    ham.set_levels(torch.tensor([[0.0, -torch.inf, -torch.inf], [-torch.inf, -torch.inf, 0.0]]))
    assert ham.level_weights().tolist() == [0.5, 0.0, 0.5]  # the mean of both
    with ham.trace() as trace:
        _, weights = ham(x.query, x.keys, x.key_mask)
    single = build("scaled_dot", 1, heads=2, heads_share="head")
    single.score.load_state_dict(ham.score.state_dict())
    first = single.score.scores(single.project(x.query), single.prepare(x.keys))
    first = first.masked_fill(~x.key_mask[:, None, None], -torch.inf).softmax(-1)  # (B, h, M, N)
    torch.testing.assert_close(trace.weights()[0], first.mean(1), **EXACT)
    third = 2 * trace.weights()[2]  # the sum of both heads' third levels
    assert bool((2 * weights - first[:, 0] <= third + 1e-12).all())
    for c, message in (
        (torch.zeros(3), "c has shape (3,), but depth 3 needs (2, 3)"),
        (
            torch.tensor([[0.0, 0, 0], [-torch.inf, -torch.inf, -torch.inf]]),
            "the level weights c are all -inf: at least one level must be on",
        ),
    ):
        with pytest.raises(ShapeError) as raised:
            ham.set_levels(c)
        assert str(raised.value) == message


@pytest.mark.parametrize("share", SHARES)
def test_values_are_read_in_place_of_the_keys(share: str) -> None:
    """Weights as without; and with the keys as values nothing changes."""
    x = draw(5, keys=7)
    ham = build("scaled_dot", 3, heads=2, heads_share=share)
    out, weights = ham(x.query, x.keys, x.key_mask)
    torch.testing.assert_close(ham(x.query, x.keys, x.key_mask, values=x.keys)[0], out, **EXACT)
    doubled = ham(x.query, x.keys, x.key_mask, values=2 * x.keys)
    torch.testing.assert_close(doubled[0], 2 * out, **EXACT)
    assert torch.equal(doubled[1], weights)
    with pytest.raises(ShapeError) as raised:
        ham(x.query, x.keys, x.key_mask, values=x.values)
    assert str(raised.value) == "heads read values of the keys' width 4, not of 5"


@pytest.mark.parametrize("share", SHARES)
def test_every_parameter_learns(share: str) -> None:
    x = draw(6, keys=7)
    ham = build("scaled_dot", 2, heads=2, heads_share=share)
    ham(x.query, x.keys, x.key_mask)[0].square().sum().backward()
    for name, parameter in ham.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, name


@pytest.mark.parametrize("share", SHARES)
def test_figures_are_of_the_levels_own_outputs(share: str) -> None:
    """They are no mixtures of keys here, so a trace keeps them: those of one level alone, and their changes."""
    x: Inputs = draw(7, keys=7)
    ham = build("scaled_dot", 3, heads=2, heads_share=share)
    with ham.trace() as trace:
        for m in range(3):
            ham.attend(ham.project(x.query[:, m : m + 1]), ham.prepare(x.keys), x.key_mask)
    outs = []
    for level in range(3):
        c = torch.full(ham.c.shape, -torch.inf, dtype=torch.float64)
        c[..., level] = 0
        ham.set_levels(c)
        outs.append(ham(x.query, x.keys, x.key_mask)[0].detach())
    assert isinstance(trace, Trace)
    for level, figures in enumerate(trace.figures()):
        norms = outs[level].norm(dim=-1)
        spread = (outs[level] - outs[level].mean(1, keepdim=True)).norm(dim=-1) / norms
        assert figures.spread == pytest.approx(float(spread.mean()))
        if level:
            change = (outs[level] - outs[level - 1]).norm(dim=-1) / norms
            assert figures.change == pytest.approx(float(change.mean()))


def test_widths_may_differ_at_depth_1() -> None:
    x = draw(8)
    ham = build("scaled_dot", 1, key_size=4, size=6, heads=2)
    out, _ = ham(x.query @ torch.ones(4, 6, dtype=torch.float64), x.keys, x.key_mask)
    assert out.shape == (2, 3, 4)
