"""The training of networks that write poems: epochs over lines, chosen by the perplexity of the valid part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.errors import HamError
from ham_mrc.files import write_json, write_jsonl
from ham_mrc.progress import Bar, Progress
from ham_mrc.quatrains.batch import PoemBatch, PoemLines
from ham_mrc.training.batches import Rows
from ham_mrc.training.checkpoint import Progressed, load_weights
from ham_mrc.training.device import Device
from ham_mrc.training.diagnose import site_figures, trace
from ham_mrc.training.interrupt import StoppableBar, stoppable
from ham_mrc.training.poem_batches import PoemRows
from ham_mrc.training.poem_config import PoemConfig
from ham_mrc.training.poem_networks import NETWORKS
from ham_mrc.training.run_folder import FINISHED, LOG, PLANNER, POEM, WEIGHTS, resume_poem_command

if TYPE_CHECKING:
    from ham_mrc.training.training import Training

CHOOSER = "valid"
"""The part whose perplexity chooses the epoch."""


@dataclass(frozen=True, slots=True)
class PoemParts:
    """The prepared poems and, of the parts that train and choose, the rows that a network learns from."""

    folder: PoemFolder
    rows: dict[str, PoemRows]

    @classmethod
    def open(cls, folder: PoemFolder, system: str) -> PoemParts:
        """The parts as the network of `system` reads them. Raises HamError where one of them is empty."""
        rows = {part: NETWORKS[system].rows(folder.triples(part)) for part in ("train", CHOOSER)}
        for part, some in rows.items():
            if not len(some):
                raise HamError(f"its {part} part holds no poem", file=folder.path, remedy="prepare more poems")
        return cls(folder, rows)


class PoemObjective(nn.Module):
    """Batch -> the mean (or the sum) of the cross-entropy of a row's symbols, summed over rows; and the same, detached.

    With the mean an update's loss, a mean over rows, is one over symbols: a batch has rows of one shape.
    """

    def __init__(self, network: nn.Module, device: Device, loss: str = "mean") -> None:
        super().__init__()
        self.network, self.device, self.loss = network, device, loss

    def forward(self, batch: PoemBatch | PoemLines) -> tuple[Tensor, Tensor]:
        """In the device's precision."""
        with self.device.autocast():
            loss, symbols = self.network.loss(batch)  # type: ignore[operator]
        total = loss * (rows_of(batch) / symbols) if self.loss == "mean" else loss
        return total, total.detach()


def rows_of(batch: PoemBatch | PoemLines) -> int:
    """How many rows a batch has."""
    return len(batch.line if isinstance(batch, PoemBatch) else batch.lines)


@torch.inference_mode()
def perplexity(network: nn.Module, rows: PoemRows, device: Device, size: int, bar: Bar | None = None) -> float:
    """e to the mean cross-entropy of all symbols that are predicted, ends of lines included.

    The network is left in the mode it came in.
    """
    loss, symbols, was_training = 0.0, 0, network.training
    network.eval()
    try:
        for some in rows.plain_order(size):
            with device.autocast():
                found, count = network.loss(rows.batch(some).to(device.torch))  # type: ignore[operator]
            loss, symbols = loss + float(found), symbols + count
            if bar is not None:
                bar.advance(len(some))
    finally:
        network.train(was_training)
    return math.exp(loss / symbols)


