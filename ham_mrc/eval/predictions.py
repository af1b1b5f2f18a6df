"""Predictions in any of the forms people have, to one mapping from question id to answer.

1. official for SQuAD and CMRC: `{id: text}`; an empty list stands for no predictions at all, as in the official script;
2. the list of Hugging Face: `[{"id": ..., "prediction_text": ..., "no_answer_probability": ...}]`;
3. JSON Lines of `{"id": ..., "answer": ...}`;
4. official for MS MARCO and DuReader: JSON Lines of `{"query_id", "answers"}` or `{"question_id", "answers", ...}`.

1 to 3 are read for every dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, kind
from ham_mrc.files import parse_json
from ham_mrc.opening import read_bytes

_ANSWER_KEYS = ("answer", "prediction_text")
_RECORD_KEYS = {"msmarco": "query_id", "dureader": "question_id"}

Records = Iterable[tuple[str, Any]]
"""(place in words, record)."""


def load_predictions(source: str | Path | Mapping[str, Any] | list[Any], references: References) -> dict[Any, Any]:
    """Question id to what stands there as its answer, unchecked: only answers to known questions must be texts.

    `source` is a file (plain, gzip, "-") or an object already read from one. `references` tell the dataset, and
    decide the one doubtful case: a lone object with "id" and "answer" is a record unless a question is called
    "id". Raises HamError naming the file and the line or entry of what is wrong.
    """
    if not isinstance(source, (str, Path)):
        return _from_object(source, None, references)
    data = read_bytes(source)
    if not data or data.isspace():
        raise HamError("is empty", file=source, remedy=_expected(references))
    if references.dataset in _RECORD_KEYS and _is_official(data):
        from ham_mrc.eval.json_lines import parse_lines, read_lines

        zipped = data.startswith(b"PK\x03\x04")
        return _official(read_lines(source) if zipped else parse_lines(data, source), str(source), references)
    if _is_json_lines(data):
        return _from_records(_lines(data, source), str(source), references)
    return _from_object(parse_json(data, source), str(source), references)


def _expected(references: References) -> str:
    key = _RECORD_KEYS.get(references.dataset)
    return f"JSON Lines with {key!r} and 'answers' are expected" if key else "predictions as {id: text} are expected"


def _is_official(data: bytes) -> bool:
    """Whether this is a zip, or its first line a whole record of MS MARCO or DuReader."""
    if data.startswith(b"PK\x03\x04"):
        return True
    try:
        first = parse_json(data.lstrip().partition(b"\n")[0], "")
    except HamError:
        return False
    return _is_record(first)


def _is_record(value: Any) -> bool:
    """Whether this is one line of MS MARCO or DuReader, and no column or answer called so."""
    return isinstance(value, Mapping) and "answers" in value and bool({*_RECORD_KEYS.values()} & set(value))


def _official(records: Records, file: str | None, references: References) -> dict[Any, Any]:
    due = _RECORD_KEYS[references.dataset]
    checked = _with_key(records, due, file)
    if references.dataset == "msmarco":
        from ham_mrc.eval.references_msmarco import collect as collect_msmarco

        return dict(collect_msmarco(checked, file))
    from ham_mrc.eval.references_dureader import collect as collect_dureader

    return dict(collect_dureader(checked, file))


def _with_key(records: Records, due: str, file: str | None) -> Records:
    (other,) = {*_RECORD_KEYS.values()} - {due}
    for place, record in records:
        if isinstance(record, dict) and other in record and due not in record:
            raise HamError(
                f"has {other!r} where {due!r} is due", file=file, place=place, remedy="is this the right pair of files?"
            )
        yield place, record


def _is_json_lines(data: bytes) -> bool:
    """Whether the first line is a whole JSON object and another line follows."""
    first, _, rest = data.strip().partition(b"\n")
    if not rest or not first.startswith(b"{") or not first.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(parse_json(first, ""), dict)
    except HamError:
        return False


def _lines(data: bytes, path: str | Path) -> Records:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield f"line {number}", parse_json(line, path, line=number)


def _from_object(value: Any, file: str | None, references: References) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        if isinstance(value.get("data"), list) and "data" not in references.ids:
            raise HamError("looks like references, not predictions", file=file, remedy="predictions come first")
        if "id" in value and _answer_key(value) and "id" not in references.ids:
            return _from_records([("entry 1", value)], file, references)
        return _typed(value, references)
    if isinstance(value, list):
        records = [(f"entry {number}", entry) for number, entry in enumerate(value, 1)]
        if references.dataset in _RECORD_KEYS and value and _is_record(value[0]):
            return _official(records, file, references)
        if value and isinstance(value[0], Mapping) and "context_id" in value[0]:
            raise HamError("looks like references, not predictions", file=file, remedy="predictions come first")
        return _from_records(records, file, references)
    raise HamError(f"holds {kind(value)}", file=file, remedy=_expected(references))


def _from_records(records: Records, file: str | None, references: References) -> dict[Any, Any]:
    answers: dict[str, Any] = {}
    for place, record in records:
        if not isinstance(record, Mapping):
            raise HamError(f"is {kind(record)}, not an object with 'id' and 'answer'", file=file, place=place)
        key = _answer_key(record)
        if "id" not in record or key is None:
            raise _not_a_record(record, file, place, references)
        identity = record["id"]
        if references.dataset in _RECORD_KEYS and type(identity) is int:
            identity = str(identity)
        if not isinstance(identity, str):
            raise HamError(f"'id' is {kind(identity)}, not a text", file=file, place=place)
        if identity in answers:
            raise HamError(
                f"answers question {identity} a second time", file=file, place=place, remedy="keep one answer each"
            )
        answers[identity] = record[key]
    return _typed(answers, references)


def _not_a_record(record: Mapping[str, Any], file: str | None, place: str, references: References) -> HamError:
    other = next((key for key in _RECORD_KEYS.values() if key in record), None)
    if other is not None:
        what = (
            f"has {other!r}, as predictions for MS MARCO or DuReader have; the references are of {references.dataset}"
        )
        return HamError(what, file=file, place=place, remedy="is this the right pair of files?")
    missing = "id" if "id" not in record else "answer' or 'prediction_text"
    return HamError(f"has no {missing!r}".replace('"', "'"), file=file, place=place)


def _answer_key(record: Mapping[str, Any]) -> str | None:
    return next((key for key in _ANSWER_KEYS if key in record), None)


def _typed(answers: Mapping[str, Any], references: References) -> dict[Any, Any]:
    """`answers` by ids of the references' own type: an object's keys are texts, the ids of a record may be numbers."""
    if references.dataset not in _RECORD_KEYS:
        return dict(answers)
    own = {str(identity): identity for identity in reversed(references.own_ids)}
    return {own.get(identity, identity): text for identity, text in answers.items()}


def shown_answers(predictions: Mapping[Any, Any], references: References) -> list[str | None]:
    """What stands for each question as its (first) answer, None where there is no prediction."""
    return [_shown(predictions[found]) if found in predictions else None for found in references.own_ids]


def _shown(prediction: Any) -> str:
    if isinstance(prediction, str):
        return prediction
    answers = getattr(prediction, "texts", getattr(prediction, "answers", None))
    if answers is None:
        return str(prediction)
    return str(answers[0]) if answers else ""
