"""What PPG keeps while lines are written: the source of a line, and how far its decoder is.

Letters for shapes as in ppg.py: `B` sources, `N` lines half written, `S` slots, `D` width of a slot, `H` hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ham_mrc.data_prep.poem_vocab import SEP, Characters
from ham_mrc.layers.affine import Prepared


class Source(NamedTuple):
    """What the decoder reads of keyword and earlier lines, made once a line."""

    prepared: Prepared  # the memory: keys (B, S, D), and from level 2 on their Gram matrix (B, S, S)
    mask: Tensor | None  # (B, S), True on real slots; None: all are

    def pick(self, rows: Tensor) -> Source:
        """The sources `rows` (N,), copied."""
        keys, first, again = self.prepared
        prepared = Prepared(keys[rows], first[rows], None if again is None else again[rows])
        return Source(prepared, None if self.mask is None else self.mask[rows])


@dataclass(frozen=True)
class State:
    """`N` lines half written: the source of each, by its row in `source`, and the decoder's state (N, H)."""

    source: Source
    owner: Tensor  # (N,)
    s: Tensor  # (N, H)

    def pick(self, rows: Tensor) -> State:
        """The items `rows` (M,), one of which may be taken often."""
        return replace(self, owner=self.owner[rows], s=self.s[rows])

    def sources(self) -> tuple[Source, int]:
        """Sources, and how many items each has, side by side, in the items' own order.

        Items that lie together, as many for each source, share its memory; others get a copy each.
        """
        count, rows = len(self.source.prepared.keys), len(self.owner)
        each = rows // count
        in_order = torch.arange(count, device=self.owner.device).repeat_interleave(each)
        return (self.source, each) if torch.equal(self.owner, in_order) else (self.source.pick(self.owner), 1)


def join_lines(characters: Characters, lines: Sequence[str]) -> list[int]:
    """The ids of lines with SEP between them, as the text encoder reads them."""
    ids: list[int] = []
    for line in lines:
        ids += [SEP, *characters.encode(line)]
    return ids[1:]
