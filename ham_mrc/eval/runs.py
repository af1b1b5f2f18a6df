"""A run folder to what `eval` needs: its predictions, the references they answer, and the run's settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.results import FILE_NAME, load_result
from ham_mrc.opening import read_bytes

PARTS = ("test", "dev")
"""The part that is reported is the last there is: with a test part, dev only served to choose the epoch."""


@dataclass(frozen=True, slots=True)
class RunInputs:
    """`settings` are as the run's own result tells them, None where it has none; `dataset` as its config.toml does."""

    predictions: Path
    references: Path
    dataset: str | None
    settings: Mapping[str, Any] | None


def run_inputs(run: Path) -> RunInputs:
    """Where the predictions of a finished run are, and the references in the prepared data it names.

    RUN/config.toml holds `[data] folder`; a relative one counts from here or from RUN.
    Raises HamError where a part of this is missing, and says which files to name instead.
    """
    if not run.is_dir():
        raise HamError(
            "is no folder" if run.exists() else "no such folder",
            file=run,
            remedy="give PREDICTIONS and REFERENCES, or the folder of a run",
        )
    data, dataset = _data(run)
    for part in PARTS:
        predictions = _either(run / "predictions" / part)
        if predictions.exists():
            references = _either(data / part / "references")
            if not references.exists():
                raise HamError(
                    "no such file",
                    file=references,
                    remedy=f"the prepared data have moved: score with ham-mrc eval {predictions} REFERENCES",
                )
            return RunInputs(predictions, references, dataset, _settings(run))
    raise HamError(
        "the run has written no predictions yet", file=run, remedy=f"finish it: ham-mrc train --resume {run}"
    )


def _either(stem: Path) -> Path:
    """The file as JSON, or as JSON Lines if that is what is there: which of them is the dataset's affair."""
    document, lines = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.jsonl")
    return lines if lines.exists() and not document.exists() else document


def _data(run: Path) -> tuple[Path, str | None]:
    """The prepared folder of a run, and its dataset where the run says so."""
    config = run / "config.toml"
    if not config.exists():
        raise HamError("is no run folder (no config.toml)", file=run)
    try:
        facts = tomllib.loads(read_bytes(config).decode("utf-8"))["data"]
        folder, dataset = facts["folder"], facts.get("dataset")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HamError(f"is not TOML ({error})", file=config) from error
    except (KeyError, TypeError):
        folder = dataset = None
    if not isinstance(folder, str):
        raise HamError("names no prepared data", file=config, place="[data]", remedy='folder = "..." is expected')
    found = Path(folder) if Path(folder).exists() else run / folder
    return found, dataset if isinstance(dataset, str) else None


def _settings(run: Path) -> Mapping[str, Any] | None:
    return load_result(run).run if (run / FILE_NAME).exists() else None
