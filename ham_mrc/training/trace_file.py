"""Attention level by level for chosen questions, as JSON Lines: written by `predict --trace`, read by `read_trace`.

One object a question (letters for shapes: `L` levels, `M` queries, `N` keys):

    {"schema": 1, "id": "...", "answer": "...", "question": [token],
     "rows": [{"passages": [number], "tokens": [token]}],
     "sites": {name: {"weights": [L numbers], "queries": "passage", "keys": "question",
                      "rows": [{"row": 0, "direction": "forward", "levels": [L lists of M lists of N numbers]}]}}}

`rows` are what the reader is given: one for each passage, or one with all of them, and a row (or tokens) of <null>, yes
and no where those are on. `weights` are the levels' w. Queries are all tokens of the row ("passage") or a single one
("row", BiDAF's question to context); keys are the tokens of the question or of the row. Where a recurrent cell
attends, each row stands twice, read forward and then backward (`direction`; "" elsewhere), both in the order of the
passage. Numbers are rounded to DIGITS.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ham_mrc.data_prep.part_encoder import NULL
from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError
from ham_mrc.files import read_jsonl, to_json, write_whole
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.trace import Trace
from ham_mrc.progress import Bar
from ham_mrc.readers.batch import Batch
from ham_mrc.training.batches import Form, Place, make_batch, passage_lengths, sequences
from ham_mrc.training.device import Device
from ham_mrc.training.diagnose import trace

SCHEMA = 1
DIGITS = 4
SEPARATOR = "<unk>"
"""What stands between two passages of one row: the reader is given its unknown word there."""

DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True, slots=True)
class TracedRow:
    """What one row of a site attended to: `levels` (L, M, N) are the weights of each level over the keys."""

    row: int
    direction: str
    levels: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TracedSite:
    """One place of attention. `weights` (L,) are the levels' w; `queries` and `keys` say what the axes of rows are."""

    weights: tuple[float, ...]
    queries: str
    keys: str
    rows: tuple[TracedRow, ...]


@dataclass(frozen=True, slots=True)
class TracedQuestion:
    """One line of a trace. `rows` are the tokens of each row, `passages` the numbers of the passages in each."""

    id: str
    answer: str
    question: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    passages: tuple[tuple[int, ...], ...]
    sites: dict[str, TracedSite]


def chosen_rows(columns: Columns, ids: Sequence[str], first: int) -> list[int]:
    """The rows of `columns` to trace: those of `ids`, in their order, or the `first` ones where there are none.

    Questions whose passages have no token are left out of the first. Raises HamError where an id is unknown, or has
    nothing to be read.
    """
    lengths = passage_lengths(columns)
    if not ids:
        return [int(row) for row in np.flatnonzero(lengths > 0)[:first]]
    place = {name: row for row, name in enumerate(columns.ids)}
    for name in ids:
        if name not in place:
            raise HamError("is no question of the input", place=f"--trace-ids {name}")
        if not lengths[place[name]]:
            raise HamError("has no passage with a token to attend to", place=f"--trace-ids {name}")
    return [place[name] for name in ids]


def write_trace(
    path: Path,
    reader: nn.Module,
    columns: Columns,
    form: Form,
    device: Device,
    rows: Sequence[int],
    texts: Sequence[str],
    bar: Bar,
) -> None:
    """Trace the questions in `rows`, one after the other; packed where the name of `path` ends with .gz.

    `texts` are the answers to all questions of `columns`.
    """
    was_training = reader.training
    reader.eval()
    try:
        with write_whole(path) as stream:
            for row in rows:
                line = to_json(_question(reader, columns, form, device, row, texts[row]))
                # One gzip member a line, without a clock in it: the same trace gives the same bytes.
                stream.write(gzip.compress(line, mtime=0) if path.name.endswith(".gz") else line)
                bar.advance()
    finally:
        reader.train(was_training)


def _question(reader: nn.Module, columns: Columns, form: Form, device: Device, row: int, answer: str) -> dict[str, Any]:
    batch = _told_apart(make_batch(columns, np.array([row]), form)).to(device.torch)
    traces = trace(reader, batch, device)
    hams: dict[str, Ham] = reader.ham_sites()  # type: ignore[operator]
    pieces = sequences(columns, row, form)
    return {
        "schema": SCHEMA,
        "id": columns.ids[row],
        "answer": answer,
        "question": _question_tokens(columns, row),
        "rows": [{"passages": _passages(own, form), "tokens": _row_tokens(columns, row, own)} for own in pieces],
        "sites": {name: _site(hams[name], traced, batch) for name, traced in traces.items()},
    }


