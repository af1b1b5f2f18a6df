"""Match-LSTM against its paper, written out row by row and step by step, and the settings it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from reader_inputs import CASES, Case, draw
from slow_match_lstm import array, as_tensor, slow_match, slow_reader
from torch import Tensor

from ham_mrc.errors import HamError, ShapeError
from ham_mrc.layers.attention import REQUERY
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.readers.match_lstm import MatchLayer, MatchLSTM, lstm_cell

P_LENGTHS, Q_LENGTHS = torch.tensor([3, 6, 1]), torch.tensor([2, 4, 0])


def layer_and_inputs(score: str, depth: int, requery: str, width: int = 6) -> tuple[MatchLayer, Tensor, Tensor]:
    """Real rows are the same for every width; padding is far from zero."""
    torch.manual_seed(depth)
    layer = MatchLayer(4, 3, depth=depth, score=score, requery=requery, init_levels="first").double()
    passage, question = torch.full((3, width, 4), 9.0).double(), torch.full((3, width, 4), 9.0).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        for b in range(3):
            passage[b, : P_LENGTHS[b]] = torch.randn(int(P_LENGTHS[b]), 4, dtype=torch.float64)
            question[b, : Q_LENGTHS[b]] = torch.randn(int(Q_LENGTHS[b]), 4, dtype=torch.float64)
    return layer, passage, question


LAYERS = [("additive", requery) for requery in REQUERY] + [("scaled_dot", "word"), ("projected_dot", "word")]


@pytest.mark.parametrize("fast", [False, True], ids=["readable", "as trained"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize(("score", "requery"), LAYERS)
def test_match_layer_follows_the_equations(score: str, requery: str, depth: int, fast: bool) -> None:
    """Trap 4 with it: the second direction begins at a passage's last real word, wherever its padding ends."""
    layer, passage, question = layer_and_inputs(score, depth, requery)
    layer.fast = fast
    states = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 6))
    assert states.shape == (3, 6, 6)
    for b, (p, q) in enumerate(zip(P_LENGTHS.tolist(), Q_LENGTHS.tolist(), strict=True)):
        slow = slow_match(layer, array(passage[b, :p]), array(question[b, :q]))
        torch.testing.assert_close(states[b, :p], as_tensor(slow), rtol=0, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 3])
def test_more_padding_changes_no_state(depth: int) -> None:
    layer, passage, question = layer_and_inputs("additive", depth, "word")
    short = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 6))
    layer, passage, question = layer_and_inputs("additive", depth, "word", width=23)
    long = layer(passage, question, P_LENGTHS, lengths_to_mask(Q_LENGTHS, 23))
    real = lengths_to_mask(P_LENGTHS, 6)
    torch.testing.assert_close(long[:, :6][real], short[real], rtol=0, atol=1e-12)


FORMS = {
    **{name: case for name, case in CASES.items() if case.name == "match-lstm"},
    "two encoders": Case("match-lstm", {"share_encoder": False, "requery": "own"}),
    "words of its own": Case("match-lstm", {"word_match": True, "requery": "key"}),
}


@pytest.mark.parametrize("frozen", [False, True], ids=["trained words", "frozen words"])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("case", FORMS.values(), ids=FORMS)
def test_the_whole_reader_follows_the_paper(case: Case, depth: int, frozen: bool) -> None:
    reader = case.build(depth, frozen=frozen, dtype=torch.float64).eval()
    batch = draw(1)
    start, end = reader(batch)
    assert start.shape == end.shape == (4, 9)
    for b, length in enumerate(batch.passage_lengths.tolist()):
        slow_start, slow_end = slow_reader(reader, batch, b)
        torch.testing.assert_close(start[b, :length], as_tensor(slow_start), rtol=0, atol=1e-12)
        torch.testing.assert_close(end[b, :length], as_tensor(slow_end), rtol=0, atol=1e-12)


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
    sums = traced.weights()[:, mask].sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


REFUSED = [
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
        MatchLSTM(WordEmbedding(6, 4), hidden=5, **settings)
    assert str(raised.value) == message
    assert isinstance(raised.value, HamError)


ALLOWED = [
    {"depth": 1, "share_encoder": False},
    {"depth": 3, "share_encoder": False, "requery": "key"},
    {"depth": 3, "share_encoder": False, "requery": "own"},
    {"depth": 3, "share_encoder": False, "score": "scaled_dot"},
]


@pytest.mark.parametrize("settings", ALLOWED)
def test_two_encoders_where_no_question_vector_is_read_as_a_passage_word(settings: dict[str, Any]) -> None:
    start, end = MatchLSTM(WordEmbedding(6, 4), hidden=5, **settings)(draw())
    assert start.isfinite().all()
    assert end.isfinite().all()
