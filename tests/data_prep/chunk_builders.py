"""Chunks and examples made to order, and a look at what the encoder makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ham_mrc.data_prep.chunks import Chunk
from ham_mrc.data_prep.dataset import Reading, Record
from ham_mrc.data_prep.encode import Encoded, encode_examples
from ham_mrc.data_prep.part_encoder import Encoding
from ham_mrc.data_prep.piece import Piece
from ham_mrc.data_prep.request import Limits, find_dataset
from ham_mrc.records import Answer, Example


def chunk(values: Iterable[Any], file: str = "input.json") -> Chunk:
    """A chunk of records that hold `values`, one a line."""
    records = [Record(f"line {n}", n, 0, json.dumps(value).encode()) for n, value in enumerate(values, 1)]
    return Chunk(file, tuple(records))


def encoding(
    dataset: str = "msmarco",
    training: tuple[int, int] = (400, 50),
    evaluation: tuple[int, int] | None = None,
    **how: Any,
) -> Encoding:
    """The dataset's own reading but for `how`, and limits of passage and question tokens."""
    own = find_dataset(dataset).reading
    reading = Reading(**{name: how.get(name, getattr(own, name)) for name in own.__dataclass_fields__})
    settings = {name: value for name, value in how.items() if name not in own.__dataclass_fields__}
    return Encoding(
        **{"lowercase": True, **settings},
        dataset=dataset,
        reading=reading,
        training=Limits(*training),
        evaluation=Limits(*(evaluation or training)),
    )


def example(name: str, passages: Sequence[str], *answers: str, question: str = "which river ?", **more: Any) -> Example:
    """A question whose answers are texts without a place, with the facts that any dataset's references repeat."""
    facts = {"query_id": name, "question_id": name, "question_type": "ENTITY", "source": "search"}
    return Example(name, question, tuple(passages), tuple(Answer(text) for text in answers), **{"facts": facts, **more})


def encode(examples: Iterable[Example], part: str = "train", **how: Any) -> tuple[list[str], Piece]:
    """The words and the one piece of `examples`."""
    encoded = encode_examples(encoding(**how), examples, part, set())
    (piece,) = encoded.pieces.values()
    return encoded.words, piece


def rows(encoded: Encoded | tuple[list[str], Piece], owner: str = "passage") -> list[tuple[str, list[str]]]:
    """(text, words) of each passage or question that a piece holds."""
    words, piece = encoded
    assert isinstance(piece, Piece)
    columns = piece.columns
    tokens = split(columns[f"{owner}_tokens"], columns[f"{owner}_offsets"])
    texts = split(columns[f"{owner}_text"], columns[f"{owner}_text_offsets"])
    return [
        (text.tobytes().decode("utf-8", "surrogatepass"), [words[number] for number in ids])
        for text, ids in zip(texts, tokens, strict=True)
    ]


def split(flat: Any, lengths: Any) -> list[Any]:
    """A flat column in pieces of these lengths."""
    bounds = np.cumsum([0, *lengths]).tolist()
    assert bounds[-1] == len(flat)
    return [flat[start:end] for start, end in pairwise(bounds)]


def labels(piece: Piece) -> list[tuple[int, int, int]]:
    """(passage, start, end) of each question."""
    names = ("answer_passage", "start", "end")
    return list(zip(*(piece.columns[name].tolist() for name in names), strict=True))
