"""What a sweep is asked to do: its grid, and the settings that go over each reader's preset.

As a file, for `--config`, and as it stands in DIR/sweep.toml:

    [sweep]
    readers = ["match-lstm", "bidaf"]
    depths = [1, 2, 5, 10, 20]
    seeds = 3                       # 13, 14, 15; or a list of them
    preset = "small"                # READER-small; or one preset by its name

    [training]                      # and [reader], [embeddings]: for every reader
    epochs = 4

    [only.bidaf.reader]             # for one of them
    ham_sites = "c2q"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ham_mrc.config import merge, parse_assignment, preset_names, read_toml
from ham_mrc.errors import ConfigError
from ham_mrc.sweep.grid import DEPTHS, SEEDS, Grid, make_grid, seeds_from

Sections = dict[str, dict[str, Any]]

FIRST_SEED = 13

_SETTINGS = ("reader", "embeddings", "training")
_OWN = ("made", "settings")
"""Sections that DIR/sweep.toml has beside those of a request."""

_KEYS: dict[str, tuple[type[Any], type[Any] | None]] = {
    "readers": (list, str),
    "depths": (list, int),
    "seeds": (list, int),
    "preset": (str, None),
}
"""Of [sweep]: the type of a value, and that of its elements. `seeds` may also be their number."""

_OF_THE_GRID = {("reader", "name"): "readers", ("reader", "depth"): "depths", ("training", "seed"): "seeds"}


@dataclass(frozen=True, slots=True)
class Request:
    """A sweep before it has a folder. `sections` are settings of every reader, `only` those of one, over them."""

    grid: Grid
    preset: str = ""
    sections: Sections = field(default_factory=dict)
    only: dict[str, Sections] = field(default_factory=dict)

    def settings(self, reader: str) -> Sections:
        """What was asked for one reader, as sections."""
        return merge(self.sections, self.only.get(reader, {}))

    def preset_of(self, reader: str) -> str | None:
        """The preset of one reader: READER-strong where "strong" is asked for; None for what `train` takes."""
        own = self.only.get(reader, {}).get("run", {}).get("preset") or self.preset
        family = f"{reader}-{own}"
        return family if family in preset_names() else own or None

    def to_toml(self) -> dict[str, Any]:
        """The sections of a file that asks for the same."""
        grid = {"readers": list(self.grid.readers), "depths": list(self.grid.depths), "seeds": list(self.grid.seeds)}
        head = {**grid, **({"preset": self.preset} if self.preset else {})}
        return {"sweep": head, **self.sections, **({"only": self.only} if self.only else {})}


def read_request(file: Path) -> dict[str, Any]:
    """The sections of a file that asks for a sweep, or of DIR/sweep.toml without what only that has.

    Raises ConfigError with all that is no such file's at once.
    """
    content: dict[str, Any] = {name: values for name, values in read_toml(file).items() if name not in _OWN}
    faults = [f"no section [{name}]" for name in content if name not in ("sweep", "only", *_SETTINGS)]
    head = content.get("sweep", {})
    faults += [f'[sweep]: no option "{key}"; there are {", ".join(_KEYS)}' for key in head if key not in _KEYS]
    faults += [f"[sweep] {key} = {head[key]!r}: is not {_wanted(key)}" for key in head if not _fits(key, head[key])]
    for reader, sections in content.get("only", {}).items():
        if not isinstance(sections, dict) or not all(isinstance(values, dict) for values in sections.values()):
            faults.append(f"[only] {reader}: write [only.{reader}.SECTION] above settings")
            continue
        faults += [f"no section [only.{reader}.{name}]" for name in sections if name not in ("run", *_SETTINGS)]
        faults += _grid_faults(sections, f"only.{reader}.")
    faults += _grid_faults(content, "")
    if faults:
        raise ConfigError(faults, file=file)
    return content


def _fits(key: str, value: Any) -> bool:
    if key not in _KEYS or (key == "seeds" and type(value) is int and value > 0):
        return True
    kind, element = _KEYS[key]
    return type(value) is kind and (element is None or all(type(one) is element for one in value))


def _wanted(key: str) -> str:
    lists = {"readers": "a list of names", "depths": "a list of whole numbers", "preset": "a name"}
    return lists.get(key, "a number of seeds, or a list of them")


def _grid_faults(sections: Mapping[str, Any], before: str) -> list[str]:
    """What belongs to the grid and stands among the settings."""
    return [
        f"[{before}{section}] {key}: is the grid's; name it in {place}"
        for (section, key), place in _OF_THE_GRID.items()
        if key in sections.get(section, {})
    ]


def make_request(
    content: Mapping[str, Any],
    *,
    reader: str,
    readers: Sequence[str] | None = None,
    depths: Sequence[int] | None = None,
    seeds: int | Sequence[int] | None = None,
    first_seed: int | None = None,
    preset: str | None = None,
    embeddings: str | None = None,
    assignments: Sequence[str] = (),
) -> Request:
    """The request of a file's sections with options over them; `reader` is the one where neither names any.

    Raises HamError for a grid that is none, and ConfigError for settings that belong to the grid.
    """
    head = content.get("sweep", {})
    given: Sections = {} if embeddings is None else {"embeddings": {"source": embeddings}}
    layers = [parse_assignment(text) for text in assignments]
    faults = [fault for layer in layers for fault in _grid_faults(layer, "")]
    faults += [f"no section [{name}]" for layer in layers for name in layer if name not in _SETTINGS]
    if faults:
        raise ConfigError([f"--set: {fault}" for fault in faults])
    own = {name: content[name] for name in _SETTINGS if name in content}
    return Request(
        make_grid(
            readers or head.get("readers", [reader]),
            depths or head.get("depths", DEPTHS),
            _seeds(head.get("seeds"), seeds, first_seed),
        ),
        head.get("preset", "") if preset is None else preset,
        _from_anywhere(merge(own, *layers, given)),
        {name: _from_anywhere(sections) for name, sections in content.get("only", {}).items()},
    )


def _seeds(in_file: int | list[int] | None, asked: int | Sequence[int] | None, first: int | None) -> list[int]:
    """Those asked for. A number of seeds counts on from the first that the file names, where it names any."""
    listed = in_file if isinstance(in_file, list) else []
    if asked is None:
        asked = in_file if in_file is not None and not (listed and first is not None) else len(listed) or SEEDS
    return seeds_from(asked, first if first is not None else min(listed, default=FIRST_SEED))


def _from_anywhere(sections: Sections) -> Sections:
    """The same settings; a file of vectors is named so that it is found from whatever folder."""
    source = sections.get("embeddings", {}).get("source", "")
    if not isinstance(source, str) or not source or not Path(source).exists():
        return sections
    return merge(sections, {"embeddings": {"source": str(Path(source).resolve())}})
