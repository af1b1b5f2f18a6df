"""Small files of every raw format, ready to be broken, and the command that refuses them or counts what it drops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msmarco_builders import columns, query
from squad_builders import squad_document, squad_paragraph

from ham_mrc.cli.main import run

MISSING: Any = object()
"""What `changed` puts in a place to take it away."""

PASSAGE = "The Nile is 6650 km long and ends in the Mediterranean Sea."


def squad() -> dict[str, Any]:
    """Eight questions on one passage in each of two articles."""
    return squad_document(
        {
            title: [squad_paragraph(PASSAGE, *((f"{title}{number}", "How long?", "6650 km") for number in range(4)))]
            for title in ("a", "b")
        }
    )


def cmrc() -> list[dict[str, Any]]:
    """Six questions on two passages, in CMRC's original layout."""
    return [
        {
            "context_id": f"D{place}",
            "context_text": "尼罗河长6650公里，流入地中海。",
            "title": "尼罗河",
            "qas": [
                {"query_id": f"D{place}Q{number}", "query_text": "有多长？", "answers": ["6650公里", "6650"]}
                for number in range(3)
            ],
        }
        for place in range(2)
    ]


def dureader() -> list[dict[str, Any]]:
    """Six questions, preprocessed, each with a span of its own."""
    words = ["尼罗河", "长", "6671", "公里"]
    found = {
        "title": "河",
        "segmented_title": ["河"],
        "paragraphs": ["".join(words)],
        "segmented_paragraphs": [words],
        "is_selected": True,
        "most_related_para": 0,
    }
    question = {
        "question": "多长",
        "segmented_question": ["多", "长"],
        "question_type": "DESCRIPTION",
        "fact_or_opinion": "FACT",
        "documents": [found],
        "answers": ["6671公里"],
        "segmented_answers": [["6671", "公里"]],
        "answer_docs": [0],
        "answer_spans": [[2, 3]],
    }
    return [{"question_id": number, **deepcopy(question)} for number in range(6)]


def msmarco() -> list[dict[str, Any]]:
    """Six queries of version 1.1."""
    return [query(query_id=number) for number in range(6)]


def msmarco_columns() -> dict[str, Any]:
    """Six queries of version 2.1."""
    return columns([query(query_id=number, query_type="NUMERIC", wellFormedAnswers="[]") for number in range(6)])


class Format(NamedTuple):
    """A raw format: the dataset it belongs to, and a small value of it; with `lines`, one JSON value a line."""

    dataset: str
    value: Callable[[], Any]
    lines: bool = False

    def data(self, *steps: Any) -> bytes:
        """The bytes of a file; with `steps`, of one that is `changed`."""
        value = changed(self.value(), *steps) if steps else self.value()
        texts = [json.dumps(item, ensure_ascii=False) for item in (value if self.lines else [value])]
        return "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass")


FORMATS = {
    "squad": Format("squad", squad),
    "cmrc as squad": Format("cmrc", squad),
    "cmrc": Format("cmrc", cmrc),
    "dureader": Format("dureader", dureader, lines=True),
    "msmarco 1.1": Format("msmarco", msmarco, lines=True),
    "msmarco 2.1": Format("msmarco", msmarco_columns),
}


def changed(value: Any, *steps: Any) -> Any:
    """A copy of `value` with the last of `steps` in the place that the others lead to."""
    *way, last, new = steps
    copy = deepcopy(value)
    owner = copy
    for step in way:
        owner = owner[step]
    if new is MISSING:
        del owner[last]
    else:
        owner[last] = new
    return copy


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The steps to every place within a JSON value."""
    if way:
        yield way
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[step], (*way, step))


class Workplace:
    """A folder with one raw file, "f.json", and the command line run on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.file, self.out = folder / "f.json", folder / "out"

    def write(self, data: bytes, name: str = "f.json") -> Path:
        """Put a file there."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def refusal(self, *arguments: str | Path) -> str:
        """What `prepare` with these arguments says in its one line; it must end with 2 and leave everything as it was.

        The folder's name is left out.
        """
        before = self._content()
        code = run(["prepare", *map(str, arguments)])
        out, err = self._capsys.readouterr()
        assert (code, out, err.count("\n"), err[:7], err[-1:]) == (2, "", 1, "error: ", "\n"), err
        assert self._content() == before
        return err[7:-1].replace(f"{self.folder}/", "")

    def refused(self, dataset: str, data: bytes, *options: str | Path) -> str:
        """`refusal` of a file of `data`."""
        return self.refusal(dataset, self.write(data), "--out", self.out, *options)

    def accepted(self, *arguments: str | Path) -> dict[str, dict[str, Any]]:
        """The counts of each part that `prepare` with these arguments prints; it must end with 0, and they add up."""
        code = run(["prepare", *map(str, arguments), "--out", str(self.out), "--json", "--quiet"])
        out, err = self._capsys.readouterr()
        assert code == 0, err
        parts: dict[str, dict[str, Any]] = json.loads(out)["parts"]
        for counts in parts.values():
            assert counts["read"] == counts["kept"] + sum(counts["dropped"].values())
        return parts

    def train(self, dataset: str, data: bytes, *options: str | Path) -> dict[str, Any]:
        """The counts of a file of `data` as training reads it, whole: dev and test are good files."""
        good = self.write(FORMATS[dataset].data(), "good.json")
        file = self.write(data)
        name = FORMATS[dataset].dataset
        return self.accepted(name, file, "--dev", good, "--test", good, *options)["train"]

    def forget(self) -> None:
        """Pass over what was printed so far."""
        self._capsys.readouterr()

    def _content(self) -> dict[Path, bytes | None]:
        return {path: path.read_bytes() if path.is_file() else None for path in self.folder.rglob("*")}
