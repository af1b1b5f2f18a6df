"""Which dataset a file belongs to, by the keys at its beginning: for the messages of those who named another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.raw_input import open_counted
from ham_mrc.errors import HamError

_HEAD = 1 << 20
"""Bytes that are looked at: many records of any dataset."""


def probable_dataset(path: str | Path, named: str) -> str | None:
    """The dataset whose marks a file bears, where it bears none of the one that was named; None where that is not so.

    Raises HamError where the file cannot be read.
    """
    with open_counted(path) as stream:
        head = stream.read(_HEAD)
    found = [name for name, dataset in DATASETS.items() if any(f'"{key}"'.encode() in head for key in dataset.marks)]
    return found[0] if found and named not in found else None


@contextmanager
def guessing(named: str) -> Iterator[None]:
    """Whatever HamError the block raises about a file, with a question where that looks like another dataset's."""
    try:
        yield
    except HamError as error:
        probable = _guess(error, named)
        if probable is None:
            raise
        question = f"is this a file of {probable}?"
        remedy = f"{error.remedy}; {question}" if error.remedy else question
        raise HamError(error.what, file=error.file, place=error.place, remedy=remedy) from error


def _guess(error: HamError, named: str) -> str | None:
    if error.file is None:
        return None
    try:
        return probable_dataset(error.file, named)
    except HamError:
        return None
