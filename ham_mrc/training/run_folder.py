"""A run's folder: what made it, what is in it, and who may write to it."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ham_mrc import __version__
from ham_mrc.config import Config, build_config, read_toml
from ham_mrc.data_prep.manifest import MANIFEST, Manifest
from ham_mrc.data_prep.vectors import Vectors
from ham_mrc.data_prep.vocab import Vocabulary
from ham_mrc.errors import ConfigError, HamError
from ham_mrc.files import sha256, write_whole
from ham_mrc.opening import unreadable
from ham_mrc.readers import READERS
from ham_mrc.text import TOKENIZER

SCHEMA = 1
CONFIG, VOCABULARY, WEIGHTS, LOG, FINISHED = (
    "config.toml",
    "vocab.txt",
    "model.safetensors",
    "log.jsonl",
    "scores.json",
)
STATE = Path("last") / "state.safetensors"
PREDICTIONS = {part: Path("predictions") / f"{part}.json" for part in ("dev", "test")}
"""Where the answers to a part stand in the folder."""

NEEDED: dict[str, type] = {
    "folder": str,
    "dataset": str,
    "manifest_sha256": str,
    "tokenizer": str,
    "lowercase": bool,
    "passage_tokens": int,
    "question_tokens": int,
    "trained_words": int,
    "vocabulary_sha256": str,
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

    def vocabulary(self) -> Vocabulary:
        """The run's own copy, checked against the run. Raises HamError where it or the tokeniser is another."""
        facts = self.facts
        if facts["tokenizer"] != TOKENIZER:
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

    def moved(self, data: Path) -> RunFolder:
        """The same run, which from now on knows its prepared data at `data`."""
        run = replace(self, facts={**self.facts, "folder": str(data.resolve())})
        run.write_config()
        return run

    def write_config(self) -> None:
        """Write config.toml, whole or not at all."""
        with write_whole(self.path / CONFIG) as stream:
            stream.write(self.config.to_toml(run=self.made, data=self.facts).encode())


def check_free(path: Path, *, force: bool) -> None:
    """Raise HamError where a new run may not go: onto files that are no run's, or onto a run without `force`."""
    try:
        if not path.exists() or all(_is_leftover(file) for file in path.iterdir()):
            return
    except NotADirectoryError as error:
        raise HamError("is a file, not a folder", file=path) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not _is_run(path):
        raise HamError("holds files that are no run's", file=path, remedy="choose another folder, or empty this one")
    if not force and (path / FINISHED).exists():
        raise HamError("already holds a finished run", file=path, remedy="choose another folder, or add --force")
    if not force:
        remedy = f"go on with: {resume_command(path)}; or add --force to begin anew"
        raise HamError("holds a run that was stopped", file=path, remedy=remedy)


def _is_run(path: Path) -> bool:
    try:
        return "schema" in read_toml(path / CONFIG).get("run", {})
    except HamError:
        return False


def _is_leftover(file: Path) -> bool:
    """Whether it is what a process killed while it wrote leaves behind: .NAME.xxxxxxxx.part (files.write_whole)."""
    ours = {CONFIG, VOCABULARY, WEIGHTS, LOG, FINISHED, STATE.name, *(path.name for path in PREDICTIONS.values())}
    return file.suffix == ".part" and file.name.rsplit(".", 2)[0] in {f".{name}" for name in ours}


def remove_leftovers(run: Path) -> None:
    """Take away what a process killed while it wrote to the folder left behind."""
    for folder in (run, run / STATE.parent, run / PREDICTIONS["dev"].parent):
        with contextlib.suppress(OSError):
            for file in filter(_is_leftover, folder.iterdir()):
                file.unlink()


def resume_command(run: Path, data: str = "") -> str:
    """What the user types to go on with a run, with `data` where the prepared folder has moved."""
    return f"ham-mrc train {data} --resume {shlex.quote(str(run))}".replace("  ", " ")


def create_run(
    path: Path, config: Config, data: Path, manifest: Manifest, vocabulary: Vocabulary, vectors: Vectors | None
) -> RunFolder:
    """A new run folder with its config.toml and vocabulary in it, and nothing of an earlier run that stood there.

    Killed in here, the folder can be resumed from the moment that config.toml stands.
    """
    facts: dict[str, Any] = {
        "folder": str(data.resolve()),
        "dataset": manifest.dataset,
        "manifest_sha256": sha256(data / MANIFEST),
        "tokenizer": manifest.tokenizer,
        "lowercase": vocabulary.lowercase,
        "passage_tokens": manifest.settings["evaluation_passage_tokens"],
        "question_tokens": manifest.settings["evaluation_question_tokens"],
        "trained_words": vocabulary.trained,
        "vocabulary_sha256": vocabulary.sha256,
        "vector_width": 0 if vectors is None else vectors.width,
        "vectors_sha256": "" if vectors is None else vectors.sha256,
        "words_with_vectors": 0 if vectors is None else int(vectors.found.sum()),
    }
    made = {"schema": SCHEMA, "made_by": __version__, "torch": torch.__version__}
    _clear(path)
    run = RunFolder(path, config, made, facts)
    run.write_config()
    vocabulary.save(path / VOCABULARY)
    return run


def _clear(path: Path) -> None:
    """Take away an earlier run: first what says that it is finished, or can go on."""
    files: list[str | Path] = [FINISHED, STATE, WEIGHTS, LOG, *PREDICTIONS.values()]
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
    if faults:
        raise ConfigError(faults, file=file)
    return RunFolder(path, build_config(sections, READERS, file=file), made, facts)
