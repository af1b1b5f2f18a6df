"""What a reader reads of a token: [word ; characters ; match], the same function on both sides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.masks import lengths_to_mask
from ham_mrc.readers.batch import Batch, word_match
from ham_mrc.readers.inputs import TokenInputs

WORDS, WIDTH, ALPHABET, CHARACTERS = 12, 4, 9, 6
SMALL = {"character_width": 3, "character_filters": 5, "character_kernel": 2, "character_hidden": 2}
SIZES = {"none": 0, "cnn": 5, "rnn": 4}
KINDS = pytest.mark.parametrize("characters", ["none", "cnn", "rnn"])


def build(*, seed: int = 1, **settings: Any) -> TokenInputs:
    torch.manual_seed(seed)
    embedding = WordEmbedding(WIDTH, WORDS)
    return TokenInputs(embedding, ALPHABET, characters_per_token=CHARACTERS, **{**SMALL, **settings}).double()


def draw(*, tokens: int = 0, characters: int = 0) -> Batch:
    """Two questions, the first with two rows, so that rows are not questions; with more padding on request."""
    source = torch.Generator().manual_seed(2)

    def side(lengths: Tensor) -> tuple[Tensor, Tensor]:
        size = int(lengths.max())
        real = lengths_to_mask(lengths, size)
        ids = torch.randint(1, WORDS, real.shape, generator=source) * real
        spelt = torch.randint(1, ALPHABET, (*real.shape, CHARACTERS), generator=source)
        long = torch.randint(1, CHARACTERS + 1, real.shape, generator=source) * real  # characters of each token
        spelt = spelt * (torch.arange(CHARACTERS) < long[..., None])
        return nn.functional.pad(ids, (0, tokens)), nn.functional.pad(spelt, (0, characters, 0, tokens))

    lengths, asked = torch.tensor([5, 1, 3]), torch.tensor([4, 2])
    (passage, passage_chars), (question, question_chars) = side(lengths), side(asked)
    owner, none = torch.tensor([0, 0, 1]), torch.full((2,), -1)
    segment = torch.where(lengths_to_mask(lengths, passage.shape[1]), 0, -1)
    return Batch(
        passage=passage,
        question=question,
        passage_lengths=lengths,
        question_lengths=asked,
        owner=owner,
        segment=segment,
        row=none,
        start=none,
        end=none,
        index=torch.arange(2),
        passage_chars=passage_chars,
        question_chars=question_chars,
    )


@KINDS
@pytest.mark.parametrize("highway", [0, 2])
@pytest.mark.parametrize("match", [False, True])
def test_a_token_is_its_parts_side_by_side(characters: str, highway: int, match: bool) -> None:
    """The highway is over words and characters; the match comes after it."""
    inputs, batch = build(characters=characters, highway=highway, word_match=match), draw()
    sides = inputs(batch)
    assert inputs.output_size == WIDTH + SIZES[characters] + match
    assert inputs.characters == (0 if characters == "none" else CHARACTERS)
    ids, spelt = (batch.passage, batch.question), (batch.passage_chars, batch.question_chars)
    for side, words, chars, matched in zip(sides, ids, spelt, word_match(batch), strict=True):
        assert side.shape == (*words.shape, inputs.output_size)
        for r in range(len(words)):
            for t in range(words.shape[1]):
                parts = [inputs.embedding.vectors[words[r, t]]]
                if inputs.character_reader is not None:
                    parts.append(inputs.character_reader(chars[r : r + 1, t : t + 1])[0, 0])
                wanted = inputs.highway(torch.cat(parts))
                wanted = torch.cat([wanted, matched[r, t].double()]) if match else wanted
                torch.testing.assert_close(side[r, t], wanted, rtol=0, atol=1e-12)


@KINDS
def test_more_padding_changes_nothing(characters: str) -> None:
    """17 tokens and 5 characters; without a highway all of padding is zero."""
    inputs, batch = build(characters=characters, word_match=True), draw()
    for short, long in zip(inputs(batch), inputs(draw(tokens=17, characters=5)), strict=True):
        torch.testing.assert_close(long[:, : short.shape[1]], short, rtol=0, atol=1e-12)
        assert not long[:, short.shape[1] :].any()


@KINDS
def test_one_question_with_one_token_on_each_side(characters: str) -> None:
    inputs, batch = build(characters=characters, word_match=True, highway=1), draw()
    passage, question = inputs(batch)
    row = batch._replace(
        passage=batch.passage[1:2, :1],
        question=batch.question[:1],
        passage_lengths=batch.passage_lengths[1:2],
        question_lengths=batch.question_lengths[:1],
        owner=batch.owner[:1],
        passage_chars=batch.passage_chars[1:2, :1] if batch.passage_chars is not None else None,
        question_chars=batch.question_chars[:1] if batch.question_chars is not None else None,
    )
    alone_passage, alone_question = inputs(row)
    torch.testing.assert_close(alone_passage[0], passage[1, :1], rtol=0, atol=1e-12)
    torch.testing.assert_close(alone_question[0, :, :-1], question[0, :, :-1], rtol=0, atol=1e-12)  # another match
    one = row._replace(
        question=row.question[:, :1],
        question_lengths=torch.ones(1, dtype=torch.int64),
        question_chars=row.question_chars[:, :1] if row.question_chars is not None else None,
    )
    torch.testing.assert_close(inputs(one)[1][0, :, :-1], question[0, :1, :-1], rtol=0, atol=1e-12)


def test_no_more_characters_are_read_than_were_asked_for() -> None:
    inputs, batch = build(characters="cnn"), draw()
    assert batch.passage_chars is not None
    longer = batch._replace(passage_chars=torch.cat([batch.passage_chars, torch.full((3, 5, 2), 7)], -1))
    assert torch.equal(inputs(longer)[0], inputs(batch)[0])


@KINDS
def test_every_parameter_gets_a_gradient(characters: str) -> None:
    inputs, batch = build(characters=characters, highway=1, dropout=0.2), draw()
    passage, question = inputs(batch)
    (passage[batch.passage_mask].square().sum() + question[batch.question_mask].square().sum()).backward()
    for name, parameter in inputs.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert inputs.embedding.vectors.grad is not None
    assert not inputs.embedding.vectors.grad[0].any()


@KINDS
def test_one_dropout_mask_a_sequence_on_all_but_the_match(characters: str) -> None:
    """The masks are drawn here once more: those of the passage's rows, then those of the questions.

    They fall before the highway.
    """
    settings: dict[str, Any] = {"characters": characters, "word_match": True}
    dropped, whole, batch = build(dropout=0.5, highway=1, **settings), build(**settings), draw()
    torch.manual_seed(3)
    found = dropped(batch)
    torch.manual_seed(3)
    for side, kept in zip(found, whole(batch), strict=True):
        mask = torch.empty(len(side), 1, side.shape[-1] - 1, dtype=torch.float64).bernoulli_(0.5) * 2
        torch.testing.assert_close(side[..., :-1], dropped.highway(kept[..., :-1] * mask), rtol=0, atol=1e-12)
        assert torch.equal(side[..., -1], kept[..., -1])


@KINDS
def test_evaluation_draws_no_random_number(characters: str) -> None:
    inputs, batch = build(characters=characters, dropout=0.5, highway=1).eval(), draw()
    state = torch.get_rng_state()
    first, again = inputs(batch), inputs(batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_the_match_has_the_precision_of_the_words() -> None:
    for side in build(word_match=True).bfloat16()(draw()):
        assert side.dtype == torch.bfloat16


def test_wrong_settings_and_batches() -> None:
    with pytest.raises(ShapeError, match='no character reader "cmm"; there are none, cnn, rnn'):
        build(characters="cmm")
    with pytest.raises(ShapeError, match="characters of tokens are read by 2 ids or more, not 0"):
        TokenInputs(WordEmbedding(WIDTH, WORDS), 0, characters="rnn")
    with pytest.raises(ShapeError, match="this reader reads characters, and its batch has none"):
        build(characters="cnn")(draw()._replace(passage_chars=None))
