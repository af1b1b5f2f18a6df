"""BiDAF against its paper and Baidu's program, written out token by token, and the settings it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from reader_inputs import Case, draw, readable, rows_of, with_rows_in_order
from slow_bidaf import PlainBiDAF, array, slow_bidaf, slow_flow
from torch import Tensor

from ham_mrc.config import read_preset
from ham_mrc.layers.attention import SCORERS
from ham_mrc.layers.attention_flow import AttentionFlow
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.layers.union import union_softmax
from ham_mrc.readers.batch import Batch
from ham_mrc.readers.bidaf import BiDAF

P_LENGTHS, Q_LENGTHS = torch.tensor([3, 6, 1, 4]), torch.tensor([2, 4, 1, 0])
DEPTHS = pytest.mark.parametrize("depth", [1, 2, 5])
EXACT = {"rtol": 0.0, "atol": 1e-12}  # float64


def preset(name: str) -> Case:
    """The preset bidaf-`name` at test size."""
    settings = dict(read_preset(f"bidaf-{name}")["reader"])
    sizes = {"hidden": 4, "character_filters": 3, "character_kernel": 2, "characters_per_token": 4}
    return Case(settings.pop("name"), {**settings, **{key: sizes[key] for key in sizes if key in settings}})


PRESETS = {name: preset(name) for name in ("original", "strong", "small")}
every_preset = pytest.mark.parametrize("case", PRESETS.values(), ids=PRESETS)


def flow_and_inputs(score: str, depth: int, width: int = 6, **more: Any) -> tuple[AttentionFlow, Tensor, Tensor]:
    """Real rows are the same for every width; padding is far from zero."""
    torch.manual_seed(depth)
    sites = more.pop("ham_sites", "c2q,q2c")
    flow = AttentionFlow(4, score=score, hidden=3, ham_sites=sites, depth=depth, **more).double()
    passage, question = torch.full((4, width, 4), 9.0).double(), torch.full((4, width, 4), 9.0).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        for b in range(4):
            passage[b, : P_LENGTHS[b]] = torch.randn(int(P_LENGTHS[b]), 4, dtype=torch.float64)
            question[b, : Q_LENGTHS[b]] = torch.randn(int(Q_LENGTHS[b]), 4, dtype=torch.float64)
    return flow, passage, question


def masks(width: int = 6) -> tuple[Tensor, Tensor]:
    return lengths_to_mask(P_LENGTHS, width), lengths_to_mask(Q_LENGTHS, width)


@DEPTHS
@pytest.mark.parametrize("sites", ["c2q,q2c", "c2q", "q2c"])
@pytest.mark.parametrize("score", SCORERS)
def test_both_directions_follow_the_equations(score: str, sites: str, depth: int) -> None:
    flow, passage, question = flow_and_inputs(score, depth, ham_sites=sites)
    assert [ham.depth for ham in (flow.c2q, flow.q2c)] == [depth if site in sites else 1 for site in ("c2q", "q2c")]
    found = flow(passage, question, *masks())
    assert found.shape == (4, 6, 16)
    for b, (p, q) in enumerate(zip(P_LENGTHS.tolist(), Q_LENGTHS.tolist(), strict=True)):
        slow = slow_flow(flow, array(passage[b, :p]), array(question[b, :q]))
        torch.testing.assert_close(found[b, :p], torch.from_numpy(slow), **EXACT)


@pytest.mark.parametrize("score", SCORERS)
def test_more_padding_changes_no_direction(score: str) -> None:
    """Nor its gradient; the last question has no token at all."""
    gradients = []
    for width in (6, 23):
        flow, passage, question = flow_and_inputs(score, 3, width)
        found = flow(passage, question, *masks(width))[:, :6][masks()[0]]
        gradients.append([found, *torch.autograd.grad(found.square().sum(), list(flow.parameters()))])
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-11)


def two_tokens(score: str, **weights: list[float]) -> tuple[Tensor, AttentionFlow]:
    """h of q2c for the passage (1, 0), (0, 1) and one question token, at depth 2 with equal levels; and its maker."""
    flow = AttentionFlow(2, score=score, hidden=2, ham_sites="q2c", depth=2).double()
    with torch.no_grad():
        for name, value in weights.items():
            flow.c2q.score.get_parameter(name).copy_(torch.tensor(value, dtype=torch.float64))
    passage = torch.eye(2, dtype=torch.float64)[None]
    question = torch.tensor([[[math.log(3), 0.0]]], dtype=torch.float64)
    real = torch.ones(1, 2, dtype=torch.bool)
    found = flow(passage, question, real, real[:, :1])
    return found[0, :, 6:].diagonal(), flow  # H * h, and H has one 1 a row


def test_query_to_context_by_hand() -> None:
    """S = (ln 3, 0), so b = h_1 = (3/4, 1/4). Its scores with the passage are 3/4 and 1/4 again."""
    h, _ = two_tokens("dot")
    second = 1 / (1 + math.exp(-1 / 2))
    expected = torch.tensor([(3 / 4 + second) / 2, (1 / 4 + 1 - second) / 2], dtype=torch.float64)
    torch.testing.assert_close(h, expected, **EXACT)


def test_trilinear_query_to_context_by_hand() -> None:
    """What takes the question's place takes its weight: w_p stays the passage's, whichever asks.

    w_p = (ln 2, 0), w_m = (1, 0): S = (ln 2 + ln 3, 0) + constant, so h_1 = (6/7, 1/7), and the scores of level 2 are
    ln 2 + 6/7 and 0. Under exchanged weights w_q = (0, 9) would make them 6/7 and 9.
    """
    weights = {"query_weight": [math.log(2), 0.0], "key_weight": [0.0, 9.0], "product_weight": [1.0, 0.0]}
    h, _ = two_tokens("trilinear", **weights)
    second = 1 / (1 + math.exp(-math.log(2) - 6 / 7))
    expected = torch.tensor([(6 / 7 + second) / 2, (1 / 7 + 1 - second) / 2], dtype=torch.float64)
    torch.testing.assert_close(h, expected, **EXACT)


def test_the_largest_score_is_that_of_a_real_token() -> None:
    """All real scores are below -1000; a padded token of the question would score 0."""
    flow = AttentionFlow(2, score="dot", hidden=2, ham_sites="q2c").double()
    passage = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    question = torch.tensor([[[-1001.0, -1000.0 - math.log(3)], [0.0, 0.0]]], dtype=torch.float64)
    mask = torch.tensor([[True, False]])
    h = flow(passage, question, torch.ones(1, 2, dtype=torch.bool), mask)[0, :, 6:].diagonal()
    odds = 3 * math.exp(-1)  # of the first token against the second
    expected = torch.tensor([odds / (1 + odds), 1 / (1 + odds)], dtype=torch.float64)
    torch.testing.assert_close(h, expected, **EXACT)


FORMS = {
    **PRESETS,
    "defaults": Case("bidaf", {"hidden": 4}),
    "additive": Case("bidaf", {"hidden": 4, "score": "additive", "word_match": True, "modelling_layers": 2}),
}


@pytest.mark.parametrize("rows", [1, 3], ids=["a row each", "several rows"])
@DEPTHS
@pytest.mark.parametrize("case", FORMS.values(), ids=FORMS)
def test_the_whole_reader_follows_the_paper(case: Case, depth: int, rows: int) -> None:
    reader = case.build(depth, frozen=depth > 1, dtype=torch.float64).eval()
    batch = draw(1, rows=rows)
    start, end = reader(batch)
    assert start.shape == end.shape == batch.passage.shape
    for question in range(batch.questions):
        mine = rows_of(batch, [question])
        for row, (slow_start, slow_end) in zip(mine, slow_bidaf(reader, batch, question), strict=True):
            length = int(batch.passage_lengths[row])
            torch.testing.assert_close(start[row, :length], torch.from_numpy(slow_start), **EXACT)
            torch.testing.assert_close(end[row, :length], torch.from_numpy(slow_end), **EXACT)


@every_preset
def test_rows_of_a_question_share_one_softmax(case: Case) -> None:
    """Probabilities over all rows sum to 1; the order of rows does not matter; nor does a row without a token."""
    reader, batch = case.build(3, dtype=torch.float64).eval(), draw(4, rows=4)
    logits = reader(batch)
    for one in logits:
        p = union_softmax(one, batch.passage_mask, batch.owner, batch.questions)
        total = torch.zeros(batch.questions).double().index_add(0, batch.owner, p.sum(1))
        torch.testing.assert_close(total, torch.ones_like(total), **EXACT)
    order = [row for b in range(batch.questions) for row in reversed(rows_of(batch, [b]))]
    for mine, other in zip(reader(with_rows_in_order(batch, order)), logits, strict=True):
        real = batch.passage_mask[order]
        torch.testing.assert_close(mine[real], other[order][real], **EXACT)
    for mine, other in zip(reader(with_empty_row(batch)), logits, strict=True):
        torch.testing.assert_close(mine[:-1][batch.passage_mask], other[batch.passage_mask], **EXACT)


def with_empty_row(batch: Batch) -> Batch:
    """The batch whose last question has one row more, of padding alone."""
    assert batch.passage_chars is not None
    one = torch.zeros(1, dtype=torch.long)
    return batch._replace(
        passage=torch.cat([batch.passage, torch.zeros_like(batch.passage[:1])]),
        passage_lengths=torch.cat([batch.passage_lengths, one]),
        owner=torch.cat([batch.owner, batch.owner[-1:]]),
        segment=torch.cat([batch.segment, torch.full_like(batch.segment[:1], -1)]),
        passage_chars=torch.cat([batch.passage_chars, torch.zeros_like(batch.passage_chars[:1])]),
    )


@pytest.mark.parametrize("sites", ["c2q,q2c", "c2q", "q2c"])
@every_preset
def test_depth_adds_its_level_weights_and_nothing_else(case: Case, sites: str) -> None:
    def count(depth: int) -> int:
        return sum(p.numel() for p in case.build(depth, ham_sites=sites).parameters())

    for depth in (2, 5, 20):
        assert count(depth) - count(1) == depth * len(sites.split(","))


@every_preset
def test_two_depths_from_one_seed_share_all_other_weights(case: Case) -> None:
    shallow = case.build(1).state_dict()
    for depth in (2, 5):
        deep = case.build(depth).state_dict()
        assert set(deep) - set(shallow) == {"flow.c2q.c", "flow.q2c.c"}
        assert all(torch.equal(deep[name], tensor) for name, tensor in shallow.items())


@pytest.mark.parametrize("score", ["dot", "trilinear"])
def test_depth_1_is_bidaf_as_it_was_before_ham(score: str) -> None:
    """Bit for bit, logits and weights, after three steps of training; PlainBiDAF is torch's own modules alone."""
    reader = readable(BiDAF(WordEmbedding(6, 30), score=score, hidden=4, dropout=0.0))
    plain = PlainBiDAF(reader)

    def train(reader: torch.nn.Module) -> list[Tensor]:
        optimizer = torch.optim.Adam(reader.parameters(), lr=0.01)
        seen: list[Tensor] = []
        for step in range(3):
            batch = draw(step)
            logits = [torch.where(batch.passage_mask, one, -1e30) for one in reader(batch)]
            loss = sum(
                torch.nn.functional.cross_entropy(*both) for both in zip(logits, (batch.start, batch.end), strict=True)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += [*logits, loss]
        return seen

    mine, other = train(reader), train(plain)
    assert len(mine) == 9
    assert all(torch.equal(*both) for both in zip(mine, other, strict=True))
    assert all(torch.equal(*both) for both in zip(*map(weights_by_size, (reader, plain)), strict=True))


def weights_by_size(reader: torch.nn.Module) -> list[Tensor]:
    return sorted((p.detach().flatten() for p in reader.parameters()), key=lambda p: (len(p), p.sum().item()))
