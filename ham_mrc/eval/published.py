"""Figures from the paper on hierarchical attention, to stand beside ours; measured on other data than ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One row of a published table; `metrics` in percent, with the two decimals that were printed."""

    name: str
    depth: int | None
    metrics: Mapping[str, float]


def _rows(reader: str, metrics: tuple[str, str], *figures: tuple[float, float]) -> tuple[Published, ...]:
    """One row for each of `_DEPTHS`."""
    return tuple(
        Published(reader, depth, dict(zip(metrics, row, strict=True)))
        for depth, row in zip(_DEPTHS, figures, strict=True)
    )


_DEPTHS = (None, 2, 5, 10, 20)

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "squad": _rows(
        "match-lstm",
        ("exact_match", "f1"),
        (54.29, 66.87),
        (54.41, 66.99),
        (55.29, 69.03),
        (58.37, 70.70),
        (58.47, 70.81),
    ),
    "dureader": _rows(
        "bidaf",
        ("bleu_4", "rouge_l"),
        (33.95, 44.20),
        (34.02, 44.39),
        (34.79, 45.10),
        (35.96, 47.33),
        (35.79, 47.41),
    ),
    "msmarco": _rows(
        "r-net",
        ("bleu_1", "rouge_l"),
        (41.29, 43.38),
        (41.37, 43.89),
        (43.13, 45.67),
        (43.48, 45.75),
        (43.62, 45.78),
    ),
}
"""Table 1 of the paper, by dataset. Depth None is its baseline without hierarchical attention."""

PUBLISHED_NOTE = (
    "Published rows (Table 1 of the paper) are on other data, the paper's own random 90/10 split of the dataset: shown "
    "for orientation, not compared."
)
