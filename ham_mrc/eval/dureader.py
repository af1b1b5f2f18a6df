"""DuReader 2.0: BLEU and ROUGE-L over characters for each of its tasks, as the official `dureader_eval.py` has them.

The official program is for Python 2 and dies under Python 3 where a reference is empty; what it gives under
Python 3 with that one loop made safe is the definition here. Figures equal it to the last digit.

Tasks: `main` scores every question alike, `description` and `entity` those of their type, `yesno` the yes/no
questions with their answers grouped by label, `all` the yes/no questions so and the rest as in `main`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval import dureader_answers, dureader_entities, overlap
from ham_mrc.eval.dureader_answers import EMPTY, Tokens, compared, first_answer, labelled, tokens
from ham_mrc.eval.judged import Judged
from ham_mrc.eval.metric import Metric
from ham_mrc.eval.overlap import Item
from ham_mrc.eval.references import kind
from ham_mrc.eval.references_dureader import SOURCES, DuReaderReferences, Record, record_of

TASKS = ("main", "all", "description", "entity", "yesno")
LABELS = ("Yes", "No", "Depends")

METRICS: tuple[Metric, ...] = (
    *overlap.metrics(),
    *[metric for name in SOURCES for metric in overlap.metrics((4,), f"{name}_", f"{name} ")],
    *[metric for name in LABELS for metric in overlap.metrics((4,), f"{name.lower()}_", f"{name} ")],
    *dureader_entities.METRICS,
)
"""All metrics of all tasks in the order of display; which of them there are depends on the task and the file."""

_TYPE_OF_TASK = {"description": "DESCRIPTION", "entity": "ENTITY", "yesno": "YES_NO"}


def signature(task: str = "main") -> str:
    """All that could move a figure of the task."""
    return (
        f"dureader-2.0|task:{task}|normalise:drop-whitespace|unit:character|{overlap.SIGNATURE}"
        "|references:empty-dropped|missing:empty"
        f"{'|' + dureader_entities.SIGNATURE if task == 'entity' else ''}"
    )


def judge_all(
    predictions: Mapping[Any, Any], references: DuReaderReferences, *, task: str = "main", file: str | None = None
) -> Judged:
    """The figures of one task from `{question id: record}`, a record being a `Record`, an object, or a lone text.

    Beside the whole set, `main` and `all` give `search_` and `zhidao_` figures where the references name sources,
    `yesno` gives `yes_`, `no_`, `depends_`, and `entity` the precision, recall and F1 over the entities of all
    questions. ROUGE-L of a part without a question is NaN, and its BLEU 0.0. A question without a prediction is
    scored as answered by nothing, one without a reference dropped; predictions for other questions are checked
    and counted as `extra`.

    Raises HamError naming the question wherever the official program would stop; `file` is for messages.
    """
    if task not in TASKS:
        raise HamError(f"there is no DuReader task {task!r}", remedy=f"one of {', '.join(TASKS)}")
    given = {key: as_record(key, value, file) for key, value in predictions.items()}
    places = [i for i, record in enumerate(references.records) if task == "entity" or _takes_part(record, task)]
    parts, answered = _parts(given, references, task, places, file), _answered(given, references, places)
    metrics: dict[str, float] = {}
    statistics: dict[str, list[float]] = {}
    values: dict[str, list[float | None]] = {}
    for prefix, items in parts.items():
        metrics.update(overlap.figures(items, (4,) if prefix else (1, 2, 3, 4), prefix))
        columns = overlap.statistics(items, len(places), prefix)
        statistics.update(columns)
        values[f"{prefix}rouge_l"] = overlap.own_rouge_l(columns, prefix)
    if task == "entity":
        rows = dureader_entities.compared(given, references, file)
        metrics.update(dureader_entities.figures(rows))
        statistics.update(dureader_entities.statistics(rows))
        values["entity_f1"] = dureader_entities.own_f1(rows)
    due = {record.question_id for record in references.records}
    return Judged(
        keys=tuple([references.keys[place] for place in places]),
        metrics=metrics,
        statistics=statistics,
        values=values,
        signature=signature(task),
        answered=answered,
        missing=len(places) - answered,
        extra=sum(question_id not in due for question_id in given),
    )


def as_record(question_id: Hashable, value: Any, file: str | None = None) -> Record:
    """`value` as a checked record; a lone text is one answer without label or entities."""
    if isinstance(value, Record):
        return value
    if isinstance(value, str):
        return Record(question_id, None, [value], [], [[]])
    if not isinstance(value, Mapping):
        what = f"the prediction is {kind(value)}, neither a record nor a text"
        raise HamError(what, file=file, place=f"question {question_id}")
    return record_of(value, question_id, file)


def _takes_part(record: Record, task: str) -> bool:
    return task not in _TYPE_OF_TASK or bool(record.question_type == _TYPE_OF_TASK[task])


def _answered(given: Mapping[Hashable, Record], references: DuReaderReferences, places: list[int]) -> int:
    return sum(references.records[place].question_id in given for place in places)


def _parts(
    given: Mapping[Hashable, Record], references: DuReaderReferences, task: str, places: list[int], file: str | None
) -> dict[str, list[Item]]:
    """Prefix of the metrics' names ("" for the whole) to the items of that part, in the official order."""
    whole: list[Item] = []
    parts: dict[str, list[Item]] = {"": whole}
    names = references.sources if task in ("main", "all") else LABELS if task == "yesno" else ()
    parts.update({f"{name.lower()}_": [] for name in names})
    for row, place in enumerate(places):
        record = references.records[place]
        if not _takes_part(record, task):
            continue
        by_label = record.question_type == "YES_NO" and task in ("all", "yesno")
        held = _labelled if by_label else _single
        for label, golds, answer in held(record, given.get(record.question_id), references.file, file):
            item = compared(row, answer, golds)
            whole.append(item)
            for name in names:
                if label.endswith(name) if task == "yesno" else record.source == name:
                    parts[f"{name.lower()}_"].append(item)
    return parts


Held = tuple[str, list[Tokens], Tokens]
"""Label ("" for none), references and answer of one item."""


def _single(gold: Record, answer: Record | None, gold_file: str | None, file: str | None) -> Iterator[Held]:
    """The question as one item: the first predicted answer against all references; nothing if these are empty."""
    texts = dureader_answers.references(gold)
    golds = tokens(gold, texts, gold_file)
    predicted = EMPTY if answer is None else first_answer(answer, file)
    if texts != [EMPTY]:
        yield "", golds, predicted


def _labelled(gold: Record, answer: Record | None, gold_file: str | None, file: str | None) -> Iterator[Held]:
    """One item for each label with references: all of these against the first answer predicted under that label."""
    golds: dict[str, list[Any]] = {}
    for label, text in labelled(gold, gold_file):
        golds.setdefault(label, []).append(text)
    firsts: dict[str, Tokens] = {}
    for label, text in [] if answer is None else labelled(answer, file):
        if label not in firsts:
            firsts[label] = tokens(answer or gold, [text], file)[0]
    unknown = [label for label in firsts if label not in golds and label not in LABELS]
    if unknown:
        raise HamError(
            f"the answer is labelled {unknown[0]!r}, and no reference is",
            file=file,
            place=f"question {gold.question_id}",
            remedy=f"labels are {', '.join(LABELS)}",
        )
    for label, texts in golds.items():
        normal = tokens(gold, texts, gold_file)
        if texts != [EMPTY]:
            yield label, normal, firsts.get(label, EMPTY)
