"""One beam, or one way of sampling, for all networks that write a line symbol by symbol.

Letters for shapes: `B` requests, `W` items of each, `N` = B W rows in that order, `V` symbols.

All items of a line have the same length, so they are ranked by their plain sum of log P; <unk> and the other special
symbols are never written, and </s> nowhere but after the last character. What else may not be written, the judge of a
request takes off (`judge.py`): items are ranked by what is left, and reported with the sum of log P itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ham_mrc.data_prep.poem_vocab import END, SPECIALS, Characters
from ham_mrc.quatrains.judge import Judge
from ham_mrc.quatrains.request import LineRequest, Sampling, Written

_NEVER = float("-inf")


class State(Protocol):
    """Where a network stands in N lines."""

    def pick(self, rows: Tensor) -> Self:
        """The items `rows` (M,), one of which may be taken often."""
        ...


S = TypeVar("S", bound=State)


class Network(Protocol[S]):
    """A network that writes lines of `characters`, one symbol after the other."""

    @property
    def characters(self) -> Characters: ...

    def begin(self, requests: Sequence[LineRequest]) -> S:
        """The state before the first symbol of each request, B of them."""
        ...

    def advance(self, state: S, symbols: Tensor) -> tuple[Tensor, S]:
        """Log P (N, V) of what follows `symbols` (N,), the first of which are <s5> or <s7>; and the state then."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]: ...


@dataclass(frozen=True, slots=True)
class _Items:
    """The lines half written, W for each request. An item that nothing may follow has the rank minus infinity."""

    state: Any
    last: Tensor  # (N,) the symbol each item wrote last
    score: Tensor  # (B, W) sum of log P
    rank: Tensor  # (B, W) the same less the costs
    text: list[list[str]]  # B times W


@torch.no_grad()
def search(
    network: Network[Any], requests: Sequence[LineRequest], *, width: int, n: int, sample: Sampling | None = None
) -> list[list[Written]]:
    """The `n` best lines for each request, best first; fewer, or none, where the constraints leave no more.

    All requests of one call have one length and one number of lines before. `width` items are kept at each symbol;
    with `sample`, so many lines are drawn and the first `n` that reach their end come back, in the order drawn.
    """
    if not requests:
        return []
    assert len({(one.length, len(one.before)) for one in requests}) == 1, "requests of one length and position"
    device = next(iter(network.parameters())).device
    symbols = network.characters.symbols
    judges = [None if one.constraints.free else Judge(one, symbols) for one in requests]
    generator = None if sample is None else torch.Generator().manual_seed(sample.seed)
    items = _begin(network, requests, 1 if sample is None else width, device)
    for _ in range(requests[0].length):
        log_p, state = _next(network, items)  # (B, W, V)
        after = log_p + items.rank[..., None]
        after[..., : len(SPECIALS)] = _NEVER
        if any(judges):
            after -= _costs(judges, items, log_p)
        if sample is None:
            parent, symbol = _best(after, width)
        else:
            parent, symbol = _drawn(after, sample.temperature, generator)
        items = _grown(items, network.characters, state, log_p, after, parent, symbol)
    end = _next(network, items)[0][..., END]
    return _finished(items.text, items.score + end, items.rank + end, n, best_first=sample is None)


def _begin(network: Network[Any], requests: Sequence[LineRequest], repeat: int, device: torch.device) -> _Items:
    """One item for each request, or `repeat` where each goes its own way."""
    rows = torch.arange(len(requests), device=device).repeat_interleave(repeat)
    last = torch.full_like(rows, network.characters.start(requests[0].length))
    score = torch.zeros(len(requests), repeat, device=device)
    return _Items(network.begin(requests).pick(rows), last, score, score, [[""] * repeat for _ in requests])


def _next(network: Network[Any], items: _Items) -> tuple[Tensor, Any]:
    log_p, state = network.advance(items.state, items.last)
    return log_p.float().view(*items.score.shape, -1), state


def _costs(judges: Sequence[Judge | None], items: _Items, like: Tensor) -> Tensor:
    """(B, W, V): what the judges take off; 0 where there is none, or nothing left to judge."""
    costs = np.zeros(like.shape, np.float32)
    for b, judge in enumerate(judges):
        if judge is not None:
            for w, alive in enumerate(items.rank[b].isfinite().tolist()):
                if alive:
                    costs[b, w] = judge.costs(items.text[b][w])
    return torch.from_numpy(costs).to(like.device)


def _best(after: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """(B, W'): by item the item it goes on from and the symbol it writes, of the W' <= `width` best."""
    symbols = after.shape[-1]
    flat = after.flatten(1).topk(min(width, after[0].numel())).indices
    return flat // symbols, flat % symbols


def _drawn(after: Tensor, temperature: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """(B, W): every item goes on from itself. Drawn without the device, so that a seed means the same on each."""
    chances = (after / temperature).softmax(-1).nan_to_num(1.0)  # nothing may follow: any symbol, the item is dead
    symbol = chances.flatten(0, 1).cpu().multinomial(1, generator=generator).view(after.shape[:2])
    parent = torch.arange(after.shape[1], device=after.device).expand(after.shape[:2])
    return parent, symbol.to(after.device)


def _grown(
    items: _Items, characters: Characters, state: Any, log_p: Tensor, after: Tensor, parent: Tensor, symbol: Tensor
) -> _Items:
    """The items one symbol longer: item (b, w) is item `parent` (B, W) of the same request with `symbol` (B, W)."""
    count, width, symbols = after.shape
    flat = parent * symbols + symbol
    rows = parent + torch.arange(count, device=parent.device)[:, None] * width
    score = items.score.gather(1, parent) + log_p.flatten(1).gather(1, flat)
    text = [
        [before[one] + characters.symbols[new] for one, new in zip(ones, news, strict=True)]
        for before, ones, news in zip(items.text, parent.tolist(), symbol.tolist(), strict=True)
    ]
    return _Items(state.pick(rows.flatten()), symbol.flatten(), score, after.flatten(1).gather(1, flat), text)


def _finished(text: list[list[str]], score: Tensor, rank: Tensor, n: int, *, best_first: bool) -> list[list[Written]]:
    """The first `n` items of each request whose rank is finite, by rank or in their order, the same line once."""
    found = []
    for lines, scores, ranks in zip(text, score.tolist(), rank.tolist(), strict=True):
        order = sorted(range(len(lines)), key=ranks.__getitem__, reverse=True) if best_first else range(len(lines))
        unique: dict[str, float] = {}
        for w in order:
            if ranks[w] > _NEVER:
                unique.setdefault(lines[w], scores[w])
        found.append([Written(line, total) for line, total in list(unique.items())[:n]])
    return found
