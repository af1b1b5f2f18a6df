"""Which dataset a file of references is of, told by its layout, and the page that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ham_mrc.errors import HamError
from ham_mrc.eval.datasets import TITLES
from ham_mrc.eval.references import References, kind
from ham_mrc.files import parse_json
from ham_mrc.opening import read_bytes

Records = Iterable[tuple[str, Any]]
"""(place in words, record), as `json_lines` has them."""


class _Content(NamedTuple):
    """One JSON document, or the records of JSON Lines."""

    document: Any
    records: list[tuple[str, Any]] | None
    file: str | None

    @property
    def first(self) -> Any:
        """The document, or the first record."""
        return self.records[0][1] if self.records else self.document


def read_references(source: str | Path | Mapping[str, Any] | list[Any], dataset: str | None) -> References:
    """See `references.load_references`."""
    if dataset is not None and dataset not in TITLES:
        raise HamError(f"there is no dataset {dataset!r}", remedy=f"there are: {', '.join(TITLES)}")
    content = _from_file(source) if isinstance(source, (str, Path)) else _from_object(source)
    _refuse_predictions(content)
    looks = _looks_like(content)
    if dataset is not None and looks is not None and looks != dataset and {looks, dataset} != {"squad", "cmrc"}:
        raise HamError(
            f"looks like {TITLES[looks]}, not {TITLES[dataset]}", file=content.file, remedy=f"--dataset {looks}"
        )
    return _load(content, dataset or looks or "squad")


def _load(content: _Content, dataset: str) -> References:
    if dataset == "cmrc":
        from ham_mrc.eval.references_cmrc import load as load_cmrc

        return load_cmrc(_whole(content, dataset), content.file)
    if dataset == "msmarco":
        from ham_mrc.eval.references_msmarco import load as load_msmarco

        return load_msmarco(_records(content), content.file)
    if dataset == "dureader":
        from ham_mrc.eval.references_dureader import load as load_dureader

        return load_dureader(_records(content), content.file)
    document = _whole(content, dataset)
    if _has_unanswerable(document):
        from ham_mrc.eval.references_squad2 import load as load_squad2

        return load_squad2(document, content.file)
    from ham_mrc.eval.references_squad import load as load_squad

    return load_squad(document, content.file)


def _from_file(path: str | Path) -> _Content:
    data, file = read_bytes(path), str(path)
    if not data or data.isspace():
        raise HamError("is empty", file=path, remedy="references are expected")
    if data.startswith(b"PK\x03\x04"):
        from ham_mrc.eval.json_lines import read_lines

        return _Content(None, list(read_lines(path)), file)
    try:
        document = parse_json(data, path)
    except HamError:
        if not _begins_with_a_record(data):
            raise
        from ham_mrc.eval.json_lines import parse_lines

        return _Content(None, list(parse_lines(data, path)), file)
    if _is_record(document):
        return _Content(None, [("line 1", document)], file)
    return _Content(document, None, file)


def _begins_with_a_record(data: bytes) -> bool:
    first, _, rest = data.lstrip().partition(b"\n")
    try:
        return bool(rest) and isinstance(parse_json(first, ""), dict)
    except HamError:
        return False


def _from_object(source: Mapping[str, Any] | list[Any]) -> _Content:
    if isinstance(source, list) and source and _is_record(source[0]):
        return _Content(None, [(f"entry {number}", record) for number, record in enumerate(source, 1)], None)
    return _Content(source, None, None)


def _is_record(value: Any) -> bool:
    """Whether this is one line of DuReader or MS MARCO, and no column of them."""
    if not isinstance(value, Mapping) or "data" in value:
        return False
    return any(key in value and not isinstance(value[key], Mapping) for key in ("query_id", "question_id"))


def _whole(content: _Content, dataset: str) -> Any:
    if content.records is None:
        return content.document
    raise HamError("holds JSON Lines", file=content.file, remedy=f"{TITLES[dataset]} is one JSON document")


def _records(content: _Content) -> Records:
    if content.records is not None:
        return content.records
    if isinstance(content.document, Mapping) and "query_id" in content.document:
        from ham_mrc.eval.references_msmarco import rows

        return rows(content.document, content.file)
    if isinstance(content.document, list):
        return [(f"entry {number}", record) for number, record in enumerate(content.document, 1)]
    raise HamError(f"holds {kind(content.document)}", file=content.file, remedy="JSON Lines are expected")


def _refuse_predictions(content: _Content) -> None:
    """Raise HamError for what can only be predictions."""
    document, first = content.document, content.first
    entry = first[0] if isinstance(first, list) and first else first
    texts = isinstance(document, Mapping) and document and all(isinstance(text, str) for text in document.values())
    record = isinstance(entry, Mapping) and "id" in entry and bool({"prediction_text", "answer"} & set(entry))
    if texts or record:
        raise HamError("looks like predictions, not references", file=content.file, remedy="predictions come first")


def _looks_like(content: _Content) -> str | None:
    """The dataset whose layout this plainly is."""
    first = content.first
    entry = first[0] if isinstance(first, list) and first else first
    if not isinstance(entry, Mapping):
        return None
    if "data" in entry:
        return "cmrc" if _is_chinese(entry["data"]) else "squad"
    if "context_id" in entry:
        return "cmrc"
    if "query_id" in entry:
        return "msmarco"
    return "dureader" if "question_id" in entry or "documents" in entry else None


def _is_chinese(data: Any) -> bool:
    """Whether the first paragraph has an id of its own, as in CMRC 2018 and DRCD, and Han characters."""
    try:
        paragraph = data[0]["paragraphs"][0]
        return "id" in paragraph and any("\u4e00" <= char <= "\u9fff" for char in paragraph["context"])
    except (TypeError, LookupError):
        return False


def _has_unanswerable(document: Any) -> bool:
    """Whether this is SQuAD 2.0: by its version, or because a question says that it has no answer."""
    if not isinstance(document, Mapping):
        return False
    if str(document.get("version")).lower().removeprefix("v").startswith("2"):
        return True
    try:
        told = [
            qa["is_impossible"]
            for article in document["data"]
            for paragraph in article["paragraphs"]
            for qa in paragraph["qas"]
            if "is_impossible" in qa
        ]
        return any(value is True for value in told)
    except (TypeError, LookupError, AttributeError):
        return False
