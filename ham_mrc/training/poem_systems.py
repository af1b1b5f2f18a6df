"""The class of every poem system, whose keyword arguments are what may stand in [system] of its config.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def settings_of_systems() -> dict[str, Callable[..., Any]]:
    """By the name of a system what `build_poem_config` looks at."""
    from ham_mrc.quatrains.smt import SMTSettings
    from ham_mrc.training.poem_networks import NETWORKS

    return {**{name: kind.network for name, kind in NETWORKS.items()}, "smt": SMTSettings}
