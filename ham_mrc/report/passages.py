"""The passages that a question was asked about, where its references do not hold them: from the prepared part."""

from __future__ import annotations

from pathlib import Path

from ham_mrc.data_prep.manifest import Manifest
from ham_mrc.data_prep.shards import Columns
from ham_mrc.errors import HamError


def prepared_passages(part: Path, notes: list[str]) -> dict[str, tuple[str, ...]]:
    """Question id to its passages, in order, from the columns of a prepared part; {} and a note where they are gone."""
    try:
        columns, reading = Columns.open(part), Manifest.load(part.parent).reading
    except HamError as fault:
        notes.append(f"The passages are not here ({fault}).")
        return {}
    # A row of <null>, yes and no stands before the passages where a reader may point at these.
    lead = int(bool(reading["null_position"]) or bool(reading["yes_no"]))
    found: dict[str, tuple[str, ...]] = {}
    for place, name in enumerate(columns.ids):
        first, count = int(columns.question_passage[place]), int(columns.question_passages[place])
        rows = range(first + lead, first + count)
        found.setdefault(name, tuple(columns.passage_text(row) for row in rows))
    return found
