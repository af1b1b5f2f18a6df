"""Match-LSTM against its paper, written out row by row and step by step, and the settings it refuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from reader_inputs import CASES, Case, draw, gradients, idle, rows_of
from slow_match_lstm import array, as_tensor, slow_match, slow_reader
from torch import Tensor

from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers.attention import REQUERY, inner_width
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.layers.match_layer import MatchLayer, StaticMatchLayer, lstm_cell
from ham_mrc.layers.site import build_ham
from ham_mrc.readers.match_lstm import MatchLSTM

P_LENGTHS, Q_LENGTHS = torch.tensor([3, 6, 1]), torch.tensor([2, 4, 0])
KINDS = {"recurrent": MatchLayer, "static": StaticMatchLayer}


class Form(NamedTuple):
    """A match layer of width 4 and hidden 3, and its name in tests."""

    kind: str
    score: str
    requery: str = "word"
    fusion: Any = "plain"

    def build(self, depth: int) -> MatchLayer | StaticMatchLayer:
        inner = inner_width(self.score, 3)
        ham = build_ham(4, score=self.score, hidden=inner, requery=self.requery, depth=depth, init_levels="first")
        return KINDS[self.kind](ham, 4, 3, fusion=self.fusion).double()


def layer_and_inputs(form: Form, depth: int, width: int = 6) -> tuple[MatchLayer | StaticMatchLayer, Tensor, Tensor]:
    """Real rows are the same for every width; padding is far from zero."""
    torch.manual_seed(depth)
    layer = form.build(depth)
    passage, question = torch.full((3, width, 4), 9.0).double(), torch.full((3, width, 4), 9.0).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        for b in range(3):
            passage[b, : P_LENGTHS[b]] = torch.randn(int(P_LENGTHS[b]), 4, dtype=torch.float64)
            question[b, : Q_LENGTHS[b]] = torch.randn(int(Q_LENGTHS[b]), 4, dtype=torch.float64)
    return layer, passage, question


LAYERS = [
    *(Form("recurrent", "additive", requery) for requery in REQUERY),
    Form("recurrent", "scaled_dot"),
    Form("recurrent", "projected_dot"),
    *(Form("static", "additive", requery) for requery in REQUERY if requery != "drop_state"),
    Form("static", "scaled_dot"),
    Form("static", "projected_dot"),
    Form("recurrent", "additive", fusion="extended"),
    Form("recurrent", "scaled_dot", fusion="extended"),
    Form("static", "scaled_dot", fusion="extended"),
]


@pytest.mark.parametrize("fast", [False, True], ids=["readable", "as trained"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("form", LAYERS, ids=" ".join)
def test_match_layer_follows_the_equations(form: Form, depth: int, fast: bool) -> None:
    """Trap 4 with it: the second direction begins at a passage's last real word, wherever its padding ends."""
    layer, passage, question = layer_and_inputs(form, depth)
    for module in layer.modules():
        if hasattr(module, "fast"):
            module.fast = fast
    states = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 6))
    assert states.shape == (3, 6, 6)
    for b, (p, q) in enumerate(zip(P_LENGTHS.tolist(), Q_LENGTHS.tolist(), strict=True)):
        slow = slow_match(layer, array(passage[b, :p]), array(question[b, :q]))
        torch.testing.assert_close(states[b, :p], as_tensor(slow), rtol=0, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("form", [LAYERS[0], LAYERS[-1]], ids=" ".join)
def test_more_padding_changes_no_state(form: Form, depth: int) -> None:
    layer, passage, question = layer_and_inputs(form, depth)
    short = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 6))
    layer, passage, question = layer_and_inputs(form, depth, width=23)
    long = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 23))
    real = lengths_to_mask(P_LENGTHS, 6)
    torch.testing.assert_close(long[:, :6][real], short[real], rtol=0, atol=1e-12)


READERS_AS_WRITTEN = {
    **{name: case for name, case in CASES.items() if case.name == "match-lstm"},
    "two encoders": Case("match-lstm", {"share_encoder": False, "requery": "own"}),
    "words of its own": Case("match-lstm", {"word_match": True, "requery": "key"}),
    "static dot": Case("match-lstm", {"match": "static", "score": "scaled_dot", "fusion": "extended"}),
}


