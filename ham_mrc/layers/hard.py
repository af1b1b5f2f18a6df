"""Hard attention: one key a level.

    straight_through   forward the one-hot of the best key, backward the soft weights
    gumbel             the same with (logits + Gumbel noise) / t in training; Jang et al. 2017, "Categorical
                       Reparameterization with Gumbel-Softmax"
    reinforce          a key drawn from the soft weights in training, and a loss of its own, `policy_loss`; Williams
                       1992, as in Xu et al. 2015, "Show, Attend and Tell", equations 11 and 12

In evaluation all three take the best key, the first of equals. Training draws come from a generator of its own, so that
neither the dropout masks nor another depth's draws are moved by them. Where torch is seeded anew with another number,
as the training loop does at each update, so is that generator: a resumed run draws what an unbroken one does.

Letters for shapes: `B` batch, `M` queries, `N` keys. A further dimension of heads may stand after the batch.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from ham_mrc.errors import ShapeError
from ham_mrc.layers.ham_options import HardKind
from ham_mrc.layers.masks import at_least_float32, masked_log_softmax, masked_softmax

if TYPE_CHECKING:
    from ham_mrc.layers.ham import Ham

ENTROPY = 0.01
"""Weight of the entropy in the loss: what keeps the choices from settling too soon. Small beside losses of some 5."""
MEMORY = 0.99
"""The baseline is the mean of all rewards for the first 100 batches, and forgets at this rate from then on."""


class Choice(NamedTuple):
    """What one level chose."""

    weights: Tensor  # (B,M,N): one-hot in value; all zeros where no key is real
    taken: Tensor  # (B,M,N): True on the keys chosen so far
    chance: tuple[Tensor, Tensor] | None  # (B,M) each: ln a[j] of the key drawn, and the entropy of a


class Hard(nn.Module):
    """How a level of Ham chooses its key. `temperature` is t; with `no_repeat` keys of earlier levels are masked.

    With a dot product and keys of one length a chosen key is its own best match, and is chosen for ever: hard levels
    then add nothing without `no_repeat`. Where no key is left, all real ones stand open again.
    """

    baseline: Tensor
    batches: Tensor

    def __init__(self, kind: HardKind, *, temperature: float = 1.0, no_repeat: bool = False) -> None:
        super().__init__()
        self.kind, self.temperature, self.no_repeat = kind, temperature, no_repeat
        self._seed: int | None = None
        self._generator: torch.Generator | None = None
        self._calls: list[tuple[Tensor, Tensor]] = []
        if kind == "reinforce":
            self.register_buffer("baseline", torch.zeros(()))
            self.register_buffer("batches", torch.zeros(()))

    def choose(self, scores: Tensor, mask: Tensor, taken: Tensor | None) -> Choice:
        """One key of those open in `mask`, from the scores (B,M,N)."""
        scores, mask = at_least_float32(scores), mask.expand_as(scores)
        if self.no_repeat and taken is not None:
            left = mask & ~taken
            mask = torch.where(left.any(-1, keepdim=True), left, mask)
        draws = self.training and self.kind != "straight_through"
        noisy = scores + self._noise(scores) if draws else scores  # its best key is a draw from softmax(scores)
        lowest = torch.finfo(scores.dtype).min
        best = noisy.detach().masked_fill(~mask, lowest).argmax(-1, keepdim=True)
        chosen = torch.zeros_like(mask).scatter(-1, best, True) & mask  # no key where none is real
        weights = chosen.to(scores.dtype)
        if self.kind == "straight_through" or (self.kind == "gumbel" and draws):
            soft = masked_softmax(noisy / self.temperature, mask)
            weights = weights + (soft - soft.detach())  # exactly one-hot: the bracket is 0 in value
        remembered = draws and self.kind == "reinforce" and torch.is_grad_enabled()
        chance = _chance(scores, mask, best) if remembered else None
        return Choice(weights, chosen if taken is None else chosen | taken, chance)

    def remember(self, log_chance: Tensor, entropy: Tensor) -> None:
        """Keep one call's sums over the levels, (B,M) each, for `policy_loss`."""
        self._calls.append((log_chance, entropy))

    def remembered(self) -> tuple[Tensor, Tensor]:
        """(B, all M) each: the calls since the last time, and forget them. Raises ShapeError where there was none."""
        if not self._calls:
            raise ShapeError("no choice was made since the last policy_loss: call the reader in training mode first")
        calls, self._calls = self._calls, []
        log_chance, entropy = (torch.cat(parts, 1) for parts in zip(*calls, strict=True))
        return log_chance, entropy

    def _noise(self, scores: Tensor) -> Tensor:
        """Gumbel noise: minus the logarithm of an exponential draw."""
        if self._generator is None or self._seed != torch.initial_seed() or self._generator.device != scores.device:
            self._seed = torch.initial_seed()
            # Two sites of one reader see scores of different shapes, and must not draw the same numbers.
            salt = hashlib.sha256(repr((self._seed, *scores.shape)).encode()).digest()
            self._generator = torch.Generator(scores.device)
            self._generator.manual_seed(int.from_bytes(salt[:7], "big"))
        return -torch.empty_like(scores).exponential_(generator=self._generator).log()


def policy_loss(site: Ham, rewards: Tensor, query_mask: Tensor | None = None) -> Tensor:
    """What REINFORCE adds to the sum of a batch's losses for the choices of one site since the last time: a number.

    -(reward - baseline) sum_i ln a_i[j_i] - 0.01 sum_i entropy(a_i), summed over all queries of all rows. `rewards`
    (rows,) are minus the losses of the rows' questions, `query_mask` (rows, queries) is True on real queries; without
    it those on padding are taken for real, which is noise. The baseline, a running mean of the rewards, is brought up
    to date; it starts as the mean of the first. Reward and baseline get no gradient.

    Raises ShapeError where the site's attention is not `reinforce`, was not called, or had another number of rows.
    """
    hard = site.hard
    if hard is None or hard.kind != "reinforce":
        raise ShapeError('this site has no policy; only hard = "reinforce" does')
    log_chance, entropy = hard.remembered()
    if rewards.shape != log_chance.shape[:1]:
        raise ShapeError(f"rewards have the shape {tuple(rewards.shape)}, but the site had {len(log_chance)} rows")
    if query_mask is not None:
        log_chance, entropy = log_chance * query_mask, entropy * query_mask
    rewards = at_least_float32(rewards.detach())
    if hard.batches == 0:
        hard.baseline.copy_(rewards.mean())
    advantage = rewards - hard.baseline.to(rewards.dtype)  # (rows,)
    rate = 1 / (hard.batches + 1)
    hard.baseline.lerp_(rewards.mean().to(hard.baseline.dtype), rate.clamp(min=1 - MEMORY))
    hard.batches.add_(1)
    return -(advantage * log_chance.sum(1)).sum() - ENTROPY * entropy.sum()


def _chance(scores: Tensor, mask: Tensor, best: Tensor) -> tuple[Tensor, Tensor]:
    """(B,M) each: ln a[j] of the keys drawn and the entropy of a; both 0 where no key is real."""
    logs = masked_log_softmax(scores, mask)
    real = mask.any(-1)
    log_chance = logs.gather(-1, best)[..., 0].masked_fill(~real, 0.0)
    a = masked_softmax(scores, mask)
    return log_chance, -(a * logs.masked_fill(~mask, 0.0)).sum(-1)
