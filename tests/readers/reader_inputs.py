"""Small readers and batches for the tests of ham_mrc.readers, all from a seed.

CASES holds every reader with its defaults, every preset that ships, and the settings of FORMS: a new one of any is
tested by being added.
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
from ham_mrc.layers.ham_options import HAM_DEFAULTS
from ham_mrc.layers.union import best_spans, span_losses
from ham_mrc.readers import READERS
from ham_mrc.readers.batch import Batch

WORDS, TRAINED, WIDTH, HIDDEN = 40, 30, 6, 5
ALPHABET, CHARACTERS = 12, 4
DEPTHS = (1, 3)
SIZES = {"hidden": HIDDEN, "character_hidden": 3, "character_filters": 4, "characters_per_token": CHARACTERS}
"""Settings at test size, for readers that have them. None of them says what a reader computes."""


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
        settings = {**{key: SIZES[key] for key in SIZES if key in parameters(self.name)}, **self.settings, **more}
        return READERS[self.name](WordEmbedding(WIDTH, TRAINED, vectors), ALPHABET, depth=depth, **settings).to(dtype)


def parameters(name: str) -> dict[str, Any]:
    """The default of every setting of a reader."""
    found = inspect.signature(READERS[name]).parameters.values()
    own = {one.name: one.default for one in found if one.kind is inspect.Parameter.KEYWORD_ONLY}
    return {**HAM_DEFAULTS, **own}


FORMS = {
    "match-lstm, static": Case("match-lstm", {"match": "static"}),
    "match-lstm, extended": Case(
        "match-lstm", {"fusion": "extended", "characters": "cnn", "bidirectional": True, "two_way_pointer": True}
    ),
}
"""Settings that are no preset's and compute something else."""


def _cases() -> dict[str, Case]:
    cases = {name: Case(name, {}) for name in READERS}
    for preset in preset_names():
        settings = dict(read_preset(preset)["reader"])
        name = settings.pop("name")
        usual = parameters(name)
        case = Case(name, {k: v for k, v in settings.items() if k not in SIZES and not _usual(k, v, usual)})
        if case not in cases.values():
            cases[preset] = case
    return {**cases, **{name: case for name, case in FORMS.items() if case not in cases.values()}}


def _usual(key: str, value: Any, usual: dict[str, Any]) -> bool:
    return key in ("depth", "dropout") or value == usual[key]


CASES = _cases()


def draw(seed: int = 0, *, batch: int = 4, passage: int = 9, question: int = 5, rows: int = 1) -> Batch:
    """A batch whose first row and question fill it; others are shorter, down to one token.

    The first question has `rows` rows, and every other one some number up to that. Labels lie within a row. Every
    question begins with the first word of its first row. Words have one to CHARACTERS characters.
    """
    source = torch.Generator().manual_seed(seed)

    def whole(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=source)

    counts = whole(1, rows + 1, batch)
    counts[0] = rows
    owner = torch.arange(batch).repeat_interleave(counts)
    first = counts.cumsum(0) - counts
    lengths, asked = whole(1, passage + 1, len(owner)), whole(1, question + 1, batch)
    lengths[0], asked[0] = passage, question
    gold = first + (torch.rand(batch, generator=source) * counts).long()
    start = (torch.rand(batch, generator=source) * lengths[gold]).long()
    end = start + (torch.rand(batch, generator=source) * (lengths[gold] - start)).long()
    words, asked_words = whole(2, WORDS, len(owner), passage), whole(2, WORDS, batch, question)
    asked_words[:, 0] = words[first, 0]
    spelling = whole(1, ALPHABET, WORDS, CHARACTERS)
    spelling[torch.arange(CHARACTERS) >= whole(1, CHARACTERS + 1, WORDS)[:, None]] = 0
    spelling[0] = 0
    made = Batch(
        passage=words,
        question=asked_words,
        passage_lengths=lengths,
        question_lengths=asked,
        owner=owner,
        segment=(torch.arange(len(owner)) - first[owner])[:, None].expand(-1, passage).clone(),
        row=gold,
        start=start,
        end=end,
        index=torch.arange(batch),
        passage_chars=spelling[words],
        question_chars=spelling[asked_words],
    )
    return with_padding(made, 0)


def with_padding(batch: Batch, tokens: int, word: int = 0, characters: int = 0) -> Batch:
    """The batch with `tokens` more positions in passage and question, and the id `word` on every padded one.

    Every token has room for `characters` more characters. Where `word` is not that of padding, padded tokens have
    characters too: those of a word never are anything but what they are.
    """
    assert batch.passage_chars is not None
    assert batch.question_chars is not None
    pad = nn.functional.pad
    longer = batch._replace(
        passage=pad(batch.passage, (0, tokens)),
        question=pad(batch.question, (0, tokens)),
        segment=pad(batch.segment, (0, tokens)),
        passage_chars=pad(batch.passage_chars, (0, characters, 0, tokens)),
        question_chars=pad(batch.question_chars, (0, characters, 0, tokens)),
    )
    no_passage, no_question = ~longer.passage_mask, ~longer.question_mask
    assert longer.passage_chars is not None
    assert longer.question_chars is not None
    return longer._replace(
        passage=longer.passage.masked_fill(no_passage, word),
        question=longer.question.masked_fill(no_question, word),
        segment=longer.segment.masked_fill(no_passage, -1),
        passage_chars=longer.passage_chars.masked_fill(no_passage[..., None], word and 3),
        question_chars=longer.question_chars.masked_fill(no_question[..., None], word and 3),
    )