@pytest.mark.parametrize("rows", [1, 3], ids=["a row each", "several rows"])
@pytest.mark.parametrize("frozen", [False, True], ids=["trained words", "frozen words"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("case", READERS_AS_WRITTEN.values(), ids=READERS_AS_WRITTEN)
def test_the_whole_reader_follows_the_paper(case: Case, depth: int, frozen: bool, rows: int) -> None:
    """Of several passages each is read by itself, and the pointer chooses among the tokens of all."""
    case = case._replace(settings={**case.settings, "characters": "none"})
    reader = case.build(depth, frozen=frozen, dtype=torch.float64).eval()
    batch = draw(1, rows=rows)
    start, end = reader(batch)
    assert start.shape == end.shape == batch.passage.shape
    for b in range(batch.questions):
        mine = rows_of(batch, [b])
        slow_start, slow_end = slow_reader(reader, batch, b)
        torch.testing.assert_close(start[mine][batch.passage_mask[mine]], as_tensor(slow_start), rtol=0, atol=1e-12)
        torch.testing.assert_close(end[mine][batch.passage_mask[mine]], as_tensor(slow_end), rtol=0, atol=1e-12)


@pytest.mark.parametrize("match", ["recurrent", "static"])
@pytest.mark.parametrize("score", ["additive", "scaled_dot"])
def test_multilevel_is_the_last_level_alone(match: str, score: str) -> None:
    """The paper's other extreme: no mixture, and as if c were -inf everywhere else."""
    settings = {"match": match, "score": score, "bidirectional": True}
    last = Case("match-lstm", settings).build(3, attention="multilevel", dtype=torch.float64)
    mixed = Case("match-lstm", settings).build(3, dtype=torch.float64)
    mixed.match.ham.set_levels(torch.tensor([-torch.inf, -torch.inf, 0.0]))
    assert set(dict(mixed.named_parameters())) - set(dict(last.named_parameters())) == {"match.ham.c"}
    batch = draw(4, rows=2)
    for mine, other in zip(last.eval()(batch), mixed.eval()(batch), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


def test_lstm_cell_is_that_of_torch() -> None:
    torch.manual_seed(3)
    theirs = torch.nn.LSTMCell(4, 3).double()
    x, state, cell = (torch.randn(5, size, dtype=torch.float64) for size in (4, 3, 3))
    gates = x @ theirs.weight_ih.T + theirs.bias_ih + state @ theirs.weight_hh.T + theirs.bias_hh
    for mine, other in zip(lstm_cell(gates, cell), theirs(x, (state, cell)), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


def test_encoders_are_one_or_two() -> None:
    shared = CASES["match-lstm"].build(1)
    apart = CASES["match-lstm"].build(1, share_encoder=False)
    assert shared.passage_encoder is shared.question_encoder
    assert apart.passage_encoder is not apart.question_encoder
    more = sum(p.numel() for p in apart.parameters()) - sum(p.numel() for p in shared.parameters())
    assert more == sum(p.numel() for p in shared.passage_encoder.parameters())


def test_a_matrix_for_requery_own_shifts_no_other_weight() -> None:
    shallow = CASES["match-lstm"].build(1, requery="own").state_dict()
    for depth in (2, 5):
        deep = CASES["match-lstm"].build(depth, requery="own").state_dict()
        assert set(deep) - set(shallow) == {"match.ham.c", "match.ham.score.again_weight"}
        assert all(torch.equal(deep[name], tensor) for name, tensor in shallow.items())


def test_dropout_acts_on_words_encodings_and_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Word vectors and encodings of both sides, and the states of the match layer; one mask a sequence each."""
    masks: list[tuple[int, ...]] = []
    kept = Tensor.bernoulli_

    def counted(tensor: Tensor, *arguments: Any) -> Tensor:
        masks.append(tuple(tensor.shape))
        return kept(tensor, *arguments)

    monkeypatch.setattr(Tensor, "bernoulli_", counted)
    CASES["match-lstm"].build(2, word_match=True)(draw())
    assert sorted(masks) == [(4, 1, 5), (4, 1, 5), (4, 1, 6), (4, 1, 6), (4, 1, 10)]


def test_sites_and_their_masks() -> None:
    reader, batch = CASES["match-lstm"].build(3), draw(2)
    assert reader.ham_sites() == {"match": reader.match.ham}
    with reader.match.ham.trace() as traced:
        reader(batch)
    levels, rows, queries, keys = traced.weights().shape
    assert (levels, rows, queries, keys) == (3, 8, 9, 5)
    mask = reader.site_masks(batch)["match"]
    assert torch.equal(mask, torch.cat([batch.passage_mask] * 2))
    assert reader.site_owners(batch)["match"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    sums = traced.weights()[:, mask].sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


VARIANTS: list[dict[str, Any]] = [
    {"score": "scaled_dot", "heads": 2},
    {"score": "scaled_dot", "heads": 5, "heads_share": "head"},
    {"local": "gaussian", "radius": 2},
    {"local": "topk", "keep": 2, "recenter": False},
    {"hard": "straight_through", "no_repeat": True},
    {"hard": "gumbel", "temperature": 0.5},
]


@pytest.mark.parametrize("match", ["recurrent", "static"])
@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_variants_of_the_attention_train(settings: dict[str, Any], match: str) -> None:
    """Each runs on several passages and gives every parameter but an idle one a gradient."""
    settings = {"bidirectional": True, "match": match, **settings}
    reader = Case("match-lstm", settings).build(3, dropout=0.0)
    for name, gradient in gradients(reader, draw(15, batch=8, rows=2)).items():
        assert gradient.isfinite().all()
        assert gradient.any() != (name in idle(CASES["match-lstm"])), name


def test_a_static_match_asks_once_a_row() -> None:
    """The recurrent one asks with every row in both directions."""
    reader, batch = Case("match-lstm", {"match": "static"}).build(3), draw(2, rows=2)
    with reader.match.ham.trace() as traced:
        reader(batch)
    assert traced.weights().shape[:3] == (3, *batch.passage.shape)
    assert torch.equal(reader.site_masks(batch)["match"], batch.passage_mask)
    assert torch.equal(reader.site_owners(batch)["match"], batch.owner)


REFUSED = [
    (
        {"match": "static", "requery": "drop_state"},
        'requery = "drop_state" is for match = "recurrent": a static match has no state to drop',
    ),
    (
        {"depth": 2, "share_encoder": False},
        'at depth 2 question vectors are read as passage words (score = "additive", requery = "word"); '
        "set share_encoder = true",
    ),
    (
        {"depth": 5, "share_encoder": False, "requery": "drop_state"},
        'at depth 5 question vectors are read as passage words (score = "additive", requery = "drop_state"); '
        "set share_encoder = true",
    ),
    (
        {"depth": 2, "share_encoder": False, "score": "projected_dot"},
        'at depth 2 question vectors are read as passage words (score = "projected_dot", requery = "word"); '
        "set share_encoder = true",
    ),
    (
        {"depth": 2, "share_encoder": False, "score": "scaled_dot", "heads": 2, "hidden": 4},
        'at depth 2 question vectors are read as passage words (heads_share = "layer"); set share_encoder = true',
    ),
    (
        {"depth": 2, "share_encoder": False, "score": "scaled_dot", "local": "gaussian"},
        'at depth 2 question vectors are read as passage words (local = "gaussian", recenter = true); '
        "set share_encoder = true",
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
    (
        {"score": "scaled_dot", "requery": "own"},
        'requery = "own" is for score = "additive" alone, not "scaled_dot"; leave it away',
    ),
    ({"requery": "memory"}, "no requery 'memory'; there are word, key, own, add, drop_state"),
    ({"score": "cosine"}, "no score 'cosine'; there are dot, scaled_dot, bilinear, trilinear, projected_dot, additive"),
    ({"init_levels": "last"}, "no starting value 'last' of the level weights; there are uniform, first"),
    ({"depth": 0}, "depth is 0; it must be 1 or more"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        MatchLSTM(WordEmbedding(6, 4), **{"hidden": 5, **settings})
    assert str(raised.value) == message
    assert isinstance(raised.value, HamError)


ALLOWED = [
    {"depth": 1, "share_encoder": False},
    {"depth": 3, "share_encoder": False, "requery": "key"},
    {"depth": 3, "share_encoder": False, "requery": "own"},
    {"depth": 3, "share_encoder": False, "score": "scaled_dot"},
    {"depth": 3, "share_encoder": False, "score": "scaled_dot", "heads": 5, "heads_share": "head"},
    {"depth": 3, "share_encoder": False, "requery": "own", "local": "gaussian", "recenter": False},
]


@pytest.mark.parametrize("settings", ALLOWED)
def test_two_encoders_where_no_question_vector_is_read_as_a_passage_word(settings: dict[str, Any]) -> None:
    start, end = MatchLSTM(WordEmbedding(6, 4), hidden=5, **settings)(draw())
    assert start.isfinite().all()
    assert end.isfinite().all()
