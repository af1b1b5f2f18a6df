"""A process that measures one cell of `ham-mrc bench`: an order as JSON comes in, the last line that goes out answers.

So each cell's peak memory is its own, and one that the system kills for want of memory takes no other with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ham_mrc.config import build_config
from ham_mrc.errors import HamError
from ham_mrc.readers import READERS
from ham_mrc.training.bench_metric import measure_metric
from ham_mrc.training.bench_reader import Sizes, measure_reader
from ham_mrc.training.bench_yard import Pace
from ham_mrc.training.device import choose_device
from ham_mrc.training.memory import keep_freed_memory


def main() -> None:
    """Answer the one order that comes in; readers are run with memory kept as `train` keeps it."""
    print("\n" + json.dumps(answer(json.load(sys.stdin), keep_freed_memory)))


def answer(order: Mapping[str, Any], settle: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """What was measured; `failed` and why where it cannot be: memory, a missing extra, settings, a fault in torch."""
    try:
        return _measured(order, settle)
    except HamError as fault:
        return {"failed": str(fault)}
    except MemoryError:
        return {"failed": "out of memory"}
    except RuntimeError as fault:  # torch has an error of its own for a GPU's memory, and none for the CPU's
        first = str(fault).strip().partition("\n")[0]
        wanting = isinstance(fault, torch.OutOfMemoryError) or "allocate memory" in first
        return {"failed": f"out of memory: {first.rpartition('Allocator: ')[2]}" if wanting else first}


def _measured(order: Mapping[str, Any], settle: Callable[[], object]) -> dict[str, Any]:
    torch.set_num_threads(order["threads"])
    device, pace = choose_device(order["device"], order["precision"]), Pace(order["repeats"], order["until"])
    sizes, seed = Sizes(**order["sizes"]), order["seed"]
    if "metric" in order:
        return measure_metric(order["metric"], order["questions"], sizes.passage, device, pace, seed=seed)
    config = build_config(order["sections"], READERS)
    return measure_reader(config, sizes, device, pace, seed=seed, readable=order["readable"], settle=settle)


if __name__ == "__main__":
    main()
