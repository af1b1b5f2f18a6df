"""What every reader must do, at every depth. Numbers are those of the list of known traps of such readers.

Those that no reader can step into have their tests where the work is done:

    2   masks multiplied into scores, or a filling of -1e8     layers/test_masks.py, layers/test_ham_masks.py
    4   the backward direction reversed over padding           layers/test_masks.py, test_match_lstm.py, and 3 here
    7   the Gram form of an asymmetric score                   layers/test_attention.py
    12  a file of word vectors read wrong                      data_prep/test_vectors.py
    13  an end before its start, a span too long               layers/test_union.py
    14  inclusive and exclusive ends mixed                     data_prep/test_spans.py
    15  every occurrence of the answer an example              data_prep/test_spans.py, data_prep/test_read_squad.py
    16  offsets broken by editing the text                     data_prep/test_odd_inputs.py, test_text.py
    17  training and evaluation tokenised apart                data_prep/test_preparation.py, training/test_answer.py
    18  answers rebuilt from ids                               training/test_prediction.py
    19  a label that is out of range                           data_prep/test_spans.py, training/test_batches.py
    20  question lengths not cut with the ids                  data_prep/test_encode.py, and 20 here
    22  Chinese scored as words                                eval/test_cmrc_metric.py, eval/test_dureader_metric.py
    23  a metric averaged wrongly                              eval/test_squad.py, test_squad2.py, test_bleu.py
    24  a split that leaks                                     data_prep/test_split.py
    25  the average of weights swapped in and not out          training/test_average.py
"""

from __future__ import annotations

import copy

import pytest
import torch
from reader_inputs import (
    CASES,
    DEPTHS,
    Case,
    draw,
    exact_match,
    gradients,
    idle,
    loss_of,
    readable,
    rows_of,
    take,
    with_ordinary_attention,
    with_padding,
    with_rows_in_order,
    without_words,
)
from torch import Tensor, nn

from ham_mrc.config import TrainingSettings
from ham_mrc.layers.embedding import PAD, UNK
from ham_mrc.layers.encoders import SequenceDropout
from ham_mrc.layers.union import union_softmax
from ham_mrc.readers.batch import Batch
from ham_mrc.training.optimizer import OPTIMIZERS, build_optimizer

pytestmark = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_depth = pytest.mark.parametrize("depth", DEPTHS)
every_batch = pytest.mark.parametrize("rows", [1, 3], ids=["a row each", "several rows"])
CLOSE = {"rtol": 0.0, "atol": 1e-6}


def real(logits: tuple[Tensor, Tensor], batch: Batch) -> list[Tensor]:
    """The logits of real tokens, start and end, in one row each."""
    return [one[:, : batch.passage.shape[1]][batch.passage_mask] for one in logits]


@every_batch
@every_depth
def test_1_a_question_without_a_word(case: Case, depth: int, rows: int) -> None:
    """Outputs and gradients are finite, in a batch and alone, and the other questions keep their logits."""
    reader, batch = case.build(depth).eval(), draw(1, rows=rows)
    empty = without_words(batch, 1)
    others = rows_of(batch, [0, 2, 3])
    for mine, other in zip(reader(empty), reader(batch), strict=True):
        assert mine.isfinite().all()
        torch.testing.assert_close(mine[others], other[others], **CLOSE)
    for some in (empty, take(empty, [1])):
        assert all(gradient.isfinite().all() for gradient in gradients(reader, some).values())


@every_batch
@every_depth
def test_3_padding_changes_nothing(case: Case, depth: int, rows: int) -> None:
    """17 more tokens and 5 more characters of padding, with the ids of padding or of a word: logits and gradients."""
    reader, batch = case.build(depth).eval(), draw(3, rows=rows)
    logits, expected = real(reader(batch), batch), gradients(reader, batch)
    for word in (PAD, 7):
        longer = with_padding(batch, 17, word, 5)
        for mine, other in zip(real(reader(longer), batch), logits, strict=True):
            torch.testing.assert_close(mine, other, **CLOSE)
        for name, gradient in gradients(reader, longer).items():
            torch.testing.assert_close(gradient, expected[name], **CLOSE, msg=lambda text, n=name: f"{n}: {text}")


