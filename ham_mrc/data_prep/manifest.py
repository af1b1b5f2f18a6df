"""manifest.json: what a prepared folder holds, from what, by which rules, and what was dropped and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ham_mrc import __version__
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import HamError
from ham_mrc.files import read_json, write_json

MANIFEST = "manifest.json"
SCHEMA = 2
"""Moves with the layout of the folder. A folder of another schema is refused."""


@dataclass(frozen=True)
class PartCounts:
    """One part. `read` = `kept` + the sum of `dropped`; the keys of `dropped` and `unlabelled` are Reasons.

    unlabelled      evaluation questions that are kept although their answer cannot be placed
    moved           labels whose tokens reach beyond the answer's own characters, or fall short of them
    repaired        labels whose answer_start was wrong, while the answer's text stands in the passage once
    later_answer    labels of a question's second or later answer, because its first cannot be placed
    without_answer  labels that say "no answer", by the null position
    searched        labels that are the best span for a free answer, not the answer itself; `match` is their mean
                    likeness to it, 0 to 1
    passages        different passages of kept questions
    cut_passages    stored passages with more tokens than are kept; cut_questions likewise
    passages_in_train, questions_on_train_passages, ids_in_train
                    what an evaluation part shares with the training part: passages with the same text, questions
                    asked on those, and questions of the same id; 0 for the training part itself
    """

    read: int
    kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    unlabelled: dict[str, int] = field(default_factory=dict)
    moved: int = 0
    repaired: int = 0
    later_answer: int = 0
    without_answer: int = 0
    searched: int = 0
    match: float | None = None
    passages: int = 0
    cut_passages: int = 0
    cut_questions: int = 0
    passages_in_train: int = 0
    questions_on_train_passages: int = 0
    ids_in_train: int = 0

    @property
    def labelled(self) -> int:
        """Questions with a gold span."""
        return self.kept - sum(self.unlabelled.values())


@dataclass(frozen=True)
class Manifest:
    """The content of manifest.json.

    `split` holds "rule" and "by"; `reading` the fields of dataset.Reading; `inputs` one {"part", "file", "bytes",
    "sha256"} for each file, its part "split" where several parts were made of it; `vocabulary` holds "words",
    "trained" and "sha256", and "characters" and "characters_sha256" of characters.txt.
    """

    dataset: str
    version: str
    tokenizer: str
    lowercase: bool
    seed: int
    split: dict[str, str]
    reading: dict[str, Any]
    settings: dict[str, Any]
    inputs: list[dict[str, Any]]
    parts: dict[str, PartCounts]
    vocabulary: dict[str, Any]
    tool: str = __version__
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """The manifest as one JSON object, the schema first."""
        content = asdict(self)
        return {"schema": content.pop("schema"), "kind": "ham-mrc prepared", "tool": content.pop("tool"), **content}

    def save(self, folder: Path) -> None:
        """Write manifest.json, the mark of a finished folder."""
        write_json(folder / MANIFEST, self.to_json())

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """The manifest of a prepared folder. Raises HamError where there is none, or one of another version."""
        file = Path(folder) / MANIFEST
        if not file.is_file():
            raise HamError(
                f"is no prepared folder (it holds no {MANIFEST})", file=folder, remedy="make one with ham-mrc prepare"
            )
        content = read_json(file)
        if not isinstance(content, dict) or content.get("kind") != "ham-mrc prepared":
            raise HamError("is not a manifest of ham-mrc", file=file, remedy="prepare again")
        if content.get("schema") != SCHEMA:
            raise HamError(
                f"made by ham-mrc {content.get('tool')}, manifest schema {content.get('schema')}; "
                f"this is ham-mrc {__version__}, schema {SCHEMA}",
                file=file,
                remedy="prepare again",
            )
        try:
            parts = {name: PartCounts(**counts) for name, counts in content["parts"].items()}
            return cls(**{item.name: content[item.name] for item in fields(cls) if item.name != "parts"}, parts=parts)
        except (KeyError, TypeError, AttributeError) as error:
            raise HamError(f"is incomplete ({error})", file=file, remedy="prepare again") from error

    def load_vocabulary(self, file: str | Path) -> Vocabulary:
        """The vocabulary in `file` (vocab.txt), checked to be the one that this manifest was written with."""
        return Vocabulary.load(
            file, trained=self.vocabulary["trained"], lowercase=self.lowercase, sha256=self.vocabulary["sha256"]
        )
