"""What a killed run needs to go on as if nothing had happened, in one safetensors file that lands whole.

No pickle anywhere: tensors in safetensors, counters in the JSON of its header. The state of random generators is not
among them: every update seeds its own from (seed, update), so the number of the update is all there is to know.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ham_mrc.errors import HamError
from ham_mrc.files import write_whole
from ham_mrc.training.average import Average
from ham_mrc.training.run_folder import CONFIG, STATE
from ham_mrc.training.task import Settings

SCHEMA = 2
FREE = ("device", "max_minutes", "checkpoint_minutes")
"""Settings of [training] that may be changed in a run's config.toml while it is stopped."""


@dataclass(slots=True)
class Progressed:
    """How far a run is. `epoch` counts from 1, `position` the batches of it that are done, `update` all updates.

    The sums run over the epoch in hand. `best_score` is the figure that chooses, in per cent for readers, and counts
    where `best_epoch` is above 0; `flat_epochs` have followed it without a better one, `flat_since_halving` of them
    since the rate was last halved, `halvings` times.
    """

    epoch: int = 1
    position: int = 0
    update: int = 0
    loss_sum: float = 0.0
    norm_sum: float = 0.0
    examples: int = 0
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    best_score: float = -1.0
    best_epoch: int = 0
    flat_epochs: int = 0
    halvings: int = 0
    flat_since_halving: int = 0
    finished: bool = False
    fingerprint: str = ""  # of the settings that the run began with; empty: not recorded
    log: list[dict[str, Any]] = field(default_factory=list)

    def count_update(self, examples: int, loss: float, norm: float, seconds: float) -> None:
        """One more update: its examples, their mean loss, the norm of its gradient, the time it took."""
        self.position, self.update, self.examples = self.position + 1, self.update + 1, self.examples + examples
        self.loss_sum, self.norm_sum = self.loss_sum + loss * examples, self.norm_sum + norm
        self.seconds, self.epoch_seconds = self.seconds + seconds, self.epoch_seconds + seconds

    def count_epoch(self, entry: dict[str, Any], best: float | None, halve_patience: int) -> None:
        """One more epoch with its log entry; `best` is the figure that chooses if there was none better."""
        self.log.append(entry)
        if best is None:
            self.flat_epochs, self.flat_since_halving = self.flat_epochs + 1, self.flat_since_halving + 1
        else:
            self.best_score, self.best_epoch, self.flat_epochs, self.flat_since_halving = best, self.epoch, 0, 0
        if self.flat_since_halving >= halve_patience:
            self.halvings, self.flat_since_halving = self.halvings + 1, 0
        self.epoch, self.position, self.examples = self.epoch + 1, 0, 0
        self.loss_sum = self.norm_sum = self.epoch_seconds = 0.0


def fingerprint(config: Settings) -> str:
    """SHA-256 of the settings that decide a run's weights: not the device, the clock, or where its vectors lie."""
    settings = dict(config.identity)
    settings |= {k: v for k, v in asdict(config.training).items() if k not in FREE}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def save_weights(path: Path, reader: nn.Module) -> None:
    """Write a reader's weights, whole or not at all. The same weights give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _distinct(reader).items()}
    with write_whole(path) as stream:
        # One key: safetensors writes several in an order that changes from process to process.
        stream.write(save(tensors, metadata={"format": "pt"}))


def load_weights(path: Path, reader: nn.Module) -> None:
    """Read weights into a reader of the same shape. Raises HamError naming what is missing or differs."""
    tensors, _ = _read(path)
    _load(reader, tensors, path)


def save_state(
    run: Path, reader: nn.Module, optimizer: torch.optim.Optimizer, average: Average, progressed: Progressed
) -> None:
    """Write all that resuming needs."""
    tensors = {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in _distinct(reader).items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": torch.as_tensor(value).cpu() for key, value in state.items()}
    tensors |= {f"average.{name}": tensor.cpu() for name, tensor in average.shadow.items()}
    header = {"schema": str(SCHEMA), "progressed": json.dumps(asdict(progressed))}
    with write_whole(run / STATE) as stream:
        stream.write(save(tensors, metadata=header))


def load_state(
    run: Path, config: Settings, reader: nn.Module, optimizer: torch.optim.Optimizer, average: Average
) -> Progressed:
    """Bring reader, optimiser and average back to where `save_state` left them.

    Raises HamError for a damaged or foreign file, or one that other settings than `config` have written.
    """
    tensors, header = _read(run / STATE)
    progressed = _progressed(run, header)
    if progressed.fingerprint not in ("", fingerprint(config)):
        raise HamError(
            "does not hold the settings that the run began with",
            file=run / CONFIG,
            remedy="put them back, or begin a new run with --config",
        )
    _load(reader, {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, run / STATE)
    average.load({k[8:]: v for k, v in tensors.items() if k.startswith("average.")})
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".", 2)
            state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return progressed


def _progressed(run: Path, header: dict[str, str]) -> Progressed:
    if header.get("schema") != str(SCHEMA):
        raise HamError("was written by another version of ham-mrc", file=run / STATE, remedy="train anew")
    try:
        return Progressed(**json.loads(header["progressed"]))
    except (KeyError, TypeError, ValueError) as error:
        raise HamError("does not say how far the run was", file=run / STATE, remedy="train anew") from error


def _distinct(reader: nn.Module) -> dict[str, Tensor]:
    """The state dict without the second name of a tensor that two modules share, which safetensors refuses."""
    seen: set[int] = set()
    kept = {}
    for name, tensor in reader.state_dict().items():
        if tensor.data_ptr() not in seen or tensor.numel() == 0:
            kept[name] = tensor
        seen.add(tensor.data_ptr())
    return kept


def _load(reader: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    wanted = _distinct(reader)
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors or name not in wanted:
            what = f"lacks the weights {name}" if name in wanted else f"holds weights {name} that this reader lacks"
            raise HamError(what, file=path, remedy="it belongs to other settings or another version: train anew")
        if wanted[name].shape != tensors[name].shape:
            shapes = f"{tuple(tensors[name].shape)}, not {tuple(wanted[name].shape)}"
            raise HamError(f"weights {name} have the shape {shapes}", file=path, remedy="it belongs to other settings")
    reader.load_state_dict(tensors, strict=False)  # the names were just compared; only shared second names are absent


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.exists():
        raise HamError("no such file", file=path, remedy="train anew")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise HamError(f"is damaged or no safetensors file ({error})", file=path, remedy="train anew") from error
