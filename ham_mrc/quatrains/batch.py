"""What the networks learn from: one tensor for each thing they read, rows of one shape only, so nothing is padding.

Letters for shapes: `B` lines, or poems; `K` characters of a keyword; `T` symbols before a line; `L` characters of a
line, 5 or 7.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class PoemBatch(NamedTuple):
    """Triples of one group: one length, one place in the poem, one length of keyword. Integers; ids of Characters.

    Without padding all `keyword_lengths` are K and all `text_lengths` T; whoever pads says so there.
    """

    keyword: Tensor  # (B, K) int64
    keyword_lengths: Tensor  # (B,) int64
    text: Tensor  # (B, T) int64: the lines before, SEP between them; T = 0 for line 1
    text_lengths: Tensor  # (B,) int64
    line: Tensor  # (B, L) int64
    length: int  # L
    position: int  # of the line in its poem, 1 to 4

    def to(self, device: torch.device) -> PoemBatch:
        """The same batch on another device."""
        return PoemBatch(*(x.to(device) if isinstance(x, Tensor) else x for x in self))  # type: ignore[arg-type]


class PoemLines(NamedTuple):
    """Whole poems of one length."""

    lines: Tensor  # (B, 4, L) int64
    length: int  # L

    def to(self, device: torch.device) -> PoemLines:
        """The same batch on another device."""
        return PoemLines(self.lines.to(device), self.length)
