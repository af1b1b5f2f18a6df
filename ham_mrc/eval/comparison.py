"""Several results side by side as plain data, with every difference to the baseline and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ham_mrc.eval.published import PUBLISHED_NOTE, Published

SCHEMA = 1

P_VALUE_NOTE = (
    "p is how often a difference at least this large would come up if the two rows were equally good on questions "
    "like these; it is not the chance that the difference is luck, and it says nothing about other data or about "
    "how large or useful the difference is."
)

SEEDS_NOTE = (
    "p over seeds: how often seeds of which either row could be the better one differ as much, not corrected. "
    "Three seeds never have less than 0.25, five 0.0625, six 0.0312; fewer tell nothing of others."
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of one row less that of the baseline row, in points.

    `p` is two-sided, `p_corrected` after Holm over the rows compared (equal to `p` without correction), and
    `significant` says whether it is below 0.05. Wins, ties and losses count questions that the row answers
    better, as well, and worse; None where the metric has no score for a single question. `detectable` is the
    smallest true difference these questions show with 80% power. `p_over_seeds` is that of the figures of the seeds
    that both rows have (`significance.p_over_seeds`), None for fewer than two.
    """

    value: float
    interval: tuple[float, float]
    p: float
    p_corrected: float
    significant: bool
    wins: int | None
    ties: int | None
    losses: int | None
    detectable: float
    p_over_seeds: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One system: a result, or several that differ only by seed, and then figures are means over seeds.

    `spreads` are sample standard deviations over seeds, empty for a single result. `intervals` are over
    questions, for these very seeds. `differences` are empty in the baseline row. Figures that are no functions of
    sums over questions have neither. `best` names the metrics in which no row is better.
    """

    name: str
    reader: str | None
    depth: int | None
    seeds: tuple[int, ...]
    results: tuple[str, ...]
    metrics: Mapping[str, float]
    spreads: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    differences: Mapping[str, Difference]
    best: frozenset[str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows in the order given, `rows[baseline]` being what the others are held against.

    `variants` has the signatures of metrics that are no official figures.
    """

    dataset: str
    version: str
    questions: int
    signature: str
    variants: Mapping[str, str]
    references_sha256: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    baseline: int
    test: str
    correction: str | None
    resamples: int
    seed: int
    published: tuple[Published, ...] = ()


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as one JSON object, figures unrounded."""
    document: dict[str, Any] = {"schema": SCHEMA, **asdict(comparison)}
    document["baseline"] = comparison.rows[comparison.baseline].name
    for row in document["rows"]:
        row["best"] = sorted(row["best"])
    document["notes"] = [P_VALUE_NOTE, *([PUBLISHED_NOTE] if comparison.published else [])]
    return document
