"""BLEU-2 of written lines against many references: what a line adds, the eight figures of the paper's Table 2.

A system is given lines 1 to i of a poem, i = 1, 2, 3, and writes line i + 1. L is the poem's length, 5 or 7; a *cell*
is one (i, L). BLEU-2 = BP * sqrt(p1 * p2) over all lines of a cell, characters as tokens, counts clipped against the
reference that has most and summed before anything is divided (Papineni et al. 2002), no smoothing; the figure of a
length is the mean of its three cells (Zhang & Lapata 2014, Table 3). Figures are percentages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from ham_mrc.eval.metric import Metric, Sums

STEPS = (1, 2, 3)
"""i: how many gold lines were given."""
LENGTHS = (5, 7)

REFERENCES = ("multi", "single")
"""What a line may be measured against: all lines that can stand for it, or the poem's own line alone."""

VERSION = "v1"
"""Moves whenever a figure could."""

_BETWEEN = "\U0010ffff"
"""No character, so that no bigram reaches from one reference into the next."""


class LineCounts(NamedTuple):
    """What one line adds to its cell, all integers; sums of them are the counts of a corpus.

    `matches_n` are the line's n-grams that stand in a reference, each at most as often as in the one reference that
    has it most; `ngrams_n` all of the line's; `reference_length` is that of the reference closest to it in length,
    of two as close the shorter.
    """

    matches_1: int
    matches_2: int
    ngrams_1: int
    ngrams_2: int
    reference_length: int


NO_LINE = LineCounts(0, 0, 0, 0, 0)
"""Of a line that is not scored: it has no reference."""


class References:
    """All references of one line. Many systems' lines are counted against the same ones."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        self._joined = _BETWEEN.join(self.lines)
        self._lengths = sorted({len(line) for line in self.lines})

    def count(self, line: str) -> LineCounts:
        """What `line` adds; "" is a line that the system failed to write. `NO_LINE` where there is no reference."""
        if not self.lines:
            return NO_LINE
        characters, pairs = Counter(line), Counter(map("".join, pairwise(line)))
        return LineCounts(
            sum(self._clipped(piece, times) for piece, times in characters.items()),
            sum(self._clipped(piece, times) for piece, times in pairs.items()),
            len(line),
            max(0, len(line) - 1),
            min(self._lengths, key=lambda length: (abs(length - len(line)), length)),
        )

    def _clipped(self, piece: str, times: int) -> int:
        """`times`, but at most as often as the piece stands in one reference; its places may overlap."""
        if piece not in self._joined:
            return 0
        return 1 if times == 1 else min(times, max(_places(piece, reference) for reference in self.lines))


def _places(piece: str, text: str) -> int:
    return sum(text.startswith(piece, start) for start in range(len(text)))


def total(counts: Iterable[Sequence[int]]) -> LineCounts:
    """The sum over lines; of none `NO_LINE`."""
    return LineCounts(*(sum(column) for column in zip(NO_LINE, *counts, strict=True)))


def bleu2(counts: Sequence[Any]) -> Any:
    """BLEU-2 in percent of summed `LineCounts`: a float from numbers, an array from arrays of one shape.

    0 where no pair of characters is found, NaN where no line was scored.
    """
    import numpy as np

    matches_1, matches_2, ngrams_1, ngrams_2, reference = (np.asarray(value, dtype=np.float64) for value in counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        product = np.where(ngrams_2 > 0, matches_1 * matches_2 / (ngrams_1 * ngrams_2), 0.0)
        penalty = np.exp(np.minimum(0.0, 1.0 - reference / ngrams_1))
        figure = np.where(product > 0, 100.0 * penalty * np.sqrt(product), 0.0)
    figure = np.where(reference > 0, figure, np.nan)
    return figure if figure.ndim else float(figure)


def sentence_mean(counts: Iterable[LineCounts]) -> float:
    """The mean over lines of each line's own BLEU-2 in percent; NaN where none was scored."""
    scored = [one for one in counts if one.reference_length]
    if not scored:
        return float("nan")
    return sum(float(bleu2(one)) for one in scored) / len(scored)


class Protocol(NamedTuple):
    """What a figure was measured against: `references` "multi" or "single", `keywords` "planned" or "oracle"."""

    references: str
    keywords: str

    @property
    def key(self) -> str:
        """How files name it: multi-planned."""
        return f"{self.references}-{self.keywords}"

    @property
    def prefix(self) -> str:
        """What its metrics' names begin with; nothing for the headline, multi-planned."""
        return ("single_" if self.references == "single" else "") + ("oracle_" if self.keywords == "oracle" else "")

    @property
    def label(self) -> str:
        """What its metrics' labels begin with."""
        return self.prefix.replace("_", " ")

    def signature(self, split: str) -> str:
        """All that could move a figure; unlike signatures are not compared."""
        references = "multi-tang-theme" if self.references == "multi" else self.references
        return f"bleu2|corpus|refs={references}|keywords={self.keywords}|split={split}|{VERSION}"


PROTOCOLS = tuple(Protocol(references, keywords) for keywords in ("planned", "oracle") for references in REFERENCES)
"""The headline first."""

_FIELDS = LineCounts._fields


def column(protocol: Protocol, step: int, length: int, field: str) -> str:
    """The name of the column of one of a cell's sums."""
    return f"{protocol.key}.{step}_{length}.{field}"


@dataclass(frozen=True, slots=True)
class MeanOfCells:
    """The mean of the BLEU-2 of some cells, each given by the names of its five columns."""

    cells: tuple[tuple[str, ...], ...]

    def __call__(self, sums: Sums) -> Any:
        """A float from numbers, an array from arrays; NaN where a cell has no line."""
        figures = [bleu2([sums[name] for name in cell]) for cell in self.cells]
        return sum(figures[1:], start=figures[0]) / len(figures)


def cell_name(step: int, length: int) -> str:
    """What a cell's metric is called, before the prefix of its protocol: b1_7."""
    return f"b{step}_{length}"


def mean_name(length: int) -> str:
    """What the mean of a length's cells is called, before the prefix: bleu_7."""
    return f"bleu_{length}"


def metrics_of_protocol(protocol: Protocol) -> dict[str, Metric]:
    """The eight figures of Table 2 by name, in its order: b1_5, b1_7, ..., bleu_5, bleu_7, each with the prefix."""
    cells = {
        (step, length): tuple(column(protocol, step, length, field) for field in _FIELDS)
        for step in STEPS
        for length in LENGTHS
    }
    figures: list[tuple[str, str, tuple[tuple[str, ...], ...]]] = [
        (cell_name(*cell), f"B{cell[0]} {cell[1]}", (columns,)) for cell, columns in cells.items()
    ]
    for length in LENGTHS:
        figures.append((mean_name(length), f"BLEU {length}", tuple(cells[step, length] for step in STEPS)))
    return {
        protocol.prefix + name: Metric(
            protocol.prefix + name,
            protocol.label + label,
            "%",
            higher_is_better=True,
            columns=tuple(name for cell in chosen for name in cell),
            combine=MeanOfCells(chosen),
        )
        for name, label, chosen in figures
    }


METRICS: Mapping[str, Metric] = {
    name: metric for protocol in PROTOCOLS for name, metric in metrics_of_protocol(protocol).items()
}
"""Every figure of every protocol by name; the headline's come first and bear the bare names."""

MEANS = tuple(protocol.prefix + mean_name(length) for protocol in PROTOCOLS for length in LENGTHS)
"""The figures that are held against baselines and tested: one a length and protocol."""
