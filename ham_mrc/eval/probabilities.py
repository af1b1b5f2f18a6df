"""Probabilities that a question has no answer, as SQuAD 2.0's official program reads them from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, kind
from ham_mrc.files import read_json

_KEY = "no_answer_probability"


def load_probabilities(path: Path, references: References) -> dict[str, Any]:
    """{id: probability} in the order of the file, whose numbers keep their type.

    The file is such an object, or the list of Hugging Face with "no_answer_probability" in each entry. Raises
    HamError where a value is no number, or a question has none: the official program dies there.
    """
    document = read_json(path)
    found = _from_list(document, path) if isinstance(document, list) else document
    if not isinstance(found, dict):
        raise HamError(f"holds {kind(found)}", file=path, remedy="probabilities as {id: number} are expected")
    for identity, value in found.items():
        if not isinstance(value, (int, float)):
            what = f"the probability of no answer is {kind(value)}, not a number"
            raise HamError(what, file=path, place=f"question {identity}")
    for identity in references.ids:
        if identity not in found:
            raise HamError("has no probability of no answer", file=path, place=f"question {identity}")
    return found


def _from_list(entries: list[Any], path: Path) -> dict[str, Any]:
    found = {}
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or "id" not in entry or _KEY not in entry:
            raise HamError(f"is no object with 'id' and {_KEY!r}", file=path, place=f"entry {number}")
        found[str(entry["id"])] = entry[_KEY]
    return found
