"""Predictions in any of the forms people have, to one mapping from question id to answer.

1. official: `{id: text}`; an empty list stands for no predictions at all, as in the official script;
2. the list of Hugging Face: `[{"id": ..., "prediction_text": ..., "no_answer_probability": ...}]`;
3. JSON Lines of `{"id": ..., "answer": ...}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, kind
from ham_mrc.files import parse_json, read_bytes

_ANSWER_KEYS = ("answer", "prediction_text")


def load_predictions(source: str | Path | Mapping[str, Any] | list[Any], references: References) -> dict[str, Any]:
    """Question id to what stands there as its answer, unchecked: only answers to known questions must be texts.

    `source` is a file (plain, gzip, "-") or an object already read from one. `references` decide the one
    doubtful case: a lone object with "id" and "answer" is a record unless a question is called "id".
    Raises HamError naming the file and the line or entry of what is wrong.
    """
    if not isinstance(source, (str, Path)):
        return _from_object(source, None, references)
    data = read_bytes(source)
    if not data.strip():
        raise HamError("is empty", file=source, remedy="predictions as {id: text} are expected")
    if _is_json_lines(data):
        return _from_records(_lines(data, source), str(source))
    return _from_object(parse_json(data, source), str(source), references)


def _is_json_lines(data: bytes) -> bool:
    """Whether the first line is a whole JSON object and another line follows."""
    first, _, rest = data.strip().partition(b"\n")
    if not rest or not first.startswith(b"{") or not first.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(parse_json(first, ""), dict)
    except HamError:
        return False


def _lines(data: bytes, path: str | Path) -> Iterable[tuple[str, Any]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield f"line {number}", parse_json(line, path, line=number)


def _from_object(value: Any, file: str | None, references: References) -> dict[str, Any]:
    if isinstance(value, Mapping):
        if isinstance(value.get("data"), list) and "data" not in references.ids:
            raise HamError("looks like references, not predictions", file=file, remedy="predictions come first")
        if "id" in value and _answer_key(value) and "id" not in references.ids:
            return _from_records([("entry 1", value)], file)
        return dict(value)
    if isinstance(value, list):
        return _from_records(((f"entry {number}", entry) for number, entry in enumerate(value, 1)), file)
    raise HamError(f"holds {kind(value)}", file=file, remedy="predictions as {id: text} are expected")


def _from_records(records: Iterable[tuple[str, Any]], file: str | None) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for place, record in records:
        if not isinstance(record, Mapping):
            raise HamError(f"is {kind(record)}, not an object with 'id' and 'answer'", file=file, place=place)
        key = _answer_key(record)
        if "id" not in record or key is None:
            missing = "id" if "id" not in record else "answer' or 'prediction_text"
            raise HamError(f"has no {missing!r}".replace('"', "'"), file=file, place=place)
        identity = record["id"]
        if not isinstance(identity, str):
            raise HamError(f"'id' is {kind(identity)}, not a text", file=file, place=place)
        if identity in answers:
            raise HamError(
                f"answers question {identity} a second time", file=file, place=place, remedy="keep one answer each"
            )
        answers[identity] = record[key]
    return answers


def _answer_key(record: Mapping[str, Any]) -> str | None:
    return next((key for key in _ANSWER_KEYS if key in record), None)
