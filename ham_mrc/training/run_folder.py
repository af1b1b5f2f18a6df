"""A run's folder: what made it, what is in it, and who may write to it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from ham_mrc import __version__
from ham_mrc.config import Config, build_config, read_toml
from ham_mrc.data_prep.characters import CHARACTERS, Alphabet
from ham_mrc.data_prep.dataset import Reading
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.vectors import Vectors
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import ConfigError, HamError
from ham_mrc.files import sha256, write_whole
from ham_mrc.readers import READERS
from ham_mrc.text import TOKENIZER

SCHEMA = 2
CONFIG, VOCABULARY, WEIGHTS, LOG, FINISHED = (
    "config.toml",
    "vocab.txt",
    "model.safetensors",
    "log.jsonl",
    "scores.json",
)
THRESHOLD = "threshold.json"
STATE = Path("last") / "state.safetensors"
POEM = "poem"
"""[run] kind of a poem system; a reader's run has no kind."""
PREDICTIONS = Path("predictions")
"""Where the answers to the parts stand: PART.json or PART.jsonl, and PART.na_prob.json where "no answer" is one."""

ANSWERS = tuple(f"{part}{ending}" for part in ("dev", "test") for ending in (".json", ".jsonl", ".na_prob.json"))

PLANNER, SMT, POEMS = "planner.safetensors", ("smt.json", "smt.safetensors"), "poems.json"
"""What stands in a run of a poem system beside these: what plans keywords, a translation model, what lines score."""

WRITTEN = tuple(f"lines/test-{keywords}.jsonl" for keywords in ("planned", "oracle", "none"))
OF_POEMS = (PLANNER, *SMT, POEMS, *WRITTEN)

NEEDED: dict[str, type] = {
    "folder": str,
    "dataset": str,
    "version": str,
    "reading": dict,
    "manifest_sha256": str,
    "tokenizer": str,
    "lowercase": bool,
    "passage_tokens": int,
    "question_tokens": int,
    "trained_words": int,
    "vocabulary_sha256": str,
    "characters": int,
    "characters_sha256": str,
    "vector_width": int,
    "vectors_sha256": str,
}
"""What [data] of a run's config.toml must say."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run and what its config.toml says: the settings, [run] as `made`, [data] as `facts`."""

    path: Path
    config: Config
    made: dict[str, Any]
    facts: dict[str, Any]

    @property
    def data(self) -> Path:
        """The prepared folder that the run trained on."""
        return Path(self.facts["folder"])

    @property
    def finished(self) -> bool:
        """Whether its scores stand, which are written last."""
        return (self.path / FINISHED).exists()

    @property
    def reading(self) -> Reading:
        """How the records were read that the run trained on, and how others are read for it."""
        return Reading(**self.facts["reading"])

    def vocabulary(self) -> Vocabulary:
        """The run's own copy, checked against the run. Raises HamError where it or the tokeniser is another."""
        facts = self.facts
        if self.reading.segment == "characters" and facts["tokenizer"] != TOKENIZER:
            raise HamError(
                f"the run was trained on tokens of {facts['tokenizer']}, this version of ham-mrc cuts {TOKENIZER}",
                file=self.path / CONFIG,
                remedy=f"use ham-mrc {self.made.get('made_by')}, or prepare and train anew",
            )
        try:
            return Vocabulary.load(
                self.path / VOCABULARY,
                trained=facts["trained_words"],
                lowercase=facts["lowercase"],
                sha256=facts["vocabulary_sha256"],
            )
        except HamError as error:
            remedy = f"copy it anew from {self.data / VOCABULARY}, or train anew"
            raise HamError(error.what, file=error.file, remedy=remedy) from error

    def alphabet(self) -> Alphabet:
        """The run's own copy, checked against the run; an empty one where its reader does not look into words."""
        if not self.facts["characters"]:
            return Alphabet("")
        try:
            return Alphabet.load(self.path / CHARACTERS, sha256=self.facts["characters_sha256"])
        except HamError as error:
            remedy = f"copy it anew from {self.data / CHARACTERS}, or train anew"
            raise HamError(error.what, file=error.file, remedy=remedy) from error

    def moved(self, data: Path) -> RunFolder:
        """The same run, which from now on knows its prepared data at `data`."""
        run = replace(self, facts={**self.facts, "folder": str(data.resolve())})
        run.write_config()
        return run

    def write_config(self) -> None:
        """Write config.toml, whole or not at all."""
        with write_whole(self.path / CONFIG) as stream:
            stream.write(self.config.to_toml(run=self.made, data=self.facts).encode())


