"""PPG: against its equations in torch's own cells, one line at a time; what its settings mean; that it learns."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ham_mrc.data_prep.poem_vocab import END, SEP, SPECIALS, Characters
from ham_mrc.errors import HamError, ShapeError
from ham_mrc.quatrains.batch import PoemBatch
from ham_mrc.quatrains.beam import search
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.quatrains.ppg_state import join_lines
from ham_mrc.quatrains.request import LineRequest

STOCK = "天地日月山水风云春夏秋冬东南西北花鸟鱼虫松竹梅兰江河湖海"
CHARACTERS = Characters((*SPECIALS, *STOCK))
ATTENTIONS: list[tuple[str, int]] = [
    ("additive", 1),
    ("dot", 1),
    ("multilevel", 4),
    ("ham", 1),
    ("ham", 4),
    ("ham", 20),
]
MEMORIES = ("project", "sum", "halves")


def network(**settings: Any) -> PPG:
    torch.manual_seed(11)
    given = {"embedding": 10, "hidden": 8, "depth": 4, **settings}
    return PPG(CHARACTERS, **given).double().eval()


def nonsense(poems: int, length: int, seed: int = 0) -> Tensor:
    """(P, 4, L) ids of characters."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(len(SPECIALS), len(CHARACTERS), (poems, 4, length), generator=generator)


def triples(lines: Tensor, position: int, keyword_length: int = 2) -> PoemBatch:
    """Line `position` (1 to 4) of each poem, its own first characters for a keyword."""
    count, _, length = lines.shape
    line, separator = lines[:, position - 1], torch.full((count, 1), SEP)
    before = [part for i in range(position - 1) for part in (separator, lines[:, i])][1:]
    text = torch.cat(before, 1) if before else lines.new_zeros(count, 0)
    counts = torch.full((count,), keyword_length), torch.full((count,), text.shape[1])
    return PoemBatch(line[:, :keyword_length], counts[0], text, counts[1], line, length, position)


def encoder(own: PPG, name: str) -> nn.GRU:
    """torch's GRU with the weights of one of the encoders."""
    weights: nn.GRU = getattr(own, name).get_submodule("gru")
    return weights


def slow(own: PPG, batch: PoemBatch, row: int) -> Tensor:
    """(L + 1, V) log-probabilities of one line by the equations at the head of ppg.py, nothing prepared or shared."""
    embed = own.embedding.weight
    r = encoder(own, "keyword_encoder")(embed[batch.keyword[row]][None])[0][0]
    each = r.shape[1] // 2
    slots = [torch.cat([r[-1, :each], r[0, each:]])]
    if batch.text.shape[1]:
        slots += list(encoder(own, "text_encoder")(embed[batch.text[row]][None])[0][0])
    if own.memory == "sum":
        slots = [slot[:each] + slot[each:] for slot in slots]
    state = torch.tanh(own.start(slots[0]))
    found = []
    for y in [CHARACTERS.start(batch.length), *batch.line[row].tolist()]:
        context = torch.zeros(own.size, dtype=state.dtype)
        if own.ham.options["depth"] == 1 and hasattr(own.ham.score, "vector"):  # additive: v . tanh(W s + U k + b)
            score: Any = own.ham.score
            scores = [score.vector @ torch.tanh(score.query_map.weight @ state + score.key_map(k)) for k in slots]
            for a, slot in zip(torch.stack(scores).softmax(0), slots, strict=True):
                context = context + a * slot
        else:
            query = state if own.query_map is None else own.query_map.weight @ state
            for w in own.ham.level_weights():
                weights = torch.stack([k @ query / math.sqrt(len(k)) for k in slots]).softmax(0)
                query = sum((a * slot for a, slot in zip(weights, slots, strict=True)), torch.zeros(()))
                context = context + w * query
        given = torch.cat([own.given_gates.weight, own.context_gates.weight], 1)
        biases = own.given_gates.bias, own.state_gates.bias
        read = torch.cat([embed[y], context])
        state = torch.gru_cell(read[None], state[None], given, own.state_gates.weight, *biases)[0]
        out = torch.tanh(own.readout.weight @ torch.cat([embed[y], state, context]))
        table = embed if own.output is None else own.output.weight
        found.append((table @ out).log_softmax(0))
    return torch.stack(found)


