"""A reader's training step and prediction on one made-up batch, timed: no data is needed.

Letters for shapes: `B` questions, `P` passage tokens, `Q` question tokens, `W` characters a token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ham_mrc.config import Config, TrainingSettings
from ham_mrc.errors import HamError
from ham_mrc.layers.embedding import UNK, WordEmbedding
from ham_mrc.layers.match_layer import MatchLayer
from ham_mrc.layers.union import best_spans
from ham_mrc.readers import READERS
from ham_mrc.readers.batch import Batch
from ham_mrc.training.average import Average
from ham_mrc.training.bench_native import compiled_layers, not_compiled
from ham_mrc.training.bench_yard import Pace, fastest, peak_bytes, yard
from ham_mrc.training.device import Device
from ham_mrc.training.optimizer import build_optimizer, clip_gradients
from ham_mrc.training.update import Objective

WORDS, WIDTH = 20_000, 50
"""Words with a vector each, which is frozen, and its width: the short vectors that small presets are meant for."""

ALPHABET, LONGEST_WORD = 100, 9
"""Ids of characters, 0 and 1 among them; words have 1 to 9 characters, 5 in the mean, as English ones have."""

RATE = 1e-6
"""So low a learning rate that every update finds the same weights: none of them can diverge, and all do the same."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """B questions of Q tokens with a passage of P tokens each, none of them padded."""

    passage: int = 300
    question: int = 20
    batch_size: int = 32


def measure_reader(
    config: Config,
    sizes: Sizes,
    device: Device,
    pace: Pace,
    *,
    seed: int,
    readable: bool = False,
    settle: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Seconds of a `yard`, a training `step` and a prediction (`predict`), `runs` of each, and the `peak_bytes`.

    `settle` is called after the yard and before the reader: what `train` does for speed, and other programs do not, is
    no part of the unit. `settled_yard` is a yard after it, in turn with the reader.

    `readable` runs the match of Match-LSTM as the paper writes it, one token after the other. `compiled` names the
    compiled layers that were in use, `not_compiled` says why others cannot be. Raises HamError for settings that do not
    go together.
    """
    torch.manual_seed(seed)
    reader = make_reader(config).to(device.torch)
    if readable:
        _make_readable(reader)
    batch = made_up_batch(sizes, reader.characters).to(device.torch)  # type: ignore[arg-type]
    one_yard = yard(sizes.passage, device.torch)
    plain, _ = fastest({"yard": one_yard}, device.torch, Pace(pace.repeats))
    settle()
    works = {
        "settled_yard": one_yard,
        "step": training_step(reader, config.training, batch, device),
        "predict": prediction(reader, config.training, batch, device),
    }
    seconds, runs = fastest(works, device.torch, pace)
    peak = peak_bytes(device.torch)
    used = compiled_layers(Objective(reader.train(), device)(batch)[0])
    facts = {"runs": runs, "peak_bytes": peak, "compiled": used, "not_compiled": not_compiled()}
    return {**plain, **seconds, **facts}


def make_reader(config: Config) -> nn.Module:
    """The reader of `config` over random frozen vectors of WORDS words, and ALPHABET characters."""
    embedding = WordEmbedding(WIDTH, WORDS, torch.randn(WORDS, WIDTH))
    return READERS[config.reader](embedding, ALPHABET, **config.reader_settings)


def _make_readable(reader: nn.Module) -> None:
    match = getattr(reader, "match", None)
    if not isinstance(match, MatchLayer):
        raise HamError("has no other form of its match", remedy="only a recurrent match-lstm has one")
    match.fast = False


def made_up_batch(sizes: Sizes, characters: int) -> Batch:
    """Random words, each with a spelling of its own up to `characters` long (0: no characters), and labels."""
    count, passage_tokens, question_tokens = sizes.batch_size, sizes.passage, sizes.question
    passage = torch.randint(UNK + 1, WORDS, (count, passage_tokens))
    question = torch.randint(UNK + 1, WORDS, (count, question_tokens))
    spelling = _spelling(characters) if characters else None
    start = torch.randint(passage_tokens, (count,))
    numbers = torch.arange(count)
    return Batch(
        passage=passage,
        question=question,
        passage_lengths=torch.full((count,), passage_tokens),
        question_lengths=torch.full((count,), question_tokens),
        owner=numbers,
        segment=torch.zeros_like(passage),
        row=numbers,
        start=start,
        end=(start + torch.randint(4, (count,))).clamp(max=passage_tokens - 1),
        index=numbers,
        passage_chars=None if spelling is None else spelling[passage],
        question_chars=None if spelling is None else spelling[question],
    )


def _spelling(characters: int) -> Tensor:
    """(WORDS, W) character ids, 0 after a word's end."""
    ids = torch.randint(2, ALPHABET, (WORDS, characters))
    lengths = torch.randint(1, LONGEST_WORD + 1, (WORDS, 1))
    return ids.masked_fill(torch.arange(characters) >= lengths, 0)


def training_step(reader: nn.Module, settings: TrainingSettings, batch: Batch, device: Device) -> Callable[[], object]:
    """One update as `train` makes it: forward, backward, clipping, optimiser, the average of weights if one is kept."""
    optimizer = build_optimizer(reader, replace(settings, lr=RATE))
    objective, average = Objective(reader, device), Average(reader, settings.average)

    def run() -> None:
        reader.train()
        optimizer.zero_grad(set_to_none=True)
        total, _ = objective(batch)
        (total / batch.questions).backward()
        clip_gradients(reader, settings.clip).item()
        optimizer.step()
        average.follow(1)

    return run


def prediction(reader: nn.Module, settings: TrainingSettings, batch: Batch, device: Device) -> Callable[[], object]:
    """The best span of every question, as `predict` finds it."""

    def run() -> object:
        reader.eval()
        with torch.inference_mode(), device.autocast():
            start, end = reader(batch)
            found = best_spans(
                start, end, batch.passage_mask, batch.owner, batch.segment, batch.questions, settings.max_answer_tokens
            )
        return [tensor.tolist() for tensor in found]

    return run
