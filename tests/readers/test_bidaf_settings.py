"""What BiDAF's settings change: where noise falls, which directions are hierarchical and how, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from reader_inputs import ALPHABET, draw, gradients
from torch import Tensor

from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers.attention_flow import Turned
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.readers.bidaf import BiDAF


def build(seed: int = 0, **settings: Any) -> BiDAF:
    torch.manual_seed(seed)
    return BiDAF(WordEmbedding(6, 30), ALPHABET, **{"hidden": 4, **settings})


WORDS = [(3, 1, 6), (3, 1, 6), (5, 1, 6), (5, 1, 6)]
LAYER, FLOW, HEADS = (5, 1, 8), (5, 1, 32), (5, 1, 40)
NOISE = {
    "the paper": ({}, [*WORDS, FLOW, FLOW, HEADS, LAYER, LAYER, HEADS]),
    "the paper, two layers": (
        {"modelling_layers": 2, "condition_end": True},
        [*WORDS, FLOW, FLOW, LAYER, LAYER, HEADS, (5, 1, 56), (5, 1, 56), HEADS],
    ),
    "Baidu": (
        {"share_encoder": False, "pointer": "baidu", "dropout_on": "encodings"},
        [(3, 1, 8), LAYER, FLOW, FLOW, LAYER],
    ),
}
"""The masks of 3 questions with 5 rows: words are 6 wide, encodings 8, G is 32, [G ; M] 40, [G ; M ; m ; M*m] 56. The
input of an LSTM in two directions has two."""


@pytest.mark.parametrize(("settings", "expected"), NOISE.values(), ids=NOISE)
def test_dropout_falls_where_paper_and_program_have_it(
    settings: dict[str, Any], expected: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    masks: list[tuple[int, ...]] = []
    kept = Tensor.bernoulli_

    def counted(tensor: Tensor, *arguments: Any) -> Tensor:
        masks.append(tuple(tensor.shape))
        return kept(tensor, *arguments)

    batch = draw(3, batch=3, rows=2)
    assert (batch.questions, len(batch.passage)) == (3, 5)
    monkeypatch.setattr(Tensor, "bernoulli_", counted)
    build(depth=2, **settings)(batch)
    assert sorted(masks) == sorted(expected)


@pytest.mark.parametrize("sites", ["c2q,q2c", "c2q", "q2c"])
def test_sites_their_masks_and_their_questions(sites: str) -> None:
    reader, batch = build(depth=3, ham_sites=sites).eval(), draw(2, rows=3)
    found = {"c2q": reader.flow.c2q, "q2c": reader.flow.q2c}
    assert reader.ham_sites() == {name: found[name] for name in sites.split(",")}
    assert reader.site_masks(batch).keys() == reader.site_owners(batch).keys() == reader.ham_sites().keys()
    rows = len(batch.passage)
    for name, ham in reader.ham_sites().items():
        with ham.trace() as traced:
            reader(batch)
        mask = reader.site_masks(batch)[name]
        assert traced.weights().shape == (3, rows, *({"c2q": (9, 5), "q2c": (1, 9)}[name]))
        assert mask.shape == traced.weights().shape[1:3]
        assert torch.equal(mask, batch.passage_mask if name == "c2q" else torch.ones(rows, 1, dtype=torch.bool))
        sums = traced.weights()[:, mask].sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums))
        assert torch.equal(reader.site_owners(batch)[name], batch.owner)


def test_both_directions_have_one_score_and_each_its_level_weights() -> None:
    flow = build(depth=2).flow
    assert isinstance(flow.q2c.score, Turned)
    assert flow.q2c.score.score is flow.c2q.score
    assert [name for name, _ in flow.named_parameters()] == [
        *("c2q.c", "c2q.score.query_weight", "c2q.score.key_weight", "c2q.score.product_weight"),
        "q2c.c",
    ]


def test_encoders_are_one_or_two() -> None:
    shared, apart = build(), build(share_encoder=False)
    assert shared.passage_encoder is shared.question_encoder
    assert apart.passage_encoder is not apart.question_encoder
    more = sum(p.numel() for p in apart.parameters()) - sum(p.numel() for p in shared.parameters())
    assert more == sum(p.numel() for p in shared.passage_encoder.parameters())


VARIANTS = {
    "the last level": {"attention": "multilevel"},
    "the best keys": {"local": "topk", "keep": 2},
    "a guessed place": {"local": "gaussian", "radius": 3},
    "a guessed place, kept": {"local": "gaussian", "radius": 3, "recenter": False},
    "one key": {"hard": "straight_through", "no_repeat": True},
    "one key, with noise": {"hard": "gumbel", "temperature": 0.5, "no_repeat": True},
    "heads": {"heads": 2, "score": "scaled_dot", "ham_sites": "c2q"},
    "heads of their own": {"heads": 2, "heads_share": "head", "score": "scaled_dot", "ham_sites": "c2q"},
}


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_every_parameter_learns_under_every_variant(options: dict[str, Any], depth: int) -> None:
    reader = build(depth=depth, **options)
    for name, gradient in gradients(reader, draw(5, batch=8, rows=2)).items():
        assert gradient.isfinite().all()
        assert gradient.any(), name


@pytest.mark.parametrize("hard", ["straight_through", "gumbel", "reinforce"])
def test_hard_query_to_context_takes_one_token(hard: str) -> None:
    """In evaluation, at level 1 too, whose weights are given: the passage token of the largest score."""
    flow = build(depth=2, hard=hard, ham_sites="q2c", score="dot").eval().flow
    passage, question = torch.randn(5, 7, 8), torch.randn(5, 3, 8)
    passage_mask, question_mask = torch.ones(5, 7, dtype=torch.bool), torch.ones(5, 3, dtype=torch.bool)
    with flow.q2c.trace() as traced:
        flow(passage, question, passage_mask, question_mask)
    first, second = traced.weights()[:, :, 0]  # (5, 7) each
    best = (passage @ question.mT).amax(-1).argmax(-1)
    assert torch.equal(first, torch.nn.functional.one_hot(best, 7).float())
    again = (passage @ passage[torch.arange(5), best, :, None])[..., 0].argmax(-1)
    assert torch.equal(second, torch.nn.functional.one_hot(again, 7).float())


ALONE = 'at depth 2 question vectors are read as passage words (score = "{}"); set share_encoder = true'
REFUSED: list[tuple[dict[str, Any], str]] = [
    *(
        ({"depth": 2, "share_encoder": False, "score": s}, ALONE.format(s))
        for s in ("additive", "projected_dot", "bilinear")
    ),
    (
        {"pointer": "baidu", "condition_end": True},
        'condition_end is for pointer = "linear" alone, not "baidu"; leave it away',
    ),
    ({"pointer": "best"}, "pointer is 'best'; there are 'linear', 'baidu'"),
    ({"dropout_on": "heads"}, "dropout_on is 'heads'; there are 'words', 'encodings'"),
    ({"ham_sites": "q2c,c2q"}, "ham_sites is 'q2c,c2q'; there are 'c2q,q2c', 'c2q', 'q2c'"),
    (
        {"heads": 2, "score": "scaled_dot"},
        'heads split a query, and q2c has none at level 1; set ham_sites = "c2q"',
    ),
    (
        {"local": "window"},
        'local = "window" is for self attention: elsewhere a query has no position among the keys; '
        'take local = "gaussian" or "topk"',
    ),
    (
        {"refresh_keys": True},
        "refresh_keys is for self attention: elsewhere a level's outputs are no keys; leave it away",
    ),
    ({"score": "cosine"}, "no score 'cosine'; there are dot, scaled_dot, bilinear, trilinear, projected_dot, additive"),
    ({"depth": 0}, "depth is 0; it must be 1 or more"),
    ({"modelling_layers": 0}, "an encoder has 1 layer or more, not 0"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        build(**settings)
    assert str(raised.value) == message
    assert isinstance(raised.value, HamError)


@pytest.mark.parametrize("score", ["dot", "scaled_dot", "trilinear"])
def test_two_encoders_where_no_question_vector_is_read_as_a_passage_word(score: str) -> None:
    start, end = build(depth=3, share_encoder=False, score=score)(draw())
    assert start.isfinite().all()
    assert end.isfinite().all()