@pytest.mark.parametrize(("attention", "depth"), ATTENTIONS)
@pytest.mark.parametrize("memory", MEMORIES)
def test_lines_are_read_by_the_equations(attention: str, depth: int, memory: str) -> None:
    own = network(attention=attention, depth=depth, memory=memory, tie_output=memory == "sum")
    for length, position in ((5, 1), (7, 3)):
        batch = triples(nonsense(2, length), position)
        expected = torch.stack([slow(own, batch, row) for row in range(2)])
        torch.testing.assert_close(own(batch), expected)


@pytest.mark.parametrize(("attention", "depth"), ATTENTIONS)
@pytest.mark.parametrize("memory", MEMORIES)
def test_both_recurrences_give_the_same_loss_and_gradients(attention: str, depth: int, memory: str) -> None:
    own = network(attention=attention, depth=depth, memory=memory)
    for position in (1, 4):
        batch, found = triples(nonsense(3, 5), position), []
        for own.fast in (True, False):
            own.zero_grad()
            loss, symbols = own.loss(batch)
            loss.backward()
            found.append((loss.detach(), {name: p.grad for name, p in own.named_parameters()}))
        assert symbols == 3 * (5 + 1)
        torch.testing.assert_close(found[0], found[1])


def test_the_loss_is_that_of_the_characters_and_the_end() -> None:
    own, batch = network(), triples(nonsense(3, 7), 2)
    targets = torch.cat([batch.line, torch.full((3, 1), END)], 1)
    expected = -own(batch).gather(2, targets[..., None]).sum()
    torch.testing.assert_close(own.loss(batch), (expected, 3 * 8))


def test_one_level_of_ham_is_the_dot_product() -> None:
    batch = triples(nonsense(2, 5), 3)
    assert torch.equal(network(attention="ham", depth=1)(batch), network(attention="dot", depth=1)(batch))


def test_weights_on_the_last_level_are_multilevel() -> None:
    batch, own = triples(nonsense(2, 7), 4), network(attention="ham")
    own.ham.set_levels(torch.tensor([-math.inf, -math.inf, -math.inf, 0.0]))
    torch.testing.assert_close(own(batch), network(attention="multilevel")(batch))


@pytest.mark.parametrize(("attention", "depth"), ATTENTIONS)
def test_padding_changes_nothing(attention: str, depth: int) -> None:
    own, batch = network(attention=attention, depth=depth), triples(nonsense(3, 5), 3)
    wider = batch._replace(
        keyword=nn.functional.pad(batch.keyword, (0, 2), value=17), text=nn.functional.pad(batch.text, (0, 3), value=9)
    )
    torch.testing.assert_close(own(wider), own(batch))


@pytest.mark.parametrize("fast", [True, False])
def test_a_first_line_has_its_keyword_alone_to_look_at(fast: bool) -> None:
    own, batch = network(), triples(nonsense(2, 7), 1)
    own.fast = fast
    with own.ham.trace() as trace:
        own(batch)
    assert torch.equal(trace.weights(), torch.ones(4, 2, 8, 1, dtype=torch.float64))
    assert {figures.entropy for figures in trace.figures()} == {0.0}


