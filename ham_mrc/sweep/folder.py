"""The folder of a sweep: what was asked for, which runs stand there, and how far each is.

DIR/sweep.toml                       the grid and all settings; `--config` takes it
DIR/READER/depth-D/seed-S/           a run folder each, as `train` makes it; what it said is in seed-S.log beside it
DIR/runs.json                        every run with its state and the command that repeats it
DIR/table.*, DIR/curve.*             what the sweep found
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import tomli_w

from ham_mrc import __version__
from ham_mrc.config import Config, parse_assignment, read_toml
from ham_mrc.data_prep.manifest import MANIFEST
from ham_mrc.errors import HamError
from ham_mrc.files import sha256, write_whole
from ham_mrc.opening import unreadable
from ham_mrc.sweep.grid import Cell, Grid
from ham_mrc.sweep.request import Request

SCHEMA = 1
SWEEP = "sweep.toml"
LOCK = ".sweep.lock"
TABLES = ("table.md", "table.tex", "table.csv", "table.json")
CURVES = ("curve.svg", "curve.png")

State = Literal["new", "stopped", "finished"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep of the prepared folder `data` in the folder `out`; `configs` are all settings of every run."""

    out: Path
    data: Path
    request: Request
    configs: Mapping[Cell, Config]

    @property
    def grid(self) -> Grid:
        """Its grid."""
        return self.request.grid

    def run(self, cell: Cell) -> Path:
        """The run folder of a cell."""
        return self.out / cell.folder

    def words(self, cell: Cell) -> list[str]:
        """The command that trains a cell anew, without the name of the program."""
        config = self.configs[cell]
        words = ["train", str(self.data), "--out", str(self.run(cell)), "--reader", cell.reader]
        words += ["--preset", config.preset] if config.preset else []
        words += ["--depth", str(cell.depth), "--seed", str(cell.seed)]
        for section, values in self.request.settings(cell.reader).items():
            for key, value in values.items() if section != "run" else ():
                words += ["--set", f"{section}.{key}={_written(section, key, value)}"]
        return words

    def go_on_words(self, cell: Cell) -> list[str]:
        """The command that goes on with a cell that was stopped."""
        return ["train", str(self.data), "--resume", str(self.run(cell))]

    def command(self) -> str:
        """What the user types to go on with the whole."""
        return shlex.join(["ham-mrc", "sweep", str(self.data), "--out", str(self.out)])


def _written(section: str, key: str, value: Any) -> str:
    """A value as `--set` reads it: a text bare where that comes back as the same text."""
    if isinstance(value, str) and parse_assignment(f"{section}.{key}={value}")[section][key] == value:
        return value
    return tomli_w.dumps({"x": value}).partition("=")[2].strip()


def state(sweep: Sweep, cell: Cell) -> State:
    """How far the run of a cell is. Raises HamError where another run stands in its place."""
    from ham_mrc.training.run_folder import CONFIG, open_run

    path = sweep.run(cell)
    if not (path / CONFIG).exists():
        return "new"
    run = open_run(path)
    if run.facts["manifest_sha256"] != sha256(sweep.data / MANIFEST):
        raise HamError("holds a run on other prepared data", file=path, remedy="choose another --out")
    if run.config != sweep.configs[cell]:
        differ = _differences(_flat(run.config), _flat(sweep.configs[cell]))
        raise HamError(f"holds a run with other settings ({differ})", file=path, remedy="choose another --out")
    return "finished" if run.finished else "stopped"


def _flat(config: Config) -> dict[str, Any]:
    parts = {"reader": config.reader_settings, **{k: asdict(getattr(config, k)) for k in ("embeddings", "training")}}
    flat = {f"{section}.{key}": value for section, values in parts.items() for key, value in values.items()}
    return {"preset": config.preset, **flat}


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    shown = [f"{key} = {there.get(key)!r} there, {here.get(key)!r} asked for" for key in keys[:3]]
    return ", ".join([*shown, *([f"and {len(keys) - 3} more"] if len(keys) > 3 else [])])


