"""Small readers and batches for the tests of ham_mrc.readers, all from a seed.

CASES holds every reader with its defaults and every preset that ships: a new one of either is tested by being added.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ham_mrc.config import preset_names, read_preset
from ham_mrc.layers.embedding import WordEmbedding
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.pointer import best_spans, span_loss
from ham_mrc.readers import READERS
from ham_mrc.readers.batch import Batch

WORDS, TRAINED, WIDTH, HIDDEN = 40, 30, 6, 5
DEPTHS = (1, 2, 5)


class Case(NamedTuple):
    """A reader and those of its settings that are not its defaults, sizes and dropout apart."""

    name: str
    settings: dict[str, Any]

    def build(
        self, depth: int, *, seed: int = 0, frozen: bool = False, dtype: torch.dtype = torch.float32, **more: Any
    ) -> Any:
        """The reader at test size, with weights drawn from `seed`."""
        torch.manual_seed(seed)
        vectors = torch.randn(WORDS, WIDTH) if frozen else None
        if vectors is not None:
            vectors[:2] = 0  # padding and the unknown word, as `read_vectors` has them
        settings = {"hidden": HIDDEN, **self.settings, **more}
        return READERS[self.name](WordEmbedding(WIDTH, TRAINED, vectors), depth=depth, **settings).to(dtype)


def _cases() -> dict[str, Case]:
    cases = {name: Case(name, {}) for name in READERS}
    for preset in preset_names():
        settings = dict(read_preset(preset)["reader"])
        name = settings.pop("name")
        usual = inspect.signature(READERS[name]).parameters
        sizes = ("hidden", "depth", "dropout")
        settings = {key: value for key, value in settings.items() if key not in sizes and value != usual[key].default}
        if Case(name, settings) not in cases.values():
            cases[preset] = Case(name, settings)
    return cases


CASES = _cases()


def draw(seed: int = 0, *, batch: int = 4, passage: int = 9, question: int = 5) -> Batch:
    """A batch whose first row fills it; others are shorter, down to one token. Labels lie within their passage.

    Every question begins with the first word of its passage.
    """
    source = torch.Generator().manual_seed(seed)

    def whole(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=source)

    lengths, asked = whole(1, passage + 1, batch), whole(1, question + 1, batch)
    lengths[0], asked[0] = passage, question
    start = (torch.rand(batch, generator=source) * lengths).long()
    end = start + (torch.rand(batch, generator=source) * (lengths - start)).long()
    words, asked_words = whole(2, WORDS, batch, passage), whole(2, WORDS, batch, question)
    asked_words[:, 0] = words[:, 0]
    made = Batch(words, asked_words, lengths, asked, start, end, torch.arange(batch))
    return with_padding(made, 0)


def with_padding(batch: Batch, tokens: int, word: int = 0) -> Batch:
    """The batch with `tokens` more positions in passage and question, and the id `word` on every padded one."""
    passage, question = (nn.functional.pad(ids, (0, tokens)) for ids in (batch.passage, batch.question))
    longer = batch._replace(passage=passage, question=question)
    return longer._replace(
        passage=passage.masked_fill(~longer.passage_mask, word),
        question=question.masked_fill(~longer.question_mask, word),
    )


def take(batch: Batch, rows: list[int]) -> Batch:
    """Some rows of a batch, cut to the longest of them."""
    some = Batch(*(tensor[rows] for tensor in batch))
    p, q = int(some.passage_lengths.max()), max(1, int(some.question_lengths.max()))
    return some._replace(passage=some.passage[:, :p], question=some.question[:, :q])


def loss_of(reader: nn.Module, batch: Batch) -> Tensor:
    start, end = reader(batch)
    return span_loss(start, end, batch.passage_mask, batch.start, batch.end)


def gradients(reader: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The gradient of the loss in every parameter."""
    names, parameters = zip(*reader.named_parameters(), strict=True)
    found = torch.autograd.grad(loss_of(reader, batch), parameters, allow_unused=True)
    missing = [name for name, gradient in zip(names, found, strict=True) if gradient is None]
    assert not missing, f"no gradient reaches {missing}"
    return dict(zip(names, found, strict=True))


def exact_match(reader: nn.Module, batch: Batch) -> float:
    """The percentage of questions whose best span is the gold one, in evaluation mode."""
    reader.eval()
    with torch.no_grad():
        spans = best_spans(*reader(batch), batch.passage_mask, 15)
    reader.train()
    right = (spans.start[:, 0] == batch.start) & (spans.end[:, 0] == batch.end)
    return 100 * right.float().mean().item()


def readable(reader: nn.Module) -> nn.Module:
    """The same reader with every layer in its readable form, step by step as papers write it."""
    for module in reader.modules():
        if hasattr(module, "fast"):
            module.fast = False
    return reader


class OrdinaryAttention(nn.Module):
    """The softmax of one score of the keys and nothing else, with the calls of a Ham."""

    tracing = False

    def __init__(self, score: nn.Module) -> None:
        super().__init__()
        self.score = score

    def forward(self, query: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.attend(self.score.project(query), self.prepare(keys), mask)

    def prepare(self, keys: Tensor) -> Any:
        return self.score.prepare(keys, again=False)

    def attend(
        self, projected: Tensor, prepared: Any, mask: Tensor, *, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        scores = self.score.scores(projected, prepared, state)
        mask = mask[:, None] if mask.dim() == 2 else mask
        weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1)
        return weights @ prepared.keys, weights


def with_ordinary_attention(reader: nn.Module) -> nn.Module:
    """A copy of the reader in which no Ham is left."""
    plain = copy.deepcopy(reader)
    for name, module in list(plain.named_modules()):
        if isinstance(module, Ham):
            parent, _, child = name.rpartition(".")
            setattr(plain.get_submodule(parent), child, OrdinaryAttention(module.score))
    assert not any(isinstance(module, Ham) for module in plain.modules())
    return plain
