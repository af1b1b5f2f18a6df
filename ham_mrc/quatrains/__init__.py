"""Systems that write four-line Chinese poems line by line, how they write, and what their lines are worth."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ham_mrc.quatrains.compose import Writer
    from ham_mrc.quatrains.written import System as Scored

    class System(Writer, Scored):
        """What opens from a run folder: writes lines for people, and for scores."""


SYSTEMS = {
    "ppg": "ham_mrc.training.poem_opening:open_ppg",
    "rnnpg": "ham_mrc.training.poem_opening:open_rnnpg",
    "smt": "ham_mrc.training.poem_opening:open_smt",
}
"""Every system by its name on the command line: what opens its run folder. Of these modules only one is imported."""


def open_system(run: Path) -> System:
    """The system of a finished run folder. Raises HamError where there is none, or it has not finished."""
    opened = import_module("ham_mrc.training.poem_run").open_poem_run(run)
    opened.need_finished()
    module, _, function = SYSTEMS[opened.config.system].partition(":")
    system: System = getattr(import_module(module), function)(opened)
    return system
