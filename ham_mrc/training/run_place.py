"""Where a run may go, and what a killed one has left lying there."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ham_mrc.config import read_toml
from ham_mrc.data_prep.characters import CHARACTERS
from ham_mrc.errors import HamError
from ham_mrc.opening import unreadable
from ham_mrc.training.run_folder import (
    ANSWERS,
    CONFIG,
    FINISHED,
    LOG,
    OF_POEMS,
    POEM,
    PREDICTIONS,
    STATE,
    THRESHOLD,
    VOCABULARY,
    WEIGHTS,
    WRITTEN,
    resume_command,
    resume_poem_command,
)


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
        poems = read_toml(path / CONFIG)["run"].get("kind") == POEM
        resume = resume_poem_command(path) if poems else resume_command(path)
        remedy = f"go on with: {resume}; or add --force to begin anew"
        raise HamError("holds a run that was stopped", file=path, remedy=remedy)


def _is_run(path: Path) -> bool:
    try:
        return "schema" in read_toml(path / CONFIG).get("run", {})
    except HamError:
        return False


def _is_leftover(file: Path) -> bool:
    """Whether it is what a process killed while it wrote leaves behind: .NAME.xxxxxxxx.part (files.write_whole)."""
    ours = {CONFIG, VOCABULARY, CHARACTERS, WEIGHTS, LOG, THRESHOLD, FINISHED, STATE.name, *ANSWERS}
    ours |= {Path(name).name for name in OF_POEMS}
    return file.suffix == ".part" and file.name.rsplit(".", 2)[0] in {f".{name}" for name in ours}


def remove_leftovers(run: Path) -> None:
    """Take away what a process killed while it wrote to the folder left behind."""
    for folder in (run, run / STATE.parent, run / PREDICTIONS, run / Path(WRITTEN[0]).parent):
        with contextlib.suppress(OSError):
            for file in filter(_is_leftover, folder.iterdir()):
                file.unlink()