def rows_of(batch: Batch, questions: list[int]) -> list[int]:
    """The rows of some questions, in the order of the questions."""
    return [row for b in questions for row, owner in enumerate(batch.owner.tolist()) if owner == b]


def take(batch: Batch, questions: list[int]) -> Batch:
    """Some questions of a batch, cut to the longest of them."""
    rows = rows_of(batch, questions)
    p, q = int(batch.passage_lengths[rows].max()), max(1, int(batch.question_lengths[questions].max()))
    place = {row: new for new, row in enumerate(rows)}
    renumbered = {b: new for new, b in enumerate(questions)}
    return batch._replace(
        passage=batch.passage[rows, :p],
        question=batch.question[questions, :q],
        passage_lengths=batch.passage_lengths[rows],
        question_lengths=batch.question_lengths[questions],
        owner=torch.tensor([renumbered[b] for b in batch.owner[rows].tolist()]),
        segment=batch.segment[rows, :p],
        row=torch.tensor([place[row] for row in batch.row[questions].tolist()]),
        start=batch.start[questions],
        end=batch.end[questions],
        index=batch.index[questions],
        passage_chars=None if batch.passage_chars is None else batch.passage_chars[rows, :p],
        question_chars=None if batch.question_chars is None else batch.question_chars[questions, :q],
    )


def without_words(batch: Batch, question: int) -> Batch:
    """The batch in which one question has no word."""
    return with_padding(
        batch._replace(question_lengths=batch.question_lengths.index_fill(0, torch.tensor(question), 0)), 0
    )


def loss_of(reader: nn.Module, batch: Batch) -> Tensor:
    start, end = reader(batch)
    losses = span_losses(start, end, batch.passage_mask, batch.owner, batch.row, batch.start, batch.end)
    return losses.mean()


def gradients(reader: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The gradient of the loss in every parameter."""
    names, tensors = zip(*reader.named_parameters(), strict=True)
    found = torch.autograd.grad(loss_of(reader, batch), tensors, allow_unused=True)
    missing = [name for name, gradient in zip(names, found, strict=True) if gradient is None]
    assert not missing, f"no gradient reaches {missing}"
    return dict(zip(names, found, strict=True))


def exact_match(reader: nn.Module, batch: Batch, max_tokens: int = 15) -> float:
    """The percentage of questions whose best span is the gold one, in evaluation mode."""
    reader.eval()
    with torch.no_grad():
        start, end = reader(batch)
    spans = best_spans(start, end, batch.passage_mask, batch.owner, batch.segment, batch.questions, max_tokens)
    reader.train()
    right = (spans.row[:, 0] == batch.row) & (spans.start[:, 0] == batch.start) & (spans.end[:, 0] == batch.end)
    return 100 * right.float().mean().item()


def readable(reader: nn.Module) -> nn.Module:
    """The same reader with every layer in its readable form, step by step as papers write it."""
    for module in reader.modules():
        if hasattr(module, "fast"):
            module.fast = False
    return reader


def with_rows_in_order(batch: Batch, order: list[int]) -> Batch:
    """The batch with its rows in another order, in which each question keeps its own."""
    assert batch.passage_chars is not None
    assert batch.owner[order].tolist() == batch.owner.tolist()
    place = {row: new for new, row in enumerate(order)}
    return batch._replace(
        passage=batch.passage[order],
        passage_lengths=batch.passage_lengths[order],
        segment=batch.segment[order],
        row=torch.tensor([place[row] for row in batch.row.tolist()]),
        passage_chars=batch.passage_chars[order],
    )


def idle(case: Case) -> set[str]:
    """The parameters that act on a state that is always zero: Match-LSTM's pointer begins with none, and steps once."""
    if case.name != "match-lstm":
        return set()
    return {f"pointer.ways.{way}.cell.weight_hh" for way in (0, 1)}


class OrdinaryAttention(nn.Module):
    """The softmax of one score of the keys and nothing else, with the calls of a Ham."""

    tracing = False

    def __init__(self, score: nn.Module) -> None:
        super().__init__()
        self.score = score

    def forward(
        self, query: Tensor, keys: Tensor, mask: Tensor, *, first_weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if first_weights is not None:
            return first_weights @ keys, first_weights
        prepared = self.prepare(keys)  # before the queries, as Ham has it: the order in which gradients are summed
        return self.attend(self.project(query), prepared, mask)

    def project(self, query: Tensor) -> Tensor:
        projected: Tensor = self.score.project(query)
        return projected

    def prepare(self, keys: Tensor) -> Any:
        return self.score.prepare(keys, again=False)

    def attend(
        self,
        projected: Tensor,
        prepared: Any,
        mask: Tensor,
        *,
        state: Tensor | None = None,
        query: Tensor | None = None,
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
