"""Every setting of a run of a poem system, checked before anything starts; `config.py` does the same for readers.

The settings of a system are the keyword arguments of its class. SMT learns in one pass: of [training] it has the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from ham_mrc.config import TrainingSettings, checked, checked_section, nearest, out_of_range, reader_options
from ham_mrc.errors import ConfigError

SECTIONS = ("run", "data", "system", "training")
PRESETS = "poems"
"""The folder of presets for `config.read_preset`."""
IN_ONE_PASS = ("smt",)
"""Systems that no loop trains."""
LEAST = {"embedding": 1, "init": 0, "kernel": 0, "classes": 0, "tuning_lines": 3, "tuning_rounds": 0}
"""The smallest value of each setting that readers do not have."""
OF_READERS = ("choose_by", "max_answer_tokens")
"""Settings of [training] that mean nothing here: perplexity chooses the epoch, and a line's length is given."""


@dataclass(frozen=True, slots=True)
class PoemTrainingSettings(TrainingSettings):
    """The section [training] of a poem network; see TrainingSettings. An example is a line, or a poem for RNNPG."""

    batch_size: int = 128
    eval_batch_size: int = 256
    optimizer: Literal["adam", "adamax", "adadelta", "sgd"] = "adam"  # type: ignore[assignment]
    loss: Literal["mean", "sum"] = "mean"  # of a row's symbols; an update is the mean over its rows


@dataclass(frozen=True, slots=True)
class PoemConfig:
    """All settings of one run. `settings` are the keyword arguments of the system's class."""

    system: str
    preset: str
    settings: dict[str, Any] = field(default_factory=dict)
    training: PoemTrainingSettings = field(default_factory=PoemTrainingSettings)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights of a run beside its section [training]."""
        return {"system": [self.system, self.settings]}

    @property
    def training_settings(self) -> dict[str, Any]:
        """The settings of [training] that the system has."""
        known = _training_keys(self.system)
        return {key: value for key, value in asdict(self.training).items() if key in known}

    def to_toml(self, *, run: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        """The text of a run's config.toml; `run` and `data` say which program made it, from which folder."""
        sections = {
            "run": {**run, "preset": self.preset},
            "data": dict(data),
            "system": {"name": self.system, **self.settings},
            "training": self.training_settings,
        }
        return tomli_w.dumps(sections)


def build_poem_config(
    sections: Mapping[str, Mapping[str, Any]],
    systems: Mapping[str, Callable[..., Any]],
    *,
    file: str | Path | None = None,
) -> PoemConfig:
    """Checked settings; `systems` has each system's class by its name.

    Raises ConfigError with every unknown key, wrong type and wrong value at once.
    """
    faults = [f"no section [{name}]{nearest(name, SECTIONS)}" for name in sections if name not in SECTIONS]
    values = dict(sections.get("system", {}))
    system = str(values.pop("name", ""))
    settings: dict[str, Any] = {}
    if system in systems:
        types, settings = reader_options(systems[system])
        settings |= checked("system", values, types, faults)
    else:
        faults.append(f"[system]: no system {system!r}{nearest(system, systems)}; there are {', '.join(systems)}")
    training = _training(system, sections, faults)
    faults += out_of_range({"system": settings, "training": training}, LEAST)
    if training.get("optimizer") == "sgd" and training.get("eps"):
        faults.append(f"[training] eps = {training['eps']}: sgd divides by nothing and has none")
    if faults:
        raise ConfigError(faults, file=file)
    preset = str(sections.get("run", {}).get("preset", ""))
    return PoemConfig(system, preset, settings, PoemTrainingSettings(**training))


def _training(system: str, sections: Mapping[str, Mapping[str, Any]], faults: list[str]) -> dict[str, Any]:
    known = _training_keys(system)
    given = sections.get("training", {})
    idle = [key for key in given if key in asdict(PoemTrainingSettings()) and key not in known]
    faults += [f'[training]: "{key}" means nothing to {system}' for key in idle]
    rest = {key: value for key, value in given.items() if key not in idle}
    return checked_section(PoemTrainingSettings, "training", {"training": rest}, faults)


def _training_keys(system: str) -> set[str]:
    """The settings of [training] that a system has."""
    if system in IN_ONE_PASS:
        return {"seed"}
    return set(asdict(PoemTrainingSettings())) - set(OF_READERS)
