"""Runs of poem systems small enough for tests: some dozen nonsense poems, and networks of width 8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ham_mrc.config import merge
from ham_mrc.files import read_jsonl
from ham_mrc.training.log import TIMINGS
from ham_mrc.training.poem_config import PoemConfig, build_poem_config
from ham_mrc.training.poem_systems import settings_of_systems

SMALL: dict[str, dict[str, Any]] = {
    "ppg": {"embedding": 8, "hidden": 8, "depth": 3},
    "rnnpg": {"width": 8, "features": "rnn"},
    "smt": {"tuning_rounds": 0},
}

OFTEN: dict[str, Any] = {"batch_size": 64, "checkpoint_minutes": 0.0}
"""Of [training]: a save after every update."""

EXACT = ("config.toml", "model.safetensors", "planner.safetensors", "scores.json", "vocab.txt")
"""Files of a network's run that are the same, byte for byte, however often it was interrupted."""


def tiny_poems(name: str = "ppg", **sections: dict[str, Any]) -> PoemConfig:
    """Settings that train in a fraction of a second, with `sections` over them."""
    training = {"epochs": 2, "batch_size": 32, "lr": 0.02, "schedule": "linear", "patience": 0}
    basis = {"system": {"name": name, **SMALL[name]}, "training": {} if name == "smt" else training}
    return build_poem_config(merge(basis, sections), settings_of_systems())


def poem_log(run: Path) -> list[dict[str, Any]]:
    """The epochs in a run's log, without what the clock decides."""
    return [{k: v for k, v in entry.items() if k not in TIMINGS} for _, entry in read_jsonl(run / "log.jsonl")]


def poem_outcome(run: Path) -> dict[str, Any]:
    """Everything that an interrupted run must have in common with an unbroken one."""
    return {"log": poem_log(run), **{name: (run / name).read_bytes() for name in EXACT}}
