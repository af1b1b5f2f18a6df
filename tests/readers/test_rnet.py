"""R-NET against its report, written out row by row and step by step, and the settings it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from reader_inputs import ALPHABET, Case, draw, gradients, rows_of, with_padding
from slow_rnet import array, as_tensor, gru_step, slow_recurrent, slow_rnet, slow_static
from torch import Tensor

from ham_mrc.config import read_preset
from ham_mrc.errors import HamError
from ham_mrc.layers.attention import REQUERY
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.gated_match import GatedMatch, RecurrentGatedMatch, gru_cell
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.layers.union import union_softmax
from ham_mrc.readers.rnet import RNet

P_LENGTHS, Q_LENGTHS = torch.tensor([3, 6, 1]), torch.tensor([2, 4, 0])
DEPTHS = pytest.mark.parametrize("depth", [1, 2, 5])
EXACT = {"rtol": 0.0, "atol": 1e-12}  # float64


def preset(name: str) -> Case:
    """The preset r-net-`name` at test size."""
    sizes = {"hidden": 5, "character_hidden": 3, "characters_per_token": 4}
    settings = {**read_preset(f"r-net-{name}")["reader"], **sizes}
    return Case(settings.pop("name"), settings)


PRESETS = {name: preset(name) for name in ("original", "strong", "small")}
every_preset = pytest.mark.parametrize("case", PRESETS.values(), ids=PRESETS)


def layer_and_inputs(kind: type, score: str, depth: int, gate: bool = True, width: int = 6, **more: Any) -> Any:
    """Real rows are the same for every width; padding is far from zero."""
    torch.manual_seed(depth)
    ham = Ham(4, depth=depth, score=score, hidden=None if score == "scaled_dot" else 3, init_levels="first", **more)
    layer = (kind(4, 3, ham, gate=gate)).double()
    passage, question = torch.full((3, width, 4), 9.0).double(), torch.full((3, width, 4), 9.0).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        for b in range(3):
            passage[b, : P_LENGTHS[b]] = torch.randn(int(P_LENGTHS[b]), 4, dtype=torch.float64)
            question[b, : Q_LENGTHS[b]] = torch.randn(int(Q_LENGTHS[b]), 4, dtype=torch.float64)
    return layer, passage, question


LAYERS = [("additive", {"requery": name}) for name in REQUERY] + [("scaled_dot", {}), ("projected_dot", {})]


@pytest.mark.parametrize("gate", [True, False], ids=["gate", "no gate"])
@DEPTHS
@pytest.mark.parametrize(("score", "more"), LAYERS)
def test_recurrent_match_follows_the_report(score: str, more: dict[str, Any], depth: int, gate: bool) -> None:
    """Trap 4 with it: the second direction begins at a passage's last real word, wherever its padding ends."""
    layer, passage, question = layer_and_inputs(RecurrentGatedMatch, score, depth, gate, **more)
    states = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 6))
    assert states.shape == (3, 6, 6)
    for b, (p, q) in enumerate(zip(P_LENGTHS.tolist(), Q_LENGTHS.tolist(), strict=True)):
        slow = slow_recurrent(layer, array(passage[b, :p]), array(question[b, :q]))
        torch.testing.assert_close(states[b, :p], as_tensor(slow), **EXACT)


@pytest.mark.parametrize("gate", [True, False], ids=["gate", "no gate"])
@DEPTHS
@pytest.mark.parametrize("score", ["additive", "scaled_dot", "projected_dot"])
def test_static_match_and_self_match_follow_the_report(score: str, depth: int, gate: bool) -> None:
    layer, passage, question = layer_and_inputs(GatedMatch, score, depth, gate)
    matched = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 6))
    known = layer(passage, passage, P_LENGTHS, lengths_to_mask(P_LENGTHS, 6))
    for b, (p, q) in enumerate(zip(P_LENGTHS.tolist(), Q_LENGTHS.tolist(), strict=True)):
        words, asked = array(passage[b, :p]), array(question[b, :q])
        torch.testing.assert_close(matched[b, :p], as_tensor(slow_static(layer, words, asked)), **EXACT)
        torch.testing.assert_close(known[b, :p], as_tensor(slow_static(layer, words, words)), **EXACT)


