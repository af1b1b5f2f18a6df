"""The folder of a run of a poem system: what made it, and what it needs to be opened without the prepared poems.

config.toml         [run] kind = "poem", [data], [system], [training]
vocab.txt           the table of characters
model.safetensors   a network's best weights;  smt.json and smt.safetensors in a run of SMT
planner.safetensors what plans keywords
log.jsonl           a network's epochs
last/               all that resuming needs
scores.json         written last: the run has finished
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ham_mrc import __version__
from ham_mrc.config import read_toml
from ham_mrc.data_prep.poem_folder import PoemFolder, open_poems
from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.errors import ConfigError, HamError
from ham_mrc.files import write_whole
from ham_mrc.training.poem_config import PoemConfig, build_poem_config
from ham_mrc.training.run_folder import CONFIG, FINISHED, POEM, VOCABULARY, clear, resume_poem_command

SCHEMA = 1
FACTS = {"folder": str, "manifest_sha256": str, "vocabulary_sha256": str, "split": str, "seed": int}
"""What [data] of a run's config.toml must say."""


@dataclass(frozen=True, slots=True)
class PoemRun:
    """A run and what its config.toml says: the settings, [run] as `made`, [data] as `facts`."""

    path: Path
    config: PoemConfig
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

    def need_finished(self) -> None:
        """Raise HamError where the run has not finished."""
        if not self.finished:
            raise HamError(
                "the run has not finished", file=self.path, remedy=f"go on with: {resume_poem_command(self.path)}"
            )

    def characters(self) -> Characters:
        """The run's own copy, checked against the run."""
        try:
            return Characters.load(self.path / VOCABULARY, sha256=self.facts["vocabulary_sha256"])
        except HamError as error:
            remedy = f"copy it anew from {self.data / VOCABULARY}, or train anew"
            raise HamError(error.what, file=error.file, remedy=remedy) from error

    def folder(self, data: Path | None = None) -> PoemFolder:
        """The prepared poems, at `data` where they have moved. Raises HamError where they are others."""
        folder = open_poems(self.data if data is None else data)
        if folder.manifest_sha256 != self.facts["manifest_sha256"]:
            what = "is not the prepared data that the run was trained on"
            raise HamError(what, file=folder.path, remedy="name that with --data, or train a new run on this")
        return folder

    def moved(self, data: Path) -> PoemRun:
        """The same run, which knows its prepared data at `data`. To be written by `write_config`."""
        return replace(self, facts={**self.facts, "folder": str(data.resolve())})

    def within(self, max_minutes: float) -> PoemRun:
        """The same run with another limit of time. To be written by `write_config`."""
        training = replace(self.config.training, max_minutes=max_minutes)
        return replace(self, config=replace(self.config, training=training))

    def write_config(self) -> None:
        """Write config.toml, whole or not at all."""
        with write_whole(self.path / CONFIG) as stream:
            stream.write(self.config.to_toml(run=self.made, data=self.facts).encode())


def create_poem_run(path: Path, config: PoemConfig, folder: PoemFolder) -> PoemRun:
    """A new run folder with its config.toml and table of characters, and nothing of a run that stood there.

    Killed in here, the folder can be resumed from the moment that config.toml stands.
    """
    facts = {
        "folder": str(folder.path.resolve()),
        "manifest_sha256": folder.manifest_sha256,
        "vocabulary_sha256": folder.characters.sha256,
        "split": folder.manifest["split"],
        "seed": folder.manifest["seed"],
    }
    made = {
        "kind": POEM,
        "schema": SCHEMA,
        "made_by": __version__,
        "torch": str(torch.__version__),
        "system": config.system,
    }
    clear(path)
    run = PoemRun(path, config, made, facts)
    run.write_config()
    folder.characters.save(path / VOCABULARY)
    return run


def open_poem_run(path: str | Path, systems: Mapping[str, Callable[..., Any]] | None = None) -> PoemRun:
    """A run folder that exists; `systems` as for build_poem_config, all that there are if not given.

    Raises HamError where it is none, or a reader's, or another version made it, or its config.toml is damaged.
    """
    path = Path(path)
    file = path / CONFIG
    if not file.is_file():
        what = f"is not a run folder (it holds no {CONFIG})"
        raise HamError(what, file=path, remedy="name what `ham-mrc poem train --out` wrote")
    sections = read_toml(file)
    made, facts = sections.get("run", {}), sections.get("data", {})
    if "schema" not in made:
        raise HamError("is damaged ([run] does not say what made it)", file=file, remedy="train the run again")
    if made.get("kind") != POEM:
        raise HamError("is a run of a reader, not of a poem system", file=path, remedy="see ham-mrc poem train --help")
    if made.get("schema") != SCHEMA:
        raise HamError(
            f"was made by ham-mrc {made.get('made_by', 'unknown')} (run schema {made.get('schema')}); "
            f"this is ham-mrc {__version__}, which reads schema {SCHEMA}",
            file=file,
            remedy="use that version, or train anew",
        )
    if faults := _faults(facts):
        raise ConfigError(faults, file=file)
    if systems is None:
        from ham_mrc.training.poem_systems import settings_of_systems

        systems = settings_of_systems()
    return PoemRun(path, build_poem_config(sections, systems, file=file), made, facts)


def _faults(facts: Mapping[str, Any]) -> list[str]:
    """What [data] lacks, or says in another type than it was written in."""
    lacking = [f'[data]: lacks "{name}"' for name in FACTS if name not in facts]
    strange = [name for name, kind in FACTS.items() if name in facts and type(facts[name]) is not kind]
    return lacking + [f"[data] {name} = {facts[name]!r}: is not what train wrote here" for name in strange]
