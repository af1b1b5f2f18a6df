"""MS MARCO in tests: a query to change at will, and the way from a file to examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.dataset import Reading, Source
from ham_mrc.data_prep.json_stream import parse_record
from ham_mrc.data_prep.msmarco import MSMARCO
from ham_mrc.records import Example

READING = MSMARCO.reading
HERE = Source("train.json", "line 3")


def query(**changes: Any) -> dict[str, Any]:
    """One line of version 1.1. A change to ... leaves the key out."""
    passages = ["The Nile is long.", "It is 6,650 km long, the Nile.", "Rivers flow."]
    record = {
        "passages": [
            {"is_selected": int(number == 1), "url": "http://x", "passage_text": text}
            for number, text in enumerate(passages)
        ],
        "query_id": 7,
        "answers": ["6,650 km"],
        "query_type": "numeric",
        "query": "how long is the nile",
    } | changes
    return {key: value for key, value in record.items() if value is not ...}


def read(record: Any, reading: Reading = READING, *, training: bool = False) -> Example:
    (example,) = MSMARCO.examples(record, HERE, reading, training)
    return example


def read_file(path: Path, **changes: Any) -> list[Example]:
    reading = replace(READING, **changes)
    return [
        example
        for record in MSMARCO.cut(path)
        for example in MSMARCO.examples(parse_record(record, path), Source(str(path), record.place), reading, False)
    ]


def columns(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Lines as the columns of version 2.1."""
    return {key: {str(row): record[key] for row, record in enumerate(records)} for key in records[0]}