@pytest.mark.parametrize("kind", [RecurrentGatedMatch, GatedMatch])
@pytest.mark.parametrize("depth", [1, 3])
def test_more_padding_changes_no_state(kind: type, depth: int) -> None:
    states = []
    for width in (6, 23):
        layer, passage, question = layer_and_inputs(kind, "additive", depth, width=width)
        found = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, width))
        states.append(found[:, :6][lengths_to_mask(P_LENGTHS, 6)])
    torch.testing.assert_close(states[1], states[0], **EXACT)


def test_gru_cell_is_that_of_torch_and_of_the_slow_one() -> None:
    torch.manual_seed(3)
    theirs = torch.nn.GRUCell(4, 3).double()
    x, state = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    given, remembered = x @ theirs.weight_ih.T + theirs.bias_ih, state @ theirs.weight_hh.T + theirs.bias_hh
    expected = theirs(x, state)
    torch.testing.assert_close(gru_cell(given, remembered, state), expected, **EXACT)
    maps = [array(tensor) for tensor in (theirs.weight_ih, theirs.weight_hh, theirs.bias_ih, theirs.bias_hh)]
    slow = gru_step(*maps, array(x[0]), array(state[0]))
    torch.testing.assert_close(as_tensor(slow), expected[0], **EXACT)


@DEPTHS
@every_preset
def test_the_whole_reader_follows_the_report(case: Case, depth: int) -> None:
    """Words and characters to logits; questions of one passage, and of several, over which the pointer points."""
    reader = case.build(depth, frozen=True, dtype=torch.float64).eval()
    for batch in (draw(1), draw(2, batch=3, rows=3)):
        start, end = reader(batch)
        for b in range(batch.questions):
            for row, (slow_start, slow_end) in zip(rows_of(batch, [b]), slow_rnet(reader, batch, b), strict=True):
                length = int(batch.passage_lengths[row])
                torch.testing.assert_close(start[row, :length], as_tensor(slow_start), rtol=0, atol=1e-10)
                torch.testing.assert_close(end[row, :length], as_tensor(slow_end), rtol=0, atol=1e-10)


def passages_turned(batch: Any) -> tuple[Any, Tensor]:
    """The rows of every question in the opposite order, and where each row now comes from."""
    order = torch.cat([torch.tensor(rows_of(batch, [b])[::-1]) for b in range(batch.questions)])
    by_row = ("passage", "passage_lengths", "segment", "passage_chars")
    return batch._replace(**{name: getattr(batch, name)[order] for name in by_row}), order


@pytest.mark.parametrize("depth", [1, 3])
@every_preset
def test_the_order_of_passages_orders_the_result_and_nothing_else(case: Case, depth: int) -> None:
    """Trap 21: probabilities of all passages of a question sum to 1."""
    reader, batch = case.build(depth, dtype=torch.float64).eval(), draw(4, rows=4)
    turned, order = passages_turned(batch)
    for mine, other in zip(reader(turned), reader(batch), strict=True):
        there = batch.passage_mask[order]
        torch.testing.assert_close(mine[there], other[order][there], rtol=0, atol=1e-10)
        chances = union_softmax(other, batch.passage_mask, batch.owner, batch.questions).sum(1)
        sums = torch.zeros(batch.questions, dtype=torch.float64).index_add(0, batch.owner, chances)
        torch.testing.assert_close(sums, torch.ones_like(sums))


@every_preset
def test_depth_costs_its_level_weights_and_no_more(case: Case) -> None:
    shallow = case.build(1).state_dict()
    for depth in (2, 5):
        deep = case.build(depth).state_dict()
        assert set(deep) - set(shallow) == {"match.ham.c", "self_match.ham.c"}
        assert sum(map(torch.numel, deep.values())) - sum(map(torch.numel, shallow.values())) == 2 * depth
        assert all(torch.equal(deep[name], tensor) for name, tensor in shallow.items())


@pytest.mark.parametrize("requery", REQUERY)
def test_every_requery_trains_every_weight(requery: str) -> None:
    found = gradients(PRESETS["original"].build(3, requery=requery), draw(5))
    assert [name for name, gradient in found.items() if not gradient.any()] == []