def settle(sweep: Sweep, *, force: bool) -> None:
    """Make sure that `out` is this sweep's folder, and write sweep.toml where it is new or its grid has grown.

    `force` takes away the runs of the sweep that stands there. Raises HamError where it is another sweep's, or holds
    strange files.
    """
    file, earlier = sweep.out / SWEEP, []
    if file.exists() and force:
        _take_away(sweep.out, _recorded_grid(file))
    elif file.exists():
        there = check(sweep)
        if there == sweep.grid:
            return
        earlier = [*read_toml(file)["made"].get("earlier_grids", []), str(there)]
    else:
        refuse_strange(sweep.out)
    made = {"schema": SCHEMA, "made_by": __version__, "data": str(sweep.data.resolve()), "earlier_grids": earlier}
    made["manifest_sha256"] = sha256(sweep.data / MANIFEST)
    content = {"made": made, **sweep.request.to_toml(), "settings": _recorded_settings(sweep)}
    with write_whole(file) as stream:
        stream.write(tomli_w.dumps(content).encode())


def check(sweep: Sweep) -> Grid:
    """The grid that DIR/sweep.toml records. Raises HamError where that is no part of this sweep, or of other settings.

    A grid may grow, but no run may fall out of it: the table is to show all that was tried.
    """
    file = sweep.out / SWEEP
    grid, content = _recorded_grid(file), read_toml(file)
    if content["made"].get("manifest_sha256") != sha256(sweep.data / MANIFEST):
        raise HamError("is a sweep on other prepared data", file=sweep.out, remedy="choose another --out")
    if not sweep.grid.holds(grid):
        what = f"is a sweep of a grid that this one does not hold ({grid})"
        raise HamError(what, file=sweep.out, remedy="ask for a grid that holds it, or choose another --out")
    recorded, asked = content["settings"], _recorded_settings(sweep)
    for reader in grid.readers:
        there, here = (
            {f"{name}.{key}": value for name, values in one[reader].items() for key, value in values.items()}
            for one in (recorded, asked)
        )
        if there != here:
            what = f"is a sweep with other settings of {reader} ({_differences(there, here)})"
            raise HamError(what, file=sweep.out, remedy="choose another --out, or add --force to begin anew")
    return grid


def earlier_grids(out: Path) -> list[str]:
    """The grids that a sweep had before it grew, oldest first."""
    found: list[str] = read_toml(out / SWEEP)["made"].get("earlier_grids", [])
    return found


def _recorded_grid(file: Path) -> Grid:
    content = read_toml(file)
    if content.get("made", {}).get("schema") != SCHEMA:
        raise HamError("is not what this version of ham-mrc writes there", file=file, remedy="choose another --out")
    head = content["sweep"]
    return Grid(tuple(head["readers"]), tuple(head["depths"]), tuple(head["seeds"]))


def _recorded_settings(sweep: Sweep) -> dict[str, Any]:
    """All settings by reader, without what the grid says."""
    found: dict[str, Any] = {}
    for cell, config in sweep.configs.items():
        reader = {key: value for key, value in config.reader_settings.items() if key != "depth"}
        training = {key: value for key, value in asdict(config.training).items() if key != "seed"}
        sections = {"reader": reader, "embeddings": asdict(config.embeddings), "training": training}
        found.setdefault(cell.reader, {"run": {"preset": config.preset}, **sections})
    return found


def refuse_strange(out: Path) -> None:
    """Raise HamError where `out` is no folder, or holds files but no sweep."""
    try:
        names = sorted(path.name for path in out.iterdir()) if out.exists() else []
        strange = [] if SWEEP in names else [name for name in names if name != LOCK]
    except NotADirectoryError as error:
        raise HamError("is a file, not a folder", file=out) from error
    except OSError as error:
        raise unreadable(out, error) from error
    if strange:
        what = f"holds files that are no sweep's ({strange[0]})"
        raise HamError(what, file=out, remedy="choose another folder, or empty this one")


def _take_away(out: Path, grid: Grid) -> None:
    """Remove the runs of a sweep and what was found of them, and nothing else."""
    from ham_mrc.training.run_folder import CONFIG

    for name in (*TABLES, *CURVES):
        (out / name).unlink(missing_ok=True)
    for cell in grid:
        if (out / cell.folder / CONFIG).exists():
            shutil.rmtree(out / cell.folder)
        (out / cell.log).unlink(missing_ok=True)
