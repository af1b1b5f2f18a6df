"""Run folders and saved results to the material of a page: results, logs, texts, answers. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ham_mrc.errors import HamError
from ham_mrc.eval.compare import compare, result_names
from ham_mrc.eval.comparison import Comparison
from ham_mrc.eval.predictions import load_predictions, shown_answers
from ham_mrc.eval.references import References, load_references
from ham_mrc.eval.results import Result, load_result
from ham_mrc.eval.runs import PARTS, run_inputs
from ham_mrc.files import read_jsonl
from ham_mrc.report.passages import prepared_passages
from ham_mrc.tables import printable

LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class Run:
    """One result. `label` is its name on the page, `row` the place of its row in the comparison.

    `log` has one object an epoch, none where the result is no run folder. `answers` are in the order of the
    result's questions, None where they are not stored (a file of `eval --save` holds scores alone).
    """

    label: str
    row: int
    result: Result
    log: Sequence[dict[str, Any]]
    answers: Sequence[str | None] | None

    @property
    def best(self) -> dict[str, Any] | None:
        """The logged epoch whose weights the run kept."""
        kept = [entry for entry in self.log if entry.get("best")]
        return kept[-1] if kept else None


@dataclass(frozen=True, slots=True)
class Texts:
    """What stands behind the scores. `passages[i]` are the texts that question i of `references` was asked about."""

    references: References
    passages: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Material:
    """All that a page is made of. `labels` name the rows of the comparison; `notes` say what is missing, and why."""

    comparison: Comparison
    labels: Sequence[str]
    runs: Sequence[Run]
    texts: Texts | None
    notes: Sequence[str]

    def runs_of(self, row: int) -> list[Run]:
        """The results of one row of the comparison: more than one where they differ only by seed."""
        return [run for run in self.runs if run.row == row]


def gather(paths: Sequence[Path], references: Path | None = None, **comparing: Any) -> Material:
    """Everything that the results in `paths` and the files beside them tell.

    `references` stands for those that the run folders name. `comparing` goes to `compare`. Raises HamError for what
    is no result, for results of different questions or definitions, and where `references` are not those scored.
    What a run folder merely lacks is a note.
    """
    results = [load_result(path) for path in paths]
    comparison = compare(results, **comparing)
    notes: list[str] = []
    folders = [path if path.is_dir() else None for path in paths]
    texts = _texts(results[0], folders, references, notes)
    labels = _row_labels(comparison)
    names = result_names(results)
    rows = [next(i for i, row in enumerate(comparison.rows) if name in row.results) for name in names]
    runs = []
    for path, folder, result, row in zip(paths, folders, results, rows, strict=True):
        label = _run_label(labels[row], result, len(comparison.rows[row].results))
        log = [entry for _, entry in read_jsonl(folder / LOG)] if folder and (folder / LOG).exists() else []
        answers = None if folder is None else _answers(folder, result, texts, notes)
        if folder is None:
            notes.append(f"{printable(str(path))} holds scores alone: no answers, no training log.")
        runs.append(Run(label, row, result, log, answers))
    return Material(comparison, labels, runs, texts, tuple(dict.fromkeys(notes)))


def _row_labels(comparison: Comparison) -> list[str]:
    """Reader and depth where that tells the rows apart, with the name of the result where it does not."""
    short = [
        row.name if row.reader is None or row.depth is None else f"{row.reader}, depth {row.depth}"
        for row in comparison.rows
    ]
    return [
        f"{label} ({row.name})" if short.count(label) > 1 and label != row.name else label
        for label, row in zip(short, comparison.rows, strict=True)
    ]


def _run_label(row: str, result: Result, seeds: int) -> str:
    return row if seeds == 1 else f"{row}, seed {(result.run or {}).get('seed')}"


def _texts(result: Result, folders: Sequence[Path | None], named: Path | None, notes: list[str]) -> Texts | None:
    if named is not None:
        found = load_references(named, result.scores.dataset)
        if not _same_questions(found, result):
            raise HamError("are not the references that were scored", file=named, remedy="name the file scored with")
        return Texts(found, _passages(found, None, notes))
    faults = []
    for folder in filter(None, folders):
        try:
            inputs = run_inputs(folder)
            found = load_references(inputs.references, inputs.dataset)
        except HamError as fault:
            faults.append(str(fault))
            continue
        if _same_questions(found, result):
            return Texts(found, _passages(found, inputs.references.parent, notes))
        faults.append(f"{inputs.references} has changed since the run was scored")
    why = f" ({printable(faults[0])})" if faults else ""
    notes.append(f"The references are not here{why}: questions, passages and breakdowns are missing. Add --references.")
    return None


def _same_questions(references: References, result: Result) -> bool:
    scores = result.scores
    return references.sha256 == scores.references_sha256 and scores.per_question.keys() <= set(references.keys)


def _passages(references: References, part: Path | None, notes: list[str]) -> list[tuple[str, ...]]:
    """From the references where they hold passages, else from the prepared part beside them."""
    if all(text is not None for text in references.passages):
        return [(references.passages[place] or "",) for place in references.passage_of]
    found = {} if part is None else prepared_passages(part, notes)
    if part is None:
        notes.append("The references hold no passages, and no prepared folder is beside them.")
    return [found.get(name, ()) for name in references.ids]


def _answers(folder: Path, result: Result, texts: Texts | None, notes: list[str]) -> list[str | None] | None:
    """The run's answers in the order of the result's questions."""
    files = [folder / "predictions" / f"{part}{end}" for part in PARTS for end in (".json", ".jsonl")]
    file = next((file for file in files if file.exists()), None)
    if file is None:
        notes.append(f"{printable(str(folder))} holds no predictions: its answers are missing.")
        return None
    references = texts.references if texts else _stand_in(result)
    predictions = load_predictions(file, references)
    if texts is None:
        told = {str(name): value for name, value in predictions.items()}
        return shown_answers(told, references)
    place = {key: i for i, key in enumerate(references.keys)}
    shown = shown_answers(predictions, references)
    return [shown[place[key]] for key in result.scores.per_question]


def _stand_in(result: Result) -> References:
    """References that know nothing but which questions there are, for predictions whose own are not at hand."""
    keys, nothing = tuple(result.scores.per_question), (None,) * result.scores.questions
    return References(
        dataset=result.scores.dataset,
        version=result.scores.version,
        file=None,
        ids=keys,
        keys=keys,
        answers=((),) * len(keys),
        faults={},
        questions=nothing,
        passages=nothing,
        passage_of=tuple(range(len(keys))),
    )
