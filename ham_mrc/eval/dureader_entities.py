"""Precision, recall and F1 over DuReader's entities, micro-averaged over all questions of the references.

As in the official `dureader_eval.py` (2.0), task `entity`: whatever its type, every question counts, a question
without a prediction as one that predicts no entity.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ham_mrc.errors import HamError
from ham_mrc.eval.metric import Metric, Sums
from ham_mrc.eval.references import kind
from ham_mrc.eval.references_dureader import DuReaderReferences, Record
from ham_mrc.eval.squad import overlap_f1

DEFINITION = 1
"""Raised whenever a figure on this page would move. Part of the signature of the task."""

SIGNATURE = f"entities:best-list-by-multiset-f1+else-shortest+micro-over-sets|entities-definition:{DEFINITION}"

COLUMNS = ("entity_correct", "entity_predicted", "entity_gold")


class Row(NamedTuple):
    """One question's counts of different entities: predicted and in the gold list, predicted, in the gold list."""

    correct: int
    predicted: int
    gold: int


def compared(given: Mapping[Hashable, Record], references: DuReaderReferences, file: str | None) -> list[Row]:
    """One row for each question of the references, in order.

    Raises HamError naming the question where a prediction holds not exactly one list of entities, or an entity
    is nothing that can be compared.
    """
    return [
        _row(record, _predicted(given.get(record.question_id), file), references.file) for record in references.records
    ]


def figures(rows: Iterable[Row]) -> dict[str, float]:
    """`entity_f1`, `entity_precision`, `entity_recall` in percent; all 0 where nothing predicted is correct."""
    correct, predicted, gold = [sum(column) for column in zip(*rows, strict=True)]
    precision = correct / predicted if correct else 0.0
    recall = correct / gold if correct else 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    return {"entity_f1": 100.0 * f1, "entity_precision": 100.0 * precision, "entity_recall": 100.0 * recall}


def statistics(rows: Sequence[Row]) -> dict[str, list[float]]:
    """The counts as columns, one entry a question."""
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}


def own_f1(rows: Iterable[Row]) -> list[float | None]:
    """Each question's own F1 in percent, None where neither side has an entity."""
    return [200.0 * row.correct / (row.predicted + row.gold) if row.predicted + row.gold else None for row in rows]


@dataclass(frozen=True, slots=True)
class Share:
    """The sum of correct entities over the sum of columns `of`, `times` 100: a figure in percent, 0 for 0 of 0."""

    of: tuple[str, ...]
    times: int = 1

    def __call__(self, sums: Sums) -> Any:
        """A float from numbers, an array from arrays. F1 is 2 of predicted and gold together."""
        whole = sum(sums[column] for column in self.of)
        return 100.0 * self.times * sums["entity_correct"] / (whole + (whole == 0))


METRICS: tuple[Metric, ...] = tuple(
    Metric(name, label, "%", higher_is_better=True, columns=("entity_correct", *share.of), combine=share)
    for name, label, share in (
        ("entity_f1", "Entity F1", Share(("entity_predicted", "entity_gold"), 2)),
        ("entity_precision", "Entity precision", Share(("entity_predicted",))),
        ("entity_recall", "Entity recall", Share(("entity_gold",))),
    )
)


def _predicted(record: Record | None, file: str | None) -> Any:
    """The one predicted list of entities; a bare text is the list of its characters, as officially."""
    if record is None:
        return []
    place = f"question {record.question_id}"
    if len(record.entity_answers) != 1:
        what = f"'entity_answers' of a prediction holds {len(record.entity_answers)} lists, not one"
        raise HamError(what, file=file, place=place)
    entities = record.entity_answers[0]
    if not isinstance(entities, (list, str)):
        raise HamError(f"'entity_answers' holds {kind(entities)}, not a list of entities", file=file, place=place)
    odd = next((entity for entity in entities if isinstance(entity, (list, dict))), None)
    if odd is not None:
        raise HamError(f"an entity is {kind(odd)}, not a text", file=file, place=place)
    return entities


def _row(record: Record, predicted: Any, file: str | None) -> Row:
    try:
        gold = set(_gold(predicted, record.entity_answers))
    except TypeError as error:
        raise HamError(
            "'entity_answers' of the references is not a list of lists of texts",
            file=file,
            place=f"question {record.question_id}",
        ) from error
    own = set(predicted)
    return Row(len(own & gold), len(own), len(gold))


def _gold(predicted: Any, lists: Sequence[Any]) -> Any:
    """The gold list with the best F1 against the prediction, the first on ties; the shortest where none has any."""
    best, best_f1 = None, 0.0
    for entities in lists:
        f1 = overlap_f1(predicted, () if entities is None else entities)  # type: ignore[arg-type]
        if f1 > best_f1:
            best, best_f1 = entities, f1
    return min(lists, key=len) if best is None else best