def test_dropout_on_layers_encodings_matches_and_what_the_pointer_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One mask a sequence and place; in the encoders one for each layer and direction."""
    masks: list[tuple[int, ...]] = []
    kept = Tensor.bernoulli_

    def counted(tensor: Tensor, *arguments: Any) -> Tensor:
        masks.append(tuple(tensor.shape))
        return kept(tensor, *arguments)

    monkeypatch.setattr(Tensor, "bernoulli_", counted)
    PRESETS["original"].build(2)(draw())
    one_encoder = [(4, 1, 12)] * 2 + [(4, 1, 10)] * 4  # words of 6 and twice 3 of characters; then two layers of 10
    rest = [(4, 1, 10)] * 2 + [(4, 1, 10)] + [(4, 1, 10)] * 2 + [(4, 1, 10)]  # encodings, match, read-out, pointer
    assert sorted(masks) == sorted(2 * one_encoder + rest)


def test_sites_and_their_rows() -> None:
    """The other site is ordinary attention; a recurrent match has the rows of both directions."""
    batch = draw(2, rows=2)
    rows = len(batch.owner)
    for sites, names in (("match,self", ["match", "self"]), ("match", ["match"]), ("self", ["self"])):
        reader = PRESETS["original"].build(3, ham_sites=sites)
        assert list(reader.ham_sites()) == names
        assert reader.match.ham.depth == (3 if "match" in names else 1)
        assert reader.self_match.ham.depth == (3 if "self" in names else 1)
        for name, ham in reader.ham_sites().items():
            with ham.trace() as traced:
                reader(batch)
            count = 2 * rows if name == "match" else rows
            mask, owners = reader.site_masks(batch)[name], reader.site_owners(batch)[name]
            assert traced.weights().shape == (3, count, 9, 5 if name == "match" else 9)
            assert torch.equal(mask, torch.cat([batch.passage_mask] * (count // rows)))
            assert torch.equal(owners, torch.cat([batch.owner] * (count // rows)))
    static = PRESETS["strong"].build(3)
    assert torch.equal(static.site_masks(batch)["match"], batch.passage_mask)
    assert torch.equal(static.site_owners(batch)["match"], batch.owner)


REFUSED = [
    (
        {"depth": 2, "share_encoder": False},
        'at depth 2 question vectors are read as passage words (score = "additive", requery = "word"); '
        "set share_encoder = true",
    ),
    (
        {"depth": 2, "share_encoder": False, "score": "projected_dot", "match": "static"},
        'at depth 2 question vectors are read as passage words (score = "projected_dot", requery = "word"); '
        "set share_encoder = true",
    ),
    (
        {"score": "scaled_dot", "requery": "own"},
        'requery = "own" is for score = "additive" alone, not "scaled_dot"; leave it away',
    ),
    (
        {"match": "static", "requery": "drop_state"},
        'requery = "drop_state" is for match = "recurrent": a static match has no state to drop',
    ),
    ({"match": "both"}, "no match \"both\"; there are 'recurrent', 'static'"),
    ({"ham_sites": "q2c"}, "no ham_sites \"q2c\"; there are 'match,self', 'match', 'self'"),
    ({"characters": "none", "encoder_layers": 0}, "an encoder has 1 layer or more, not 0"),
    (
        {"ham_sites": "match", "refresh_keys": True},
        "refresh_keys is for self attention: elsewhere a level's outputs are no keys; leave it away",
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(HamError) as raised:
        RNet(WordEmbedding(6, 4), ALPHABET, hidden=5, **settings)
    assert str(raised.value) == message


ALLOWED = [
    {"depth": 1, "share_encoder": False},
    {"depth": 3, "share_encoder": False, "ham_sites": "self"},
    {"depth": 3, "share_encoder": False, "requery": "key"},
    {"depth": 3, "share_encoder": False, "score": "scaled_dot", "self_score": "scaled_dot"},
    {"depth": 3, "refresh_keys": True, "local": "window", "radius": 2},
    {"depth": 3, "local": "gaussian", "radius": 2, "match": "recurrent"},
    {"depth": 3, "heads": 2, "hidden": 4, "score": "scaled_dot", "self_score": "scaled_dot"},
    {"depth": 3, "hard": "straight_through", "no_repeat": True},
    {"depth": 3, "gate": False, "read_out": False, "match": "static", "score": "bilinear", "self_score": "trilinear"},
]


@pytest.mark.parametrize("settings", ALLOWED)
def test_other_settings_give_logits_that_no_padding_changes(settings: dict[str, Any]) -> None:
    torch.manual_seed(1)
    reader = RNet(WordEmbedding(6, 40), ALPHABET, **{"hidden": 5, "characters_per_token": 4, **settings}).eval()
    batch = draw(3, rows=2)
    for mine, other in zip(reader(with_padding(batch, 5, 7)), reader(batch), strict=True):
        torch.testing.assert_close(mine[:, :9][batch.passage_mask], other[batch.passage_mask], rtol=0, atol=1e-6)