@every_batch
@every_depth
def test_3_a_batch_of_one_is_its_part_of_a_batch_of_32(case: Case, depth: int, rows: int) -> None:
    reader, batch = case.build(depth).eval(), draw(3, batch=32, rows=rows)
    together = reader(batch)
    for question in (0, 7, 31):
        one = take(batch, [question])
        for mine, other in zip(reader(one), together, strict=True):
            expected = other[rows_of(batch, [question]), : mine.shape[1]]
            torch.testing.assert_close(mine[one.passage_mask], expected[one.passage_mask], **CLOSE)


def test_5_depth_1_is_the_reader_with_ordinary_attention(case: Case) -> None:
    """Bit for bit: logits, gradients and weights over three steps of training, dropout included."""
    ours = readable(case.build(1, seed=5)).train()
    theirs = with_ordinary_attention(ours)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]

    def train(reader: nn.Module) -> list[Tensor]:
        optimizer = torch.optim.Adam(reader.parameters(), lr=0.01)
        torch.manual_seed(6)
        seen = []
        for step in range(3):
            batch = draw(step, rows=1 + step)
            found = gradients(reader, batch)
            for name, parameter in reader.named_parameters():
                parameter.grad = found[name]
            optimizer.step()
            seen += [*found.values(), *reader(batch)]
        return [*seen, *reader.parameters(), torch.get_rng_state()]

    assert all(torch.equal(mine, other) for mine, other in zip(train(ours), train(theirs), strict=True))


def test_5_depth_1_as_trained_is_the_reader_with_ordinary_attention(case: Case) -> None:
    """The same of the form that training uses, whose sums run in another order: to ten digits in float64."""
    ours = case.build(1, seed=5, dtype=torch.float64, dropout=0.0)
    theirs = readable(with_ordinary_attention(ours))
    batch = draw(5, rows=2)
    for mine, other in zip(ours(batch), theirs(batch), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
    expected = gradients(theirs, batch)
    for name, gradient in gradients(ours, batch).items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-10)


def test_6_depths_draw_the_same_noise(case: Case) -> None:
    """From one seed: the same dropout masks and as many random numbers, whatever the depth."""

    def forward(depth: int) -> tuple[list[Tensor], Tensor]:
        reader = case.build(depth, dropout=0.3).train()
        masks: list[Tensor] = []
        for module in reader.modules():
            if isinstance(module, SequenceDropout):  # its mask is what it makes of ones
                module.register_forward_pre_hook(lambda _, given: (torch.ones_like(given[0]),))
                module.register_forward_hook(lambda *seen: masks.append(seen[2].detach()))
        torch.manual_seed(6)
        loss_of(reader, draw(6, rows=2)).backward()
        return masks, torch.get_rng_state()

    masks, state = forward(1)
    assert any(mask.eq(0).any() for mask in masks)
    for depth in (2, 5, 20):
        deep_masks, deep_state = forward(depth)
        assert len(masks) == len(deep_masks)
        assert all(torch.equal(mine, other) for mine, other in zip(masks, deep_masks, strict=True))
        assert torch.equal(state, deep_state)


def test_depths_built_from_one_seed_share_all_other_weights(case: Case) -> None:
    """The levels add `depth` numbers at each site and nothing else."""
    shallow = case.build(1)
    weights, count = shallow.state_dict(), sum(p.numel() for p in shallow.parameters())
    assert shallow.ham_sites()
    for depth in (2, 5, 20):
        reader = case.build(depth)
        deep = reader.state_dict()
        more = {name: deep.pop(name) for name in set(deep) - set(weights)}
        assert {name.rpartition(".")[2] for name in more} == {"c"}
        assert [c.shape for c in more.values()] == [(depth,)] * len(reader.ham_sites())
        assert sum(p.numel() for p in reader.parameters()) - count == depth * len(reader.ham_sites())
        assert deep.keys() == weights.keys()
        assert all(torch.equal(deep[name], tensor) for name, tensor in weights.items())


@every_batch
@every_depth
def test_8_vectors_of_padding_may_be_huge(case: Case, depth: int, rows: int) -> None:
    """A maximum over the question, or a softmax over the passage, that takes padding in finds what is there."""
    reader, batch = case.build(depth, frozen=True).eval(), draw(8, rows=rows)
    seven = 7
    batch = batch._replace(
        passage=batch.passage.masked_fill(batch.passage == seven, 8),
        question=batch.question.masked_fill(batch.question == seven, 8),
    )
    expected = real(reader(batch), batch)
    reader.embedding.vectors[seven] = 1e4
    for mine, other in zip(real(reader(with_padding(batch, 3, seven)), batch), expected, strict=True):
        torch.testing.assert_close(mine, other, **CLOSE)


