"""A trained reader's answers: always slices of the untouched passage."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from ham_mrc.data_prep.shards import Columns
from ham_mrc.layers.pointer import best_spans
from ham_mrc.progress import Bar
from ham_mrc.records import Prediction
from ham_mrc.training.batches import make_batch, prediction_order
from ham_mrc.training.device import Device


def predict(
    reader: nn.Module,
    columns: Columns,
    device: Device,
    *,
    batch_size: int,
    max_answer_tokens: int,
    bar: Bar | None = None,
) -> list[Prediction]:
    """One Prediction a question, in the order of the columns. See `predict_best`."""
    best = predict_best(
        reader, columns, device, batch_size=batch_size, max_answer_tokens=max_answer_tokens, k=1, bar=bar
    )
    return [candidates[0] for candidates in best]


def predict_best(
    reader: nn.Module,
    columns: Columns,
    device: Device,
    *,
    batch_size: int,
    max_answer_tokens: int,
    k: int,
    bar: Bar | None = None,
) -> list[list[Prediction]]:
    """Up to `k` candidates a question, best first, in the order of the columns; at least one each.

    A question whose passage has no token gets the empty answer. The reader is left in the mode it came in.
    """
    answers: list[list[Prediction]] = [[Prediction(id=name, text="")] for name in columns.ids]
    was_training = reader.training
    reader.eval()
    try:
        for row, candidates in _candidates(reader, columns, device, batch_size, max_answer_tokens, k, bar):
            answers[row] = candidates
    finally:
        reader.train(was_training)
    return answers


def _candidates(
    reader: nn.Module, columns: Columns, device: Device, batch_size: int, max_tokens: int, k: int, bar: Bar | None
) -> Iterator[tuple[int, list[Prediction]]]:
    for rows in prediction_order(columns, batch_size):
        batch = make_batch(columns, rows).to(device.torch)
        with torch.inference_mode(), device.autocast():
            start_logits, end_logits = reader(batch)
            spans = best_spans(start_logits, end_logits, batch.passage_mask, max_tokens, k)
        found = zip(*(tensor.tolist() for tensor in spans), strict=True)
        for row, (starts, ends, scores) in zip(batch.index.tolist(), found, strict=True):
            legal = [span for span in zip(starts, ends, scores, strict=True) if span[2] != -float("inf")]
            yield row, [_prediction(columns, row, *span) for span in legal]
        if bar is not None:
            bar.advance(len(rows))


def _prediction(columns: Columns, row: int, start: int, end: int, score: float) -> Prediction:
    passage = int(columns.question_passage[row])
    first = int(columns.passage_offsets[passage])
    char_start, char_end = int(columns.passage_char_starts[first + start]), int(columns.passage_char_ends[first + end])
    text = columns.passage_text(passage)[char_start:char_end]
    return Prediction(columns.ids[row], text, score, 0, char_start, char_end, start, end)