@pytest.mark.parametrize(("attention", "depth", "memory", "tie"), list(product(["ham"], [4], MEMORIES, [True, False])))
def test_every_weight_gets_a_gradient(attention: str, depth: int, memory: str, tie: bool) -> None:
    own = network(attention=attention, depth=depth, memory=memory, tie_output=tie)
    own.loss(triples(nonsense(3, 5), 4))[0].backward()
    assert [name for name, p in own.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_context_is_never_longer_than_the_longest_slot() -> None:
    own, batch = network(depth=20), triples(nonsense(4, 7), 4)
    source, state = own.encode(batch.keyword, batch.keyword_lengths, batch.text, batch.text_lengths)
    _, context = own._step(source, state[:, None], own.given_gates(own.embedding(batch.line[:, :1])))
    longest = source.prepared.keys.norm(dim=-1).max(1).values
    assert bool((context[:, 0].norm(dim=-1) <= longest + 1e-12).all())


def test_all_weights_start_where_they_are_told_to() -> None:
    own = network(init=0.08)
    bounds = {name: p.abs().max().item() for name, p in own.named_parameters() if name != "ham.c"}
    assert all(0 < bound <= 0.08 for bound in bounds.values())
    assert bool((own.ham.level_weights() == 0.25).all())


def test_vectors_are_taken_over() -> None:
    own, vectors = network(), torch.randn(len(CHARACTERS), 10)
    own.set_vectors(vectors)
    assert torch.equal(own.embedding.weight, vectors.double())
    with pytest.raises(ShapeError, match=r"vectors of shape \(3, 10\) for a table of \(34, 10\)"):
        own.set_vectors(vectors[:3])


def test_dropout_is_for_training() -> None:
    own, batch = network(dropout=0.5), triples(nonsense(2, 5), 2)
    assert torch.equal(own(batch), own(batch))
    own.train()
    assert not torch.equal(own(batch), own(batch))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"attention": "dot", "depth": 5}, 'attention = "dot" has one level, not depth = 5'),
        ({"attention": "additive", "depth": 2}, 'attention = "additive" has one level'),
        ({"memory": "halves", "hidden": 7}, 'memory = "halves" needs an even hidden, not 7'),
        ({"depth": 0}, "depth is 0; it must be 1 or more"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        network(**settings)


def asked(lines: Tensor, position: int, keywords: list[str]) -> list[LineRequest]:
    texts = [[CHARACTERS.decode(line.tolist()) for line in poem] for poem in lines]
    before = [tuple(poem[: position - 1]) for poem in texts]
    return [LineRequest(lines.shape[2], b, k) for b, k in zip(before, keywords, strict=True)]


@pytest.mark.parametrize(("attention", "depth"), [("additive", 1), ("ham", 4)])
@pytest.mark.parametrize("position", [1, 3])
def test_symbol_by_symbol_is_what_a_whole_line_gives(attention: str, depth: int, position: int) -> None:
    own, lines = network(attention=attention, depth=depth), nonsense(3, 5)
    batch = triples(lines, position)
    state = own.begin(asked(lines, position, [CHARACTERS.decode(k.tolist()) for k in batch.keyword]))
    found, symbols = [], torch.full((3,), CHARACTERS.start(5))
    for column in [*batch.line.t(), None]:
        log_p, state = own.advance(state, symbols)
        found.append(log_p)
        symbols = symbols if column is None else column
    torch.testing.assert_close(torch.stack(found, 1), own(batch))


def test_items_are_picked_in_any_number_and_order() -> None:
    """Two of each source share its memory; a mixture does not: both go on as each item would alone."""
    own, lines = network(), nonsense(3, 7)
    requests = asked(lines, 3, ["天", "地日", "月山水"])  # of different lengths
    starts = torch.full((3,), CHARACTERS.start(7))
    alone = [own.advance(own.begin([request]), starts[:1]) for request in requests]
    for rows in ([0, 0, 1, 1, 2, 2], [2, 0, 0, 1], [1], [2, 1, 0]):
        state = own.begin(requests).pick(torch.tensor(rows))
        log_p, state = own.advance(state, starts[:1].expand(len(rows)))
        torch.testing.assert_close(log_p, torch.cat([alone[row][0] for row in rows]))
        symbols = torch.arange(len(rows)) + 10
        log_p, _ = own.advance(state.pick(torch.arange(len(rows)).flip(0)), symbols.flip(0))
        expected = [own.advance(alone[row][1], symbols[i : i + 1])[0] for i, row in enumerate(rows)]
        torch.testing.assert_close(log_p.flip(0), torch.cat(expected))


def test_a_line_needs_a_keyword() -> None:
    with pytest.raises(HamError, match="a line is written by PPG to a keyword, and one has none; plan the keywords"):
        network().begin([LineRequest(5, (), "天"), LineRequest(5)])


def test_lines_are_joined_by_separators() -> None:
    assert join_lines(CHARACTERS, ["天地", "日"]) == [*CHARACTERS.encode("天地"), SEP, *CHARACTERS.encode("日")]
    assert join_lines(CHARACTERS, []) == []


def test_eight_poems_are_learnt_by_heart() -> None:
    torch.manual_seed(0)
    own, poems = PPG(CHARACTERS, embedding=24, hidden=32, depth=3), {n: nonsense(4, n, seed=n) for n in (5, 7)}
    optimizer = torch.optim.Adam(own.parameters(), 0.02)
    batches = [triples(lines, position) for lines in poems.values() for position in (1, 2, 3, 4)]
    for _ in range(60):
        optimizer.zero_grad()
        for batch in batches:
            loss, symbols = own.loss(batch)
            (loss / symbols / len(batches)).backward()
        optimizer.step()
    own.eval()
    for lines in poems.values():
        for position in (1, 2, 3, 4):
            gold = [CHARACTERS.decode(line.tolist()) for line in lines[:, position - 1]]
            found = search(own, asked(lines, position, [line[:2] for line in gold]), width=3, n=1)
            assert [one.line for (one,) in found] == gold
