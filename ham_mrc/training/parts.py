"""The parts of a prepared folder that a run needs, and what each of them serves for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError
from ham_mrc.eval.references import References, load_references
from ham_mrc.training.batches import labelled_rows


@dataclass(frozen=True, slots=True)
class Parts:
    """`columns` of every part by its name; `references` of those that are answered, all but `train`."""

    columns: dict[str, Columns]
    references: dict[str, References]

    @property
    def train(self) -> Columns:
        """The part that trains."""
        return self.columns["train"]

    @property
    def chooser(self) -> str:
        """The part that chooses the epoch: `choice`, or `dev` where there is a test part to report."""
        return "choice" if "choice" in self.columns else "dev"

    @property
    def reported(self) -> str:
        """The part whose scores the run reports; it never chooses."""
        return "test" if "test" in self.columns else "dev"

    @property
    def watched(self) -> list[str]:
        """The parts that are scored after every epoch: the chooser, and dev for the log."""
        return list(dict.fromkeys((self.chooser, "dev")))

    @property
    def predicted(self) -> list[str]:
        """The parts that the finished run answers."""
        return [name for name in ("dev", "test") if name in self.columns]


def open_parts(data: Path) -> Parts:
    """The parts of a prepared folder. Raises HamError where one is missing, or none can train, choose or report."""
    names = [name for name in ("train", "choice", "dev", "test") if (data / name).is_dir()]
    for name in ("train", "dev"):
        if name not in names:
            raise HamError(f"holds no {name} part", file=data, remedy="prepare it with --split or --dev")
    if "choice" not in names and "test" not in names:
        raise HamError("holds neither a choice nor a test part beside dev", file=data, remedy="prepare again")
    columns = {name: Columns.open(data / name) for name in names}
    labelled_rows(columns["train"])
    references = {name: load_references(data / name / "references.json") for name in names if name != "train"}
    return Parts(columns, references)