def _told_apart(batch: Batch) -> Batch:
    """The batch with rows padded until they have more tokens than the question, so that the two can be told apart."""
    more = max(0, batch.question.shape[1] + 1 - batch.passage.shape[1])
    if not more:
        return batch
    padded = batch._replace(
        passage=torch.nn.functional.pad(batch.passage, (0, more)),
        segment=torch.nn.functional.pad(batch.segment, (0, more), value=-1),
    )
    if batch.passage_chars is None:
        return padded
    return padded._replace(passage_chars=torch.nn.functional.pad(batch.passage_chars, (0, 0, 0, more)))


def _question_tokens(columns: Columns, row: int) -> list[str]:
    begin, end = columns.question_offsets[row : row + 2].tolist()
    starts, ends = columns.question_char_starts[begin:end], columns.question_char_ends[begin:end]
    return _tokens(columns.question_text(row), starts, ends)


def _row_tokens(columns: Columns, row: int, pieces: list[Place]) -> list[str]:
    tokens: list[str] = []
    for piece in pieces:
        tokens += [SEPARATOR] * (piece.at - len(tokens))
        text = columns.passage_text(int(columns.question_passage[row]) + piece.passage)
        here = slice(piece.begin, piece.end)
        tokens += _tokens(text, columns.passage_char_starts[here], columns.passage_char_ends[here])
    return tokens


def _tokens(text: str, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]) -> list[str]:
    """Slices of the text; the null position is the only token without a character."""
    return [text[start:end] or NULL for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _passages(pieces: list[Place], form: Form) -> list[int]:
    """The numbers of the passages in a row; -1 is what stands before them."""
    return [piece.passage - (1 if form.lead else 0) for piece in pieces]


def _site(ham: Ham, traced: Trace, batch: Batch) -> dict[str, Any]:
    weights = traced.weights()  # (L, rows of the site, M, N)
    count, twice = len(batch.passage), weights.shape[1] == 2 * len(batch.passage)
    by_passage, over_passage = (size == batch.passage.shape[1] for size in weights.shape[2:])
    rows = []
    for number, levels in enumerate(weights.unbind(1)):
        row, direction = number % count, DIRECTIONS[number // count] if twice else ""
        length = int(batch.passage_lengths[row])
        queries = length if by_passage else levels.shape[1]
        keys = length if over_passage else int(batch.question_lengths[0])
        real = levels[:, :queries, :keys]
        if direction == "backward":
            real = real.flip(1)  # its first step reads the passage's last token
        rows.append({"row": row, "direction": direction, "levels": _rounded(real)})
    return {
        "weights": _rounded(ham.level_weights()),
        "queries": "passage" if by_passage else "row",
        "keys": "passage" if over_passage else "question",
        "rows": rows,
    }


def _rounded(numbers: Tensor) -> Any:
    return np.round(numbers.detach().double().cpu().numpy(), DIGITS).tolist()


def read_trace(path: str | Path) -> Iterator[TracedQuestion]:
    """The questions of a trace, one at a time. Raises HamError naming the line of what is none."""
    for number, line in read_jsonl(path):
        if not isinstance(line, dict) or line.get("schema") != SCHEMA:
            raise HamError("is no trace of attention", file=path, place=f"line {number}")
        try:
            yield _read(line)
        except (KeyError, TypeError, ValueError) as error:
            raise HamError(f"is incomplete ({error})", file=path, place=f"line {number}") from error


def _read(line: dict[str, Any]) -> TracedQuestion:
    sites = {}
    for name, site in line["sites"].items():
        rows = [TracedRow(row["row"], row["direction"], np.array(row["levels"], np.float32)) for row in site["rows"]]
        sites[name] = TracedSite(tuple(site["weights"]), site["queries"], site["keys"], tuple(rows))
    return TracedQuestion(
        line["id"],
        line["answer"],
        tuple(line["question"]),
        tuple(tuple(row["tokens"]) for row in line["rows"]),
        tuple(tuple(row["passages"]) for row in line["rows"]),
        sites,
    )
