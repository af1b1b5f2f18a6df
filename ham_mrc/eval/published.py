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


def _rows(reader: str, figures: Mapping[int | None, tuple[float, float]]) -> tuple[Published, ...]:
    return tuple(
        Published(reader, depth, {"exact_match": exact_match, "f1": f1}) for depth, (exact_match, f1) in figures.items()
    )


PUBLISHED: dict[str, tuple[Published, ...]] = {
    "squad": _rows(
        "match-lstm",
        {
            None: (54.29, 66.87),
            2: (54.41, 66.99),
            5: (55.29, 69.03),
            10: (58.37, 70.70),
            20: (58.47, 70.81),
        },
    ),
}
"""Table 1 of the paper, by dataset. Depth None is its baseline without hierarchical attention."""

PUBLISHED_NOTE = (
    "Published rows (Table 1 of the paper) are on other data, the paper's own random 90/10 split of SQuAD 1.1: shown "
    "for orientation, not compared."
)