def resume_command(run: Path, data: str = "") -> str:
    """What the user types to go on with a run, with `data` where the prepared folder has moved."""
    return f"ham-mrc train {data} --resume {shlex.quote(str(run))}".replace("  ", " ")


def resume_poem_command(run: Path) -> str:
    """What the user types to go on with a run of a poem system."""
    return f"ham-mrc poem train --resume --out {shlex.quote(str(run))}"


def create_run(
    path: Path,
    config: Config,
    data: Path,
    manifest: Manifest,
    vocabulary: Vocabulary,
    vectors: Vectors | None,
    alphabet: Alphabet | None,
    more: Mapping[str, Any] | None = None,
) -> RunFolder:
    """A new run folder with its config.toml and vocabulary in it, and nothing of an earlier run that stood there.

    `alphabet` is that of a reader that looks into words; `more` stands in [run] beside what made the run.

    Killed in here, the folder can be resumed from the moment that config.toml stands.
    """
    facts: dict[str, Any] = {
        "folder": str(data.resolve()),
        "dataset": manifest.dataset,
        "version": manifest.version,
        "manifest_sha256": sha256(data / MANIFEST),
        "tokenizer": manifest.tokenizer,
        "lowercase": vocabulary.lowercase,
        "passage_tokens": manifest.settings["evaluation_passage_tokens"],
        "question_tokens": manifest.settings["evaluation_question_tokens"],
        "trained_words": vocabulary.trained,
        "vocabulary_sha256": vocabulary.sha256,
        "characters": 0 if alphabet is None else len(alphabet),
        "characters_sha256": "" if alphabet is None else alphabet.sha256,
        "vector_width": 0 if vectors is None else vectors.width,
        "vectors_sha256": "" if vectors is None else vectors.sha256,
        "words_with_vectors": 0 if vectors is None else int(vectors.found.sum()),
        "reading": manifest.reading,
    }
    made = {"schema": SCHEMA, "made_by": __version__, "torch": torch.__version__, **(more or {})}
    clear(path)
    run = RunFolder(path, config, made, facts)
    run.write_config()
    vocabulary.save(path / VOCABULARY)
    if alphabet is not None:
        alphabet.save(path / CHARACTERS)
    return run


def clear(path: Path) -> None:
    """Take away an earlier run: first what says that it is finished, or can go on."""
    answers = (PREDICTIONS / name for name in ANSWERS)
    files: list[str | Path] = [FINISHED, STATE, WEIGHTS, LOG, THRESHOLD, *answers, *OF_POEMS]
    for name in files:
        try:
            if (path / name).exists():
                (path / name).unlink()
        except OSError as error:
            raise HamError(f"cannot be removed ({error.strerror})", file=path / name) from error


def open_run(path: Path) -> RunFolder:
    """A run folder that exists. Raises HamError where it is none, or another version made it, or it was damaged."""
    file = path / CONFIG
    if not file.is_file():
        raise HamError(f"is not a run folder (it holds no {CONFIG})", file=path, remedy="name what `train --out` wrote")
    sections = read_toml(file)
    made, facts = sections.get("run", {}), sections.get("data", {})
    if made.get("kind") == POEM:
        raise HamError("is a run of a poem system, not of a reader", file=path, remedy="see ham-mrc poem --help")
    if made.get("schema") != SCHEMA:
        raise HamError(
            f"was made by ham-mrc {made.get('made_by', 'unknown')} (run schema {made.get('schema')}); "
            f"this is ham-mrc {__version__}, which reads schema {SCHEMA}",
            file=file,
            remedy="use that version, or train anew",
        )
    faults = [f'[data]: lacks "{name}"' for name in NEEDED if name not in facts]
    for name, kind in NEEDED.items():
        if name in facts and type(facts[name]) is not kind:
            faults.append(f"[data] {name} = {facts[name]!r}: is not what train wrote here")
    if not faults and facts["reading"].keys() != {field.name for field in fields(Reading)}:
        faults.append("[data.reading]: is not what train wrote here")
    if faults:
        raise ConfigError(faults, file=file)
    return RunFolder(path, build_config(sections, READERS, file=file), made, facts)
