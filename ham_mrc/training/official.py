"""Answers in the form of a dataset's official program: one object of texts, or a line for each question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.request import find_dataset
from ham_mrc.data_prep.shards import Columns
from ham_mrc.files import write_json, write_jsonl

Official = dict[str, str] | list[dict[str, Any]]
"""`{id: text}` (SQuAD, CMRC), or the lines of JSON Lines (DuReader, MS MARCO)."""


def official(dataset: str, columns: Columns, texts: Sequence[str]) -> Official:
    """The predictions file of `dataset` for the questions of `columns`; an empty text says that there is no answer."""
    line = find_dataset(dataset).prediction
    if line is None:
        return dict(zip(columns.ids, texts, strict=True))
    return [line(columns.facts(row), text) for row, text in enumerate(texts)]


def write_official(path: str | Path, predictions: Official) -> None:
    """Write a predictions file, whole or not at all."""
    if isinstance(predictions, dict):
        write_json(path, predictions)
    else:
        write_jsonl(path, predictions)


def suffix(dataset: str) -> str:
    """`.json` or `.jsonl`: how the predictions files of `dataset` end."""
    return ".json" if find_dataset(dataset).prediction is None else ".jsonl"
