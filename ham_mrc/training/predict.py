"""A trained reader's answers: always slices of the untouched passages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import nn

from ham_mrc.data_prep.shards import Columns
from ham_mrc.layers.union import best_spans, null_scores
from ham_mrc.progress import Bar
from ham_mrc.records import Prediction
from ham_mrc.training.batches import Form, Place, Rows, make_batch, prediction_order, sequences
from ham_mrc.training.device import Device


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best spans of one question, best first; where there is nothing to point at, one empty answer.

    `no_answer` says how much likelier the null position is than the best span: ln p(null) - ln p(best span), +inf
    where there is no span. It is None where the reader has no null position.
    """

    spans: list[Prediction]
    no_answer: float | None = None

    @property
    def best(self) -> Prediction:
        """The best span."""
        return self.spans[0]

    def silent(self, threshold: float | None) -> bool:
        """Whether the question has no answer: `no_answer` is above `threshold`."""
        return self.no_answer is not None and threshold is not None and self.no_answer > threshold

    def text(self, threshold: float | None) -> str:
        """The answer, empty for none."""
        return "" if self.silent(threshold) else self.best.text

    def ranked(self, threshold: float | None) -> list[Prediction]:
        """The spans, and "no answer" (an empty text at -1) where it belongs among them: `threshold` below its score."""
        if self.no_answer is None or threshold is None or not math.isfinite(self.no_answer):
            return self.spans
        null = Prediction(self.best.id, "", self.best.score + self.no_answer, -1)
        place = sum(span.score >= null.score - threshold for span in self.spans)
        return [*self.spans[:place], null, *self.spans[place:]][: len(self.spans)]


def texts_of(found: Sequence[Candidates], threshold: float | None) -> list[str]:
    """The answer to each question, empty for none."""
    return [one.text(threshold) for one in found]


def predict(
    reader: nn.Module,
    columns: Columns,
    form: Form,
    device: Device,
    *,
    batch_size: int,
    max_answer_tokens: int,
    k: int = 1,
    bar: Bar | None = None,
) -> list[Candidates]:
    """Up to `k` spans a question, in the order of the columns; at least one each.

    A question whose passages have no token gets the empty answer. The reader is left in the mode it came in.
    """
    nothing = math.inf if form.null else None
    answers = [Candidates([Prediction(id=name, text="")], nothing) for name in columns.ids]
    was_training = reader.training
    reader.eval()
    try:
        for rows in prediction_order(columns, form, batch_size):
            for row, spans, no_answer in _answered(reader, columns, rows, form, device, max_answer_tokens, k):
                answers[row] = Candidates(spans or answers[row].spans, no_answer)
            if bar is not None:
                bar.advance(len(rows))
    finally:
        reader.train(was_training)
    return answers


def _answered(
    reader: nn.Module, columns: Columns, rows: Rows, form: Form, device: Device, max_tokens: int, k: int
) -> Iterator[tuple[int, list[Prediction], float | None]]:
    """(row of the columns, its spans, how much likelier null is) of each question of one batch."""
    batch = make_batch(columns, rows, form).to(device.torch)
    with torch.inference_mode(), device.autocast():
        start, end = reader(batch)
        mask, owner = batch.passage_mask, batch.owner
        spans = best_spans(start, end, mask, owner, batch.segment, batch.questions, max_tokens, k)
        null = None if batch.null_row is None else null_scores(start, end, mask, owner, batch.null_row).tolist()
    found = list(zip(*(tensor.tolist() for tensor in spans), strict=True))
    places = [sequences(columns, row, form) for row in batch.index.tolist()]
    firsts = accumulate((len(own) for own in places), initial=0)
    for b, (row, own, first) in enumerate(zip(batch.index.tolist(), places, firsts, strict=False)):
        legal = [span for span in zip(*found[b], strict=True) if span[3] != -math.inf]
        predictions = [_prediction(columns, row, form, own[r - first], s, e, score) for r, s, e, score in legal]
        lead = None if null is None else (null[b] - legal[0][3] if legal else math.inf)
        yield row, predictions, lead


def _prediction(
    columns: Columns, row: int, form: Form, pieces: list[Place], start: int, end: int, score: float
) -> Prediction:
    """A span of a sequence as a slice of the passage that it lies in."""
    piece = next(piece for piece in reversed(pieces) if piece.at <= start)
    start, end = start - piece.at, end - piece.at
    char_start = int(columns.passage_char_starts[piece.begin + start])
    char_end = int(columns.passage_char_ends[piece.begin + end])
    text = columns.passage_text(int(columns.question_passage[row]) + piece.passage)[char_start:char_end]
    passage = piece.passage - 1 if form.lead else piece.passage
    return Prediction(columns.ids[row], text, score, passage, char_start, char_end, start, end)
