"""One update: the mean loss of its examples, in as many pieces as memory asks for and on all processes that there are.

    loss = sum over pieces, over processes, over questions of -ln p_start - ln p_end, divided by all questions

So neither `accumulate` nor the number of processes changes what is computed, but for rounding and dropout.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ham_mrc.errors import HamError
from ham_mrc.layers.ham import Ham
from ham_mrc.layers.hard import policy_loss
from ham_mrc.layers.union import span_losses
from ham_mrc.readers.batch import Batch
from ham_mrc.training.batches import Rows, make_batch
from ham_mrc.training.device import Device
from ham_mrc.training.distributed import lost
from ham_mrc.training.optimizer import clip_gradients, set_rate
from ham_mrc.training.parts import Parts

if TYPE_CHECKING:
    from ham_mrc.training.training import Training


class Objective(nn.Module):
    """Batch -> what is minimised, and the questions' losses (detached); sums over the batch, both.

    They differ where a site of attention chooses its keys by chance (`hard = "reinforce"`): it learns from how its
    choices turned out. A module, for DistributedDataParallel must see all that gradients come from.
    """

    def __init__(self, reader: nn.Module, device: Device) -> None:
        super().__init__()
        self.reader, self.device = reader, device
        # DistributedDataParallel, told to look for parameters without a gradient, warns where it finds none.
        self.without_gradient = nn.Parameter(torch.zeros((), device=device.torch))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The logits in the device's precision, the losses in float32."""
        with self.device.autocast():
            start, end = self.reader(batch)
        losses = span_losses(start, end, batch.passage_mask, batch.owner, batch.row, batch.start, batch.end)
        total = losses.sum()
        return (total + self._policies(batch, losses) if self.policies() else total), total.detach()

    def _policies(self, batch: Batch, losses: Tensor) -> Tensor:
        """What is added for the choices of all sites that make some; a row's reward is minus its question's loss."""
        masks: dict[str, Tensor] = self.reader.site_masks(batch)  # type: ignore[operator]
        owners: dict[str, Tensor] = self.reader.site_owners(batch)  # type: ignore[operator]
        added = losses.new_zeros(())
        for name, site in self.policies().items():
            rewards = -losses.detach()[owners[name]]
            added = added + policy_loss(site, rewards, masks[name])
        return added

    def policies(self) -> dict[str, Ham]:
        """The sites that choose by chance, by name."""
        return policies(self.reader)


def policies(network: nn.Module) -> dict[str, Ham]:
    """The sites of attention that choose by chance, by name."""
    sites: dict[str, Ham] = network.ham_sites()  # type: ignore[operator]
    return {name: site for name, site in sites.items() if site.hard is not None and site.hard.kind == "reinforce"}


def batch_of(parts: Parts, rows: Rows) -> Batch:
    """The tensors of questions of the training part."""
    return make_batch(parts.train, rows, parts.form)


def make_update(training: Training, rows: Rows, rate: float) -> tuple[float, float]:
    """One update on the examples `rows`; returns their mean loss and the norm of its gradient.

    All its random numbers come from the number of the update, and of the process.
    """
    settings, done = training.settings, training.progressed
    torch.manual_seed(training.group.seed(settings.seed, done.update))
    set_rate(training.optimizer, rate)
    training.optimizer.zero_grad(set_to_none=True)
    training.reader.train()
    loss = _backward(training, rows)
    _share_baselines(training)
    norm = clip_gradients(training.reader, settings.clip)
    if not torch.isfinite(norm):
        raise HamError(
            f"the gradient of update {done.update + 1:,} is not finite (loss {loss})",
            file=training.run.path,
            remedy="lower the learning rate with --lr, or train in --precision float32",
        )
    training.optimizer.step()
    training.average.follow(done.update + 1)
    return loss, norm.item()


def _backward(training: Training, rows: Rows) -> float:
    """Put the gradient of the mean loss of `rows` into the reader, and return that loss."""
    group, size = training.group, training.settings.batch_size
    own = group.share(rows)
    # Gradients become the mean over processes, so what is summed here counts that much more. A process without a
    # example reads one that counts nothing: the others wait for its gradient.
    weight = group.size / len(rows) if len(own) else 0.0
    pieces = [own[i : i + size] for i in range(0, len(own), size)] or [rows[:1]]
    total = 0.0
    for number, piece in enumerate(pieces, 1):
        batch = training.task.batch(training, piece).to(training.device.torch)
        with _together(training.objective, last=number == len(pieces)):
            objective, losses = training.objective(batch)
            (objective * weight).backward()
        total += losses.item() if len(own) else 0.0
    return group.total(total)[0] / len(rows)


def _share_baselines(training: Training) -> None:
    """What sites expect of a choice is a mean over questions: of all, and not of those that this process has read."""
    group = training.group
    for site in policies(training.reader).values() if group.size > 1 else ():
        assert site.hard is not None
        for buffer in site.hard.buffers():
            buffer.fill_(group.total(buffer.item())[0] / group.size)


@contextlib.contextmanager
def _together(objective: nn.Module, last: bool) -> Iterator[None]:
    """Gradients of several processes are put together once an update, in its last piece."""
    if not isinstance(objective, DistributedDataParallel):
        yield
        return
    try:
        with contextlib.nullcontext() if last else objective.no_sync():
            yield
    except RuntimeError as error:
        if "Connection" in str(error) or "NCCL" in str(error):
            raise lost() from error
        raise
