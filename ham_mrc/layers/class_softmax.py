"""P(symbol) as that of its class times that within the class, as recurrent language models had it before GPUs.

Mikolov et al., "Extensions of recurrent neural network language model" (ICASSP 2011), section 3. Letters for shapes:
`N` predictions, `W` width of what is read, `V` symbols, `C` classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def frequency_classes(symbols: int, classes: int) -> Tensor:
    """(V,): the class of each rank, symbols being ranked by frequency.

    Each class takes symbols until its share of all text is full, shares being equal and the frequency of a symbol one
    over its rank (Zipf's law): so the commonest stand alone, and the last class holds many.
    """
    shares = (1 / torch.arange(1, symbols + 1, dtype=torch.float64)).cumsum(0)
    full = (shares / shares[-1] * classes).tolist()
    found, current = [], 0
    for so_far in full:
        found.append(current)
        if so_far > current + 1 and current < classes - 1:
            current += 1
    return torch.tensor(found)


def at_least_single(scores: Tensor) -> Tensor:
    """The scores in single precision where they are in half: a softmax over thousands needs it."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


class ClassSoftmax(nn.Module):
    """Log P of all symbols from what is read (.., W) and their own scores (.., V).

    `order` has all symbols, the commonest first.
    """

    members: Tensor

    def __init__(self, order: Sequence[int], width: int, classes: int) -> None:
        super().__init__()
        members = torch.empty(len(order), dtype=torch.long)
        members[torch.tensor(order)] = frequency_classes(len(order), classes)
        self.register_buffer("members", members, persistent=False)
        self.output = nn.Linear(width, classes, bias=False)

    def forward(self, read: Tensor, scores: Tensor) -> Tensor:
        """(.., V): log P(class) + log P(symbol | class). `scores` are what a plain softmax would be taken of."""
        classes = at_least_single(self.output(read)).log_softmax(-1)  # (.., C)
        members = self.members.expand(scores.shape)
        empty = scores.new_full(classes.shape, float("-inf"))
        highest = empty.scatter_reduce(-1, members, scores.detach(), "amax")
        relative = scores - highest.gather(-1, members)
        totals = torch.zeros_like(empty).scatter_add(-1, members, relative.exp())
        log_p: Tensor = classes.gather(-1, members) + relative - totals.log().gather(-1, members)
        return log_p
