"""Every setting of a run, from a preset, a TOML file and the command line, checked before anything starts.

The settings of a reader are the keyword arguments of its class, so a wrong key is found by its signature. Where a class
takes `**ham: Unpack[Options]`, the keys of that TypedDict are settings too, with the defaults that stand beside it in
its module under the name HAM_DEFAULTS. All faults of a configuration are reported together.
"""

from __future__ import annotations

import difflib
import inspect
import math
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tomli_w

from ham_mrc.errors import ConfigError, HamError

SECTIONS = ("run", "data", "reader", "embeddings", "training")

SEED_LIMIT = 2**32
"""Seeds are below this number, so that a generator's seed made of one and of an update's number fits 64 bits."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The section [training]. Units are in the names; rates are per update."""

    epochs: int = 10
    batch_size: int = 32
    eval_batch_size: int = 64
    accumulate: int = 1  # batches an update is made of, one after the other; for batches that memory cannot hold
    optimizer: Literal["adam", "adamax", "adadelta"] = "adamax"
    lr: float = 2e-3
    rho: float = 0.95  # adadelta's memory of past gradients: Zeiler 2012, and the papers that train with it
    eps: float = 0.0  # what keeps the optimiser from dividing by 0; 0: its usual one, 1e-6 of adadelta, 1e-8 of others
    schedule: Literal["constant", "linear", "halving"] = "constant"  # linear: falls to 0 at the very last update
    halve_patience: int = 3  # halving: epochs without a better score after which the rate is halved
    average: float = 0.0  # decay of the average of the weights that is scored and kept; 0: the weights themselves
    c_lr_scale: float = 1.0  # multiplies the rate of the level weights c, which move by about one rate an update
    weight_decay: float = 0.0  # never on c
    clip: float = 5.0  # largest norm of the gradient; 0 switches clipping off
    patience: int = 3  # epochs without a better score on the model-choice part before training ends; 0: never
    choose_by: str = ""  # a metric of the dataset; empty: its own, F1 or ROUGE-L
    max_answer_tokens: int = 15
    max_minutes: float = 0.0  # time in updates, after which the epoch in hand is cut short and the last; 0: no limit
    checkpoint_minutes: float = 5.0  # between two saves within an epoch; 0: a save after every update
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = 13


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """The section [embeddings]: vectors from `source`, frozen, or trained ones of `width` where it is empty."""

    source: str = ""
    width: int = 100


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one run. `reader_settings` are the keyword arguments of the reader's class."""

    reader: str
    preset: str
    reader_settings: dict[str, Any] = field(default_factory=dict)
    embeddings: EmbeddingSettings = field(default_factory=EmbeddingSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the weights of a run beside its section [training]."""
        return {"reader": [self.reader, self.reader_settings], "width": self.embeddings.width}

    def to_toml(self, *, run: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        """The text of a run's config.toml; `run` and `data` say which program made it, from which folder."""
        sections = {
            "run": {**run, "preset": self.preset},
            "data": dict(data),
            "reader": {"name": self.reader, **self.reader_settings},
            "embeddings": asdict(self.embeddings),
            "training": asdict(self.training),
        }
        return tomli_w.dumps(sections)


def read_toml(path: str | Path) -> dict[str, dict[str, Any]]:
    """The sections of a TOML file. Raises HamError naming the file and line of a fault."""
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise HamError("no such file", file=path) from error
    except OSError as error:
        raise HamError(f"cannot be read ({error.strerror})", file=path) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HamError(f"is not a TOML file ({error})", file=path) from error
    stray = [name for name, values in content.items() if not isinstance(values, dict)]
    if stray:
        raise ConfigError([f'"{name}" is not a section; write [section] above settings' for name in stray], file=path)
    return content


def preset_names(folder: str = "") -> list[str]:
    """The presets that ship with the package, in order of name: readers', or those in a `folder` of their own."""
    return sorted(Path(file.name).stem for file in _presets(folder).iterdir() if file.name.endswith(".toml"))


def read_preset(name: str, folder: str = "") -> dict[str, dict[str, Any]]:
    """The sections of a preset. Raises ConfigError for a name that there is not."""
    names = preset_names(folder)
    if name not in names:
        raise ConfigError([f"no preset {name!r}{nearest(name, names)}; there are {', '.join(names)}"])
    return tomllib.loads((_presets(folder) / f"{name}.toml").read_text(encoding="utf-8"))


def _presets(folder: str) -> Traversable:
    return resources.files("ham_mrc") / "configs" / folder


def merge(*layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sections of settings, later layers over earlier ones."""
    merged: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for section, values in layer.items():
            merged.setdefault(section, {}).update(values)
    return merged


def parse_assignment(text: str) -> dict[str, dict[str, Any]]:
    """`section.key=value` as one layer for `merge`. The value is TOML; what is not TOML counts as text."""
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        raise ConfigError([f"--set {text}: write section.key=value, for example --set training.lr=0.001"])
    try:
        parsed = tomllib.loads(f"x = {value.strip()}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return {section: {name: parsed}}


def build_config(
    sections: Mapping[str, Mapping[str, Any]],
    readers: Mapping[str, Callable[..., Any]],
    *,
    file: str | Path | None = None,
) -> Config:
    """Checked settings. Raises ConfigError with every unknown key, wrong type and wrong value at once."""
    faults = [f"no section [{name}]{nearest(name, SECTIONS)}" for name in sections if name not in SECTIONS]
    reader_values = dict(sections.get("reader", {}))
    reader = str(reader_values.pop("name", "match-lstm"))
    settings: dict[str, Any] = {}
    if reader in readers:
        types, settings = reader_options(readers[reader])
        settings |= checked("reader", reader_values, types, faults)
    else:
        faults.append(f"[reader]: no reader {reader!r}{nearest(reader, readers)}; there are {', '.join(readers)}")
    embeddings = checked_section(EmbeddingSettings, "embeddings", sections, faults)
    training = checked_section(TrainingSettings, "training", sections, faults)
    faults += out_of_range({"reader": settings, "embeddings": embeddings, "training": training})
    if faults:
        raise ConfigError(faults, file=file)
    preset = str(sections.get("run", {}).get("preset", ""))
    return Config(reader, preset, settings, EmbeddingSettings(**embeddings), TrainingSettings(**training))


def checked_section(
    cls: type, name: str, sections: Mapping[str, Mapping[str, Any]], faults: list[str]
) -> dict[str, Any]:
    """The right settings of section `name`, whose keys are the fields of `cls`; what is wrong goes to `faults`."""
    return checked(name, sections.get(name, {}), get_type_hints(cls), faults)


def checked(section: str, given: Mapping[str, Any], known: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """The settings of a section that are right; what is wrong with the others goes to `faults`."""
    right: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            faults.append(f'[{section}]: no option "{key}"{nearest(key, known)}')
        elif (fault := _type_fault(value, known[key])) is not None:
            faults.append(f"[{section}] {key} = {value!r}: {fault}")
        else:
            right[key] = float(value) if known[key] is float else value
    return right


def _type_fault(value: Any, wanted: Any) -> str | None:
    if get_origin(wanted) is Literal:
        choices = get_args(wanted)
        return None if value in choices else f"not one of {', '.join(map(str, choices))}"
    if wanted is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    elif wanted is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = isinstance(value, wanted)
    names = {int: "a whole number", float: "a finite number", str: "text", bool: "true or false"}
    return None if fits else f"is not {names.get(wanted, wanted)}"


_LEAST_ONE = {
    *("depth", "hidden", "width", "radius", "keep", "epochs", "batch_size", "eval_batch_size", "max_answer_tokens"),
    *("accumulate", "halve_patience", "encoder_layers", "modelling_layers"),
    *("character_width", "character_hidden", "character_filters", "character_kernel", "characters_per_token"),
}
_NOT_NEGATIVE = {"lr", "eps", "weight_decay", "clip", "patience", "max_minutes", "checkpoint_minutes", "c_lr_scale"}
_NOT_NEGATIVE |= {"seed", "heads", "highway"}
_SHARES = {"dropout", "average", "rho"}


def out_of_range(sections: Mapping[str, Mapping[str, Any]], least: Mapping[str, int] | None = None) -> list[str]:
    """What is wrong with numbers of the right type that cannot be meant, in sections of settings.

    `least` has the smallest value of settings that are no reader's.
    """
    faults = []
    for section, values in sections.items():
        for key, value in values.items():
            if (limit := _limit(key, value, least or {})) is not None:
                faults.append(f"[{section}] {key} = {value}: must be {limit}")
    return faults


def _limit(key: str, value: Any, least: Mapping[str, int]) -> str | None:
    """The limit that a setting breaks, if it does."""
    if key in least and value < least[key]:
        return f"{least[key]} or more"
    if key in _LEAST_ONE and value < 1:
        return "1 or more"
    if key in _NOT_NEGATIVE and value < 0:
        return "0 or more"
    if key == "seed" and value >= SEED_LIMIT:
        return f"below {SEED_LIMIT}"
    if key in _SHARES and not 0 <= value < 1:
        return "at least 0 and below 1"
    return "above 0" if key == "temperature" and value <= 0 else None


def reader_options(reader: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The types and the defaults of a reader's settings: its keyword arguments, and those of an unpacked TypedDict."""
    function = reader.__init__ if inspect.isclass(reader) else reader
    hints, types, defaults = get_type_hints(function), {}, {}
    for p in inspect.signature(reader).parameters.values():
        if p.kind is inspect.Parameter.KEYWORD_ONLY:
            types[p.name], defaults[p.name] = hints[p.name], p.default
        elif p.kind is inspect.Parameter.VAR_KEYWORD:
            (options,) = get_args(hints[p.name])  # of Unpack
            types |= get_type_hints(options)
            defaults |= sys.modules[options.__module__].HAM_DEFAULTS
    return types, defaults


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "..."?` where one of the `known` names is near to `name`, else nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
