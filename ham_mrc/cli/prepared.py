"""A prepared folder's manifest as a result to print: what parts hold, what they share, what was dropped and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ham_mrc.data_prep import DATASETS
from ham_mrc.data_prep.manifest import Manifest, PartCounts
from ham_mrc.data_prep.spans import EXPLANATIONS, Reason
from ham_mrc.tables import Table, make_table


def as_json(manifest: Manifest, out: Path) -> dict[str, Any]:
    """The manifest, with where it stands and each part's share of labels on token borders."""
    content = manifest.to_json()
    for part, counts in manifest.parts.items():
        content["parts"][part] |= {"labelled": counts.labelled, "on_token_borders": on_token_borders(counts)}
    return {**content, "out": str(out)}


def on_token_borders(counts: PartCounts) -> float | None:
    """The percentage of gold spans whose edges are the answer's own; None where nothing is labelled."""
    return 100 * (1 - counts.moved / counts.labelled) if counts.labelled else None


def as_tables(manifest: Manifest) -> list[Table]:
    """What each part holds and shares with train; and, where something was dropped or has no label, why."""
    headers = ("part", "read", "kept", "dropped", "on token borders", "passages", "also in train", "questions on those")
    rows = [_row(part, counts) for part, counts in manifest.parts.items()]
    by = "official" if manifest.split["rule"] == "official" else f"{manifest.split['rule']} by {manifest.split['by']}"
    title = f"{manifest.dataset} {manifest.version}, {by}, seed {manifest.seed}"
    words = f"{manifest.vocabulary['words']} words, {manifest.vocabulary['trained']} of them trained"
    notes = [words, *_labels(manifest), *_shared(manifest)]
    counted = make_table(headers, rows, right=headers[1:], title=title, notes=notes)
    why = [row for part, counts in manifest.parts.items() for row in _reasons(part, counts)]
    if not why:
        return [counted]
    return [counted, make_table(("part", "questions", "became", "because"), why, right=("questions",))]


def _row(part: str, counts: PartCounts) -> list[str]:
    share = on_token_borders(counts)
    own = [counts.read, counts.kept, counts.read - counts.kept]
    shared = ["", ""]
    if part != "train":
        shared = [str(counts.passages_in_train), str(counts.questions_on_train_passages)]
    borders = "" if share is None else f"{share:.2f}%"
    return [part, *map(str, own), borders, str(counts.passages), *shared]


def _labels(manifest: Manifest) -> list[str]:
    """A sentence for each part with labels that were not simply where the file says."""
    sentences = []
    for part, counts in manifest.parts.items():
        said = [
            (counts.without_answer, 'say "no answer"'),
            (counts.repaired, "were repaired, for answer_start was wrong"),
            (counts.later_answer, "are of a later answer, for the first cannot be placed"),
        ]
        if counts.match is not None:
            said.append((counts.searched, f"are the span most like a free answer, {counts.match:.2f} of 1 on average"))
        if any(number for number, _ in said):
            listed = "; ".join(f"{number} {what}" for number, what in said if number)
            sentences.append(f"of the {counts.labelled} labels of {part}, {listed}")
    return sentences


def _shared(manifest: Manifest) -> list[str]:
    """A sentence for each part that is reported and shares passages with train, and what could be done about it."""
    own_file = {item["part"] for item in manifest.inputs}
    # Where questions have several passages, splitting by passage keeps the same set of them in one part, and no more.
    alone = "passages" not in DATASETS[manifest.dataset].options
    return [
        f"{counts.passages_in_train} of {counts.passages} passages of {part} are also training passages"
        + ("; --split-by passage or article keeps them apart" if alone and part not in own_file else "")
        for part, counts in manifest.parts.items()
        if part != "choice" and counts.passages_in_train
    ]


def _reasons(part: str, counts: PartCounts) -> list[list[str]]:
    fates = (("dropped", counts.dropped), ("kept without a label", counts.unlabelled))
    return [
        [part, str(number), fate, EXPLANATIONS[Reason(reason)]]
        for fate, reasons in fates
        for reason, number in reasons.items()
    ]
