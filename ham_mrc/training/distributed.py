"""Several processes that train one run together, begun by `torchrun ... -m ham_mrc train`.

Every process holds the whole reader and reads its share of each update's questions; gradients are put together, so the
weights are the same in all of them. The first process, the leader, alone writes, prints and scores; it tells the
others how an epoch ended. What one process hears (Ctrl-C) all of them learn before the next update.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from ham_mrc.errors import HamError
from ham_mrc.training.batches import Rows

UPDATE_SEEDS = 1_000_003
"""In update u of a run with seed s the leader draws its random numbers from seed s * UPDATE_SEEDS + u."""

PATIENCE = timedelta(days=7)
"""How long a process waits for another that is alive: as long as the leader may take to score an epoch."""

SILENCE = 1.0
"""Seconds that a process, which has nothing to say, leaves to the one that tells why all of them end."""


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of one run, of which this is number `rank` of `size`, and number `local_rank` on its machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leader(self) -> bool:
        """Whether this process writes, prints and scores."""
        return self.rank == 0

    def share(self, rows: Rows) -> Rows:
        """This process's part of the questions of an update: none, where there are fewer questions than processes."""
        return rows[self.rank :: self.size]

    def total(self, *numbers: float) -> list[float]:
        """Each number summed over all processes, in float64."""
        if self.size == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        with _losing_nobody():
            dist.all_reduce(sums)
        found: list[float] = sums.tolist()
        return found

    def wait(self) -> None:
        """Return when every process has come here."""
        self.total(0.0)

    def told(self, text: str) -> str:
        """The leader's `text`, in every process."""
        if self.size == 1:
            return text
        data = np.frombuffer(text.encode() if self.leader else b"", np.uint8)
        (length,) = self.total(len(data))
        sent = torch.zeros(int(length), dtype=torch.uint8)
        if self.leader:
            sent[:] = torch.from_numpy(data.copy())
        with _losing_nobody():
            dist.broadcast(sent, 0)
        return bytes(sent.tolist()).decode()

    def joined(self, module: nn.Module) -> nn.Module:
        """`module`, whose gradients are then the mean over all processes; alone, the module itself.

        Parameters that an update does not need are looked for, and buckets therefore never arranged anew by the order
        in which gradients came last time: sums keep their order, and a resumed run its bytes.
        """
        if self.size == 1:
            return module
        return DistributedDataParallel(module, forward_sync_buffers=False, find_unused_parameters=True)

    def seed(self, seed: int, update: int) -> int:
        """Where this process's random numbers of an update begin."""
        if self.leader:
            return seed * UPDATE_SEEDS + update
        return int(np.random.SeedSequence([seed, update, self.rank]).generate_state(1, np.uint64)[0] >> np.uint64(1))


ALONE = Group()
"""A run of one process."""


@contextlib.contextmanager
def together() -> Iterator[Group]:
    """The group that torchrun has started, or ALONE.

    Where the block fails in several processes, the exception leaves it in the first of them; the others end without a
    word by SystemExit. Raises HamError where a process comes without a GPU of its own.
    """
    if not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield ALONE
        return
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    members = PrefixStore("members", store)
    dist.init_process_group(backend, store=members, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield Group(rank, size, int(os.environ["LOCAL_RANK"]))
    except BaseException:
        if not _first_to_speak(store):
            time.sleep(SILENCE)
            raise SystemExit(1) from None
        raise
    dist.destroy_process_group()


def _first_to_speak(store: Any) -> bool:
    """Whether no other process has failed before. torchrun ends all as soon as one has gone: nothing more is heard."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        return int(store.add("failed", 1)) == 1
    except RuntimeError:  # the store has gone, and with it the one who could have answered
        return False


@contextlib.contextmanager
def _losing_nobody() -> Iterator[None]:
    """Turns the error of torch that another process cannot be reached any more into ours."""
    try:
        yield
    except RuntimeError as error:
        raise lost() from error


def lost() -> HamError:
    """What to say where another process does not answer."""
    what = "another process of this run has ended or cannot be reached"
    return HamError(what, remedy="go on with --resume when all are there")