@every_depth
def test_9_one_token_each(case: Case, depth: int) -> None:
    reader, batch = case.build(depth), draw(9, batch=1, passage=1, question=1)
    start, end = reader(batch)
    assert start.shape == end.shape == (1, 1)
    loss = loss_of(reader, batch)
    assert loss.shape == ()
    assert loss.item() == 0  # there is one span, so it is certain
    assert all(gradient.isfinite().all() for gradient in gradients(reader, batch).values())
    assert exact_match(reader, batch) == 100


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_10_frozen_vectors_stay(case: Case, optimizer: str) -> None:
    reader = case.build(2, frozen=True)
    before, weights = reader.embedding.vectors.clone(), copy.deepcopy(dict(reader.named_parameters()))
    optimise = build_optimizer(reader, TrainingSettings(optimizer=optimizer, lr=0.1, weight_decay=0.1))
    for step in range(10):
        optimise.zero_grad()
        loss_of(reader, draw(step, batch=2)).backward()
        optimise.step()
    assert torch.equal(reader.embedding.vectors, before)
    assert all(not torch.equal(value, weights[name]) for name, value in reader.named_parameters())
    held = {id(p) for group in optimise.param_groups for p in group["params"]}
    assert held == {id(p) for p in reader.parameters()}
    assert id(reader.embedding.vectors) not in held
    assert all(value.shape != before.shape for state in optimise.state.values() for value in state.values())


