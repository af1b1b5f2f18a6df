"""What PPG looked at while it read a line: the attention's weights over the slots, character by character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ham_mrc.data_prep.poem_vocab import END
from ham_mrc.quatrains.ppg import PPG
from ham_mrc.quatrains.ppg_state import join_lines

KEYWORD = "keyword"
"""The name of slot 0."""


@dataclass(frozen=True)
class Looks:
    """One line of L characters, seen over S slots.

    slots    the keyword, then the characters of the lines before, "/" between two lines
    symbols  the characters of the line, then the end symbol: L + 1
    chances  P of each
    levels   by level and symbol the weights over the slots, (depth, L + 1, S)
    mixture  what the levels add up to, by which the context is read: (L + 1, S)
    """

    slots: tuple[str, ...]
    symbols: tuple[str, ...]
    chances: tuple[float, ...]
    levels: list[list[list[float]]]
    mixture: list[list[float]]

    def most(self, weights: Sequence[float], count: int = 3) -> list[tuple[str, float]]:
        """The `count` slots that have most of `weights` (S,), the heaviest first."""
        best = sorted(range(len(weights)), key=lambda slot: -weights[slot])[:count]
        return [(self.slots[slot], weights[slot]) for slot in best]


@torch.inference_mode()
def look(network: PPG, keyword: str, before: Sequence[str], line: str) -> Looks:
    """What `network` looks at while it reads `line` after the lines `before`; characters it does not know as <unk>."""
    characters, device = network.characters, network.embedding.weight.device
    text, said = join_lines(characters, before), characters.encode(keyword)
    given = [characters.start(len(line)), *characters.encode(line)]
    column = torch.tensor(given, device=device)[:, None]  # (L + 1, 1)
    with network.ham.trace() as trace:
        source, state = network.encode(*_row(said, device), *_row(text, device))
        log_p = network.log_p(network.decode(source, state, column))[:, 0]  # (L + 1, V)
    levels = trace.weights()[:, 0].float()  # (depth, L + 1, S)
    mixture = torch.einsum("l,lms->ms", network.ham.level_weights().to(levels), levels)
    targets = torch.tensor([*given[1:], END], device=device)
    return Looks(
        (KEYWORD, *"/".join(before)),
        (*line, characters.symbols[END]),
        tuple(log_p.gather(1, targets[:, None])[:, 0].exp().tolist()),
        levels.tolist(),
        mixture.tolist(),
    )


def _row(ids: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """(1, n) and (1,): a batch of one text, and its length."""
    return torch.tensor([ids], dtype=torch.long, device=device), torch.tensor([len(ids)], device=device)