class PoemTask:
    """The task of PPG and RNNPG; `training.parts` are PoemParts."""

    larger_is_better = False

    def __init__(self, system: str, loss: str = "mean") -> None:
        self.kind, self.loss = NETWORKS[system], loss
        self.unit = self.kind.unit

    def objective(self, network: nn.Module, device: Device) -> nn.Module:
        """Cross-entropy of the characters of a line and its end, teacher forcing."""
        return PoemObjective(network, device, self.loss)

    def order(self, training: Training, epoch: int) -> list[Rows]:
        """Lines of one shape together; an update's worth each."""
        settings, parts = training.settings, _parts(training)
        return parts.rows["train"].order(settings.batch_size * settings.accumulate, seed=settings.seed, epoch=epoch)

    def batch(self, training: Training, rows: Rows) -> PoemBatch | PoemLines:
        """Rows of the training part."""
        return _parts(training).rows["train"].batch(rows)

    def watched(self, training: Training) -> int:
        """The rows of the valid part."""
        return len(_parts(training).rows[CHOOSER])

    def score(self, training: Training, bar: Bar) -> float:
        """Perplexity of the valid part."""
        rows, size = _parts(training).rows[CHOOSER], training.settings.eval_batch_size
        return perplexity(training.reader, rows, training.device, size, StoppableBar(bar, training.stop))

    def chosen_by(self, training: Training, scores: float) -> float:
        """That perplexity."""
        return scores

    def figures(self, training: Training, scores: float) -> dict[str, dict[str, float]]:
        """That perplexity."""
        return {CHOOSER: {"perplexity": scores}}

    def levels(self, training: Training) -> dict[str, list[dict[str, Any]]]:
        """On some lines of the valid part; see `line_levels`."""
        return line_levels(training.reader, _parts(training).rows[CHOOSER], training.device)

    def details(self, training: Training, batches: Sequence[Rows]) -> dict[str, Any]:
        """How many rows a whole epoch has. There is no padding to tell of."""
        return {"rows": len(_parts(training).rows["train"])}

    def epoch_line(self, training: Training, entry: dict[str, Any]) -> str:
        """`epoch 2: loss 4.214, valid perplexity 80.12 (best), 1,250 lines/s`."""
        best = " (best)" if entry["best"] else ""
        cut = ", cut short by max_minutes" if entry["cut_short"] else ""
        figure = entry["scores"][CHOOSER]["perplexity"]
        rate = f"{entry['examples_per_second']:,.0f} {self.unit}/s"
        return f"epoch {entry['epoch']}: loss {entry['loss']:.3f}, {CHOOSER} perplexity {figure:.2f}{best}, {rate}{cut}"

    def finish(self, training: Training) -> None:
        """What else the system needs is made around the best weights; the last file says how far training came."""
        run, parts = training.run, _parts(training)
        write_jsonl(run.path / LOG, training.progressed.log)  # a run killed before its last log line comes here anew
        load_weights(run.path / WEIGHTS, training.reader)
        seed, progress = training.settings.seed, stoppable(training.progress, training.stop)
        if self.kind.finish is not None:
            self.kind.finish(training.reader, parts.folder, run.path, seed=seed, progress=progress)
        add_planner(run.path, parts.folder, seed, progress)
        assert isinstance(run.config, PoemConfig)
        write_json(run.path / FINISHED, outcome(run.path, run.config, parts.folder, **trained(training.progressed)))

    def resume_command(self, run: Path) -> str:
        """`ham-mrc poem train --resume --out RUN`."""
        return resume_poem_command(run)


def _parts(training: Training) -> PoemParts:
    parts: PoemParts = training.parts
    return parts


def add_planner(run: Path, folder: PoemFolder, seed: int, progress: Progress) -> None:
    """Train what plans keywords, unless the run has it: a seed and the data decide it, whatever the system."""
    from ham_mrc.quatrains.planner import train_planner

    if not (run / PLANNER).exists():
        train_planner(folder, seed, progress).save(run)


def outcome(run: Path, config: PoemConfig, folder: PoemFolder, **more: Any) -> dict[str, Any]:
    """What scores.json says: what the run is, the settings that rows of a table are told apart by, and `more`."""
    return {
        "schema": 1,
        "kind": POEM,
        "name": run.resolve().name,
        "system": config.system,
        "preset": config.preset,
        **more,
        "settings": {**config.settings, **config.training_settings},
        "manifest_sha256": folder.manifest_sha256,
    }


def trained(done: Progressed) -> dict[str, Any]:
    """How far a network came, and how well it predicts the part that chose its epoch."""
    best = next(entry for entry in done.log if entry["epoch"] == done.best_epoch)
    return {
        "perplexity": best["scores"][CHOOSER]["perplexity"],
        "part": CHOOSER,
        "epochs": epochs_done(done.log),
        "best_epoch": done.best_epoch,
        "cut_short": done.log[-1]["cut_short"],
    }


def epochs_done(log: Sequence[dict[str, Any]]) -> float:
    """Epochs, the last one counted by the share of its examples that it has seen."""
    last = log[-1]
    return len(log) - 1 + (last["examples"] / last["rows"] if last["cut_short"] else 1.0)


def line_levels(network: nn.Module, rows: PoemRows, device: Device, limit: int = 64) -> dict[str, list[dict[str, Any]]]:
    """For every site of attention and every level: `weight`, `change`, `entropy`, `spread` (see LevelFigures).

    On the first `limit` rows of the last group: fourth lines of seven characters, whose memory is the longest.
    """
    sites: dict[str, Any] = network.ham_sites()  # type: ignore[operator]
    if not sites:
        return {}
    group = rows.plain_order(len(rows))[-1]
    batch = rows.batch(group[:limit]).to(device.torch)
    was_training = network.training
    network.eval()
    try:
        traces = trace(network, batch, device)
    finally:
        network.train(was_training)
    return {name: site_figures(site, traces[name]) for name, site in sites.items()}