@every_depth
def test_10_two_passes_of_evaluation_agree_bitwise(case: Case, depth: int) -> None:
    reader, batch = case.build(depth, frozen=True, dropout=0.3).eval(), draw(10, rows=2)
    state = torch.get_rng_state()
    assert all(torch.equal(mine, other) for mine, other in zip(reader(batch), reader(batch), strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    noisy = reader.train()(batch)
    assert not torch.equal(noisy[0], reader.eval()(batch)[0])  # there is noise that evaluation switches off


@every_depth
def test_11_unknown_words_are_no_padding(case: Case, depth: int) -> None:
    """A passage of unknown words is read to its end; padding's row stays zero through training."""
    reader, batch = case.build(depth), draw(11)
    unknown = batch._replace(passage=torch.full_like(batch.passage, UNK))
    assert torch.equal(unknown.passage_mask, batch.passage_mask)
    start, _ = reader.eval()(unknown)
    assert start[0].unique().numel() == 9  # each token has a logit of its own
    optimise = build_optimizer(reader.train(), TrainingSettings(lr=0.1, weight_decay=0.1))
    for _ in range(3):
        optimise.zero_grad()
        loss_of(reader, unknown).backward()
        assert reader.embedding.vectors.grad[UNK].any()
        assert not reader.embedding.vectors.grad[PAD].any()
        optimise.step()
    assert not reader.embedding.vectors[PAD].any()


@every_depth
def test_20_a_long_question_is_as_long_as_its_length_says(case: Case, depth: int) -> None:
    """200 ids of which 60 count, against the 60: what an evaluation question may hold never has to be cut by ids."""
    reader, long = case.build(depth).eval(), draw(20, batch=2, question=200)
    cut = long._replace(question_lengths=long.question_lengths.clamp(max=60))
    short = cut._replace(question=cut.question[:, :60], question_chars=cut.question_chars[:, :60])
    for mine, other in zip(reader(cut), reader(short), strict=True):
        torch.testing.assert_close(mine[long.passage_mask], other[long.passage_mask], **CLOSE)
    assert all(logits.isfinite().all() for logits in reader(long))


@every_depth
def test_21_one_softmax_over_all_passages_of_a_question(case: Case, depth: int) -> None:
    """Five passages: the probabilities of their real tokens sum to 1, and each passage gets a share."""
    reader, batch = case.build(depth).eval(), draw(21, batch=3, rows=5)
    for logits in reader(batch):
        p = union_softmax(logits, batch.passage_mask, batch.owner, batch.questions)
        for question in range(3):
            mine = p[rows_of(batch, [question])]
            assert mine.sum().item() == pytest.approx(1, abs=1e-6)
            assert (mine.sum(1) < 1).all() or len(mine) == 1
        assert len(rows_of(batch, [0])) == 5
        assert not p[~batch.passage_mask].any()


@every_depth
def test_21_the_order_of_passages_permutes_the_logits(case: Case, depth: int) -> None:
    reader, batch = case.build(depth).eval(), draw(22, batch=3, rows=5)
    order = [row for question in range(3) for row in reversed(rows_of(batch, [question]))]
    turned = with_rows_in_order(batch, order)
    for mine, other in zip(reader(turned), reader(batch), strict=True):
        torch.testing.assert_close(mine[turned.passage_mask], other[order][turned.passage_mask], **CLOSE)
    torch.testing.assert_close(loss_of(reader, turned), loss_of(reader, batch), **CLOSE)


@every_depth
def test_21_another_passage_matters(case: Case, depth: int) -> None:
    """The same row beside another one has other probabilities, and the loss falls on the row that is gold."""
    reader, batch = case.build(depth).eval(), draw(23, batch=1, rows=2)
    alone = take_row(batch, int(batch.row))
    assert (loss_of(reader, alone) - loss_of(reader, batch)).abs() > 1e-3
    wrong = batch._replace(row=1 - batch.row, start=torch.tensor([0]), end=torch.tensor([0]))
    assert loss_of(reader, wrong) != loss_of(reader, batch._replace(start=torch.tensor([0]), end=torch.tensor([0])))


def take_row(batch: Batch, row: int) -> Batch:
    """The first question's `row` alone, and no other question."""
    length = int(batch.passage_lengths[row])
    one = batch._replace(
        passage=batch.passage[row : row + 1, :length],
        passage_lengths=batch.passage_lengths[row : row + 1],
        owner=batch.owner[row : row + 1],
        segment=batch.segment[row : row + 1, :length],
        row=torch.tensor([0]),
        passage_chars=batch.passage_chars[row : row + 1, :length],
    )
    assert one.questions == 1
    return one


@every_batch
@every_depth
def test_every_parameter_gets_a_gradient(case: Case, depth: int, rows: int) -> None:
    reader, batch = case.build(depth), draw(12, batch=8, rows=rows)
    for name, gradient in gradients(reader, batch).items():
        assert gradient.isfinite().all()
        assert gradient.any() != (name in idle(case)), name


def test_26_the_level_weights_learn_and_do_not_decay(case: Case) -> None:
    reader = case.build(2)
    levels = {f"{name}.c" for name, ham in reader.named_modules() if ham in reader.ham_sites().values()}
    assert len(levels) == len(reader.ham_sites())
    assert levels <= {name for name, _ in reader.named_parameters()}
    found = gradients(reader, draw(13, rows=2))
    assert all(found[name].ne(0).all() for name in levels)
    optimise = build_optimizer(reader, TrainingSettings(weight_decay=0.1, c_lr_scale=3.0))
    names = {id(p): name for name, p in reader.named_parameters()}
    decayed, kept = ({names[id(p)] for p in group["params"]} for group in optimise.param_groups)
    assert [group["weight_decay"] for group in optimise.param_groups] == [0.1, 0.0]
    assert kept == levels
    assert decayed == set(names.values()) - levels


@every_batch
@every_depth
def test_sites_have_a_mask_and_an_owner_for_every_row(case: Case, depth: int, rows: int) -> None:
    """What diagnostics and REINFORCE read: the rows, queries and owners of a traced forward pass."""
    reader, batch = case.build(depth).eval(), draw(14, rows=rows)
    masks, owners = reader.site_masks(batch), reader.site_owners(batch)
    assert masks.keys() == owners.keys() == reader.ham_sites().keys()
    for name, ham in reader.ham_sites().items():
        with ham.trace() as traced:
            logits = reader(batch)
        levels, count, queries, _ = traced.weights().shape
        assert (levels, count, queries) == (depth, *masks[name].shape)
        assert owners[name].shape == (count,)
        asked = batch.question_lengths[owners[name]] > 0
        sums = traced.weights().sum(-1)[:, masks[name] & asked[:, None]]
        torch.testing.assert_close(sums, torch.ones_like(sums))
        for mine, other in zip(real(logits, batch), real(reader(batch), batch), strict=True):  # tracing changes nothing
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-5)
