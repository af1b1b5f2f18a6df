"""What the levels of attention do in every run of a sweep, from the figures that each run logged of its best epoch.

A level that does nothing is shown as doing nothing: where the output no longer moves from a level to the next, further
levels repeat it, and a score that still differs has another cause than depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ham_mrc.sweep.grid import Cell

AGREE = 1e-3
"""Two levels agree where the output of one moves by no more than this share of its length to the other."""

EVEN = 0.999
"""Attention is even where its entropy is above this: 1 is the plain mean of all keys."""

Logged = Sequence[Mapping[str, Any]]
"""One object a level, as in log.jsonl: weight, change, entropy, spread."""


@dataclass(frozen=True, slots=True)
class SiteLevels:
    """One site of attention of one reader at one depth, over its seeds.

    By level: `weights` are means over seeds, `changes` the largest of any seed (None at level 1), `entropies` the
    smallest, `spreads` the largest: each is the seed in which the level does most. `alike_from` is the first level of
    those to the last that agree with one another in every seed, None where the last two do not. `even` are the levels
    whose attention is even in every seed.
    """

    reader: str
    depth: int
    site: str
    seeds: int
    weights: tuple[float, ...]
    changes: tuple[float | None, ...]
    entropies: tuple[float, ...]
    spreads: tuple[float, ...]
    alike_from: int | None
    even: tuple[int, ...]

    @property
    def alike_weight(self) -> float:
        """The share of the weight that levels hold which only repeat the one before them."""
        return 0.0 if self.alike_from is None else sum(self.weights[self.alike_from :]) / sum(self.weights)


def sweep_levels(logged: Mapping[Cell, Mapping[str, Logged]]) -> list[SiteLevels]:
    """Every site of every reader and depth, from the levels that each run logged of its best epoch."""
    rows: dict[tuple[str, int, str], list[Logged]] = {}
    for cell, sites in logged.items():
        for site, levels in sites.items():
            rows.setdefault((cell.reader, cell.depth, site), []).append(levels)
    return [_site(*key, runs) for key, runs in rows.items()]


def _site(reader: str, depth: int, site: str, runs: Sequence[Logged]) -> SiteLevels:
    levels = list(zip(*runs, strict=True))  # of each level, what every seed says of it
    changes = [None if level[0]["change"] is None else max(one["change"] for one in level) for level in levels]
    entropies = [min(one["entropy"] for one in level) for level in levels]
    return SiteLevels(
        reader=reader,
        depth=depth,
        site=site,
        seeds=len(runs),
        weights=tuple(sum(one["weight"] for one in level) / len(level) for level in levels),
        changes=tuple(changes),
        entropies=tuple(entropies),
        spreads=tuple(max(one["spread"] for one in level) for level in levels),
        alike_from=_alike_from(changes),
        even=tuple(number for number, entropy in enumerate(entropies, 1) if entropy > EVEN),
    )


def _alike_from(changes: Sequence[float | None]) -> int | None:
    """The level from which on no output moves, counted from 1."""
    first = len(changes)
    while first > 1 and (change := changes[first - 1]) is not None and change <= AGREE:
        first -= 1
    return None if first == len(changes) else first


def sentence(found: SiteLevels) -> str:
    """What the levels of a site do, for someone who reads one line."""
    where = f"{found.reader}, {found.site}, depth {found.depth}"
    last = found.changes[-1]
    if last is None:
        said = "one level, ordinary attention"
    elif found.alike_from is None:
        said = f"every level moves the output, the last one by {_share(last)} of its length"
        still = [number for number, change in enumerate(found.changes, 1) if change is not None and change <= AGREE]
        if still:
            repeat = f"level {still[0]} repeats" if len(still) == 1 else f"levels {_list(still)} repeat"
            said = f"{repeat} what stands before; the last level moves the output by {_share(last)} of its length"
    else:
        repeats = found.depth - found.alike_from
        said = f"levels {found.alike_from} to {found.depth} agree to {AGREE:g} in every seed: "
        said += f"{repeats} of {found.depth} levels only repeat, and hold {_share(found.alike_weight)} of the weight"
    if found.even:
        said += f"; attention is even over all keys at level{'s' if len(found.even) > 1 else ''} {_list(found.even)}"
    return f"{where}: {said}."


def _share(value: float) -> str:
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.0f} %"


def _list(levels: Sequence[int]) -> str:
    """2, 3, 4, 7 as `2 to 4, 7`."""
    runs: list[list[int]] = []
    for level in levels:
        if runs and runs[-1][-1] == level - 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
