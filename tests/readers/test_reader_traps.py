"""What every reader must do, at every depth. Numbers are those of the list of known traps of such readers."""

from __future__ import annotations

import copy

import pytest
import torch
from reader_inputs import (
    CASES,
    DEPTHS,
    TRAINED,
    Case,
    draw,
    exact_match,
    gradients,
    loss_of,
    readable,
    take,
    with_ordinary_attention,
    with_padding,
)
from torch import Tensor, nn

from ham_mrc.config import TrainingSettings
from ham_mrc.layers.embedding import PAD, UNK
from ham_mrc.layers.encoders import SequenceDropout
from ham_mrc.readers.batch import Batch
from ham_mrc.training.optimizer import OPTIMIZERS, build_optimizer

pytestmark = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_depth = pytest.mark.parametrize("depth", DEPTHS)
CLOSE = {"rtol": 0.0, "atol": 1e-6}

IDLE = {f"pointer.ways.{way}.cell.weight_hh" for way in (0, 1)}
"""What acts on a state that is always zero: the answer pointer's cell makes its first step and no other."""


def real(logits: tuple[Tensor, Tensor], batch: Batch) -> list[Tensor]:
    """The logits of real tokens, start and end, in one row each."""
    return [one[:, : batch.passage.shape[1]][batch.passage_mask] for one in logits]


@every_depth
def test_1_a_question_without_a_word(case: Case, depth: int) -> None:
    """Outputs and gradients are finite, in a batch and alone, and the other questions keep their logits."""
    reader, batch = case.build(depth).eval(), draw(1)
    empty = with_padding(batch._replace(question_lengths=batch.question_lengths.index_fill(0, torch.tensor(1), 0)), 0)
    for mine, other in zip(reader(empty), reader(batch), strict=True):
        assert mine.isfinite().all()
        torch.testing.assert_close(mine[[0, 2, 3]], other[[0, 2, 3]], **CLOSE)
    for some in (empty, take(empty, [1])):
        assert all(gradient.isfinite().all() for gradient in gradients(reader, some).values())


@every_depth
def test_3_padding_changes_nothing(case: Case, depth: int) -> None:
    """17 more tokens of padding, with the id of padding or of a word, and a batch of one against its row."""
    reader, batch = case.build(depth).eval(), draw(3, batch=32)
    logits, expected = real(reader(batch), batch), gradients(reader, batch)
    for word in (PAD, 7):
        longer = with_padding(batch, 17, word)
        for mine, other in zip(real(reader(longer), batch), logits, strict=True):
            torch.testing.assert_close(mine, other, **CLOSE)
        for name, gradient in gradients(reader, longer).items():
            torch.testing.assert_close(gradient, expected[name], **CLOSE)
    for row in range(0, 32, 5):
        one = take(batch, [row])
        for mine, other in zip(real(reader(one), one), reader(batch), strict=True):
            torch.testing.assert_close(mine, other[row, : len(mine)], **CLOSE)


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
            batch = draw(step)
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
    batch = draw(5)
    for mine, other in zip(ours(batch), theirs(batch), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
    expected = gradients(theirs, batch)
    for name, gradient in gradients(ours, batch).items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-10)


def test_6_depths_draw_the_same_noise(case: Case) -> None:
    """From one seed: the same dropout masks and as many random numbers, whatever the depth."""

    def forward(depth: int) -> tuple[list[Tensor], Tensor]:
        reader = case.build(depth).train()
        masks: list[Tensor] = []
        for module in reader.modules():
            if isinstance(module, SequenceDropout):  # its mask is what it makes of ones
                module.register_forward_pre_hook(lambda _, given: (torch.ones_like(given[0]),))
                module.register_forward_hook(lambda *seen: masks.append(seen[2].detach()))
        torch.manual_seed(6)
        loss_of(reader, draw(6)).backward()
        return masks, torch.get_rng_state()

    masks, state = forward(1)
    assert masks
    assert all(mask.eq(0).any() for mask in masks)
    for depth in (2, 5, 20):
        deep_masks, deep_state = forward(depth)
        assert len(masks) == len(deep_masks)
        assert all(torch.equal(mine, other) for mine, other in zip(masks, deep_masks, strict=True))
        assert torch.equal(state, deep_state)


