"""Every reader learns a few questions by heart, at every depth, and learns nothing where there is nothing to learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from reader_inputs import ALPHABET, CASES, CHARACTERS, TRAINED, Case, exact_match, loss_of
from torch import nn

from ham_mrc.config import TrainingSettings
from ham_mrc.readers import READERS
from ham_mrc.readers.batch import Batch
from ham_mrc.training.optimizer import build_optimizer

LARGE = {name: case for name, case in CASES.items() if "-small" not in name}  # small presets are others with less
every_case = pytest.mark.parametrize("case", LARGE.values(), ids=LARGE)
UPDATES = 300


def train(reader: nn.Module, batch_of: Callable[[int], Batch], most: int = UPDATES) -> int:
    """Train on `batch_of(update)` until every span is right; how many updates it took, `most` if it never came to that.

    All readers learn at one rate, and some would be there sooner at another.
    """
    optimise = build_optimizer(reader, TrainingSettings(optimizer="adam", lr=0.005))
    for update in range(most):
        batch = batch_of(update)
        if update % 10 == 0 and exact_match(reader, batch) == 100:
            return update
        optimise.zero_grad()
        loss_of(reader, batch).backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimise.step()
    return most


EVERY_DEPTH = {*READERS, "bidaf-strong", "r-net-strong"}  # of other settings the middle one is enough


@pytest.mark.parametrize(
    ("name", "depth"), [(name, depth) for name in LARGE for depth in (1, 5, 20) if depth == 5 or name in EVERY_DEPTH]
)
def test_learns_eight_questions(name: str, depth: int) -> None:
    """Each answer begins after the passage's word that the question asks for, and is one or two tokens long."""
    batch = questions_on_keys()
    reader = build(LARGE[name], depth)
    assert exact_match(reader, batch) < 50
    assert train(reader, lambda _: batch) < UPDATES


@every_case
def test_learns_which_of_two_passages_answers(case: Case) -> None:
    """Both passages stand in two rows of every question, so that the softmax over all rows has to find the one."""
    batch = both_passages(questions_on_keys())
    assert (batch.questions, len(batch.passage)) == (8, 16)
    # From some seeds one or another reader stays for hundreds of updates where one question has two answers, and
    # rounding decides which; from this one all are there after 50 to 130.
    reader = build(case, 1, seed=3)
    assert train(reader, lambda _: batch) < UPDATES


@every_case
def test_labels_that_are_drawn_anew_are_not_learnt(case: Case) -> None:
    """Spans of another question each time: nothing but the label itself could tell, and no reader may look there."""
    batch = questions_on_keys()
    draws = [with_spans_turned(batch, turn) for turn in range(4)]
    reader = build(case, 1)
    assert train(reader, lambda update: draws[update % 4], 60) == 60
    assert sum(exact_match(reader, labels) for labels in draws) <= 100  # one span a question, and it is right once


def build(case: Case, depth: int, seed: int = 1) -> nn.Module:
    reader: nn.Module = case.build(depth, seed=seed, hidden=24, dropout=0.0)
    return reader


def questions_on_keys() -> Batch:
    """Eight questions, a key word and a common one each, on two passages that hold four keys each, every third word.

    Four questions share a passage, so that nobody can answer them all without reading the question. An answer begins
    behind its key, with word 11 where it is one token long and with word 12 where it is two. The letters of a word are
    the digits of its id.
    """
    keys = torch.arange(2, 10)
    passage = torch.randint(13, TRAINED, (2, 12), generator=torch.Generator().manual_seed(14))
    passage[:, ::3] = keys.view(2, 4)
    passage[:, 1::3] = 11 + keys.view(2, 4) % 2
    passage = passage.repeat_interleave(4, 0)
    question = torch.stack([keys, torch.full((8,), 10)], 1)
    start = torch.arange(0, 12, 3).repeat(2) + 1
    return Batch(
        passage=passage,
        question=question,
        passage_lengths=torch.full((8,), 12),
        question_lengths=torch.full((8,), 2),
        owner=torch.arange(8),
        segment=torch.zeros(8, 12, dtype=torch.long),
        row=torch.arange(8),
        start=start,
        end=start + keys % 2,
        index=torch.arange(8),
        passage_chars=spelt(passage),
        question_chars=spelt(question),
    )


def spelt(ids: torch.Tensor) -> torch.Tensor:
    digits = torch.stack([ids // 10, ids % 10], -1) + 1
    assert digits.max() < ALPHABET
    return nn.functional.pad(digits, (0, CHARACTERS - 2))


def both_passages(batch: Batch) -> Batch:
    """The eight questions with a row for their own passage and one for the other, in an order of their own."""
    own_first = torch.tensor([True, False] * 4)
    other = (torch.arange(8) + 4) % 8
    rows = torch.stack(
        [torch.where(own_first, batch.row, other), torch.where(own_first, other, batch.row)], 1
    ).flatten()
    assert batch.passage_chars is not None
    return batch._replace(
        passage=batch.passage[rows],
        passage_lengths=batch.passage_lengths[rows],
        owner=torch.arange(8).repeat_interleave(2),
        segment=torch.arange(2).repeat(8)[:, None].expand(-1, 12).clone(),
        row=2 * torch.arange(8) + (~own_first).long(),
        passage_chars=batch.passage_chars[rows],
    )


def with_spans_turned(batch: Batch, places: int) -> Batch:
    """Every question with the span of another one on the same passage."""
    start, end = (x.view(2, 4).roll(places, 1).flatten() for x in (batch.start, batch.end))
    return batch._replace(start=start, end=end)
