"""Where and in which precision a reader runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ham_mrc.errors import HamError


@dataclass(frozen=True, slots=True)
class Device:
    """A torch device and the precision of matrix products on it, "float32" or "bfloat16"."""

    torch: torch.device
    precision: str

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Within the block, matrix products run in the chosen precision; softmax and losses stay in float32."""
        with torch.autocast(self.torch.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            yield


def choose_device(device: str, precision: str, local_rank: int = 0) -> Device:
    """`auto` is the GPU where torch sees one, with bfloat16 if it has it, and else the CPU in float32.

    On CPUs bfloat16 is taken only when asked for: the recurrent readers are bound by small operations there, and the
    conversions cost more than the narrower products save. Of several processes on a machine each has the GPU of its
    `local_rank`. Raises HamError where `cuda` is asked for and absent, or there are fewer GPUs than processes.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise HamError("no GPU that torch can use (--device cuda)", remedy="use --device auto or cpu")
    kind = "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"
    if precision == "auto":
        precision = "bfloat16" if kind == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    if local_rank == 0:
        return Device(torch.device(kind), precision)
    if kind == "cuda" and local_rank >= torch.cuda.device_count():
        what = f"process {local_rank + 1} of this machine has no GPU of its own"
        raise HamError(what, remedy="start as many processes as there are GPUs, or use --device cpu")
    return Device(torch.device(kind, local_rank) if kind == "cuda" else torch.device(kind), precision)