def test_depths_built_from_one_seed_share_all_other_weights(case: Case) -> None:
    """The levels add `depth` numbers at each site and nothing else."""
    shallow = case.build(1).state_dict()
    for depth in (2, 5, 20):
        reader = case.build(depth)
        deep = reader.state_dict()
        more = {name: deep.pop(name) for name in set(deep) - set(shallow)}
        assert {name.rpartition(".")[2] for name in more} == {"c"}
        assert sum(c.numel() for c in more.values()) == depth * len(reader.ham_sites())
        assert all(torch.equal(deep[name], tensor) for name, tensor in shallow.items())


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
    before, weights = reader.embedding.vectors.clone(), copy.deepcopy(reader.state_dict())
    optimise = build_optimizer(reader, TrainingSettings(optimizer=optimizer, lr=0.1, weight_decay=0.1))
    for step in range(10):
        optimise.zero_grad()
        loss_of(reader, draw(step)).backward()
        optimise.step()
    assert torch.equal(reader.embedding.vectors, before)
    moved = {name for name, value in reader.state_dict().items() if not torch.equal(value, weights[name])}
    assert moved == set(weights) - {"embedding.vectors"}
    held = {id(p) for group in optimise.param_groups for p in group["params"]}
    assert held == {id(p) for p in reader.parameters()}
    assert id(reader.embedding.vectors) not in held
    assert all(value.shape != before.shape for state in optimise.state.values() for value in state.values())


@every_depth
def test_10_two_passes_of_evaluation_agree_bitwise(case: Case, depth: int) -> None:
    reader, batch = case.build(depth, frozen=True).eval(), draw(10)
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
def test_every_parameter_gets_a_gradient(case: Case, depth: int) -> None:
    for name, gradient in gradients(case.build(depth), draw(12, batch=8)).items():
        assert gradient.isfinite().all()
        assert gradient.any() != (name in IDLE), name


def test_26_the_level_weights_learn_and_do_not_decay(case: Case) -> None:
    reader = case.build(2)
    levels = {f"{name}.c" for name, ham in reader.named_modules() if ham in reader.ham_sites().values()}
    assert levels <= {name for name, _ in reader.named_parameters()}
    found = gradients(reader, draw(13))
    assert all(found[name].ne(0).all() for name in levels)
    optimise = build_optimizer(reader, TrainingSettings(weight_decay=0.1, c_lr_scale=3.0))
    names = {id(p): name for name, p in reader.named_parameters()}
    decayed, kept = ({names[id(p)] for p in group["params"]} for group in optimise.param_groups)
    assert [group["weight_decay"] for group in optimise.param_groups] == [0.1, 0.0]
    assert kept == levels
    assert decayed == set(names.values()) - levels


@pytest.mark.parametrize("depth", [1, 5])
def test_learns_eight_questions(case: Case, depth: int) -> None:
    """Each answer begins after the passage's word that the question asks for, and is one or two tokens long."""
    batch = questions_on_keys()
    reader = case.build(depth, seed=1, hidden=16, dropout=0.0)
    assert exact_match(reader, batch) < 50
    optimise = build_optimizer(reader, TrainingSettings(optimizer="adam", lr=0.02))
    for _ in range(100):
        optimise.zero_grad()
        loss_of(reader, batch).backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimise.step()
    assert exact_match(reader, batch) == 100


def questions_on_keys() -> Batch:
    """Eight questions, a key word and a common one each, on two passages that hold four keys each, every third word.

    Four questions share a passage, so that nobody can answer them all without reading the question.
    """
    passage = torch.randint(10, TRAINED, (2, 12), generator=torch.Generator().manual_seed(14))
    keys = torch.arange(2, 10)
    passage[:, ::3] = keys.view(2, 4)
    question = torch.stack([keys, torch.full((8,), 10)], 1)
    start = torch.arange(0, 12, 3).repeat(2) + 1
    lengths, asked = torch.full((8,), 12), torch.full((8,), 2)
    return Batch(passage.repeat_interleave(4, 0), question, lengths, asked, start, start + keys % 2, torch.arange(8))
