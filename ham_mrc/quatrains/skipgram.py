"""Vectors of characters by skip-gram with negative samples, for networks whose paper starts from such vectors.

Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality" (2013), equation 4, over
the training lines. Letters for shapes: `P` pairs, `E` width, `G` negative samples, `V` symbols.

    loss = -ln sigma(u_near . v_char) - sum_g ln sigma(-u_g . v_char),  g drawn by count^0.75
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.progress import Progress, silent

WINDOW = 5
NEGATIVE = 5
SHARED = 64
"""Negative samples that a whole batch has in common: one product, where five of each pair's own would be 10,000 rows.
They weigh what NEGATIVE samples weigh."""
BATCH = 2048
"""Characters in a batch, each with one of its neighbours."""
EPOCHS = 5
RATE = 5e-3


def train_skipgram(folder: PoemFolder, width: int, seed: int, progress: Progress = silent) -> Tensor:
    """(V, E) vectors of all symbols; of those that no training line has, the random ones they began with."""
    lines = [one for prepared in folder.poems("train") for one in prepared.poem.lines]
    encoded = {length: [line for line in lines if len(line) == length] for length in (5, 7)}
    tables = [torch.tensor([folder.characters.encode(line) for line in some]) for some in encoded.values() if some]
    return skipgram(tables, len(folder.characters), width, seed=seed, progress=progress)


def skipgram(
    lines: list[Tensor], symbols: int, width: int, *, seed: int, epochs: int = EPOCHS, progress: Progress = silent
) -> Tensor:
    """(V, E) from lines (N, L) of one length each. The same for a seed, whatever was drawn before."""
    generator = torch.Generator().manual_seed(seed)
    vectors = nn.Parameter(torch.empty(symbols, width).uniform_(-0.5, 0.5, generator=generator) / width**0.5)
    contexts = nn.Parameter(torch.zeros(symbols, width))
    counts = torch.bincount(torch.cat([some.flatten() for some in lines]), minlength=symbols)
    drawn_by = counts.double() ** 0.75
    optimizer = torch.optim.SparseAdam([vectors, contexts])
    size = epochs * sum(some.numel() for some in lines)
    done = 0
    with progress("vectors of characters", total=size, unit="characters") as bar:
        for centre, near in _pairs(lines, epochs, generator):
            optimizer.param_groups[0]["lr"] = RATE * (1 - done / size)
            optimizer.zero_grad(set_to_none=True)
            negative = drawn_by.multinomial(SHARED, replacement=True, generator=generator)
            loss = _loss(vectors, contexts, centre, near, negative)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()  # type: ignore[no-untyped-call]
            done += len(centre)
            bar.advance(len(centre), f"loss {loss.item():.3f}")
    return vectors.detach()


def _loss(vectors: Tensor, contexts: Tensor, centre: Tensor, near: Tensor, negative: Tensor) -> Tensor:
    """The mean over pairs (P,), (P,), with the negative samples (G,) of the batch."""
    v, u = (nn.functional.embedding(one, table, sparse=True) for one, table in ((centre, vectors), (near, contexts)))
    other = nn.functional.embedding(negative, contexts, sparse=True)  # (G, E)
    return -(logsigmoid((v * u).sum(1)) + NEGATIVE * logsigmoid(-v @ other.t()).mean(1)).mean()


def _pairs(lines: list[Tensor], epochs: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Every character of every line once an epoch, with a random neighbour at most WINDOW away: (P,), (P,)."""
    for _ in range(epochs):
        centres, nears = [], []
        for some in lines:
            count, length = some.shape
            place = torch.arange(length).expand(count, length)
            low, high = (place - WINDOW).clamp(min=0), (place + WINDOW).clamp(max=length - 1)
            # A draw among the others: as if the character itself were not there.
            drawn = low + (torch.rand(count, length, generator=generator) * (high - low)).long()
            centres.append(some.flatten())
            nears.append(some.gather(1, drawn + (drawn >= place).long()).flatten())
        centre, near = torch.cat(centres), torch.cat(nears)
        for rows in torch.split(torch.randperm(len(centre), generator=generator), BATCH):
            yield centre[rows], near[rows]
